import HTTP
import Synchronization
import TestSupport
import Testing

@testable import Lambda

@Suite struct RuntimeTests {
    private final class Stop: Sendable {
        let flag = Atomic(false)
        func set() { flag.store(true, ordering: .relaxed) }
        var isSet: Bool { flag.load(ordering: .relaxed) }
    }

    private static func event(_ id: String, _ body: String = "{}") -> StandIn.Reply {
        .text(200, body, headers: ["Lambda-Runtime-Aws-Request-Id": id, "Lambda-Runtime-Deadline-Ms": "1800000000000", "Lambda-Runtime-Trace-Id": "Root=1-2"])
    }

    /// Runs against a script until `answers` answers were taken, by whatever status.
    private func run(
        answers: Int, stallMillis: Int = 5_000, _ script: @escaping @Sendable (StandIn.Call) -> StandIn.Reply,
        handler: (Invocation) -> Result<[UInt8], InvocationError> = { .success($0.event) }
    ) throws -> (end: Runtime.End, calls: [StandIn.Call], told: [String], pauses: [Int]) {
        let stop = Stop()
        let taken = Atomic(0)
        let server = StandIn { call in
            let reply = script(call)
            let isAnswer = call.target.hasSuffix("/response") || call.target.hasSuffix("/error")
            if isAnswer, taken.add(1, ordering: .relaxed).newValue >= answers { stop.set() }
            return reply
        }
        var (told, pauses): ([String], [Int]) = ([], [])
        let runtime = try #require(
            Runtime(
                "127.0.0.1:\(server.port)", client: try HTTPClient(), isStopping: { stop.isSet }, pause: { pauses.append($0) },
                told: { event, fields in told.append(event + fields.map { " \($0.0)=\($0.1)" }.joined()) }))
        runtime.stallMillis = stallMillis
        return (runtime.run(handler), server.calls, told, pauses)
    }

    @Test func `takes events, brings answers, on one connection and with all that belongs to them`() throws {
        var seen: [Invocation] = []
        let result = try run(answers: 3) { call in
            call.target.hasSuffix("/next") ? Self.event("id-\(call.number)", "{\"n\":\(call.number)}") : .text(202, "{}")
        } handler: { invocation in
            seen.append(invocation)
            return .success(Array("answer to \(invocation.id)".utf8))
        }
        #expect(result.end == .stopped && result.told.isEmpty)
        #expect(seen.map(\.id) == ["id-0", "id-2", "id-4"] && seen[1].event == Array("{\"n\":2}".utf8))
        #expect(seen[0].deadlineMillis == 1_800_000_000_000 && seen[0].traceID == "Root=1-2")
        let answers = result.calls.filter { $0.method == "POST" }
        #expect(answers.map(\.target) == seen.map { "/2018-06-01/runtime/invocation/\($0.id)/response" })
        #expect(answers.map { String(decoding: $0.body, as: UTF8.self) } == seen.map { "answer to \($0.id)" })
        #expect(result.calls.filter { $0.method == "GET" }.allSatisfy { $0.target == "/2018-06-01/runtime/invocation/next" })
    }

    @Test func `tells errors by type and message, as JSON`() throws {
        let result = try run(answers: 1) { call in call.target.hasSuffix("/next") ? Self.event("a") : .text(202, "{}") } handler: { _ in
            .failure(InvocationError(type: "Weir.BadEvent", message: "a \"bad\"\nevent"))
        }
        let call = try #require(result.calls.last)
        #expect(call.target == "/2018-06-01/runtime/invocation/a/error" && call.headers["lambda-runtime-function-error-type"] == "Weir.BadEvent")
        #expect(String(decoding: call.body, as: UTF8.self) == #"{"errorMessage":"a \"bad\"\u000aevent","errorType":"Weir.BadEvent","stackTrace":[]}"#)
        #expect(result.end == .stopped)
    }

    @Test func `asks again after 5xx, nonsense, half an event and one without an id`() throws {
        let replies: [StandIn.Reply] = [
            .text(500, "no"), .raw(Array("nonsense".utf8)), .hang(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nLambda-Runtime-Aws-Request-Id: x\r\n\r\n{".utf8)),
            .text(200, "{}"), .text(200, "{}", headers: ["Lambda-Runtime-Aws-Request-Id": "../evil"]), Self.event("good"), .text(202, "{}"),
        ]
        let result = try run(answers: 1, stallMillis: 100) { replies[$0.number] }
        #expect(result.end == .stopped && result.calls.last?.target == "/2018-06-01/runtime/invocation/good/response")
        #expect(result.told.count == 5 && result.pauses == [50, 100, 200, 400, 800])
    }

    @Test func `an answer is brought again after 5xx, left after 4xx, and told where it is too large`() throws {
        let result = try run(answers: 5) { call in
            switch call.number {
            case 0: Self.event("a")
            case 1: .text(503, "")
            case 2: .text(202, "")
            case 3: Self.event("b")
            case 4: .text(403, "")
            case 5: Self.event("c")
            case 6: .text(413, "")
            default: .text(202, "")
            }
        }
        #expect(result.end == .stopped)
        #expect(result.calls.map { $0.target.split(separator: "/").suffix(2).joined(separator: "/") }
            == ["invocation/next", "a/response", "a/response", "invocation/next", "b/response", "invocation/next", "c/response", "c/error"])
        #expect(result.told.contains("answer refused request_id=b status=403"))
        #expect(result.calls.last?.headers["lambda-runtime-function-error-type"] == "Function.ResponseSizeTooLarge")
    }

    @Test func `gives up where Lambda does not answer as it should, and says why`() throws {
        let never = try run(answers: 1) { _ in .text(500, "") }
        #expect(never.end == .failed("no event could be had: status 500") && never.calls.count == Runtime.attempts)
        let noAnswer = try run(answers: 100) { $0.target.hasSuffix("/next") ? Self.event("a") : .text(500, "") }
        #expect(noAnswer.end == .failed("an answer could not be brought: status 500") && noAnswer.calls.count == 1 + Runtime.attempts)
    }

    @Test func `a next that hangs ends when the process is to`() throws {
        let stop = Stop()
        let server = StandIn { _ in
            stop.set()
            return .hang([])
        }
        let runtime = try #require(
            Runtime("127.0.0.1:\(server.port)", client: try HTTPClient(), isStopping: { stop.isSet }, pause: { _ in }, told: { _, _ in }))
        #expect(runtime.run { _ in .success([]) } == .stopped)
        #expect(server.calls.count == 1)
    }

    @Test func `tells that it cannot be set up`() throws {
        let server = StandIn { _ in .text(202, "") }
        let runtime = try #require(Runtime("127.0.0.1:\(server.port)", client: try HTTPClient(), isStopping: { false }, pause: { _ in }, told: { _, _ in }))
        runtime.initFailed(InvocationError(type: "Weir.BadSetting", message: "PORT: no"))
        #expect(server.calls.map(\.target) == ["/2018-06-01/runtime/init/error"] && server.calls[0].headers["lambda-runtime-function-error-type"] == "Weir.BadSetting")
        #expect(Runtime("no port at all/", client: try HTTPClient(), isStopping: { false }, pause: { _ in }, told: { _, _ in }) == nil)
    }
}
