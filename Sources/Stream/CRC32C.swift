import Scoring

/// The Castagnoli checksum (RFC 3720, appendix B.4): tells whether a record is the one that was once applied.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        var value = UInt32(index)
        for _ in 0..<8 { value = value & 1 == 1 ? 0x82F6_3B78 ^ (value >> 1) : value >> 1 }
        return value
    }

    static func update(_ crc: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = ~crc
        for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ (crc >> 8) }
        return ~crc
    }

    /// Of a record's key and value, never 0 so that 0 can say "none".
    static func of(_ record: Record) -> UInt32 {
        var crc: UInt32 = 0
        if let key = record.key { crc = update(crc, key) }
        if let value = record.value { crc = update(crc, value) }
        return crc == 0 ? 1 : crc
    }
}
