import Foundation
import Synchronization

/// Lambda's Runtime API by a stand-in: hands over the events that a test gives it, one after the other, and gives back what was answered. It may misbehave, as `trouble` says.
public final class RuntimeAPI: Sendable {
    public struct Reply: Sendable {
        /// By `/error`, not by `/response`.
        public let isError: Bool
        public let body: [UInt8]
        public let headers: [String: String]
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    public struct NoAnswer: Error {}

    private struct State {
        var event: (id: String, text: String, deadline: Int64)?
        var reply: Reply?
        var initError: Reply?
        var nextID = 0
        var isStopped = false
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
        let eventThere = DispatchSemaphore(value: 0)
        let replyThere = DispatchSemaphore(value: 0)
    }

    private let shared = Shared()
    private let server: StandIn

    /// - Parameter trouble: what is answered instead; asked first, for every call.
    public init(trouble: @escaping @Sendable (StandIn.Call) -> StandIn.Reply? = { _ in nil }) {
        let shared = shared
        server = StandIn { call in
            if let reply = trouble(call) { return reply }
            if call.target == "/2018-06-01/runtime/invocation/next" { return Self.next(shared) }
            let isError = call.target.hasSuffix("/error")
            let reply = Reply(isError: isError, body: call.body, headers: call.headers)
            if call.target == "/2018-06-01/runtime/init/error" {
                shared.state.withLock { $0.initError = reply }
                shared.replyThere.signal()
                return .text(202, "{}")
            }
            let isDue = shared.state.withLock { state in
                guard let id = state.event?.id, call.target == "/2018-06-01/runtime/invocation/\(id)/\(isError ? "error" : "response")" else { return false }
                state.event = nil
                state.reply = reply
                return true
            }
            if isDue { shared.replyThere.signal() }
            return isDue ? .text(202, #"{"status":"OK"}"#) : .text(400, #"{"errorType":"InvalidRequestID"}"#)
        }
    }

    deinit {
        shared.state.withLock { $0.isStopped = true }
        shared.eventThere.signal()
    }

    public var address: String { "127.0.0.1:\(server.port)" }
    public var calls: [StandIn.Call] { server.calls }

    private static func next(_ shared: Shared) -> StandIn.Reply {
        shared.eventThere.wait()
        return shared.state.withLock { state in
            guard !state.isStopped, let event = state.event else { return .raw([]) }
            return .text(
                200, event.text,
                headers: [
                    "Lambda-Runtime-Aws-Request-Id": event.id, "Lambda-Runtime-Deadline-Ms": "\(event.deadline)",
                    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1", "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:x",
                    "Content-Type": "application/json",
                ])
        }
    }

    /// Gives an event and waits for its answer.
    public func invoke(_ event: String, seconds: Double = 30, waiting: Double = 60) throws -> Reply {
        shared.state.withLock { state in
            state.nextID += 1
            state.event = ("8476a536-e9f4-11e8-9739-\(100_000 + state.nextID)", event, Int64((Date().timeIntervalSince1970 + seconds) * 1000))
            state.reply = nil
        }
        shared.eventThere.signal()
        guard shared.replyThere.wait(timeout: .now() + waiting) == .success else { throw NoAnswer() }
        return try shared.state.withLock { state in
            guard let reply = state.reply else { throw NoAnswer() }
            return reply
        }
    }

    /// Lets a `next` that was broken be asked again for the same event.
    public func again() { shared.eventThere.signal() }

    /// Waits for the function to say that it cannot be set up.
    public func initError(waiting: Double = 30) throws -> Reply {
        guard shared.replyThere.wait(timeout: .now() + waiting) == .success else { throw NoAnswer() }
        return try shared.state.withLock { state in
            guard let reply = state.initError else { throw NoAnswer() }
            return reply
        }
    }
}
