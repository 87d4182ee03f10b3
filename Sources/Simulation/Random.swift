/// A seeded stream of random numbers: xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64.
///
/// The same seed gives the same numbers on every machine. Everything below is built on integers and on the IEEE operations
/// `+ - * /` and square root, never on libm, whose logarithms differ between processors and releases.
struct Random {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64
    private var spareNormal: Double?

    /// - Parameter stream: streams of one seed are independent of each other, so that drawing more from one leaves the others alone.
    init(seed: UInt64, stream: UInt64) {
        var state = Random.mix(seed &+ 0x9E37_79B9_7F4A_7C15 &* (stream &+ 1))
        func word() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            return Random.mix(state)
        }
        s0 = word()
        s1 = word()
        s2 = word()
        s3 = word()
    }

    /// The finaliser of splitmix64: a bijection of 64 bits in which every input bit moves every output bit.
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func next() -> UInt64 {
        let product = s1 &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = (s3 << 45) | (s3 >> 19)
        return result
    }

    /// Uniform in [0, 1).
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in `0..<bound`; `bound` is at least 1. Biased by less than bound / 2^64.
    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    mutating func whole(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    mutating func within(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + unit() * (range.upperBound - range.lowerBound)
    }

    /// True with the given probability.
    mutating func chance(_ probability: Double) -> Bool { unit() < probability }

    /// Exponential with mean 1.
    mutating func exponential() -> Double { -Elementary.logarithm(1 - unit()) }

    /// Standard normal, by Marsaglia's polar method.
    mutating func normal() -> Double {
        if let spare = spareNormal {
            spareNormal = nil
            return spare
        }
        while true {
            let x = 2 * unit() - 1
            let y = 2 * unit() - 1
            let square = x * x + y * y
            if square >= 1 || square == 0 { continue }
            let factor = (-2 * Elementary.logarithm(square) / square).squareRoot()
            spareNormal = y * factor
            return x * factor
        }
    }

    /// Log-normal with median 1: e to the power of a normal of this deviation.
    mutating func spread(_ deviation: Double) -> Double { Elementary.exponential(deviation * normal()) }

    /// A rank in `0..<count` with a probability falling as 1/rank (Zipf's law, in its continuous form).
    mutating func zipf(_ count: Int) -> Int {
        let drawn = Int(Elementary.exponential(unit() * Elementary.logarithm(Double(count) + 1))) - 1
        return min(max(drawn, 0), count - 1)
    }

    /// An index into `weights`, with a probability in proportion to its weight. - Complexity: O(weights)
    mutating func pick(_ weights: [Double]) -> Int {
        var total = 0.0
        for weight in weights { total += weight }
        var left = unit() * total
        for index in weights.indices {
            left -= weights[index]
            if left < 0 { return index }
        }
        return weights.count - 1
    }
}

/// Exponential and logarithm made of IEEE operations alone, so that they have the same bits everywhere.
enum Elementary {
    private static let ln2High = 0x1.62e42fee00000p-1
    private static let ln2Low = 0x1.a39ef35793c76p-33

    /// e^x for |x| ≤ 700, to about 1e-15 relative: range reduction by powers of two, then the Taylor series.
    static func exponential(_ x: Double) -> Double {
        let scaled = x * 1.4426950408889634
        let power = Int(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
        let rest = (x - Double(power) * ln2High) - Double(power) * ln2Low
        var sum = 1.0
        var step = 13.0
        while step >= 1 {
            sum = 1 + sum * rest / step
            step -= 1
        }
        return sum * Double(sign: .plus, exponent: power, significand: 1)
    }

    /// The natural logarithm of a positive, normal number, to about 1e-14: the series of 2·artanh((m − 1)/(m + 1)).
    static func logarithm(_ x: Double) -> Double {
        var exponent = Double(x.exponent)
        var mantissa = x.significand
        if mantissa > 1.4142135623730951 {
            mantissa *= 0.5
            exponent += 1
        }
        let ratio = (mantissa - 1) / (mantissa + 1)
        let square = ratio * ratio
        var sum = 0.0
        var odd = 17.0
        while odd >= 1 {
            sum = sum * square + 1 / odd
            odd -= 2
        }
        return 2 * ratio * sum + exponent * ln2Low + exponent * ln2High
    }
}
