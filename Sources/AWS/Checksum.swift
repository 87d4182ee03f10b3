import HTTP

/// A checksum that S3 keeps beside an object, and sends where it is asked to (`x-amz-checksum-mode`): of the whole object alone; one that was put together of parts' sums (`…-12`) says nothing that can
/// be checked here.
struct Checksum {
    private enum Kind: CaseIterable {
        case sha256, sha1, crc64nvme, crc32c, crc32

        var header: String {
            switch self {
            case .sha256: "x-amz-checksum-sha256"
            case .sha1: "x-amz-checksum-sha1"
            case .crc64nvme: "x-amz-checksum-crc64nvme"
            case .crc32c: "x-amz-checksum-crc32c"
            case .crc32: "x-amz-checksum-crc32"
            }
        }
    }

    private let kind: Kind
    private let expected: String
    private var crc: CRC?
    private var digest: MessageDigest?

    /// The strongest that the answer has; nil where it has none.
    init?(_ answer: Answer) {
        for kind in Kind.allCases {
            guard let value = answer.header(kind.header), !value.contains("-") else { continue }
            self.kind = kind
            expected = value
            switch kind {
            case .sha256: digest = MessageDigest(.sha256)
            case .sha1: digest = MessageDigest(.sha1)
            case .crc64nvme: crc = CRC(.nvme64)
            case .crc32c: crc = CRC(.castagnoli)
            case .crc32: crc = CRC(.ieee)
            }
            return
        }
        return nil
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        crc?.update(bytes)
        digest?.update(bytes)
    }

    /// nil: it is right. Else which one is not. Once, at the end.
    func problem() -> String? {
        let bytes = crc?.bytes ?? digest!.finish()
        return Base64.encode(bytes) == expected ? nil : kind.header
    }
}

/// A reflected cyclic redundancy check of 32 or 64 bits, a table of 256 entries.
struct CRC {
    struct Polynomial {
        /// Reflected.
        var bits: UInt64
        var width: Int
        static let ieee = Polynomial(bits: 0xEDB8_8320, width: 32)
        static let castagnoli = Polynomial(bits: 0x82F6_3B78, width: 32)
        static let nvme64 = Polynomial(bits: 0x9A6C_9329_AC4B_C9B5, width: 64)
    }

    private let width: Int
    private let table: [UInt64]
    private var value: UInt64

    init(_ polynomial: Polynomial) {
        width = polynomial.width
        table = (0..<256).map { index in
            (0..<8).reduce(UInt64(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ polynomial.bits : value >> 1 }
        }
        value = polynomial.width == 64 ? .max : UInt64(UInt32.max)
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var value = value
        table.withUnsafeBufferPointer { table in for byte in bytes { value = table[Int((value ^ UInt64(byte)) & 255)] ^ value >> 8 } }
        self.value = value
    }

    /// Big-endian.
    var bytes: [UInt8] {
        let final = ~value
        return stride(from: width - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: final >> UInt64($0)) }
    }
}
