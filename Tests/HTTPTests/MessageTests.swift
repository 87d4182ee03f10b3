import Foundation
import HTTP
import TestSupport
import Testing

/// What is HTTP/1.1 and what is not, by RFC 9112, as raw bytes; whole, and dribbled byte by byte.
@Suite(.serialized) struct MessageTests {
    enum Pace: CaseIterable { case atOnce, byteByByte }

    private static func send(_ connection: RawConnection, _ text: String, _ pace: Pace) {
        switch pace {
        case .atOnce: connection.send(text)
        case .byteByByte:
            for byte in text.utf8 {
                guard connection.send([byte]) else { return }
                sched_yield()
            }
        }
    }

    private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    static let refused: [(name: String, text: String, status: Int)] = [
        // Where a message ends (RFC 9112, 6.3): two readings of it are how requests are smuggled.
        ("two equal lengths", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        ("two lengths", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\nabc", 400),
        ("a list of lengths", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
        ("a length with a sign", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
        ("a negative length", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", 400),
        ("a hexadecimal length", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400),
        ("an empty length", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nabc", 400),
        ("a length with a space in it", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 1 3\r\n\r\nabc", 400),
        ("a length over 64 bits", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551619\r\n\r\nabc", 400),
        ("length and chunks", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("chunks and length", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        ("length and an unknown coding", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nContent-Length: 3\r\n\r\nabc", 400),
        ("chunks in 1.0", "POST /good HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("an unknown coding", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        ("an unknown coding before chunks", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        ("chunks twice", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        ("two codings", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("two codings, one unknown", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("a quoted coding", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
        ("a coding with a parameter", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400),
        ("an empty coding", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
        ("a coding behind a vertical tab", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{0B}chunked\r\n\r\n0\r\n\r\n", 400),
        ("a coding before its colon's space", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        // Chunks (7.1).
        ("a chunk size that is none", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n", 400),
        ("a chunk size with 0x", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400),
        ("a chunk size with a sign", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", 400),
        ("a negative chunk size", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        ("an empty chunk size", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n", 400),
        ("a chunk size over 64 bits", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n", 400),
        ("the largest chunk size", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc", 413),
        ("a chunk that makes it too large", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nffffffffffffffff\r\n", 413),
        ("a chunk longer than its size", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
        ("a chunk that ends in a bare line feed", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
        ("a chunk's line with a bare return", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a\rb\r\nabc\r\n0\r\n\r\n", 400),
        ("a malformed chunk extension", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;=\r\nabc\r\n0\r\n\r\n", 400),
        ("a length in a trailer", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", 400),
        ("a coding in a trailer", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        // Fields (5).
        ("a folded field", "GET /good HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400),
        ("a field folded by a tab", "GET /good HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", 400),
        ("a field folded before its value", "GET /good HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n", 400),
        ("a folded coding", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
        ("a first line that is folded", "GET /good HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        ("a zero byte in a value", "GET /good HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", 400),
        ("a zero byte in a name", "GET /good HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", 400),
        ("a zero byte in the target", "GET /good\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a control character in a value", "GET /good HTTP/1.1\r\nHost: a\r\nX: \u{1}\r\n\r\n", 400),
        ("a delete character in a value", "GET /good HTTP/1.1\r\nHost: a\r\nX: \u{7f}\r\n\r\n", 400),
        ("a space before the colon", "GET /good HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("a field without a name", "GET /good HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
        ("a field without a colon", "GET /good HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400),
        ("a space in a field's name", "GET /good HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400),
        // Host (3.2).
        ("no host", "GET /good HTTP/1.1\r\n\r\n", 400),
        ("two hosts", "GET /good HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("two hosts in 1.0", "GET /good HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        // The first line (3).
        ("version 0.9", "GET /good HTTP/0.9\r\nHost: a\r\n\r\n", 400),
        ("version 1.2", "GET /good HTTP/1.2\r\nHost: a\r\n\r\n", 400),
        ("version 2", "GET /good HTTP/2\r\nHost: a\r\n\r\n", 400),
        ("version 2.0", "GET /good HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        ("a version in small letters", "GET /good http/1.1\r\nHost: a\r\n\r\n", 400),
        ("a version with two digits", "GET /good HTTP/1.10\r\nHost: a\r\n\r\n", 400),
        ("no version", "GET /good\r\nHost: a\r\n\r\n", 400),
        ("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("two spaces", "GET  /good HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a tab for a space", "GET\t/good HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a space in the target", "GET /go od HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("no method", " /good HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a method that is no token", "GE(T /good HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("an empty line first", "\r\nGET /good HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("bare line feeds", "GET /good HTTP/1.1\nHost: a\n\n", 400),
        ("a bare return", "GET /good HTTP/1.1\rHost: a\r\r", 400),
        ("the first bytes of TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0", 400),
        ("the first bytes of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        // What is expected (RFC 9110, 10.1.1).
        ("an unknown expectation", "POST /good HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 3\r\n\r\nabc", 417),
        ("a second expectation", "POST /good HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: x\r\nContent-Length: 3\r\n\r\nabc", 417),
    ]

    @Test(arguments: Pace.allCases) func `refuses what can be read in two ways`(_ pace: Pace) throws {
        let live = try LiveServer { $0.requestTimeoutMillis = 5_000 }
        for (name, text, status) in Self.refused {
            let connection = try RawConnection(live.port)
            Self.send(connection, text, pace)
            connection.send(Self.smuggled)
            connection.endSending()
            let received = connection.untilClosed()
            #expect(received.statuses == [status], "\(name)")
            #expect(received.bodies.first?.hasPrefix(#"{"error":{"code":""#) == true, "\(name)")
            #expect(received.head.contains("\r\nConnection: close"), "\(name)")
            #expect(received.isClosed, "\(name)")
        }
        #expect(live.seen.with { $0 } == [])
        #expect(live.observed.with { $0.map(\.status) } == Self.refused.map(\.status))
        live.expectCleanStop()
    }

    static let accepted: [(name: String, text: String, bodies: [String])] = [
        ("the plainest", "GET /good HTTP/1.1\r\nHost: a\r\n\r\n", ["good"]),
        ("an empty host", "GET /good HTTP/1.1\r\nHost:\r\n\r\n", ["good"]),
        ("1.0 without a host", "GET /good HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ["good"]),
        ("an absolute target", "GET http://a/good HTTP/1.1\r\nHost: a\r\n\r\n", ["good"]),
        ("white space around a value", "GET /good HTTP/1.1\r\nHost: \t a \t \r\n\r\n", ["good"]),
        ("bytes over 127 in a value", "GET /good HTTP/1.1\r\nHost: a\r\nX: é\r\n\r\n", ["good"]),
        ("names in small letters", "POST /good HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc", ["3"]),
        ("a length of nothing", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", ["0"]),
        ("a length with zeros before it", "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 0003\r\n\r\nabc", ["3"]),
        ("a body of a GET", "GET /good HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", ["good"]),
        ("no length", "POST /good HTTP/1.1\r\nHost: a\r\n\r\n", ["0"]),
        ("chunks", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", ["13"]),
        ("CHUNKED", "POST /good HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n", ["3"]),
        ("no chunk but the last", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ["0"]),
        ("chunk sizes with zeros before them", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0003\r\nabc\r\n000\r\n\r\n", ["3"]),
        (
            "chunk extensions",
            "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b;c=\"d;\\\"e\"\r\nabc\r\n0;f\r\n\r\n", ["3"]
        ),
        ("trailers", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nHost: b\r\nX: y\r\n\r\n", ["3"]),
        ("a chunk that looks like a request", "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n", ["5"]),
        (
            "three in a row",
            "GET /good HTTP/1.1\r\nHost: a\r\n\r\nPOST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET /direct HTTP/1.1\r\nHost: a\r\n\r\n",
            ["good", "2", "direct"]
        ),
    ]

    @Test(arguments: Pace.allCases) func `takes what is well formed`(_ pace: Pace) throws {
        let live = try LiveServer { $0.requestTimeoutMillis = 5_000 }
        for (name, text, bodies) in Self.accepted {
            let connection = try RawConnection(live.port)
            for round in 1...2 { // the connection lives on
                Self.send(connection, text, pace)
                let received = connection.answers(bodies.count * round)
                #expect(received.statuses == Array(repeating: 200, count: bodies.count * round), "\(name)")
                #expect(received.bodies == bodies + (round == 2 ? bodies : []), "\(name)")
                #expect(!received.isClosed, "\(name)")
            }
        }
        #expect(live.server.stop(timeoutMillis: 5_000))
    }

    @Test func `takes a message cut in two anywhere`() throws {
        let live = try LiveServer { $0.requestTimeoutMillis = 5_000 }
        let text = Array(
            "POST /good?a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Y: z\r\n\r\n3;e=\"f\"\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\n\r\n".utf8)
        let connection = try RawConnection(live.port)
        for cut in 1..<text.count {
            connection.forget()
            connection.send(text[..<cut])
            // Another connection's answer shows that the server has been round, so that the first part was read alone.
            let other = try RawConnection(live.port)
            other.send("GET /direct HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(other.answers(1).statuses == [200])
            connection.send(text[cut...])
            #expect(connection.answers(1).bodies == ["4"], "cut at \(cut)")
        }
        #expect(live.server.stop(timeoutMillis: 5_000))
    }

    @Test func `closes when it is told to, and keeps a connection alive else`() throws {
        let live = try LiveServer()
        let cases: [(text: String, connection: String?)] = [
            ("GET /good HTTP/1.1\r\nHost: a\r\n", nil),
            ("GET /good HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n", nil),
            ("GET /good HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", "close"),
            ("GET /good HTTP/1.1\r\nHost: a\r\nConnection: upgrade, Close\r\n", "close"),
            ("GET /good HTTP/1.0\r\nHost: a\r\n", "close"),
            ("GET /good HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n", "keep-alive"),
        ]
        for (text, expected) in cases {
            let connection = try RawConnection(live.port)
            connection.send(text + "\r\n")
            let received = expected == "close" ? connection.untilClosed() : connection.answers(1)
            #expect(received.statuses == [200], "\(text)")
            #expect(received.isClosed == (expected == "close"), "\(text)")
            #expect(received.head.contains("\r\nConnection: ") == (expected != nil), "\(text)")
            if let expected { #expect(received.head.contains("\r\nConnection: \(expected)"), "\(text)") }
        }
        #expect(live.server.stop(timeoutMillis: 5_000))
    }

    @Test func `answers HEAD without a body and with its length`() throws {
        let live = try LiveServer()
        let connection = try RawConnection(live.port)
        connection.send("HEAD /good HTTP/1.1\r\nHost: a\r\n\r\nHEAD /direct HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        _ = connection.untilClosed()
        let received = connection.parsed(headOnly: true)
        #expect(received.statuses == [200, 200])
        #expect(received.head.contains("\r\nContent-Length: 6"))
        #expect(connection.bytes.suffix(4) == Array("\r\n\r\n".utf8))
        live.expectCleanStop()
    }

    @Test func `asks for the body where that is expected`() throws {
        let live = try LiveServer()
        let head = "POST /good HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n"
        let patient = try RawConnection(live.port)
        patient.send(head)
        #expect(patient.answers(1).statuses == [100])
        patient.send("abc")
        #expect(patient.answers(2).statuses == [100, 200])

        // Who sends the body without waiting needs no 100; a 1.0 client gets none (RFC 9110, 10.1.1).
        let impatient = try RawConnection(live.port)
        impatient.send(head + "abc")
        #expect(impatient.answers(1).statuses == [200])
        let old = try RawConnection(live.port)
        old.send("POST /good HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        old.send("abc")
        #expect(old.untilClosed().statuses == [200])

        let large = try RawConnection(live.port)
        large.send("POST /good HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n")
        #expect(large.answers(1).statuses == [413])
        #expect(live.server.stop(timeoutMillis: 5_000))
    }

    @Test func `dates its answers`() throws {
        let live = try LiveServer()
        let connection = try RawConnection(live.port)
        connection.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\n")
        let line = try #require(connection.answers(1).head.split(separator: "\r\n").first { $0.hasPrefix("Date: ") })
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "GMT")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        let date = try #require(format.date(from: String(line.dropFirst(6))))
        #expect(abs(date.timeIntervalSinceNow) < 60)
        #expect(live.server.stop(timeoutMillis: 5_000))
    }
}
