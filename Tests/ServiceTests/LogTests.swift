import Foundation
import Testing

@testable import Service

@Suite struct LogTests {
    /// Takes lines, and has a clock that is moved by hand.
    private final class Pen: Sendable {
        let lines = Locked<[String]>([])
        let time = Locked<Int64>(1_764_072_000_123)

        func log(_ level: LogLevel = .info, _ format: LogFormat = .json, instance: String? = nil) -> Log {
            Log(
                level: level, format: format, instance: instance, now: { self.time.locked { $0 } },
                write: { bytes in self.lines.locked { $0.append(String(decoding: bytes, as: UTF8.self)) } })
        }

        var written: [String] { lines.locked { $0 } }
    }

    @Test func `writes one JSON object a line`() throws {
        let pen = Pen()
        pen.log(instance: "a").info("started", ["port": 8080, "host": "::", "share": 0.5, "is_alone": true, "at": Int64(3)])
        #expect(
            pen.written == [
                #"{"time":"2025-11-25T12:00:00.123Z","level":"info","event":"started","instance":"a","port":8080,"host":"::","share":0.5,"is_alone":true,"at":3}"#
                    + "\n"
            ])
    }

    @Test func `writes text for people`() {
        let pen = Pen()
        pen.log(.debug, .text).warning("took long", ["millis": 5, "why": "a b", "empty": "", "quote": "\"", "line": "a\nb"])
        #expect(
            pen.written == [#"2025-11-25T12:00:00.123Z WARNING took long millis=5 why="a b" empty="" quote="\"" line="a\nb""# + "\n"])
    }

    @Test func `lets no text begin a line or a field of its own`() throws {
        let hostile = "x\u{0}\r\n{\"level\":\"error\"}\u{1B}[31m\u{85}\u{2028}\u{7F} a=b é 😀"
        for format in LogFormat.allCases {
            let pen = Pen()
            pen.log(.info, format).info("event", ["text": hostile])
            let line = try #require(pen.written.first)
            #expect(line.unicodeScalars.filter { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) || $0.value == 0x2028 } == ["\n"])
            #expect(line.hasSuffix("\n"))
            if format == .json {
                let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                #expect(object["text"] as? String == hostile)
            }
        }
    }

    @Test func `cuts long texts at a character`() throws {
        let pen = Pen()
        pen.log().info("event", ["text": String(repeating: "é", count: 10_000)])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(pen.written[0].utf8)) as? [String: Any])
        #expect(object["text"] as? String == String(repeating: "é", count: 500) + "…")
    }

    @Test func `writes nothing below its level`() {
        for level in LogLevel.allCases {
            let pen = Pen()
            let log = pen.log(level)
            log.debug("a")
            log.info("b")
            log.warning("c")
            log.error("d")
            #expect(pen.written.count == LogLevel.allCases.filter { $0 >= level }.count)
        }
    }

    @Test func `counts the lines of an event that repeats, and says how many were left out`() {
        let pen = Pen()
        let log = pen.log()
        for _ in 0..<100 { log.warning("again") }
        log.info("other")
        #expect(pen.written.count == LogLimiter.burst + 1)
        pen.time.locked { $0 += LogLimiter.windowMillis }
        log.warning("again")
        #expect(pen.written.last?.contains(#""event":"again","suppressed":90"#) == true)
        #expect(pen.written.count == LogLimiter.burst + 2)
    }

    @Test func `says what was left out of an event that does not come again`() {
        let pen = Pen()
        let log = pen.log()
        for _ in 0..<12 { log.error("again") }
        pen.time.locked { $0 += LogLimiter.windowMillis }
        log.info("other")
        #expect(pen.written.last?.contains(#""level":"error","event":"again","suppressed":2"#) == true)
    }

    @Test func `keeps lines of many threads apart`() {
        let pen = Pen()
        let log = pen.log()
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<100 { log.info("thread \(thread), \(number)", ["text": String(repeating: "x", count: 100)]) }
        }
        #expect(pen.written.count == 800)
        #expect(pen.written.allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}\n") })
    }

    @Test func `tells time as RFC 3339`() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<1_000 {
            let millis = Int64.random(in: 0..<4_102_444_800_000, using: &generator)
            #expect(Clock.text(millis) == formatter.string(from: Date(timeIntervalSince1970: Double(millis) / 1000)), "\(millis)")
        }
    }
}
