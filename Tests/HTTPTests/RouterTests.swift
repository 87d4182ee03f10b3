import Foundation
import HTTP
import Testing

/// One body of tests for two ways to ask: a router in memory, and the same one behind a socket.
@Suite struct RouterTests {
    /// Asks with method, target, fields and body.
    typealias Ask = (String, String, [Header], [UInt8]) throws -> Answer

    enum Way: CaseIterable { case inMemory, overSocket }

    /// Answers from a thread that is not the http thread.
    private final class OtherThread: Sendable {
        func run(_ body: @escaping @Sendable () -> Void) { Thread.detachNewThread(body) }
    }

    private static func router() -> Router {
        var router = Router()
        router.get("/plain") { _, reply in reply.send(Response(contentType: ContentType.text, "hello")) }
        router.get("/later") { _, reply in
            OtherThread().run { reply.send(Response(headers: [Header("Server-Timing", "score;dur=0.1")], "[1]")) }
        }
        router.get("/dropped") { _, _ in }
        router.get("/dropped-later") { _, reply in OtherThread().run { _ = reply } }
        router.get("/twice") { _, reply in
            reply.send(Response("1"))
            reply.send(Response("2"))
        }
        router.get("/none") { _, reply in reply.send(Response(status: 204, contentType: nil)) }
        router.get("/query") { request, reply in
            reply.send(Response(body: Array(request.path) + [0x20] + Array(request.query ?? UnsafeRawBufferPointer(start: nil, count: 0))))
        }
        router.get("/token") { request, reply in reply.send(Response(body: request.bearerToken.map { Array($0) } ?? [])) }
        router.post("/echo") { request, reply in
            reply.send(status: 200, contentType: request.hasJSONContentType ? ContentType.json : ContentType.text, body: request.body)
        }
        router.get("/injected") { _, reply in reply.send(Response(headers: [Header("X-Name", "a\r\nX-Evil: b")], "")) }
        return router
    }

    private static func with(_ way: Way, _ body: (Ask) throws -> Void) throws {
        let router = router()
        switch way {
        case .inMemory:
            try body { method, target, headers, bytes in try #require(router.call(method, target, headers: headers, body: bytes)) }
        case .overSocket:
            let server = try Server(ServerConfiguration(host: "127.0.0.1", port: 0), router: router)
            try body { method, target, headers, bytes in
                try fetch(method, host: "127.0.0.1", port: server.port, target: target, headers: headers, body: bytes)
            }
            #expect(server.stop(timeoutMillis: 5_000))
        }
    }

    @Test(arguments: Way.allCases) func `answers by method and path`(_ way: Way) throws {
        let unknown = #"{"error":{"code":"NOT_FOUND","message":"no such path"}}"#
        let cases: [(method: String, target: String, status: Int, body: String)] = [
            ("GET", "/plain", 200, "hello"),
            ("HEAD", "/plain", 200, ""),
            ("GET", "/plain?x=1", 200, "hello"),
            ("GET", "/later", 200, "[1]"),
            ("GET", "/none", 204, ""),
            ("GET", "/twice", 200, "1"),
            ("GET", "/query?a=%20b?c", 200, "/query a=%20b?c"),
            ("GET", "http://other.example/query?a", 200, "/query a"),
            ("GET", "/", 404, unknown),
            ("GET", "http://other.example", 404, unknown),
            ("GET", "/plain/", 404, unknown),
            ("GET", "/%70lain", 404, unknown),
            ("GET", "plain", 404, unknown),
            ("get", "/plain", 405, #"{"error":{"code":"METHOD_NOT_ALLOWED","message":"this path answers GET, HEAD"}}"#),
            ("POST", "/plain", 405, #"{"error":{"code":"METHOD_NOT_ALLOWED","message":"this path answers GET, HEAD"}}"#),
            ("DELETE", "/echo", 405, #"{"error":{"code":"METHOD_NOT_ALLOWED","message":"this path answers POST"}}"#),
            ("HEAD", "/echo", 405, ""),
            ("GET", "/dropped", 500, #"{"error":{"code":"INTERNAL","message":"the request was given up"}}"#),
            ("GET", "/dropped-later", 500, #"{"error":{"code":"INTERNAL","message":"the request was given up"}}"#),
        ]
        try Self.with(way) { ask in
            for expected in cases {
                let answer = try ask(expected.method, expected.target, [], [])
                #expect(answer.status == expected.status, "\(expected)")
                #expect(answer.text == expected.body, "\(expected)")
                #expect((answer.header("Allow") != nil) == (expected.status == 405), "\(expected)")
            }
        }
    }

    @Test(arguments: Way.allCases) func `gives the body to the handler as it was sent`(_ way: Way) throws {
        try Self.with(way) { ask in
            for count in [0, 1, 4095, 4096, 4097, 65536] {
                let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                let answer = try ask("POST", "/echo", [], body)
                #expect(answer.body == body)
            }
        }
    }

    @Test(arguments: Way.allCases) func `looks fields up whatever their case`(_ way: Way) throws {
        try Self.with(way) { ask in
            for (fields, token) in [
                ([Header("aUTHORIZATION", "bearer  abc")], "abc"), ([Header("Authorization", "Basic abc")], ""), ([], ""),
            ] {
                let answer = try ask("GET", "/token", fields, [])
                #expect(answer.text == token)
            }
            for (type, isJSON) in [
                ("application/json", true), ("Application/JSON; charset=utf-8", true), ("application/problem+json", true),
                ("text/json", false), ("+json", false), ("application/jsonp", false), ("", false),
            ] {
                let answer = try ask("POST", "/echo", [Header("Content-Type", type)], [1])
                #expect((answer.header("content-type") == ContentType.json) == isJSON, "\(type)")
            }
        }
    }

    @Test(arguments: Way.allCases) func `sends the fields it is given`(_ way: Way) throws {
        try Self.with(way) { ask in
            let answer = try ask("GET", "/later", [], [])
            #expect(answer.header("server-timing") == "score;dur=0.1")
            #expect(answer.header("content-type") == "application/json")
        }
    }

    @Test func `lets no field begin another`() throws {
        try Self.with(.overSocket) { ask in
            let answer = try ask("GET", "/injected", [], [])
            #expect(answer.header("X-Evil") == nil)
            #expect(answer.header("X-Name") == "aX-Evil: b")
        }
    }

    @Test func `lists its paths once`() {
        #expect(Self.router().paths.first == "/plain")
        #expect(Set(Self.router().paths).count == Self.router().paths.count)
    }
}
