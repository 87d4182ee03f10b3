import Models

/// What the models in force meet and say, for metrics alone: no verdict hangs on it.
///
/// The engine's thread counts; `snapshot` copies. It begins anew when other models come into force.
final class ModelTally {
    /// Bins of a score: tenths.
    static let scoreBins = 10

    private let distributions: [Manifest.Distribution]
    private let places: [Int]
    private var counts: [[Int]]
    private var champion = [Int](repeating: 0, count: scoreBins)
    private var challenger = [Int](repeating: 0, count: scoreBins)
    /// By champion's decision, then challenger's.
    private var decisions = [Int](repeating: 0, count: 9)
    private let hasShadow: Bool

    init(_ models: EngineModels, _ set: FeatureSet) {
        distributions = models.fraud?.drift ?? []
        places = distributions.map { set.index(of: $0.feature)! }
        counts = distributions.map { [Int](repeating: 0, count: $0.shares.count) }
        hasShadow = models.shadow != nil
    }

    /// Puts a row's values into their bins.
    ///
    /// - Complexity: O(features watched · bins).
    func meet(_ values: UnsafeMutablePointer<Double>) {
        for i in places.indices {
            let x = values[places[i]]
            var bin = 0
            for edge in distributions[i].edges {
                if x < edge { break }
                bin += 1
            }
            counts[i][bin] += 1
        }
    }

    /// - Parameters: scores in millionths, decisions as raw values; those of the challenger are what it would have said.
    func compare(_ score: Int64, _ decision: UInt8, _ challengerScore: Int64, _ challengerDecision: UInt8) {
        champion[Self.bin(score)] += 1
        challenger[Self.bin(challengerScore)] += 1
        decisions[3 * Int(decision) + Int(challengerDecision)] += 1
    }

    private static func bin(_ score: Int64) -> Int { min(scoreBins - 1, Int(score / (1_000_000 / Int64(scoreBins)))) }

    var snapshot: ModelFacts {
        var facts = ModelFacts()
        for (i, distribution) in distributions.enumerated() {
            let index = PopulationStability.index(expected: distribution.shares, counts: counts[i]) ?? 0
            facts.stability.append(.init(feature: distribution.feature, index: index))
        }
        facts.hasShadow = hasShadow
        facts.champion = champion
        facts.challenger = challenger
        facts.decisions = decisions
        return facts
    }
}

/// What models have met and said since they came into force.
public struct ModelFacts: Sendable, Equatable {
    public struct Stability: Sendable, Equatable {
        public var feature: String
        public var index: Double
    }

    /// Population stability index by feature; 0 while too little was seen (`PopulationStability.fewest`).
    public var stability: [Stability] = []
    public var hasShadow = false
    /// Transactions by tenth of the score.
    public var champion: [Int] = []
    public var challenger: [Int] = []
    /// Transactions by champion's decision, then challenger's: 9 in order.
    public var decisions: [Int] = []

    public init() {}
}
