import Foundation
import HTTP
import TestSupport
import Testing

@Suite(.serialized) struct LifecycleTests {
    @Test func `finishes what is in flight when it drains`() throws {
        let live = try LiveServer()
        let idle = try RawConnection(live.port)
        let held = try RawConnection(live.port)
        held.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\nGET /direct HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(until { live.held.with { $0.count } == 1 })
        let half = try RawConnection(live.port)
        half.send("GET /direct HTTP/1.1\r\nHo")
        // Another's answer shows that the half was read.
        #expect(try RawConnection(live.port).isServed())

        live.server.drain()
        #expect(idle.untilClosed() == .init(isClosed: true))
        half.send("st: a\r\n\r\n")
        let last = half.untilClosed()
        #expect(last.statuses == [200])
        #expect(last.head.contains("\r\nConnection: close"))
        #expect((try? RawConnection(live.port)) == nil)
        #expect(!held.receive(within: 0))

        live.held.with { $0.popLast() }?.send(Response("at last"))
        let received = held.untilClosed()
        #expect(received.bodies == ["at last"])
        #expect(received.head.contains("\r\nConnection: close"))
        live.expectCleanStop()
    }

    @Test func `ends in time when someone never answers`() throws {
        for round in 0..<8 {
            let live = try LiveServer()
            let connection = try RawConnection(live.port)
            connection.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(until { live.held.with { $0.count } == 1 })
            let begun = nowMillis()
            #expect(!live.server.stop(timeoutMillis: 97 + round)) // about when the deadlines are looked at
            #expect(nowMillis() - begun < 2_000)
            #expect(connection.untilClosed() == .init(isClosed: true))
            // An answer after the end does nothing, and frees what was held for it.
            #expect(live.held.with { $0.popLast() }?.send(Response("too late")) == true)
        }
    }

    @Test func `stops in the middle of a flood`() throws {
        for _ in 0..<10 {
            let live = try LiveServer()
            let port = live.port
            let done = DispatchGroup()
            let begun = DispatchSemaphore(value: 0)
            for path in ["/good", "/direct", "/large"] {
                DispatchQueue.global().async(group: done) {
                    var isFirst = true
                    while let connection = try? RawConnection(port) {
                        connection.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                        connection.receive(within: 1_000)
                        if isFirst { begun.signal() }
                        isFirst = false
                    }
                    if isFirst { begun.signal() }
                }
            }
            for _ in 0..<3 { begun.wait() }
            live.server.stop(timeoutMillis: 0)
            done.wait()
        }
    }

    @Test func `frees its port, and says why it cannot have one`() throws {
        let first = try Server(ServerConfiguration(host: "127.0.0.1", port: 0)) { _, reply in reply.send(Response("")) }
        let cases: [(host: String, port: UInt16, code: Int32?, description: String)] = [
            ("127.0.0.1", first.port, EADDRINUSE, "cannot listen on 127.0.0.1:\(first.port): Address already in use"),
            ("::", first.port, EADDRINUSE, "cannot listen on [::]:\(first.port): Address already in use"),
            ("192.0.2.1", 0, EADDRNOTAVAIL, "cannot listen on 192.0.2.1:0: Cannot assign requested address"),
            ("300.0.0.1", 0, 0, "cannot listen on 300.0.0.1:0: "),
            ("no such host", 0, 0, "cannot listen on no such host:0: "),
        ]
        for expected in cases {
            let error = #expect(throws: ServerError.self, "\(expected)") {
                try Server(ServerConfiguration(host: expected.host, port: expected.port)) { _, _ in }
            }
            #expect(error?.code == expected.code, "\(expected)")
            #expect(error?.description.hasPrefix(expected.description) == true, "\(expected)")
            #expect(error?.description.contains("\n") == false, "\(expected)")
            #expect((error?.reason.count ?? 0) > 5, "\(expected)")
        }
        #expect(first.stop(timeoutMillis: 1_000))
        #expect(first.connectionCount == 0)
        let second = try Server(ServerConfiguration(host: "127.0.0.1", port: first.port)) { _, reply in reply.send(Response("second")) }
        #expect(try get(host: "localhost", port: second.port, path: "/").text == "second")
    }

    @Test func `serves IPv4 and IPv6 on one port`() throws {
        let server = try Server(ServerConfiguration(port: 0)) { request, reply in
            reply.send(Response(body: Array(request.header("Host") ?? request.path)))
        }
        #expect(try get(host: "127.0.0.1", port: server.port, path: "/").text == "127.0.0.1:\(server.port)")
        guard server.host == "::" else { return } // a machine without IPv6
        #expect(try get(host: "::1", port: server.port, path: "/").text == "[::1]:\(server.port)")
    }

    @Test func `ends when it is let go`() throws {
        var server: Server? = try Server(ServerConfiguration(host: "127.0.0.1", port: 0)) { _, reply in reply.send(Response("")) }
        let port = try #require(server?.port)
        #expect(try get(host: "127.0.0.1", port: port, path: "/").status == 200)
        server = nil
        #expect(throws: ClientError.self) { try get(host: "127.0.0.1", port: port, path: "/") }
    }

    @Test func `observes each answer once, with its route`() throws {
        let observed = Locked<[String]>([])
        var router = Router()
        router.get("/known") { _, reply in reply.send(Response("")) }
        router.get("/dropped") { _, _ in }
        let server = try Server(
            ServerConfiguration(host: "127.0.0.1", port: 0),
            observer: { seen in observed.with { $0.append("\(seen.route ?? "none") \(seen.status) \(seen.nanos >= 0 && seen.nanos < 5_000_000_000)") } },
            router: router)
        for path in ["/known?a", "/unknown", "/dropped"] { _ = try get(host: "127.0.0.1", port: server.port, path: path) }
        _ = try post(host: "127.0.0.1", port: server.port, path: "/known", body: [])
        #expect(observed.with { $0 } == ["/known 200 true", "none 404 true", "/dropped 500 true", "/known 405 true"])
    }

    @Test func `tells a client why there is no answer`() throws {
        let silent = try LiveServer()
        let timeout = #expect(throws: ClientError.self) {
            try get(host: "127.0.0.1", port: silent.port, path: "/held", timeoutMillis: 200)
        }
        #expect(timeout?.isTimeout == true)
        #expect(timeout?.description == "no answer from 127.0.0.1:\(silent.port): The socket was closed due to a timeout")
        silent.held.with { $0 = [] }
        silent.expectCleanStop()
        let refused = #expect(throws: ClientError.self) { try get(host: "127.0.0.1", port: silent.port, path: "/") }
        #expect(refused?.isTimeout == false)
        #expect(refused?.description == "no answer from 127.0.0.1:\(silent.port): Connection refused")
    }

    @Test func `compares secrets by all of their bytes`() {
        for (one, other, isEqual) in [
            ("abc", "abc", true), ("abc", "abd", false), ("xbc", "abc", false), ("ab", "abc", false), ("abc", "ab", false), ("abcabc", "abc", false),
            ("", "abc", false), ("abc", "", false), ("", "", true),
        ] {
            let result = withBytes(of: one) { one in withBytes(of: other) { constantTimeEquals(one, $0) } }
            #expect(result == isEqual, "\(one) and \(other)")
        }
    }
}
