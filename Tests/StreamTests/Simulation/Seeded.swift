/// A seeded generator (SplitMix64): the same seed gives the same run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A bool that is true with probability `p`.
    mutating func chance(_ p: Double) -> Bool { p > 0 && Double(next() >> 11) * 0x1p-53 < p }
    mutating func from(_ range: Range<Int64>) -> Int64 {
        range.lowerBound &+ Int64(truncatingIfNeeded: next() % UInt64(truncatingIfNeeded: range.upperBound &- range.lowerBound))
    }
    mutating func one<T>(of values: [T]) -> T { values[Int(next() % UInt64(values.count))] }
}
