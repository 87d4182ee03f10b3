import Foundation
import HTTP
import TestSupport
import Testing

/// A value under a lock. Not `Synchronization.Mutex`, of which ThreadSanitizer knows nothing.
final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func with<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}

/// A server whose deadlines are short, and that remembers what reached its handler.
final class LiveServer: Sendable {
    let server: Server
    /// Paths, in the order of arrival.
    let seen = Locked<[String]>([])
    /// Of `/held`: nobody answers them.
    let held = Locked<[Reply]>([])
    /// Of `/stream`.
    let streams = Locked<[EventStream]>([])
    let observed = Locked<[Observation]>([])

    var port: UInt16 { server.port }

    init(_ change: (inout ServerConfiguration) -> Void = { _ in }) throws {
        var configuration = ServerConfiguration(host: "127.0.0.1", port: 0)
        configuration.requestTimeoutMillis = 500
        configuration.idleTimeoutMillis = 20_000
        configuration.lingerTimeoutMillis = 300
        change(&configuration)
        let (seen, held, streams, observed) = (seen, held, streams, observed)
        let other = DispatchQueue(label: "answers")
        var router = Router()
        router.get("/good") { _, reply in other.async { reply.send(Response("good")) } }
        router.post("/good") { request, reply in
            let count = request.body.count
            other.async { reply.send(Response("\(count)")) }
        }
        router.get("/direct") { _, reply in reply.send(Response("direct")) }
        router.get("/number") { request, reply in
            let number = request.query.map { String(decoding: $0, as: UTF8.self) } ?? ""
            if number.hasSuffix("7") { other.async { reply.send(Response(number)) } } else { reply.send(Response(number)) }
        }
        router.get("/held") { _, reply in held.with { $0.append(reply) } }
        let large = [UInt8](repeating: 0x61, count: 32 << 20)
        router.get("/large") { _, reply in reply.send(Response(body: large)) }
        router.get("/stream") { _, reply in
            if let stream = reply.stream() { streams.with { $0.append(stream) } }
        }
        let routes = router
        server = try Server(configuration, observer: { observation in observed.with { $0.append(observation) } }) { request, reply in
            let path = String(decoding: request.path, as: UTF8.self)
            seen.with { $0.append(path) }
            routes.handle(request, reply)
        }
    }

    /// Ends the server; nothing may be left in flight.
    func expectCleanStop(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(server.stop(timeoutMillis: 5_000), "something was left in flight", sourceLocation: sourceLocation)
        #expect(server.stop(timeoutMillis: 0), sourceLocation: sourceLocation)
    }

    func waitForConnections(_ count: Int) -> Bool {
        until { if server.connectionCount != count { sched_yield() }; return server.connectionCount == count }
    }
}

/// Asks again and again over a connection of its own, while something hostile goes on beside it.
final class GoodClient: Sendable {
    struct Experience {
        var answers = 0
        var slowestMillis = 0
        var failure: String?
    }

    private let experience = Locked(Experience())
    private let isStopped = Locked(false)
    private let ended = DispatchSemaphore(value: 0)

    init(_ port: UInt16) throws {
        let connection = UncheckedBox(try RawConnection(port))
        guard ask(connection.value) else { throw RawConnection.Failure(what: experience.with { $0.failure ?? "" }, number: 0) }
        Thread.detachNewThread { [self] in
            while !isStopped.with({ $0 }), ask(connection.value) {}
            ended.signal()
        }
    }

    private struct UncheckedBox: @unchecked Sendable { // used by one thread after the other
        let value: RawConnection
        init(_ value: RawConnection) { self.value = value }
    }

    private func ask(_ connection: RawConnection) -> Bool {
        let begun = nowMillis()
        connection.forget()
        connection.send("POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        let received = connection.answers(1)
        let isGood = received.statuses == [200] && received.bodies == ["3"] && !received.isClosed
        experience.with {
            $0.slowestMillis = max($0.slowestMillis, nowMillis() - begun)
            if isGood { $0.answers += 1 } else { $0.failure = "\(received)" }
        }
        return isGood
    }

    func stop() -> Experience {
        isStopped.with { $0 = true }
        ended.wait()
        return experience.with { $0 }
    }
}

/// Runs `body` while a good client asks, which has to be answered all the time.
func besideGoodClient(_ port: UInt16, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) throws {
    let client = try GoodClient(port)
    try body()
    let experience = client.stop()
    #expect(experience.failure == nil, sourceLocation: sourceLocation)
    #expect(experience.answers > 1, sourceLocation: sourceLocation)
    #expect(experience.slowestMillis < 2_000, "of \(experience.answers) answers", sourceLocation: sourceLocation)
}
