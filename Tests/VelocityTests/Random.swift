import Foundation

/// SplitMix64: the same numbers for a seed on every machine.
struct Random {
    private var state: UInt64

    init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x2545_f491_4f6c_dd1d &+ 0x9e37 }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// 0 ..< n.
    mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
    mutating func below(_ n: Int64) -> Int64 { Int64(next() % UInt64(n)) }
    /// True once in n.
    mutating func oneIn(_ n: Int) -> Bool { below(n) == 0 }
    mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }

    mutating func shuffle<T>(_ values: inout [T]) {
        var i = values.count - 1
        while i > 0 {
            values.swapAt(i, below(i + 1))
            i -= 1
        }
    }
}

/// Which seeds a test runs: `WEIR_SEEDS` says how many (10,000 is the full size), `WEIR_FIRST_SEED` where they begin.
enum Seeds {
    static func range(_ usual: Int) -> Range<Int> {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["WEIR_FIRST_SEED"].flatMap(Int.init) ?? 0
        #if DEBUG
            let count = environment["WEIR_SEEDS"].flatMap(Int.init) ?? max(1, usual / 20)
        #else
            let count = environment["WEIR_SEEDS"].flatMap(Int.init) ?? usual
        #endif
        return first..<(first + count)
    }
}
