/// A JSON text that is read without a tree of values: an object's members and an array's items are found when they are asked for.
///
/// XGBoost writes a model as a few arrays of very many numbers; what is not looked at costs its bytes alone. The whole text is checked once, by
/// `parse`: RFC 8259, distinct keys, at most 64 levels, and, beyond it, `NaN`, `Infinity` and `-Infinity` as XGBoost writes them.
struct ModelJSON {
    /// The value's text.
    let text: Slice<UnsafeRawBufferPointer>

    private init(_ text: Slice<UnsafeRawBufferPointer>) { self.text = text }

    /// - Throws: `ModelRefusal`, with the place of the fault.
    /// - Complexity: O(bytes).
    static func parse(_ bytes: UnsafeRawBufferPointer) throws(ModelRefusal) -> ModelJSON {
        var checker = Checker(bytes)
        checker.space()
        let begin = checker.at
        guard checker.value(depth: 0) else { throw .malformed("not JSON at byte \(checker.at)") }
        let end = checker.at
        checker.space()
        guard checker.at == bytes.count else { throw .malformed("more than one JSON value, at byte \(checker.at)") }
        return ModelJSON(bytes[begin..<end])
    }

    // MARK: Scalars

    var string: String? {
        guard text.first == UInt8(ascii: "\"") else { return nil }
        return Self.unescape(text.dropFirst().dropLast())
    }

    var bool: Bool? {
        text.elementsEqual("true".utf8) ? true : text.elementsEqual("false".utf8) ? false : nil
    }

    var isNull: Bool { text.elementsEqual("null".utf8) }
    var integer: Int64? { Numbers.integer(text) }
    /// A whole number in any of JSON's notations: 7, 7.0, 70e-1.
    var whole: Int? {
        if let integer { return Int(integer) }
        guard let number, number.magnitude <= 0x1p53 else { return nil }
        return Int(exactly: number)
    }
    var isObject: Bool { text.first == UInt8(ascii: "{") }
    var isArray: Bool { text.first == UInt8(ascii: "[") }

    /// A finite number.
    var number: Double? {
        guard let value = Numbers.double(text), value.isFinite else { return nil }
        return value
    }

    // MARK: Members and items

    /// - Complexity: O(bytes of the object).
    subscript(_ key: String) -> ModelJSON? {
        var found: ModelJSON?
        forEachMember { if found == nil, $0 == key { found = $1 } }
        return found
    }

    var members: [(key: String, value: ModelJSON)] {
        var members: [(key: String, value: ModelJSON)] = []
        forEachMember { members.append(($0, $1)) }
        return members
    }

    var items: [ModelJSON]? {
        guard isArray else { return nil }
        var items: [ModelJSON] = []
        forEachItem {
            items.append(ModelJSON($0))
            return true
        }
        return items
    }

    var integers: [Int64]? { list(Numbers.integer) }
    var singles: [Float]? { list(Numbers.single) }
    var doubles: [Double]? { list(Numbers.double) }
    var strings: [String]? {
        guard let items else { return nil }
        let strings = items.compactMap(\.string)
        return strings.count == items.count ? strings : nil
    }

    /// Booleans, or 0 and 1: XGBoost wrote both.
    var flags: [Bool]? {
        list { text in
            if text.elementsEqual("true".utf8) { return true }
            if text.elementsEqual("false".utf8) { return false }
            return switch Numbers.integer(text) {
            case 0: false
            case 1: true
            default: nil
            }
        }
    }

    private func list<T>(_ read: (Slice<UnsafeRawBufferPointer>) -> T?) -> [T]? {
        guard isArray else { return nil }
        var values: [T] = []
        var isWhole = true
        forEachItem { item in
            guard let value = read(item) else {
                isWhole = false
                return false
            }
            values.append(value)
            return true
        }
        return isWhole ? values : nil
    }

    private func forEachMember(_ body: (String, ModelJSON) -> Void) {
        guard isObject else { return }
        var checker = Checker(text.base, at: text.startIndex + 1)
        while true {
            checker.space()
            if checker.peek != UInt8(ascii: "\"") { return }
            let keyBegin = checker.at
            _ = checker.string()
            let key = Self.unescape(text.base[(keyBegin + 1)..<(checker.at - 1)]) ?? ""
            checker.space()
            checker.at += 1
            checker.space()
            let begin = checker.at
            checker.skip()
            body(key, ModelJSON(text.base[begin..<checker.at]))
            checker.space()
            if checker.peek != UInt8(ascii: ",") { return }
            checker.at += 1
        }
    }

    private func forEachItem(_ body: (Slice<UnsafeRawBufferPointer>) -> Bool) {
        var checker = Checker(text.base, at: text.startIndex + 1)
        checker.space()
        if checker.peek == UInt8(ascii: "]") { return }
        while true {
            checker.space()
            let begin = checker.at
            checker.skip()
            guard body(text.base[begin..<checker.at]) else { return }
            checker.space()
            if checker.peek != UInt8(ascii: ",") { return }
            checker.at += 1
        }
    }

