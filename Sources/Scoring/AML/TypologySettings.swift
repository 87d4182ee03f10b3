internal import Models
public import Velocity

/// Thresholds and weights of the typologies. The manifest of an AML artefact may override each; these are what is in force without one.
///
/// Shares of `T` are shares of the suspicious amount (`AML_SUSPICIOUS_AMOUNT_THRESHOLD`). Windows are lengths in ms: a typology takes the
/// configured window of that length, else the next longer one, else the longest.
public struct TypologySettings: Sendable, Equatable {
    /// What a typology's score is multiplied by before it is joined to the AML score, 0...1, by `Typology.rawValue`.
    public var weights: [Double] = [0.5, 0.7, 0.6, 0.2, 0.3, 0.5, 0.8, 0.8, 0.1, 0.6, 0.5, 0.8, 0.5, 0.5, 0.3, 0.4, 0.3]

    /// The long and the short window.
    public var week: Int64 = 7 * 86_400_000
    public var day: Int64 = 86_400_000

    /// `LARGE_AMOUNT`: from T, where the score is 0, to so many T, where it is 1.
    public var largeAmountFull = 5.0

    /// `STRUCTURING`: amounts from this share of T to below T, how many at least, and how many give a score of 1.
    public var structuringFrom = 0.7
    public var structuringCount: Int64 = 3
    public var structuringFull: Int64 = 6

    /// `SMURFING`: distinct senders at least, and how many for 1; the mean at most, as a share of T; the sum at least, and for 1, in T; and the
    /// share of it that a debit passes on to count as consolidation.
    public var smurfingSenders: Int64 = 5
    public var smurfingFull: Int64 = 10
    public var smurfingMean = 0.3
    public var smurfingSum = 1.0
    public var smurfingSumFull = 1.5
    public var smurfingConsolidated = 0.5
    /// What it scores at most while it is only collected: every shop collects from many, and `FAN_IN` says the same.
    public var smurfingCollected = 0.15

    /// `FAN_IN` and `FAN_OUT`: distinct partners at least; times the population's habit; times the account's own habit.
    public var fanMinimum: Int64 = 5
    public var fanOverPopulation = 3.0
    public var fanOverOwn = 2.0

    /// `GATHER_SCATTER`: senders and receivers at least (both far over habit, as fans are), and for 1; outflow over inflow.
    public var gatherScatterPartners: Int64 = 3
    public var gatherScatterFull: Int64 = 6
    public var gatherScatterLow = 0.8
    public var gatherScatterHigh = 1.2

    /// `SCATTER_GATHER`: accounts between at least, and for 1.
    public var scatterGatherPaths: Int64 = 3
    public var scatterGatherFull: Int64 = 6
    /// What is passed on over what the source paid, or the other way round: from where it is like it, and for 1; and what the score is multiplied by where
    /// it is not: an employer's staff pay the same shops, which is nobody's money passed on.
    public var scatterGatherLike = 0.3
    public var scatterGatherLikeFull = 0.7
    public var scatterGatherUnlike = 0.25

    /// `CYCLE`: hops at most, the closing payment included; the least share that each payment is of the one before, in thousandths, and for 1.
    public var cycleHops = 6
    public var cycleRatio: Int64 = 700
    public var cycleRatioFull: Int64 = 900
    /// What a cycle of two hops, which is often a payment back, scores at most.
    public var cycleOfTwo = 0.4

    /// `BIPARTITE` and `STACK`: accounts a set at least, and for 1.
    public var setSize: Int64 = 2
    public var setFull: Int64 = 5

    /// `PASS_THROUGH`: outflow over inflow at least, and for 1; dwell at most, ms, and for 1; inflow at least and for 1, in T.
    public var passThroughRatio = 0.9
    public var passThroughRatioFull = 1.0
    public var passThroughDwell: Int64 = 6 * 3_600_000
    public var passThroughDwellFull: Int64 = 3 * 3_600_000
    public var passThroughInflow = 0.3
    public var passThroughInflowFull = 1.0

