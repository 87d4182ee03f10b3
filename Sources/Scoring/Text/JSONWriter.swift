/// Writes compact JSON (RFC 8259), for what is not on the way of a record: the journal, health, settings, log lines.
///
/// Commas are its own; who calls keeps `begin` and `end` in pairs, and puts one value behind each `key`.
public struct JSONWriter {
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init() {}

    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public mutating func beginObject(_ name: String? = nil) { open(name, UInt8(ascii: "{")) }
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    public mutating func beginArray(_ name: String? = nil) { open(name, UInt8(ascii: "[")) }
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// What is written by `body` is the object's members, each a `key` and a value, or an `add` with a name.
    public mutating func object(_ body: (inout JSONWriter) -> Void) {
        beginObject()
        body(&self)
        endObject()
    }

    public mutating func array(_ body: (inout JSONWriter) -> Void) {
        beginArray()
        body(&self)
        endArray()
    }

    /// The name of the member whose value comes next.
    public mutating func key(_ name: String) {
        begin(name)
        needsComma = false
    }

    /// - Parameter maxBytes: a longer text is cut there, and says so by an ellipsis.
    public mutating func add(_ name: String? = nil, _ text: String, maxBytes: Int = .max) {
        begin(name)
        string(text, maxBytes)
    }

    public mutating func add(_ name: String? = nil, _ number: some BinaryInteger) { raw(name, "\(number)") }

    /// What JSON has no number for is null.
    public mutating func add(_ name: String? = nil, _ number: Double) {
        raw(name, number.isFinite ? Self.text(number) : "null")
    }

    public mutating func add(_ name: String? = nil, _ flag: Bool) { raw(name, flag ? "true" : "false") }
    public mutating func addNull(_ name: String? = nil) { raw(name, "null") }

    /// A value that is JSON already.
    public mutating func addRaw(_ name: String? = nil, _ json: String) { raw(name, json) }
    public mutating func addRaw(_ name: String? = nil, _ json: [UInt8]) {
        begin(name)
        bytes += json
    }

    /// The shortest decimal text that gives this number again; whole numbers without a fraction.
    public static func text(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
    }

    private mutating func raw(_ name: String?, _ text: String) {
        begin(name)
        bytes += text.utf8
    }

    private mutating func begin(_ name: String?) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        if let name {
            string(name, .max)
            bytes.append(UInt8(ascii: ":"))
        }
        needsComma = true
    }

    private mutating func open(_ name: String?, _ bracket: UInt8) {
        begin(name)
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func string(_ text: String, _ maxBytes: Int) {
        bytes.append(UInt8(ascii: "\""))
        var count = 0
        for scalar in text.unicodeScalars {
            count += UTF8.width(scalar)
            if count > maxBytes {
                bytes += "…".utf8
                break
            }
            switch scalar.value {
            case 0x22, 0x5C: bytes += [UInt8(ascii: "\\"), UInt8(scalar.value)]
            case 0x0A: bytes += "\\n".utf8
            // Line separators and the C1 controls are legal in JSON, but break terminals and viewers of logs.
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029:
                let hex = String(scalar.value, radix: 16)
                bytes += "\\u".utf8
                bytes += String(repeating: "0", count: 4 - hex.count).utf8
                bytes += hex.utf8
            default: bytes += UTF8.encode(scalar)!
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
