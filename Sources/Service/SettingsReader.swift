/// A setting that stops the start. Its description is one line that names it.
public struct SettingError: Error, Sendable, Equatable, CustomStringConvertible {
    public let name: String
    public let problem: String

    public init(_ name: String, _ problem: String) {
        self.name = name
        self.problem = problem
    }

    public var description: String { "\(name): \(problem)" }
}

/// Takes settings out of an environment, each as what it is, and remembers the value that holds.
///
/// A name that is set to nothing counts as not set, as compose files and consoles leave it.
struct SettingsReader {
    let environment: [String: String]
    /// What holds where that is not what was written: derived defaults, raised values.
    private(set) var effective: [String: String] = [:]

    init(_ environment: [String: String]) { self.environment = environment.filter { !$0.value.isEmpty } }

    func isSet(_ name: String) -> Bool { environment[name] != nil }

    /// As set, else the default; nil where there is none.
    func optionalText(_ name: String) -> String? {
        guard let definition = SettingsTable.definition(name) else { preconditionFailure("\(name) is not in the table of settings") }
        return environment[name] ?? (definition.defaultValue.isEmpty ? nil : definition.defaultValue)
    }

    func text(_ name: String) -> String {
        guard let text = optionalText(name) else { preconditionFailure("\(name) has no default") }
        return text
    }

    mutating func derive(_ name: String, _ value: String) { effective[name] = value }

    // MARK: - Kinds

    func flag(_ name: String) throws(SettingError) -> Bool {
        switch text(name).lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default: throw SettingError(name, "must be true or false")
        }
    }

    func fraction(_ name: String) throws(SettingError) -> Double {
        let text = text(name)
        guard let number = Self.decimal(text), number <= 1 else { throw SettingError(name, "must be a number from 0 to 1") }
        return number
    }

    func optionalFraction(_ name: String) throws(SettingError) -> Double? {
        optionalText(name) == nil ? nil : try fraction(name)
    }

    /// 0–100 with at most two decimals; a percent sign may follow.
    func percent(_ name: String) throws(SettingError) -> Double {
        var text = Substring(text(name))
        if text.last == "%" { text = text.dropLast() }
        guard let number = Self.decimal(text), number <= 100, Self.decimals(text) <= 2 else {
            throw SettingError(name, "must be a number from 0 to 100 with at most two decimals")
        }
        return number
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(SettingError) -> Int {
        guard let number = Int(text(name)), range.contains(number) else {
            throw SettingError(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A number of bytes, or of KiB or MiB.
    func bytes(_ name: String, in range: ClosedRange<Int>) throws(SettingError) -> Int {
        let text = text(name)
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).lowercased()
        let factors = ["": 1, "b": 1, "kib": 1024, "mib": 1024 * 1024]
        guard digits.count <= 12, let number = Int(digits), let factor = factors[unit], range.contains(number * factor) else {
            throw SettingError(name, "must be a number of bytes (or KiB, MiB) from \(range.lowerBound) to \(range.upperBound)")
        }
        return number * factor
    }

    /// Milliseconds.
    func duration(_ name: String, in range: ClosedRange<Int64>) throws(SettingError) -> Int64 {
        guard let millis = Durations.millis(text(name)) else {
            throw SettingError(name, "must be a duration: a whole number and one of ms s m h d")
        }
        guard range.contains(millis) else {
            throw SettingError(name, "must be from \(Durations.text(range.lowerBound)) to \(Durations.text(range.upperBound))")
        }
        return millis
    }

    func optionalDuration(_ name: String, in range: ClosedRange<Int64>) throws(SettingError) -> Int64? {
        optionalText(name) == nil ? nil : try duration(name, in: range)
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ name: String) throws(SettingError) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: text(name).lowercased()) else {
            throw SettingError(name, "must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    /// A name that Kafka takes for a topic.
    func topic(_ name: String, _ topic: String? = nil) throws(SettingError) -> String {
        let topic = topic ?? text(name)
        let isLegal = topic.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45 || byte == 46 || byte == 95
        }
        guard isLegal, (1...249).contains(topic.utf8.count), topic != ".", topic != ".." else {
            throw SettingError(name, "must be a topic name: 1 to 249 of a-z A-Z 0-9 . _ -")
        }
        return topic
    }

    /// Text without control characters.
    func plain(_ name: String, maxBytes: Int) throws(SettingError) -> String? {
        guard let text = optionalText(name) else { return nil }
        guard text.utf8.count <= maxBytes, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) }) else {
            throw SettingError(name, "must be at most \(maxBytes) bytes without control characters")
        }
        return text
    }

    /// Plain digits with an optional fraction; nil for anything else (signs, exponents, NaN).
    static func decimal(_ text: some StringProtocol) -> Double? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (48...57).contains($0) } }), text.utf8.count <= 40 else { return nil }
        return Double(String(text))
    }

    static func decimals(_ text: some StringProtocol) -> Int {
        text.utf8.firstIndex(of: UInt8(ascii: ".")).map { text.utf8.distance(from: $0, to: text.utf8.endIndex) - 1 } ?? 0
    }
}
