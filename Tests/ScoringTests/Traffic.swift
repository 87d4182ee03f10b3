/// SplitMix64: random numbers that a seed gives again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Random transactions of few accounts and entities, with ties, late ones, repeats and conflicts.
struct Traffic {
    private var random: SplitMix
    private var past: [Tx] = []
    private var time = noon

    init(seed: UInt64) { random = SplitMix(state: seed) }

    func transactions(_ count: Int) -> [Tx] {
        var copy = self
        return (0..<count).map { copy.transaction($0) }
    }

    private mutating func transaction(_ i: Int) -> Tx {
        if !past.isEmpty, Int.random(in: 0..<20, using: &random) == 0 {
            var again = past.randomElement(using: &random)!
            if Bool.random(using: &random) { again.amount = "3.33" }
            return again
        }
        time += [0, 0, 1, 1_000, 60_000, 3_600_000].randomElement(using: &random)!
        let isLate = Int.random(in: 0..<10, using: &random) == 0
        var tx = Tx("t\(i)", "A\(Int.random(in: 0..<6, using: &random))", at: isLate ? time - Int64.random(in: 0...9 * day, using: &random) : time)
        tx.amount = ["0", "0.01", "9.99", "250", "1200.5", "12000", "99999999999.99"].randomElement(using: &random)!
        tx.fields["type"] = ["purchase", "transfer", "cash_in", "cash_out", "payment", "refund"].randomElement(using: &random)!
        let named: [(String, [String])] = [
            ("merchant_id", ["M1", "M2", "M3"]), ("counterparty_id", ["A1", "A2", "X"]), ("card_id", ["C1", "C2"]), ("device_id", ["D1", "D2", "D3"]),
            ("ip", ["10.0.0.1", "10.0.0.2"]), ("country", ["US", "GB"]), ("counterparty_country", ["US", "FR"]),
            ("channel", ["online", "pos", "atm", "mobile", "branch", "fax"]),
        ]
        for (field, values) in named where Bool.random(using: &random) { tx.fields[field] = values.randomElement(using: &random)! }
        past.append(tx)
        return tx
    }
}
