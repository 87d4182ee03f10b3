/// Base64 (RFC 4648): the alphabet with `+/` and padding, and the one for URLs without.
public enum Base64 {
    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let forURLs = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// 255: no letter of it.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, letter) in standard.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    public static func encode(_ bytes: [UInt8]) -> String { encode(bytes, standard, pads: true) }

    /// Section 5 of the RFC, without padding.
    public static func encodeForURL(_ bytes: [UInt8]) -> String { encode(bytes, forURLs, pads: false) }

    private static func encode(_ bytes: [UInt8], _ letters: [UInt8], pads: Bool) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in group { bits = bits << 8 | UInt32(byte) }
            bits <<= UInt32(8 * (3 - group.count))
            for index in 0...group.count { out.append(letters[Int(bits >> UInt32(18 - 6 * index) & 63)]) }
            if pads { for _ in group.count..<3 { out.append(UInt8(ascii: "=")) } }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// nil for what is not padded base64 of the standard alphabet to the letter: white space, missing padding and stray bits too.
    ///
    /// - Complexity: O(*n*)
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(text.count / 4 * 3)
        var (bits, count, padding): (UInt32, Int, Int) = (0, 0, 0)
        for letter in text {
            if letter == UInt8(ascii: "=") {
                padding += 1
                bits <<= 6
            } else {
                let value = values[Int(letter)]
                guard value != 255, padding == 0 else { return nil }
                bits = bits << 6 | UInt32(value)
            }
            count += 1
            guard count == 4 else { continue }
            guard padding <= 2, padding == 0 || bits & (padding == 1 ? 0xFF : 0xFFFF) == 0 else { return nil }
            for index in 0..<3 - padding { out.append(UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * index))) }
            (bits, count) = (0, 0)
        }
        return out
    }
}
