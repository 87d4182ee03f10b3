import Foundation
import HTTP
import TestSupport
import Testing

@Suite(.serialized) struct LimitTests {
    private static func request(headerBytes: Int) -> String {
        let head = "GET /direct HTTP/1.1\r\nHost: a\r\nX: "
        return head + String(repeating: "x", count: headerBytes - head.utf8.count - 4) + "\r\n\r\n"
    }

    @Test func `takes a header up to its limit and no byte more`() throws {
        let live = try LiveServer()
        for (bytes, status) in [(16383, 200), (16384, 200), (16385, 431), (100_000, 431)] {
            let connection = try RawConnection(live.port)
            connection.send(Self.request(headerBytes: bytes))
            #expect(connection.answers(1).statuses == [status], "\(bytes) bytes")
        }
        live.expectCleanStop()
    }

    @Test func `counts a header that comes line by line`() throws {
        // Beast counts anew after each field that it has read whole.
        let live = try LiveServer { $0.requestTimeoutMillis = 5_000 }
        let connection = try RawConnection(live.port)
        connection.send("GET /direct HTTP/1.1\r\nHost: a\r\n")
        var sent = 0
        while sent < 1 << 20, !connection.isClosed, connection.parsed().statuses.isEmpty {
            guard connection.send("X: y\r\n") else { break }
            sent += 6
            connection.receive(within: 0)
        }
        #expect(connection.answers(1).statuses == [431])
        #expect(live.seen.with { $0 } == [])
        live.expectCleanStop()
    }

    @Test func `refuses an endless first line`() throws {
        let live = try LiveServer()
        for start in ["GET /", "G", "GET / HTTP/1.1\r\nHost: a\r\nX", "GET / HTTP/1.1\r\nHost: "] {
            let connection = try RawConnection(live.port)
            connection.send(start + String(repeating: "x", count: 20_000))
            #expect(connection.untilClosed().statuses == [431], "\(start)")
        }
        live.expectCleanStop()
    }

    @Test func `takes a body up to its limit and no byte more`() throws {
        let live = try LiveServer()
        let limit = 65536
        for (count, status) in [(limit, 200), (limit + 1, 413)] {
            let body = String(repeating: "x", count: count)
            let whole = try RawConnection(live.port)
            whole.send("POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n\(body)")
            #expect(whole.answers(1).statuses == [status], "\(count) bytes")

            let chunk = try RawConnection(live.port)
            chunk.send("POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(String(count, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
            #expect(chunk.answers(1).statuses == [status], "\(count) bytes in one chunk")

            let chunks = try RawConnection(live.port)
            chunks.send("POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<(count / 8) { chunks.send("8\r\n01234567\r\n") }
            if count % 8 != 0 { chunks.send("\(count % 8)\r\n\(String(repeating: "x", count: count % 8))\r\n") }
            chunks.send("0\r\n\r\n")
            #expect(chunks.answers(1).statuses == [status], "\(count) bytes in chunks of 8")
        }
        live.expectCleanStop()
    }

    @Test func `refuses a body that is too large before it comes`() throws {
        let live = try LiveServer()
        let connection = try RawConnection(live.port)
        connection.send("POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n")
        #expect(connection.answers(1).statuses == [413])
        // Who sends on is not read for ever, and has the answer all the same.
        let stubborn = try RawConnection(live.port)
        stubborn.send("POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n")
        #expect(!stubborn.sendUnread([UInt8](repeating: 0x61, count: 64 << 20), within: 5_000))
        #expect(stubborn.untilClosed().statuses == [413])
        #expect(live.seen.with { $0 } == [])
        live.expectCleanStop()
    }

    @Test func `bounds what is sent beside a body`() throws {
        let live = try LiveServer()
        let head = "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let cases: [(name: String, text: String)] = [
            ("one long extension", "1;\(String(repeating: "x", count: 5_000))\r\na\r\n0\r\n\r\n"),
            ("an endless extension", "1;\(String(repeating: "x", count: 100_000))"),
            ("many extensions", String(repeating: "1;xxxxxxxxxx\r\na\r\n", count: 500)),
            ("a size with many zeros", String(repeating: "0", count: 100_000)),
            ("long trailers", "0\r\nX: \(String(repeating: "x", count: 5_000))\r\n\r\n"),
            ("endless trailers", "0\r\n" + String(repeating: "X: y\r\n", count: 20_000)),
        ]
        for (name, text) in cases {
            let connection = try RawConnection(live.port)
            connection.send(head + text)
            #expect(connection.untilClosed().statuses == [400], "\(name)")
        }
        #expect(live.seen.with { $0 } == [])
        live.expectCleanStop()
    }

    @Test func `answers 503 over the number of connections`() throws {
        let live = try LiveServer { $0.maxConnections = 20 }
        try besideGoodClient(live.port) {
            var inside: [RawConnection] = []
            for _ in 0..<19 {
                let connection = try RawConnection(live.port)
                connection.send("GET /direct HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(connection.answers(1).statuses == [200])
                inside.append(connection)
            }
            for _ in 0..<200 {
                let outside = try RawConnection(live.port)
                let received = outside.untilClosed()
                #expect(received.statuses == [503])
                #expect(received.head.contains("\r\nRetry-After: 1"))
                #expect(received.bodies[0].contains("TOO_MANY_CONNECTIONS"))
            }
            // A place that becomes free is taken.
            inside.removeLast(5)
            #expect(try until { try RawConnection(live.port).isServed() })
        }
        live.expectCleanStop()
    }

    @Test func `lets in who asks when idle connections fill the house`() throws {
        let live = try LiveServer {
            $0.maxConnections = 10
            $0.idleTimeoutMillis = 2_400 // idle for 200 ms makes room
        }
        let idle = try (0..<10).map { _ in try RawConnection(live.port) }
        let begun = nowMillis()
        #expect(try until(2_000) { try RawConnection(live.port).isServed() })
        #expect(nowMillis() - begun < 2_000, "before the idle time is over")
        #expect(idle.contains { $0.receive(within: 0) && $0.isClosed })
        live.expectCleanStop()
    }

    @Test func `sees 1500 idle connections off`() throws {
        raiseDescriptorLimit()
        let live = try LiveServer { $0.idleTimeoutMillis = 1_000 }
        try besideGoodClient(live.port) {
            var connections: [RawConnection] = []
            for _ in 0..<1500 { connections.append(try RawConnection(live.port)) }
            #expect(live.server.connectionCount <= 1024 + 65) // those that are seen off count
            for connection in connections { _ = connection.untilClosed(within: 5_000) }
            #expect(connections.allSatisfy { $0.isClosed })
            #expect(Set(connections.map { $0.parsed().statuses }) == [[], [503]]) // idle for too long, and too many
        }
        #expect(live.waitForConnections(0))
        live.expectCleanStop()
    }
}

extension RawConnection {
    func isServed() -> Bool {
        send("GET /direct HTTP/1.1\r\nHost: a\r\n\r\n")
        return answers(1).statuses == [200]
    }
}

/// Some thousand sockets in one process need more than the usual 1,024 descriptors.
private func raiseDescriptorLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
