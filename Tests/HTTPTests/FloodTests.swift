import Foundation
import HTTP
import TestSupport
import Testing

@Suite(.serialized) struct FloodTests {
    @Test func `answers a flood of pipelined requests in their order`() throws {
        let live = try LiveServer { $0.requestTimeoutMillis = 10_000 }
        try besideGoodClient(live.port) {
            let connection = try RawConnection(live.port)
            let count = 5_000
            var flood = ""
            for number in 0..<count { flood += "GET /number?\(number) HTTP/1.1\r\nHost: a\r\n\r\n" }
            let isSent = connection.send(flood)
            #expect(isSent, "error \(connection.sendError)")
            connection.endSending()
            while !connection.isClosed, connection.receive(within: 10_000) {}
            let received = connection.parsed()
            #expect(received.statuses.count == count, "error \(connection.receiveError)")
            #expect(Set(received.statuses) == [200])
            #expect(received.bodies.enumerated().first { $0.element != "\($0.offset)" } == nil)
        }
        live.expectCleanStop()
    }

    @Test func `stops reading who floods and does not read`() throws {
        let live = try LiveServer()
        try besideGoodClient(live.port) {
            let connection = try RawConnection(live.port, receiveBufferBytes: 4096)
            let request = Array("GET /number?1 HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            let flood = [UInt8]((0..<100_000).map { _ in request }.joined())
            var sent = 0
            while connection.sendUnread(flood, within: 5_000), sent < 1_000 { sent += 1 }
            #expect(sent < 1_000)
        }
        #expect(live.waitForConnections(0))
        live.expectCleanStop()
    }

    @Test func `answers who ends its side after the request`() throws {
        let live = try LiveServer()
        for path in ["/good", "/direct"] {
            let whole = try RawConnection(live.port)
            whole.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            whole.endSending()
            #expect(whole.untilClosed().statuses == [200], "\(path)")
        }
        for text in ["G", "GET /good HTTP/1.1\r\n", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab"] {
            let half = try RawConnection(live.port)
            half.send(text)
            half.endSending()
            #expect(half.untilClosed().statuses == [400], "\(text)")
        }
        let silent = try RawConnection(live.port)
        silent.endSending()
        #expect(silent.untilClosed() == .init(isClosed: true))
        live.expectCleanStop()
    }

    @Test func `survives who leaves early`() throws {
        let live = try LiveServer()
        try besideGoodClient(live.port) {
            let texts = [
                "", "G", "GET /good HTTP/1.1\r\nHost: a\r\n\r\n", "GET /direct HTTP/1.1\r\nHost: a\r\n\r\n", "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
                "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nab", "nonsense\r\n\r\n", "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
            ]
            for round in 0..<400 {
                let connection = try RawConnection(live.port)
                connection.send(texts[round / 2 % texts.count])
                if round % 2 == 0 { connection.reset() }
            }
            #expect(live.waitForConnections(1))
        }
        live.streams.with { $0 = [] }
        live.expectCleanStop()
    }

    @Test func `answers who left before his answer`() throws {
        let live = try LiveServer()
        do {
            let connection = try RawConnection(live.port)
            connection.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(until { live.held.with { $0.count } == 1 })
            connection.reset()
        }
        let reply = try #require(live.held.with { $0.popLast() })
        #expect(reply.send(Response("late")))
        #expect(live.waitForConnections(0))
        live.expectCleanStop()
    }

    @Test func `takes many answers from many threads`() throws {
        let live = try LiveServer { $0.requestTimeoutMillis = 10_000 }
        let failures = Locked<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 16) { index in
            do {
                let connection = try RawConnection(live.port)
                for number in 0..<500 {
                    connection.forget()
                    connection.send("GET /number?\(index)\(number)7 HTTP/1.1\r\nHost: a\r\n\r\n")
                    let received = connection.answers(1)
                    if received.bodies != ["\(index)\(number)7"] { failures.with { $0.append("\(received)") } }
                }
            } catch {
                failures.with { $0.append("\(error)") }
            }
        }
        #expect(failures.with { $0 } == [])
        live.expectCleanStop()
    }

    @Test func `counts the first of two answers`() throws {
        let live = try LiveServer { $0.requestTimeoutMillis = 10_000 }
        let connection = try RawConnection(live.port)
        for round in 0..<200 {
            connection.forget()
            connection.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(until { live.held.with { $0.count } == 1 })
            let reply = try #require(live.held.with { $0.popLast() })
            let wins = Locked(0)
            DispatchQueue.concurrentPerform(iterations: 3) { index in
                if reply.send(Response("\(round) by \(index)")) { wins.with { $0 += 1 } }
            }
            #expect(wins.with { $0 } == 1)
            #expect(connection.answers(1).bodies[0].hasPrefix("\(round) by "))
        }
        live.expectCleanStop()
    }
}
