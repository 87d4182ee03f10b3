/// The hash by which Java's producers choose a partition (`org.apache.kafka.common.utils.Utils.murmur2`, after Austin Appleby's MurmurHash2 with the
/// seed 0x9747b28c).
public enum Murmur2 {
    /// - Complexity: O(*n*).
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let m: UInt32 = 0x5bd1_e995
        var h: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
        var at = 0
        while at + 4 <= bytes.count {
            var k = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            k &*= m
            k ^= k >> 24
            k &*= m
            h &*= m
            h ^= k
            at += 4
        }
        let rest = bytes.count - at
        if rest > 0 {
            for i in 0..<rest { h ^= UInt32(bytes[at + i]) << (8 * UInt32(i)) }
            h &*= m
        }
        h ^= h >> 13
        h &*= m
        h ^= h >> 15
        return h
    }

    /// The partition of `count` (≥ 1) that Java's default partitioner gives to a record with this key: the hash's lower 31 bits modulo `count`.
    public static func partition(_ key: UnsafeRawBufferPointer, _ count: Int32) -> Int32 {
        precondition(count > 0, "a topic has at least one partition")
        return Int32(hash(key) & 0x7fff_ffff) % count
    }
}
