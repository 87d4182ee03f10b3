/// Tells bytes that were changed or lost on their way: for snapshots, where nobody means harm.
public enum Checksum {
    /// Four sums over words, each step of which can be undone: no single change of a word leaves the sum as it was.
    public static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        let prime: UInt64 = 0x9e37_79b9_7f4a_7c15
        var a = seed &+ prime
        var b = seed ^ 0xd6e8_feb8_6659_fd93
        var c = seed &- prime
        var d = ~seed
        var i = 0
        let count = bytes.count
        guard let p = bytes.baseAddress else { return Mix.mixed(a ^ b) }
        @inline(__always) func word(_ i: Int) -> UInt64 { UInt64(littleEndian: (p + i).loadUnaligned(as: UInt64.self)) }
        @inline(__always) func step(_ h: inout UInt64, _ w: UInt64) {
            h = (h ^ w) &* prime
            h = h << 29 | h >> 35
        }
        while i + 32 <= count {
            step(&a, word(i))
            step(&b, word(i + 8))
            step(&c, word(i + 16))
            step(&d, word(i + 24))
            i += 32
        }
        while i + 8 <= count {
            step(&a, word(i))
            i += 8
        }
        while i < count {
            step(&b, UInt64(p.load(fromByteOffset: i, as: UInt8.self)))
            i += 1
        }
        return Mix.mixed(Mix.mixed(Mix.mixed(Mix.mixed(a) &+ b) &+ c) &+ d ^ UInt64(count))
    }
}
