import Foundation
import HTTP
import TestSupport
import Testing

@Suite(.serialized) struct DeadlineTests {
    /// Sends a piece every 20 ms until the peer answers or ends.
    private static func drip(_ connection: RawConnection, _ pieces: (Int) -> String) -> RawConnection.Received {
        let end = nowMillis() + 10_000
        var count = 0
        while nowMillis() < end, !connection.isClosed {
            if connection.send(pieces(count)) { connection.receive(within: 20) } else { connection.receive(within: 1_000) }
            count += 1
        }
        return connection.parsed()
    }

    static let drips: [(name: String, head: String, piece: String)] = [
        ("nothing but a first byte", "G", ""),
        ("a first line", "GET /", "x"),
        ("a field", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "x"),
        ("fields", "GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n"),
        ("a body", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n", "x"),
        ("no body", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n", ""),
        ("no body after 100", "POST /good HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10000\r\n\r\n", ""),
        ("chunks", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("a chunk", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n", "x"),
        ("an extension", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x"),
        ("trailers", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n"),
    ]

    @Test(arguments: drips) func `answers 408 to what drips`(_ drip: (name: String, head: String, piece: String)) throws {
        let live = try LiveServer()
        try besideGoodClient(live.port) {
            let connection = try RawConnection(live.port)
            let begun = nowMillis()
            let received = Self.drip(connection) { $0 == 0 ? drip.head : drip.piece }
            #expect(received.statuses.filter { $0 != 100 } == [408])
            #expect(received.isClosed)
            #expect((500..<2_000).contains(nowMillis() - begun))
        }
        #expect(Set(live.seen.with { $0 }) == ["/good"]) // the good client's
        live.expectCleanStop()
    }

    @Test func `gives each request of a connection its own time`() throws {
        let live = try LiveServer()
        let connection = try RawConnection(live.port)
        let begun = nowMillis()
        while nowMillis() - begun < 1_500 {
            connection.forget()
            connection.send("GET /direct HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(connection.answers(1).statuses == [200])
            connection.receive(within: 50) // a pause
        }
        #expect(!connection.isClosed)
        #expect(live.server.stop(timeoutMillis: 5_000))
    }

    @Test func `cuts 60 slow ones in time`() throws {
        let live = try LiveServer()
        try besideGoodClient(live.port) {
            let slow = try (0..<60).map { _ in try RawConnection(live.port) }
            let begun = nowMillis()
            for (index, connection) in slow.enumerated() { connection.send(Self.drips[index % Self.drips.count].head) }
            while nowMillis() - begun < 5_000, slow.contains(where: { !$0.isClosed }) {
                for (index, connection) in slow.enumerated() where !connection.isClosed {
                    connection.send(Self.drips[index % Self.drips.count].piece)
                    connection.receive(within: 1)
                }
            }
            for (index, connection) in slow.enumerated() {
                let statuses = connection.parsed().statuses.filter { $0 != 100 }
                #expect(statuses == [408], "\(Self.drips[index % Self.drips.count].name)")
            }
        }
        live.expectCleanStop()
    }

    @Test func `closes an idle connection without a word`() throws {
        let live = try LiveServer { $0.idleTimeoutMillis = 300 }
        let fresh = try RawConnection(live.port)
        let used = try RawConnection(live.port)
        used.send("GET /direct HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(used.answers(1).statuses == [200])
        let begun = nowMillis()
        #expect(fresh.untilClosed() == .init(isClosed: true))
        #expect(used.untilClosed().statuses == [200])
        #expect(used.isClosed)
        #expect(nowMillis() - begun < 2_000)
        live.expectCleanStop()
    }

    @Test func `closes on a reader that does not read`() throws {
        let live = try LiveServer()
        try besideGoodClient(live.port) {
            let readers = try (0..<4).map { _ in try RawConnection(live.port, receiveBufferBytes: 4096) }
            let begun = nowMillis()
            for reader in readers {
                reader.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(reader.receive(within: 5_000))
            }
            #expect(live.waitForConnections(1))
            #expect((500..<5_000).contains(nowMillis() - begun))
            for reader in readers { #expect(reader.bytes.count < 32 << 20) } // and they were open until here
        }
        live.expectCleanStop()
    }

    @Test func `closes on a reader that sips`() throws {
        let live = try LiveServer()
        let reader = try RawConnection(live.port, receiveBufferBytes: 4096)
        reader.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        let begun = nowMillis()
        #expect(until { // some KiB each 10 ms
            reader.receive(within: 10)
            var none: [pollfd] = []
            poll(&none, 0, 10)
            return live.server.connectionCount == 0
        })
        #expect(nowMillis() - begun < 3_000)
        #expect(reader.bytes.count < 32 << 20)
        live.expectCleanStop()
    }

    @Test func `sends a large answer whole to who reads it`() throws {
        let live = try LiveServer { $0.requestTimeoutMillis = 10_000 }
        let reader = try RawConnection(live.port)
        reader.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET /direct HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        while !reader.isClosed, reader.receive(within: 10_000) {}
        let received = reader.parsed()
        #expect(received.statuses == [200, 200])
        #expect(received.bodies.first?.utf8.count == 32 << 20)
        live.expectCleanStop()
    }
}
