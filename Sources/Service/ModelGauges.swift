import Scoring

/// What the models meet and say, as metrics.
struct ModelGauges {
    private static let decisions = FraudDecision.allCases.map { "\($0.name)" }
    private let metrics: Metrics
    private let disagreements: Gauge
    private let wouldBe: [Gauge]
    private let scores: [[Gauge]]

    init(_ metrics: Metrics) {
        self.metrics = metrics
        disagreements = metrics.gauge("weir_shadow_disagreements")
        wouldBe = Self.decisions.flatMap { champion in Self.decisions.map { metrics.gauge("weir_shadow_decisions", champion, $0) } }
        scores = ["champion", "challenger"].map { model in Self.bins.map { metrics.gauge("weir_shadow_scores", model, $0) } }
    }

    /// Lower ends of the tenths.
    static let bins = (0..<10).map { "0.\($0)" }

    func set(_ facts: ModelFacts) {
        for one in facts.stability { metrics.gauge("weir_feature_psi", one.feature).set(one.index) }
        guard facts.hasShadow else { return }
        var differ = 0
        for (i, count) in facts.decisions.enumerated() {
            wouldBe[i].set(count)
            if i / 3 != i % 3 { differ += count }
        }
        disagreements.set(differ)
        for (counts, gauges) in zip([facts.champion, facts.challenger], scores) { for (count, gauge) in zip(counts, gauges) { gauge.set(count) } }
    }
}