    /// `LAYERING`: a debit of so many thousandths of one inflow of so many ms before; hops at least, and for 1; the amount for 1, in T.
    public var layeringLow: Int64 = 900
    public var layeringHigh: Int64 = 1_000
    public var layeringGap: Int64 = 3 * 86_400_000
    public var layeringHops = 2
    public var layeringFull = 4
    public var layeringMostHops = 6
    public var layeringAmountFull = 0.05

    /// `DORMANT_REACTIVATED`: silence at least, and for 1, ms; amount at least and for 1, in T.
    public var dormantSilence: Int64 = 90 * 86_400_000
    public var dormantFull: Int64 = 365 * 86_400_000
    public var dormantAmount = 0.3
    public var dormantAmountFull = 1.0

    /// `NEW_ACCOUNT_LARGE`: age at most, ms; sum at least and for 1, in T. Silent for accounts first seen within that age of the beginning.
    public var newAccountAge: Int64 = 7 * 86_400_000
    public var newAccountSum = 1.0
    public var newAccountSumFull = 2.0

    /// `ROUND_AMOUNTS`: of which unit, in major units; how many at least, and for 1; their share of the account's more than this, and for 1.
    public var roundUnit: Int64 = 1_000
    public var roundCount: Int64 = 3
    public var roundFull: Int64 = 8
    public var roundShare = 0.5
    public var roundShareFull = 0.8

    /// `HIGH_RISK_GEOGRAPHY`: score for a call for action and for increased monitoring across a border, and what is left within one.
    public var geographyCallForAction = 1.0
    public var geographyMonitored = 0.5
    public var geographyWithin = 0.6
    /// What an amount of nothing leaves of it, and the amount, in T, that leaves all.
    public var geographySmall = 0.5
    public var geographyAmountFull = 0.05

    /// `RAPID_MOVEMENT`: z-score at least, and for 1; sum at least and for 1, in T; days with movements behind it; and the least spread, as a share of the mean
    /// and of T, so that an account that always pays the same is not without one.
    public var rapidZ = 3.0
    public var rapidZFull = 10.0
    public var rapidSum = 0.3
    public var rapidSumFull = 1.0
    public var rapidActiveDays: Int64 = 3
    public var rapidSpreadOfMean = 0.1
    public var rapidSpreadOfT = 0.01

    /// For so long, ms, after the first transaction of its state an AML model counts in part: it rests on pairs of accounts, which must be met first.
    public var warmUp: Int64 = 30 * 86_400_000

    /// How far searches go.
    public var limits = GraphLimits()

    public init() {}

    /// As an AML artefact's manifest says, by code: a weight, and the typology's first threshold. What it does not name stands.
    init(_ manifest: [String: Manifest.Typology]) {
        self.init()
        for (code, said) in manifest.sorted(by: { $0.key < $1.key }) {
            guard let typology = Typology(code: code) else { preconditionFailure("the artefact was made ready") }
            if let weight = said.weight { weights[Int(typology.rawValue)] = weight }
            if let threshold = said.threshold { take(threshold, of: typology) }
        }
    }

    /// The number that the reference lists first for the typology.
    private mutating func take(_ threshold: Double, of typology: Typology) {
        let count = Int64(max(0, min(threshold, 1e6)))
        switch typology {
        case .largeAmount: break  // It is T.
        case .structuring: structuringCount = count
        case .smurfing: smurfingSenders = count
        case .fanIn, .fanOut: fanMinimum = count
        case .gatherScatter: gatherScatterPartners = count
        case .scatterGather: scatterGatherPaths = count
        case .cycle: cycleRatio = Int64(max(0, min(threshold, 1)) * 1_000)
        case .bipartite, .stack: setSize = count
        case .passThrough: passThroughRatio = threshold
        case .layering: layeringHops = Int(max(1, count))
        case .dormantReactivated: dormantSilence = count * 86_400_000
        case .newAccountLarge: newAccountSum = threshold
        case .roundAmounts: roundCount = count
        case .highRiskGeography: geographyMonitored = max(0, min(threshold, 1))
        case .rapidMovement: rapidZ = threshold
        }
    }
}
