/// 64-bit keys of entity ids: SipHash-2-4 under a fixed, public key.
///
/// The seed is fixed because the state is a function of the log alone: two instances, and the same one after a restart, must give an id the same key.
/// `docs/decisions/0014-entity-keys.md` says what this means for collisions and for ids chosen by an adversary.
/// Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012.
public enum EntityKey {
    /// The key of an id's bytes; never 0, which says "not named".
    ///
    /// - Complexity: O(bytes); about 20 ns for 16 bytes.
    @inlinable
    public static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        // "weirweirweirweir", xored with the constants of the paper ("somepseudorandomlygeneratedbytes").
        var v0: UInt64 = 0x7269_6577_7269_6577 ^ 0x736f_6d65_7073_6575
        var v1: UInt64 = 0x7269_6577_7269_6577 ^ 0x646f_7261_6e64_6f6d
        var v2: UInt64 = 0x7269_6577_7269_6577 ^ 0x6c79_6765_6e65_7261
        var v3: UInt64 = 0x7269_6577_7269_6577 ^ 0x7465_6462_7974_6573

        @inline(__always) func round() {
            v0 &+= v1
            v1 = (v1 << 13) | (v1 >> 51)
            v1 ^= v0
            v0 = (v0 << 32) | (v0 >> 32)
            v2 &+= v3
            v3 = (v3 << 16) | (v3 >> 48)
            v3 ^= v2
            v0 &+= v3
            v3 = (v3 << 21) | (v3 >> 43)
            v3 ^= v0
            v2 &+= v1
            v1 = (v1 << 17) | (v1 >> 47)
            v1 ^= v2
            v2 = (v2 << 32) | (v2 >> 32)
        }

        let count = bytes.count
        let raw = UnsafeRawPointer(bytes.baseAddress)
        var i = 0
        while i + 8 <= count {
            let word = UInt64(littleEndian: raw.unsafelyUnwrapped.loadUnaligned(fromByteOffset: i, as: UInt64.self))
            v3 ^= word
            round()
            round()
            v0 ^= word
            i += 8
        }
        var last = UInt64(truncatingIfNeeded: count) << 56
        var shift: UInt64 = 0
        while i < count {
            last |= UInt64(bytes[i]) << shift
            shift += 8
            i += 1
        }
        v3 ^= last
        round()
        round()
        v0 ^= last
        v2 ^= 0xff
        round()
        round()
        round()
        round()
        let key = v0 ^ v1 ^ v2 ^ v3
        return key == 0 ? 1 : key
    }
}
