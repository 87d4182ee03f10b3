import Foundation
import HTTP
import TestSupport
import Testing

@Suite(.serialized) struct StreamTests {
    private static func write(_ stream: EventStream, _ text: String) -> EventStream.Written {
        withBytes(of: text) { stream.write($0) }
    }

    private static func begin(_ live: LiveServer, _ connection: RawConnection, method: String = "GET") throws -> EventStream {
        connection.send("\(method) /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(until { live.streams.with { $0.count } == 1 })
        return try #require(live.streams.with { $0.popLast() })
    }

    private static func body(_ connection: RawConnection) -> String {
        String(decoding: connection.bytes, as: UTF8.self).components(separatedBy: "\r\n\r\n").dropFirst().joined(separator: "\r\n\r\n")
    }

    @Test func `sends events until it is let go`() throws {
        let live = try LiveServer()
        let connection = try RawConnection(live.port)
        do {
            let stream = try Self.begin(live, connection)
            for number in 0..<100 { #expect(Self.write(stream, "data: \(number)\n\n") == .queued) }
            #expect(until { connection.receive(within: 100); return Self.body(connection).hasSuffix("data: 99\n\n") })
            #expect(!connection.isClosed)
            #expect(Self.write(stream, "data: last\n\n") == .queued)
        }
        _ = connection.untilClosed()
        #expect(Self.body(connection) == (0..<100).map { "data: \($0)\n\n" }.joined() + "data: last\n\n")
        let text = String(decoding: connection.bytes, as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.contains("\r\nContent-Type: text/event-stream\r\n"))
        #expect(text.contains("\r\nConnection: close\r\n"))
        #expect(!text.contains("Content-Length"))
        live.expectCleanStop()
    }

    @Test func `notices that a reader has gone`() throws {
        for isReset in [false, true] {
            let live = try LiveServer()
            var connection: RawConnection? = try RawConnection(live.port)
            let stream = try Self.begin(live, connection!)
            #expect(Self.write(stream, "data: 1\n\n") == .queued)
            if isReset { connection?.reset() }
            connection = nil
            #expect(until { sched_yield(); return Self.write(stream, ":\n\n") == .gone })
            #expect(live.waitForConnections(0))
            live.expectCleanStop() // with the stream still held
        }
    }

    @Test func `queues no more than its bound for a slow reader, and closes on one that takes nothing`() throws {
        let live = try LiveServer { $0.maxStreamBytes = 100_000 }
        try besideGoodClient(live.port) {
            let connection = try RawConnection(live.port, receiveBufferBytes: 4096)
            let stream = try Self.begin(live, connection)
            let event = String(repeating: "x", count: 10_000)
            #expect(Self.write(stream, String(repeating: "x", count: 100_001)) == .behind)
            var outcomes: Set<EventStream.Written> = []
            #expect(until {
                let written = Self.write(stream, event)
                outcomes.insert(written)
                if written == .behind { sched_yield() }
                return written == .gone
            })
            #expect(outcomes == [.queued, .behind, .gone])
            #expect(connection.bytes.isEmpty) // it was open until here, and read nothing
        }
        live.expectCleanStop()
    }

    @Test func `ends streams when the server drains`() throws {
        let live = try LiveServer()
        let connection = try RawConnection(live.port)
        let stream = try Self.begin(live, connection)
        #expect(Self.write(stream, "data: 1\n\n") == .queued)
        live.server.drain()
        _ = connection.untilClosed()
        #expect(Self.body(connection) == "data: 1\n\n")
        #expect(Self.write(stream, "data: 2\n\n") == .gone)
        live.expectCleanStop()
        #expect(Self.write(stream, "data: 3\n\n") == .gone)
    }

    @Test func `sends no event to HEAD, and answers once`() throws {
        let live = try LiveServer()
        let connection = try RawConnection(live.port)
        let stream = try Self.begin(live, connection, method: "HEAD")
        _ = connection.untilClosed()
        #expect(Self.body(connection) == "")
        #expect(until { Self.write(stream, "data: 1\n\n") == .gone })
        live.expectCleanStop()
    }

    @Test func `takes events from many threads`() throws {
        let live = try LiveServer { $0.maxStreamBytes = 10 << 20 }
        let connection = try RawConnection(live.port)
        do {
            let stream = try Self.begin(live, connection)
            DispatchQueue.concurrentPerform(iterations: 8) { index in
                for number in 0..<500 { _ = Self.write(stream, "\(index) \(number)\n") }
            }
        }
        _ = connection.untilClosed()
        let lines = Self.body(connection).split(separator: "\n").map(String.init)
        #expect(lines.count == 4_000)
        for index in 0..<8 { // whole, and each thread's in its order
            #expect(lines.filter { $0.hasPrefix("\(index) ") } == (0..<500).map { "\(index) \($0)" })
        }
        live.expectCleanStop()
    }

    @Test func `streams in memory too`() throws {
        var router = Router()
        router.get("/stream") { _, reply in
            let stream = reply.stream()
            #expect(stream.map { Self.write($0, "data: 1\n\n") } == .queued)
            #expect(reply.stream() == nil)
            #expect(!reply.send(Response("")))
        }
        let answer = try #require(router.call("GET", "/stream"))
        #expect(answer.text == "data: 1\n\n")
        #expect(answer.header("content-type") == ContentType.events)
    }
}
