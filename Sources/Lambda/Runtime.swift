public import HTTP

/// The client of Lambda's Runtime API, version 2018-06-01: takes one event after the other and brings its answer.
///
/// * `next` may take for ever (the function is frozen meanwhile), so it has no time limit until its first byte; an answer that has begun and stalls is given up and asked for again.
/// * An answer that Lambda refuses (4xx: too late, above all) is told and left; one that is too large is told as the function's error.
/// * What fails on Lambda's side (5xx, no connection) is tried again for some seconds. Then the process ends, as Lambda asks for, and is started anew.
public final class Runtime {
    /// How it ended.
    public enum End: Sendable, Equatable {
        case stopped
        /// The Runtime API does not answer as it should: the last reason.
        case failed(String)
    }

    /// Attempts at one call of the Runtime API.
    static let attempts = 6
    /// Lambda sends no event over 6 MB, base64 and all.
    static let maxEventBytes = 32 << 20

    private let base: URLParts
    private let client: HTTPClient
    private let isStopping: @Sendable () -> Bool
    private let pause: (Int) -> Void
    private let told: (String, [(String, String)]) -> Void
    /// How long an event that has begun to come may stall.
    var stallMillis = 5_000

    /// - Parameters:
    ///   - address: `AWS_LAMBDA_RUNTIME_API`: host and port.
    ///   - isStopping: asked at least once a second.
    ///   - pause: waits so many milliseconds between two attempts.
    ///   - told: takes what is to be logged: an event, and fields.
    /// - Returns: nil where the address is none.
    public init?(
        _ address: String, client: HTTPClient, isStopping: @escaping @Sendable () -> Bool, pause: @escaping (Int) -> Void,
        told: @escaping (String, [(String, String)]) -> Void
    ) {
        guard let base = URLParts("http://\(address)/2018-06-01/runtime") else { return nil }
        self.base = base
        self.client = client
        self.isStopping = isStopping
        self.pause = pause
        self.told = told
    }

    /// Answers events until it is to stop or the Runtime API fails.
    public func run(_ answer: (Invocation) -> Result<[UInt8], InvocationError>) -> End {
        do throws(Failure) {
            while let invocation = try next() {
                switch answer(invocation) {
                case .success(let body): try respond(invocation, body)
                case .failure(let error): try fail(invocation, error)
                }
            }
            return .stopped
        } catch {
            return .failed(error.reason)
        }
    }

    /// Says that the function cannot be set up; Lambda shows it. Tried once: the process ends anyway.
    public func initFailed(_ error: InvocationError) {
        _ = try? client.send(request("POST", "/init/error", error), limits: Self.limits)
    }

    // MARK: - Calls

    private struct Failure: Error {
        var reason: String
    }

    private static var limits: ClientLimits {
        var limits = ClientLimits()
        (limits.connectMillis, limits.waitMillis, limits.totalMillis) = (2_000, 5_000, 10_000)
        return limits
    }

    /// - Returns: nil when it is to stop.
    private func next() throws(Failure) -> Invocation? {
        var limits = ClientLimits()
        (limits.connectMillis, limits.waitMillis, limits.stallMillis, limits.totalMillis) = (2_000, nil, stallMillis, nil)
        limits.maxBodyBytes = Self.maxEventBytes
        var reason = ""
        for attempt in 0..<Self.attempts {
            if isStopping() { return nil }
            do throws(TransportError) {
                let answer = try client.send(request("GET", "/invocation/next"), limits: limits, isCancelled: isStopping)
                if answer.status == 200, let invocation = Self.invocation(answer) { return invocation }
                reason = answer.status == 200 ? "an event without its id" : "status \(answer.status)"
            } catch {
                if error.kind == .cancelled { return nil }
                reason = error.description
            }
            told("next", [("why", reason)])
            pause(50 << attempt)
        }
        throw Failure(reason: "no event could be had: \(reason)")
    }

    private static func invocation(_ answer: Answer) -> Invocation? {
        // It becomes part of a path.
        guard let id = answer.header("Lambda-Runtime-Aws-Request-Id"), !id.isEmpty,
            id.utf8.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95 })
        else { return nil }
        // Without a deadline there is none to keep.
        let deadline = answer.header("Lambda-Runtime-Deadline-Ms").flatMap { Int64($0) } ?? .max
        return Invocation(id: id, event: answer.body, deadlineMillis: deadline, traceID: answer.header("Lambda-Runtime-Trace-Id"))
    }

    private func respond(_ invocation: Invocation, _ body: [UInt8]) throws(Failure) {
        let request = ClientRequest(
            "POST", url("/invocation/\(invocation.id)/response"), headers: [Header("Content-Type", ContentType.json)], body: body)
        let status = try post(request, invocation)
        if status == 413 {
            try fail(invocation, InvocationError(type: "Function.ResponseSizeTooLarge", message: "the answer has \(body.count) bytes, more than Lambda takes"))
        }
    }

    private func fail(_ invocation: Invocation, _ error: InvocationError) throws(Failure) {
        told("invocation failed", [("request_id", invocation.id), ("type", error.type), ("why", error.message)])
        _ = try post(request("POST", "/invocation/\(invocation.id)/error", error), invocation)
    }

    /// - Returns: the status of Lambda's answer: below 500.
    private func post(_ request: ClientRequest, _ invocation: Invocation) throws(Failure) -> Int {
        var reason = ""
        for attempt in 0..<Self.attempts {
            do throws(TransportError) {
                // Also when the process is to end: the answer is there, and bringing it has its time limit.
                let answer = try client.send(request, limits: Self.limits)
                if answer.status < 500 {
                    if answer.status >= 300 { told("answer refused", [("request_id", invocation.id), ("status", "\(answer.status)")]) }
                    return answer.status
                }
                reason = "status \(answer.status)"
            } catch {
                reason = error.description
                if isStopping() { break }
            }
            told("answer", [("request_id", invocation.id), ("why", reason)])
            pause(50 << attempt)
        }
        throw Failure(reason: "an answer could not be brought: \(reason)")
    }

    // MARK: - Requests

    private func url(_ path: String) -> URLParts {
        var url = base
        url.target += path
        return url
    }

    private func request(_ method: String, _ path: String) -> ClientRequest { ClientRequest(method, url(path)) }

    private func request(_ method: String, _ path: String, _ error: InvocationError) -> ClientRequest {
        var body = Array(#"{"errorMessage":"#.utf8)
        appendJSON(error.message, to: &body)
        body += #","errorType":"#.utf8
        appendJSON(error.type, to: &body)
        body += #","stackTrace":[]}"#.utf8
        return ClientRequest(
            method, url(path), headers: [Header("Content-Type", ContentType.json), Header("Lambda-Runtime-Function-Error-Type", error.type)], body: body)
    }
}
