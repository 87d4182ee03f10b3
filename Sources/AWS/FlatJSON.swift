/// The texts of one flat JSON object (RFC 8259), as credential endpoints answer: `{"AccessKeyId": "…", …}`. What is nested is refused; numbers, booleans and null are left out.
enum FlatJSON {
    static func texts(_ bytes: [UInt8]) -> [String: String]? {
        var parser = Parser(bytes: bytes)
        return parser.object()
    }

    private struct Parser {
        let bytes: [UInt8]
        var at = 0

        mutating func take(_ byte: Character) -> Bool {
            while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
            guard at < bytes.count, bytes[at] == byte.asciiValue else { return false }
            at += 1
            return true
        }

        mutating func object() -> [String: String]? {
            var texts: [String: String] = [:]
            guard take("{") else { return nil }
            if take("}") { return texts }
            repeat {
                guard take("\""), let name = text(), take(":") else { return nil }
                if take("\"") {
                    guard let value = text() else { return nil }
                    texts[name] = value
                } else {
                    guard word() else { return nil }
                }
            } while take(",")
            return take("}") ? texts : nil
        }

        /// A number, `true`, `false` or `null`: not looked at closely.
        private mutating func word() -> Bool {
            let start = at
            while at < bytes.count, bytes[at].isWordByte { at += 1 }
            return at > start
        }

        /// What follows an opening quote, up to its end.
        private mutating func text() -> String? {
            var out: [UInt8] = []
            while at < bytes.count {
                let byte = bytes[at]
                at += 1
                if byte == UInt8(ascii: "\"") { return String(validating: out, as: UTF8.self) }
                guard byte == UInt8(ascii: "\\") else {
                    if byte < 0x20 { return nil }
                    out.append(byte)
                    continue
                }
                guard at < bytes.count, let scalar = escaped() else { return nil }
                out += Array(String(Character(scalar)).utf8)
            }
            return nil
        }

        private mutating func escaped() -> Unicode.Scalar? {
            let letter = bytes[at]
            at += 1
            switch letter {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{C}"
            case UInt8(ascii: "u"):
                // No credential holds a letter beyond the basic plane: lone surrogates are refused.
                guard at + 4 <= bytes.count, let value = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16) else { return nil }
                at += 4
                return Unicode.Scalar(value)
            default: return nil
            }
        }
    }
}

extension UInt8 {
    fileprivate var isWordByte: Bool { (48...57).contains(self) || (97...122).contains(self) || [43, 45, 46, 69].contains(self) }
}
