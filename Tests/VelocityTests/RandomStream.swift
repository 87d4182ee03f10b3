@testable import Velocity

/// Something that a stream does to the state.
enum Step {
    case event(Event)
    case label(Label)
    case raise(event: Int64, memory: Int64)
}

/// A seeded stream of events and labels that likes edges: ties, window ends to the millisecond, late and too late events, repeats, conflicts,
/// zero and huge amounts, hot and rare ids, self-transfers, labels in any order, jumps past the retention.
struct RandomStream {
    var random: Random
    let configuration: VelocityConfiguration
    let length: Int
    private let accounts: Int
    private let others: Int
    private let step: Int64
    private let lateShare: Int
    private var now: Int64
    private var history: [Event] = []
    private var nextID: UInt64 = 1

    init(seed: Int, length: Int? = nil) {
        var r = Random(seed: seed)
        let hour: Int64 = 3_600_000
        let windows = r.pick([
            [hour, 24 * hour, 7 * 24 * hour], [hour, 24 * hour, 7 * 24 * hour], [1000], [1000, 2000, 3000, 5000, 8000, 13000, 21000, 34000],
            [60_000, 3_600_000], [90 * 24 * hour], [5000, 7000, 11000],
        ])
        let longest = windows.last!
        let lateness = r.pick([0, longest / 7, longest / 7, longest / 7 + 3, longest * 2, 1])
        let pairs = r.pick([0, longest * 2, longest * 5, 90 * 24 * hour])
        configuration = VelocityConfiguration(
            windows: windows, allowedLateness: lateness,
            accountRetention: r.pick([longest * 3, longest * 10, longest / 2 + 1, 400 * 24 * hour]), pairRetention: pairs,
            feedbackDelay: r.pick([0, 1, longest / 2, longest, longest, longest * 2 + 5]), feedbackEnabled: !r.oneIn(8))
        self.length = length ?? (r.oneIn(12) ? 900 : 80 + r.below(240))
        accounts = r.pick([1, 2, 3, 5, 12, 40])
        others = r.pick([1, 2, 4, 9, 30, 300])
        // From a stream that never expires anything to one whose windows hold a handful.
        step = max(1, r.pick([longest / 10, longest / 50, longest / 200, longest / 1000, 2]))
        lateShare = r.pick([0, 20, 8, 3])
        now = 1_700_000_000_000 + r.below(1000)
        random = r
    }

    private mutating func id(_ kind: UInt64, _ count: Int) -> UInt64 {
        if random.oneIn(7) { return 0 }
        var i = random.below(count)
        if random.oneIn(2) { i = random.below(i + 1) }
        return Self.key(kind, UInt64(i))
    }

    static func key(_ kind: UInt64, _ index: UInt64) -> UInt64 {
        var z = (kind << 40 | (index + 1)) &* 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        return (z ^ (z >> 27)) | 1
    }

    private mutating func time() -> Int64 {
        let longest = configuration.windows.last!
        switch random.below(40) {
        case 0: now += longest / 3
        case 1 where random.oneIn(6): now += longest + configuration.allowedLateness + random.below(3) - 1
        case 2 where random.oneIn(10): now += configuration.pairRetention + random.below(longest)
        case 3..<10: break
        case 10..<14:
            // An edge of a window, of the retention, or of the delayed windows, of something that is there.
            if let e = history.randomElementBySeed(&random) {
                let edges = configuration.windows + [
                    longest + configuration.allowedLateness, configuration.allowedLateness, configuration.feedbackDelay,
                    configuration.feedbackDelay + longest, configuration.accountRetention, configuration.pairRetention,
                    longest + configuration.allowedLateness + configuration.feedbackDelay,
                ]
                let t = e.time + random.pick(edges) + random.below(3) - 1
                if t > now, t - now < longest * 2 { now = t } else if t <= now { return t }
            }
        default: now += random.below(2 * step + 1)
        }
        if lateShare > 0, random.oneIn(lateShare) {
            switch random.below(5) {
            case 0: return now - random.below(longest + configuration.allowedLateness + configuration.feedbackDelay + 10)
            case 1: if let e = history.randomElementBySeed(&random) { return e.time }
            default: return now - random.below(max(1, min(configuration.allowedLateness, step * 30)) + 2)
            }
        }
        return now
    }

    mutating func next() -> Step {
        if random.oneIn(150) {
            let span = configuration.windows.last! + configuration.allowedLateness
            return .raise(
                event: random.oneIn(2) ? now - random.below(span) : Int64.min, memory: now - random.below(span * 2))
        }
        if random.oneIn(9) { return .label(label()) }
        var e = Event()
        if !history.isEmpty, random.oneIn(14) {
            // A repeat: sometimes changed, sometimes long after its first.
            e = history.randomElementBySeed(&random)!
            switch random.below(6) {
            case 0: e.amount += 1
            case 1: e.time = time()
            case 2: e.isDebit.toggle()
            case 3: e.counterparty = id(1, accounts)
            default: break
            }
            e.time = max(e.time, 100_000_000_000)
            return .event(e)
        }
        e.time = time()
        switch random.below(12) {
        case 0: e.amount = 0
        case 1: e.amount = 99_999_999_999_999
        case 2: e.amount = random.below(100_000_000_000_000)
        case 3: e.amount = 1 << random.below(47)
        case 4: e.amount = 16_777_215 + random.below(Int64(3)) - 1
        case 5..<8: e.amount = 500
        default: e.amount = random.below(100_000)
        }
        e.account = Self.key(1, UInt64(random.below(random.oneIn(2) ? accounts : 1)))
        e.transaction = Self.key(9, nextID)
        nextID += 1
        e.isDebit = !random.oneIn(6)
        e.counterparty = random.oneIn(20) ? e.account : id(1, random.oneIn(3) ? accounts : accounts + others)
        e.merchant = id(2, others)
        e.card = id(3, accounts)
        e.device = id(4, others)
        e.ip = id(5, 3)
        e.country = random.oneIn(30) ? Self.key(6, UInt64(random.below(600))) : id(6, 5)
        e.partition = Int32(random.below(3))
        e.offset = Int64(nextID)
        history.append(e)
        if history.count > 200 { history.remove(at: random.below(100)) }
        return .event(e)
    }

    private mutating func label() -> Label {
        var l = Label()
        if let e = history.randomElementBySeed(&random) {
            l.account = e.account
            l.transaction = e.transaction
            l.merchant = e.merchant
            l.transactionTime = e.time
        }
        switch random.below(14) {
        case 0: l.account = Self.key(1, 3)
        case 1: l.transaction ^= 2
        case 2: l.merchant = Self.key(2, 1)
        case 3: l.transactionTime += 1
        case 4, 5:
            // Of the transaction that comes next, when the guess is good.
            l.transaction = Self.key(9, nextID)
            l.transactionTime = now
        default: break
        }
        l.labelTime = now + random.below(Int64(4))
        l.isFraud = !random.oneIn(3)
        return l
    }
}

extension Array {
    func randomElementBySeed(_ random: inout Random) -> Element? { isEmpty ? nil : self[random.below(count)] }
}