    private static func unescape(_ text: Slice<UnsafeRawBufferPointer>) -> String? {
        guard text.contains(UInt8(ascii: "\\")) else { return String(validating: text, as: UTF8.self) }
        var units: [UInt8] = []
        var i = text.startIndex
        func hex4(_ at: Int) -> UInt32? {
            guard at + 4 <= text.endIndex else { return nil }
            return UInt32(String(decoding: text[at..<at + 4], as: UTF8.self), radix: 16)
        }
        while i < text.endIndex {
            guard text[i] == UInt8(ascii: "\\") else {
                units.append(text[i])
                i += 1
                continue
            }
            let escape = text[i + 1]
            i += 2
            switch escape {
            case UInt8(ascii: "b"): units.append(8)
            case UInt8(ascii: "f"): units.append(12)
            case UInt8(ascii: "n"): units.append(10)
            case UInt8(ascii: "r"): units.append(13)
            case UInt8(ascii: "t"): units.append(9)
            case UInt8(ascii: "u"):
                guard var scalar = hex4(i) else { return nil }
                i += 4
                if (0xD800..<0xDC00).contains(scalar), let low = hex4(i + 2), (0xDC00..<0xE000).contains(low) {
                    scalar = 0x10000 + ((scalar - 0xD800) << 10) + (low - 0xDC00)
                    i += 6
                }
                guard let character = Unicode.Scalar(scalar) else { return nil }
                units.append(contentsOf: String(Character(character)).utf8)
            default: units.append(escape)
            }
        }
        return String(validating: units, as: UTF8.self)
    }
}

/// Walks JSON. `value` checks every byte; `skip` is for text that was checked before.
private struct Checker {
    let bytes: UnsafeRawBufferPointer
    var at: Int

    init(_ bytes: UnsafeRawBufferPointer, at: Int = 0) {
        self.bytes = bytes
        self.at = at
    }

    /// 0 at the end.
    var peek: UInt8 { at < bytes.count ? bytes[at] : 0 }

    mutating func space() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 }
    }

    mutating func word(_ text: StaticString) -> Bool {
        guard at + text.utf8CodeUnitCount <= bytes.count else { return false }
        for i in 0..<text.utf8CodeUnitCount where bytes[at + i] != text.utf8Start[i] { return false }
        at += text.utf8CodeUnitCount
        return true
    }

    mutating func value(depth: Int) -> Bool {
        guard depth < 64 else { return false }
        switch peek {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return word("true")
        case UInt8(ascii: "f"): return word("false")
        case UInt8(ascii: "n"): return word("null")
        case UInt8(ascii: "N"): return word("NaN")
        case UInt8(ascii: "I"): return word("Infinity")
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> Bool {
        at += 1
        space()
        if peek == UInt8(ascii: "}") {
            at += 1
            return true
        }
        var keys: Set<[UInt8]> = []
        while true {
            space()
            let begin = at
            guard peek == UInt8(ascii: "\""), string(), keys.insert(Array(bytes[begin..<at])).inserted else { return false }
            space()
            guard peek == UInt8(ascii: ":") else { return false }
            at += 1
            space()
            guard value(depth: depth + 1) else { return false }
            space()
            let end = peek
            at += 1
            if end == UInt8(ascii: "}") { return true }
            guard end == UInt8(ascii: ",") else { return false }
        }
    }

    private mutating func array(depth: Int) -> Bool {
        at += 1
        space()
        if peek == UInt8(ascii: "]") {
            at += 1
            return true
        }
        while true {
            space()
            guard value(depth: depth + 1) else { return false }
            space()
            let end = peek
            at += 1
            if end == UInt8(ascii: "]") { return true }
            guard end == UInt8(ascii: ",") else { return false }
        }
    }

    mutating func string() -> Bool {
        at += 1
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte < 0x20 { return false }
            guard byte == UInt8(ascii: "\\") else { continue }
            let escape = peek
            at += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
                UInt8(ascii: "r"), UInt8(ascii: "t"):
                continue
            case UInt8(ascii: "u"):
                for _ in 0..<4 {
                    switch peek {
                    case 48...57, 65...70, 97...102: at += 1
                    default: return false
                    }
                }
            default: return false
            }
        }
        return false
    }

    private mutating func number() -> Bool {
        if peek == UInt8(ascii: "-") {
            at += 1
            if peek == UInt8(ascii: "I") { return word("Infinity") }
        }
        let begin = at
        guard digits(), at == begin + 1 || bytes[begin] != UInt8(ascii: "0") else { return false }
        if peek == UInt8(ascii: ".") {
            at += 1
            guard digits() else { return false }
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            at += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
            guard digits() else { return false }
        }
        return true
    }

    private mutating func digits() -> Bool {
        let begin = at
        while (48...57).contains(peek) { at += 1 }
        return at > begin
    }

    /// Steps over a value that `value` found well-formed.
    mutating func skip() {
        switch peek {
        case UInt8(ascii: "\""): _ = string()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            var depth = 0
            repeat {
                switch bytes[at] {
                case UInt8(ascii: "\""):
                    _ = string()
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                default: break
                }
                at += 1
            } while depth > 0
        default:
            loop: while at < bytes.count {
                switch bytes[at] {
                case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x0A, 0x0D, 0x09: break loop
                default: at += 1
                }
            }
        }
    }
}
