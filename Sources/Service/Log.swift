import Glibc
public import Scoring

public enum LogLevel: String, Sendable, CaseIterable, Comparable {
    case debug, info, warning, error

    public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
}

public enum LogFormat: String, Sendable, CaseIterable { case json, text }

/// What a field of a log line can hold. Nothing of a payload ever: no ids, amounts or texts of records or requests.
public protocol LogValue: Sendable {
    func add(to json: inout JSONWriter, _ name: String)
    var logText: String { get }
}

extension String: LogValue {
    public func add(to json: inout JSONWriter, _ name: String) { json.add(name, self, maxBytes: Log.maxTextBytes) }
    public var logText: String { self }
}

extension Int: LogValue {
    public func add(to json: inout JSONWriter, _ name: String) { json.add(name, self) }
    public var logText: String { "\(self)" }
}

extension Int64: LogValue {
    public func add(to json: inout JSONWriter, _ name: String) { json.add(name, self) }
    public var logText: String { "\(self)" }
}

extension Double: LogValue {
    public func add(to json: inout JSONWriter, _ name: String) { json.add(name, self) }
    public var logText: String { JSONWriter.text(self) }
}

extension Bool: LogValue {
    public func add(to json: inout JSONWriter, _ name: String) { json.add(name, self) }
    public var logText: String { self ? "true" : "false" }
}

/// Writes one line an event to stderr: a JSON object, or text for people. Any thread; lines never mix.
///
/// The event is a fixed text, what varies goes into fields: lines are limited by the event (`LogLimiter`); what was left out is counted and said with the next line that is written.
public final class Log: Sendable {
    /// Texts of fields are cut there.
    static let maxTextBytes = 1_000

    public let level: LogLevel
    public let format: LogFormat
    private let instance: String?
    private let write: @Sendable ([UInt8]) -> Void
    private let now: @Sendable () -> Int64
    private let counts = Locked(LogLimiter())

    /// - Parameters:
    ///   - instance: added to each JSON line, to tell instances apart.
    ///   - descriptor: where lines go.
    public convenience init(level: LogLevel = .info, format: LogFormat = .json, instance: String? = nil, descriptor: Int32 = 2) {
        self.init(level: level, format: format, instance: instance, now: { Clock.wallMillis }, write: { Self.write($0, descriptor) })
    }

    /// - Parameter write: takes whole lines, one call at a time.
    init(
        level: LogLevel, format: LogFormat, instance: String?, now: @escaping @Sendable () -> Int64,
        write: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.level = level
        self.format = format
        self.instance = instance
        self.now = now
        self.write = write
    }

    public func debug(_ event: String, _ fields: KeyValuePairs<String, any LogValue> = [:]) { log(.debug, event, fields.map { $0 }) }
    public func info(_ event: String, _ fields: KeyValuePairs<String, any LogValue> = [:]) { log(.info, event, fields.map { $0 }) }
    public func warning(_ event: String, _ fields: KeyValuePairs<String, any LogValue> = [:]) { log(.warning, event, fields.map { $0 }) }
    public func error(_ event: String, _ fields: KeyValuePairs<String, any LogValue> = [:]) { log(.error, event, fields.map { $0 }) }

    public func log(_ level: LogLevel, _ event: String, _ fields: [(key: String, value: any LogValue)]) {
        guard level >= self.level else { return }
        let time = now()
        counts.locked { counts in
            guard counts.admits(event, level, time) else { return }
            var fields = fields
            if let left = counts.suppressed.removeValue(forKey: event) { fields.append(("suppressed", left)) }
            write(line(level, event, fields, time))
            counts.closeWindows(time) { event, level, left in write(line(level, event, [("suppressed", left)], time)) }
        }
    }

    /// A line that is never left out: for where the log is all that tells of a record.
    public func record(_ level: LogLevel, _ event: String, _ fields: [(key: String, value: any LogValue)]) {
        guard level >= self.level else { return }
        let time = now()
        counts.locked { _ in write(line(level, event, fields, time)) }
    }

    private func line(_ level: LogLevel, _ event: String, _ fields: [(key: String, value: any LogValue)], _ time: Int64) -> [UInt8] {
        switch format {
        case .json:
            var json = JSONWriter()
            json.beginObject()
            json.add("time", Clock.text(time))
            json.add("level", level.rawValue)
            json.add("event", event, maxBytes: Self.maxTextBytes)
            if let instance { json.add("instance", instance) }
            for (name, value) in fields { value.add(to: &json, name) }
            json.endObject()
            return json.bytes + [UInt8(ascii: "\n")]
        case .text:
            let name = level.rawValue.uppercased()
            var text = "\(Clock.text(time)) \(name)\(String(repeating: " ", count: 7 - name.utf8.count)) \(Self.word(event, mayHaveSpaces: true))"
            for (name, value) in fields { text += " \(name)=\(Self.word(value.logText, mayHaveSpaces: false))" }
            return Array(text.utf8) + [UInt8(ascii: "\n")]
        }
    }

    /// As it is, or quoted as in JSON where it would not be one word: a text can begin no line and no field of its own.
    private static func word(_ text: String, mayHaveSpaces: Bool) -> String {
        let isPlain = text.utf8.allSatisfy { (0x21..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C || (mayHaveSpaces && $0 == 0x20) }
        if isPlain, !text.isEmpty, text.utf8.count <= maxTextBytes { return text }
        var json = JSONWriter()
        json.add(nil, text, maxBytes: maxTextBytes)
        return json.text
    }

    private static func write(_ bytes: [UInt8], _ descriptor: Int32) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }  // nowhere to say so
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
