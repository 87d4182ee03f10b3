import Scoring
import Velocity

@testable import Stream

/// What a seed decides before anything runs: how large the world is, what flows through it, and what befalls it.
struct FaultPlan {
    enum Fault: CaseIterable {
        /// kill -9, at whatever call it is.
        case kill
        /// SIGSTOP, and SIGCONT after 30 ms to 25 s.
        case pause
        /// SIGTERM.
        case stop
        /// One process does not reach the broker.
        case cutOff
        /// No process does.
        case brokerAway
        /// Every call takes longer, for a while.
        case slow
        /// Somebody takes the transactional id and dies.
        case ghost
        /// The coordinator ends the open transaction.
        case expire
        /// All are killed at once.
        case blackout
        /// A producer breaks at its first call, again and again.
        case sick
        /// The queries that prove the journal readable fail.
        case doubt
        /// The group's offsets are lost, or set to something else.
        case offsets
        /// One process does not hear the journal, whose broker does not answer it; all else goes on.
        case deaf
        /// The journal is deleted, and made anew at once or after a while; or its head is deleted.
        case journal
        /// The newest snapshot of a process is truncated, flipped, emptied or doubled.
        case damage
    }

    static let traffic: Int64 = 20_000
    /// Aborts and unknown results go on for so long behind the other faults.
    static let quietAfter: Int64 = 24_000
    /// By then all must be answered.
    static let patience: Int64 = 900_000

    var partitions: Int32
    var feedback: Int32
    var slots: Int
    var records: Int
    /// How many partitions are added, each in mid-stream.
    var growths: Int
    var faults: Int
    var markerDelay: Int64
    var abortChance: Double
    var unknownChance: Double
    var lateChance: Double
    var transactionTimeout: Int64
    var leaderTimeout: Int64
    var commitInterval: Int64
    var fullInterval: Int64
    var bounds = StreamBounds()
    /// Instances have different thresholds and another clock skew.
    var isMixed: Bool
    /// The group begins behind what is there already.
    var startsNow: Bool
    /// At the end one follower's state is changed.
    var turnsOver: Bool
    var largestVerdict: Int
    /// Producers set the record time.
    var isCreateTime: Bool
    /// Other producers write with transactions, some of which are aborted.
    var hasForeignTransactions: Bool
    /// Between two snapshots; nil: none are written.
    var snapshotInterval: Int64?
    /// How likely the disk takes a piece when it is asked.
    var snapshotPace: Double
    /// Nothing befalls it that may end a leader's term.
    var isCalm: Bool
    /// The journal may be lost; then the group's offsets are not.
    var losesJournal: Bool
    /// What states may hold, bytes: with little, leaders give history up.
    var stateBudget: Int

    init(_ random: inout Seeded) {
        partitions = Int32(random.from(1..<4))
        feedback = random.one(of: [0, 0, 1, 2])
        slots = random.one(of: [1, 2, 2, 3, 3, 4])
        records = random.one(of: [30, 120, 300])
        growths = random.chance(0.25) ? Int(random.from(1..<3)) : 0
        faults = random.one(of: [0, 2, 6, 12])
        markerDelay = random.one(of: [4, 8, 60, 400])
        abortChance = random.one(of: [0, 0, 0.02, 0.2])
        unknownChance = random.one(of: [0, 0, 0.1, 0.4])
        lateChance = random.one(of: [0, 0.1, 0.5])
        transactionTimeout = random.one(of: [2000, 10_000])
        leaderTimeout = random.one(of: [1500, 3000])
        commitInterval = random.one(of: [10, 100, 250])
        fullInterval = random.one(of: [1000, 5000, 60_000])
        if random.chance(0.4) {
            bounds.queuedBytes = Int(random.one(of: [500, 4000]))
            bounds.keptBytes = Int(random.one(of: [6000, 30_000]))
            bounds.bufferBytes = Int(random.one(of: [2000, 10_000]))
            bounds.entryBytes = Int(random.one(of: [600, 2000]))
            bounds.sliceRecords = Int(random.one(of: [1, 3, 17]))
        }
        isMixed = random.chance(0.3)
        startsNow = random.chance(0.15)
        turnsOver = random.chance(0.1)
        largestVerdict = random.chance(0.25) ? 900 : .max
        isCreateTime = random.chance(0.3)
        hasForeignTransactions = random.chance(0.4)
        snapshotInterval = random.one(of: [nil, 300, 1500, 6000])
        snapshotPace = random.one(of: [0.05, 0.5, 1])
        stateBudget = random.one(of: [Int.max, Int.max, 700_000, 1_300_000])
        bounds.pieceBytes = Int(random.one(of: [1, 400, 5000]))
        losesJournal = random.chance(0.2)
        isCalm = random.chance(0.2)
        if isCalm {
            (abortChance, unknownChance) = (0, 0)
            faults = max(faults, 2)
        }
    }

