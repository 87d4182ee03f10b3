import TestSupport
import Testing

@testable import HTTP

@Suite struct HTTPClientTests {
    private func url(_ port: UInt16, _ target: String = "/") -> URLParts { URLParts(isSecure: false, host: "127.0.0.1", port: port, target: target) }

    private func error(_ request: ClientRequest, _ limits: ClientLimits = ClientLimits(), isCancelled: (() -> Bool)? = nil) throws -> TransportError? {
        let client = try HTTPClient()
        do throws(TransportError) {
            _ = try client.send(request, limits: limits, isCancelled: isCancelled)
            return nil
        } catch {
            return error
        }
    }

    @Test func `sends what it is given and nothing else`() throws {
        let server = StandIn { .answer(201, headers: ["X-Two": " b ", "Empty": ""], body: $0.body.reversed()) }
        let client = try HTTPClient()
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = try client.send(
                ClientRequest(method, url(server.port, "/a/../b//%2e?x=%20&y"), headers: [Header("X-One", "1"), Header("X-None", "")], body: Array("abc".utf8)))
            #expect(answer.status == 201 && answer.text == "cba" && answer.header("x-two") == "b" && answer.header("empty") == "")
        }
        #expect(try client.send(ClientRequest("GET", url(server.port))).body.isEmpty)
        for (call, method) in zip(server.calls, ["POST", "PUT", "DELETE", "PATCH"]) {
            #expect(call.method == method && call.target == "/a/../b//%2e?x=%20&y" && call.body == Array("abc".utf8))
            #expect(call.headers == ["host": "127.0.0.1:\(server.port)", "x-one": "1", "x-none": "", "content-length": "3"])
        }
        #expect(server.calls.last?.headers == ["host": "127.0.0.1:\(server.port)"])
    }

    @Test func `keeps its connection, and gives a body piece by piece with the answer's head`() throws {
        let server = StandIn { $0.target == "/no" ? .text(404, "not here") : .answer(200, headers: ["X-Sum": "7"], body: [UInt8](repeating: 7, count: 300_000)) }
        let client = try HTTPClient()
        var (pieces, bytes) = (0, 0)
        let answer = try client.send(ClientRequest("GET", url(server.port)), into: { answer, piece in
            #expect(answer.status == 200 && answer.header("x-sum") == "7")
            pieces += 1
            bytes += piece.count
            return true
        })
        #expect(answer.body.isEmpty && bytes == 300_000 && pieces > 1)
        // What is no success is kept, whoever takes bodies.
        #expect(try client.send(ClientRequest("GET", url(server.port, "/no")), into: { _, _ in false }).text == "not here")
        #expect(try client.send(ClientRequest("HEAD", url(server.port))).body.isEmpty)
    }

    @Test func `follows no redirect`() throws {
        let server = StandIn { _ in .answer(301, headers: ["Location": "/elsewhere"], body: []) }
        #expect(try HTTPClient().send(ClientRequest("GET", url(server.port))).status == 301)
        #expect(server.calls.count == 1)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", TransportError.Kind.broken), ("", .broken), ("nonsense\r\n\r\n", .broken),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", .broken),
        ("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + String(repeating: "x", count: 200_000), .tooLarge),
        ("HTTP/1.1 200 OK\r\n" + String(repeating: "X-Filler: 0123456789\r\n", count: 2_000), .tooLarge),
    ])
    func `takes half an answer, nonsense and floods for what they are`(_ bytes: String, _ kind: TransportError.Kind) throws {
        let server = StandIn { _ in .raw(Array(bytes.utf8)) }
        var limits = ClientLimits()
        limits.maxBodyBytes = 100_000
        limits.maxHeaderBytes = 20_000
        #expect(try error(ClientRequest("GET", url(server.port)), limits)?.kind == kind)
    }

    @Test func `waits no longer than it is told: for all of it, for the first byte, for the next`() throws {
        let silent = StandIn { _ in .hang([]) }
        let stalled = StandIn { _ in .hang(Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab".utf8)) }
        var total = ClientLimits()
        total.totalMillis = 150
        let began = nowMillis()
        #expect(try error(ClientRequest("GET", url(silent.port)), total)?.kind == .timeout)
        #expect(try error(ClientRequest("GET", url(stalled.port)), total)?.kind == .timeout)
        #expect(nowMillis() - began < 2_000)
        var first = ClientLimits()
        (first.waitMillis, first.stallMillis, first.totalMillis) = (100, 60_000, nil)
        #expect(try error(ClientRequest("GET", url(silent.port)), first)?.kind == .timeout)
        var next = ClientLimits()
        (next.waitMillis, next.stallMillis, next.totalMillis) = (nil, 100, nil)
        #expect(try error(ClientRequest("GET", url(stalled.port)), next)?.kind == .timeout)
        // Without a limit it is the caller who has enough.
        var none = ClientLimits()
        (none.waitMillis, none.totalMillis) = (nil, nil)
        #expect(try error(ClientRequest("GET", url(silent.port)), none, isCancelled: { true })?.kind == .cancelled)
    }

    @Test func `says that nobody is there`() throws {
        let port = freePorts(1)[0]
        let refused = try #require(try error(ClientRequest("GET", url(port))))
        #expect(refused.kind == .unreachable && refused.isPassing && refused.description.hasPrefix("no answer from 127.0.0.1:\(port): "))
    }

    @Test func `sends nothing that ends a line or names a user`() throws {
        let server = StandIn { _ in .text(200, "") }
        let hostile: [ClientRequest] = [
            ClientRequest("GET", url(server.port, "/a b")), ClientRequest("GET", url(server.port, "/a\r\nX: y")), ClientRequest("GET", url(server.port, "/é")),
            ClientRequest("GET", url(server.port, "/a#b")), ClientRequest("GET", url(server.port, "a")), ClientRequest("GE T", url(server.port)),
            ClientRequest("GET", URLParts(isSecure: false, host: "user@127.0.0.1", port: server.port)),
            ClientRequest("GET", url(server.port), headers: [Header("X", "a\nY: b")]), ClientRequest("GET", url(server.port), headers: [Header("X:Y", "a")]),
            ClientRequest("GET", url(server.port), headers: [Header("", "a")]),
        ]
        for request in hostile { #expect(try error(request)?.kind == .impossible, "\(request)") }
        #expect(server.calls.isEmpty)
    }

    @Test func `reads URLs of two schemes, with ports and IPv6`() {
        #expect(URLParts("https://s3.example.com") == URLParts(isSecure: true, host: "s3.example.com", port: 443, target: "/"))
        #expect(URLParts("http://[::1]:5000/x?y") == URLParts(isSecure: false, host: "::1", port: 5000, target: "/x?y"))
        #expect(URLParts("http://[::1]:5000/x?secret=1")?.description == "http://[::1]:5000/x")
        #expect(URLParts("https://h?x")?.target == "/?x" && URLParts("http://h:80/")?.authority == "h" && URLParts("https://h:80/")?.authority == "h:80")
        for text in ["", "ftp://x/", "s3://b/k", "http://", "http:///x", "http://a:b@c/", "http://h:0/", "http://h:70000/", "http://h:/", "http://::1/", "http://h/ ", "http://h/#x", "http://h\u{0}/"] {
            #expect(URLParts(text) == nil, "\(text)")
        }
    }
}
