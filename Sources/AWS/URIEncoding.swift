/// Percent-encoding as AWS signs it: everything but the unreserved letters of RFC 3986 (section 2.3), in capitals.
public enum URIEncoding {
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || [45, 46, 95, 126].contains(byte)
    }

    /// One component: of a query, or of a path where `keepsSlashes`.
    public static func encode(_ text: some Sequence<UInt8>, keepsSlashes: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text {
            if isUnreserved(byte) || (keepsSlashes && byte == UInt8(ascii: "/")) {
                out.append(byte)
            } else {
                out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// `name=value&…`, in the order given.
    public static func query(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { "\(encode($0.name.utf8))=\(encode($0.value.utf8))" }.joined(separator: "&")
    }

    /// nil where a percent sign is not followed by two digits, or the bytes are not UTF-8.
    public static func decode(_ text: String) -> String? {
        var out: [UInt8] = []
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            guard let high = bytes.next().flatMap(digit), let low = bytes.next().flatMap(digit) else { return nil }
            out.append(high << 4 | low)
        }
        return String(validating: out, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
