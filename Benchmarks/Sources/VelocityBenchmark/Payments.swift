import Glibc
import Velocity

/// The traffic of the C++ prototype, number for number: 1 M accounts (Zipf 1.0, one of them has 7 % of the traffic), 100 k merchants (Zipf 0.7), 500 k devices,
/// 200 k addresses, a card an account, counterparties at random; amounts log-normal.
struct Payments {
    private var state: UInt64 = 42
    private let accounts: Zipf
    private let merchants: Zipf
    private var now = 1000.0
    private let step: Double
    private let late: Double
    private let hasAllKinds: Bool
    private let origin: Int64 = 1_795_521_600_000
    private var number: Int64 = 0

    /// - Parameters:
    ///   - perWeek: transactions in seven days of event time.
    ///   - late: share of those that are late by up to a day.
    init(perWeek: Int, late: Double, hasAllKinds: Bool) {
        accounts = Zipf(1_000_000, 1.0)
        merchants = Zipf(100_000, 0.7)
        step = 604_800_000.0 / Double(perWeek)
        self.late = late
        self.hasAllKinds = hasAllKinds
    }

    private mutating func random() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mixed(state)
    }

    private static func mixed(_ x: UInt64) -> UInt64 {
        var z = (x ^ (x >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    private static func key(_ kind: UInt64, _ index: UInt64) -> UInt64 { mixed((kind << 40 | (index + 1)) &* 0x9e37_79b9_7f4a_7c15) | 1 }

    private mutating func unit() -> Double { Double(random() >> 11) * 0x1p-53 }

    mutating func next() -> Event {
        var e = Event()
        now += step * 2 * unit()
        e.time = origin + Int64(now)
        if late > 0, unit() < late { e.time -= min(Int64(now) - 1, Int64(random() % 86_400_000)) }
        let account = UInt64(accounts.pick(random()))
        e.account = Self.key(1, account)
        e.merchant = Self.key(2, UInt64(merchants.pick(random())))
        e.device = Self.key(3, random() % 500_000)
        if hasAllKinds {
            e.counterparty = Self.key(1, random() % 1_000_000)
            e.card = Self.key(4, account)
            e.ip = Self.key(5, random() % 200_000)
        }
        e.country = Self.key(6, random() % 10 < 8 ? 0 : random() % 40)
        e.transaction = random()
        let r = random()
        let sum = Double(r & 0xffff) + Double(r >> 16 & 0xffff) + Double(r >> 32 & 0xffff)
        e.amount = Int64(exp(4.0 + (sum / 65536.0 - 1.5) * 4 + 4))
        e.offset = number
        number += 1
        return e
    }
}

/// Zipf's law by Walker's aliases.
struct Zipf {
    private var alias: [UInt32]
    private var share: [Float]

    init(_ n: Int, _ s: Double) {
        alias = Array(0..<UInt32(n))
        share = Array(repeating: 1, count: n)
        var p = (0..<n).map { pow(Double($0 + 1), -s) }
        let total = p.reduce(0, +)
        var low: [Int] = []
        var high: [Int] = []
        for i in 0..<n {
            p[i] *= Double(n) / total
            if p[i] < 1 { low.append(i) } else { high.append(i) }
        }
        while let l = low.last, let h = high.last {
            low.removeLast()
            share[l] = Float(p[l])
            alias[l] = UInt32(h)
            p[h] -= 1 - p[l]
            if p[h] < 1 {
                high.removeLast()
                low.append(h)
            }
        }
    }

    func pick(_ r: UInt64) -> UInt32 {
        let i = Int(((r >> 32) &* UInt64(alias.count)) >> 32)
        return Float(r & 0xff_ffff) / 16_777_216 < share[i] ? UInt32(i) : alias[i]
    }
}
