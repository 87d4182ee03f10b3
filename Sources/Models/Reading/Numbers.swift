/// Decimals of model files, each to the nearest binary number, as both libraries read them.
enum Numbers {
    /// - Parameter text: a decimal, `inf`, `infinity` or `nan` with an optional sign (any case), and nothing else.
    static func double(_ text: Slice<UnsafeRawBufferPointer>) -> Double? {
        isDecimal(text) ? Double(String(decoding: text, as: UTF8.self)) : nil
    }

    /// The nearest single: rounded once, from the decimal.
    static func single(_ text: Slice<UnsafeRawBufferPointer>) -> Float? {
        isDecimal(text) ? Float(String(decoding: text, as: UTF8.self)) : nil
    }

    static func integer(_ text: Slice<UnsafeRawBufferPointer>) -> Int64? {
        var negative = false
        var value: Int64 = 0
        var rest = text[...]
        if rest.first == UInt8(ascii: "-") {
            negative = true
            rest = rest.dropFirst()
        }
        guard !rest.isEmpty, rest.count <= 18 else { return nil }
        for byte in rest {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 48)
        }
        return negative ? -value : value
    }

    /// Swift reads hexadecimal too, and that is not in any model file.
    private static func isDecimal(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard !text.isEmpty, text.count <= 512 else { return false }
        for byte in text {
            switch byte {
            case 48...57, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): continue
            case UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "p"), UInt8(ascii: "P"): return false
            case 65...90, 97...122: continue
            default: return false
            }
        }
        return true
    }
}