    /// What may befall this group.
    var befalling: [Fault] {
        let all = isCalm ? [.doubt, .deaf, .damage, .offsets, .journal] : Fault.allCases
        return all.filter { $0 != (losesJournal ? .offsets : .journal) }
    }

    /// One of the two ways that instances are set up in a mixed group; the same otherwise.
    func engine(_ variant: Int) -> EngineConfiguration {
        var policy = Policy()
        var rules = RecordRules(maxClockSkew: 2000)
        if isMixed, variant == 1 {
            policy.fraudReview = 0.3
            policy.amlRisk = 0.5
            policy.suspiciousAmount = 500
            // History is decided by each for itself: with other rules the states would be different ones.
            if !startsNow, !losesJournal { rules.maxClockSkew = 300 }
        }
        return EngineConfiguration(
            velocity: VelocityConfiguration(
                windows: [1000, 5000, 20_000], allowedLateness: 10_000, accountRetention: 60_000, pairRetention: 40_000, feedbackDelay: 5000,
                feedbackEnabled: feedback > 0), rules: rules, policy: policy)
    }
}

/// Records of a small bank, good and bad, early and late, once and twice.
struct FaultTraffic {
    private struct Sent {
        var text: String
        var id: String
        var account: String
        var merchant: String
        var time: Int64
    }
    private var sent: [Sent] = []
    private var count = 0

    mutating func transaction(at time: Int64, _ random: inout Seeded) -> (key: String?, value: [UInt8]?) {
        if random.chance(0.04) { return (random.chance(0.5) ? "A0" : nil, poison(&random)) }
        if random.chance(0.08), let earlier = sent.suffix(30).randomElement(using: &random) { return (earlier.account, Array(earlier.text.utf8)) }
        count += 1
        let account = "A\(random.from(0..<5))"
        let id = random.chance(0.04) ? "t\(random.from(0..<Int64(count)))" : random.chance(0.05) ? "t\(count)" + String(repeating: "x", count: 100) : "t\(count)"
        let event = time + random.one(of: [0, 0, 0, -random.from(0..<50), -random.from(0..<4000), -random.from(0..<40_000), random.from(0..<3000)])
        let amount = random.one(of: ["1.5", "\(random.from(1..<900)).25", "\(random.from(1..<900))", "12000"])
        let merchant = "M\(random.from(0..<3))"
        let type = random.one(of: ["purchase", "transfer", "cash_in", "refund"])
        let text = """
            {"transaction_id":"\(id)","account_id":"\(account)","timestamp":\(event),"amount":\(amount),"type":"\(type)",\
            "merchant_id":"\(merchant)","counterparty_id":"A\(random.from(0..<5))","device_id":"D\(random.from(0..<3))"}
            """
        sent.append(Sent(text: text, id: id, account: account, merchant: merchant, time: event))
        return (random.chance(0.95) ? account : "other", Array(text.utf8))
    }

    private func poison(_ random: inout Seeded) -> [UInt8]? {
        random.one(of: [nil, [], Array("{".utf8), [0, 0, 0, 0, 1, 2, 3], [0xFF, 0xFE], Array(#"{"transaction_id":"t","account_id":"A"}"#.utf8)])
    }

    func feedback(at time: Int64, _ random: inout Seeded) -> (key: String?, value: [UInt8]?) {
        guard !random.chance(0.1), let of = sent.suffix(40).randomElement(using: &random) else { return ("A0", Array("{}".utf8)) }
        let text = """
            {"transaction_id":"\(of.id)","account_id":"\(of.account)","merchant_id":"\(of.merchant)",\
            "timestamp":\(time + random.from(0..<4) * 500),"transaction_timestamp":\(of.time),\
            "label":"\(random.chance(0.6) ? "fraud" : "legitimate")"}
            """
        return (of.account, Array(text.utf8))
    }
}
