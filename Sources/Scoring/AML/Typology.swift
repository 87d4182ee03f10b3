/// The patterns of money laundering that a verdict names, in the order in which it names them.
public enum Typology: UInt8, CaseIterable, Sendable {
    case largeAmount, structuring, smurfing, fanIn, fanOut, gatherScatter, scatterGather, cycle, bipartite, stack
    case passThrough, layering, dormantReactivated, newAccountLarge, roundAmounts, highRiskGeography, rapidMovement

    public var code: StaticString {
        switch self {
        case .largeAmount: "LARGE_AMOUNT"
        case .structuring: "STRUCTURING"
        case .smurfing: "SMURFING"
        case .fanIn: "FAN_IN"
        case .fanOut: "FAN_OUT"
        case .gatherScatter: "GATHER_SCATTER"
        case .scatterGather: "SCATTER_GATHER"
        case .cycle: "CYCLE"
        case .bipartite: "BIPARTITE"
        case .stack: "STACK"
        case .passThrough: "PASS_THROUGH"
        case .layering: "LAYERING"
        case .dormantReactivated: "DORMANT_REACTIVATED"
        case .newAccountLarge: "NEW_ACCOUNT_LARGE"
        case .roundAmounts: "ROUND_AMOUNTS"
        case .highRiskGeography: "HIGH_RISK_GEOGRAPHY"
        case .rapidMovement: "RAPID_MOVEMENT"
        }
    }

    init?(code: String) {
        guard let found = Self.allCases.first(where: { "\($0.code)" == code }) else { return nil }
        self = found
    }

    /// What a reason says before the typology's score.
    var sentence: String {
        switch self {
        case .largeAmount: "an amount over the reporting amount"
        case .structuring: "several amounts just below the reporting amount"
        case .smurfing: "many small amounts from many senders"
        case .fanIn: "far more senders than usual"
        case .fanOut: "far more receivers than usual"
        case .gatherScatter: "gathered from many and paid out to many"
        case .scatterGather: "one source by way of many to one receiver"
        case .cycle: "money returns to where it began"
        case .bipartite: "several payers share several receivers"
        case .stack: "layers of payers that share receivers"
        case .passThrough: "money in and quickly out again"
        case .layering: "one sum handed on from account to account"
        case .dormantReactivated: "a large amount after a long silence"
        case .newAccountLarge: "large amounts of a new account"
        case .roundAmounts: "repeated round amounts"
        case .highRiskGeography: "a listed country"
        case .rapidMovement: "a sudden change against the account's own habit"
        }
    }
}

/// One number of a typology's evidence.
struct Evidence {
    enum Unit: UInt8 {
        case integer, money, decimal
    }

    var name: StaticString
    var unit: Unit
    /// Integers, and money in minor units.
    var number: Int64
    var decimal: Double
}

/// The typologies that fire for one transaction, with their evidence. Made once, filled again for each.
final class TypologyFindings {
    /// Numbers that one typology's evidence has at most.
    static let evidenceLimit = 24

    private(set) var count = 0
    let typologies = UnsafeMutablePointer<Typology>.allocate(capacity: Typology.allCases.count)
    /// 0...1, one a typology that fires.
    let scores = UnsafeMutablePointer<Double>.allocate(capacity: Typology.allCases.count)
    let evidenceCounts = UnsafeMutablePointer<Int>.allocate(capacity: Typology.allCases.count)
    private let evidence = UnsafeMutablePointer<Evidence>.allocate(capacity: Typology.allCases.count * evidenceLimit)
    /// The score of every typology, 0 where it does not fire.
    let byTypology = UnsafeMutablePointer<Double>.allocate(capacity: Typology.allCases.count)

    init() { byTypology.initialize(repeating: 0, count: Typology.allCases.count) }

    deinit {
        typologies.deallocate()
        scores.deallocate()
        evidenceCounts.deallocate()
        evidence.deallocate()
        byTypology.deallocate()
    }

    func clear() {
        for i in 0..<count { byTypology[Int(typologies[i].rawValue)] = 0 }
        count = 0
    }

    func evidence(_ i: Int) -> UnsafeBufferPointer<Evidence> {
        UnsafeBufferPointer(start: evidence + i * Self.evidenceLimit, count: evidenceCounts[i])
    }

    /// A typology fires; its evidence is added after it.
    func add(_ typology: Typology, _ score: Double) {
        precondition(count < Typology.allCases.count && (count == 0 || typologies[count - 1].rawValue < typology.rawValue), "each once, in order")
        typologies[count] = typology
        scores[count] = score
        evidenceCounts[count] = 0
        byTypology[Int(typology.rawValue)] = score
        count += 1
    }

    func integer(_ name: StaticString, _ value: Int64) { put(Evidence(name: name, unit: .integer, number: value, decimal: 0)) }
    func money(_ name: StaticString, _ minor: Int64) { put(Evidence(name: name, unit: .money, number: minor, decimal: 0)) }
    func decimal(_ name: StaticString, _ value: Double) { put(Evidence(name: name, unit: .decimal, number: 0, decimal: value)) }
    /// Milliseconds, said in seconds.
    func seconds(_ name: StaticString, _ millis: Int64) { decimal(name, Double(millis) / 1000) }

    private func put(_ number: Evidence) {
        let n = evidenceCounts[count - 1]
        precondition(n < Self.evidenceLimit, "evidence is bounded")
        (evidence + ((count - 1) * Self.evidenceLimit + n)).initialize(to: number)
        evidenceCounts[count - 1] = n + 1
    }
}
