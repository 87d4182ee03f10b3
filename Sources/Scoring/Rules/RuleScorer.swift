import Models

/// Scores a feature vector by the rules: mode `rules`, where there is no model.
///
/// A score is 1 / (1 + e^−z) with z the table's bias and what each rule adds, in the table's order; for AML the typologies are joined to it, or to the
/// AML model's calibrated probability, as by independent witnesses: 1 − (1 − score) · (1 − weight · typology) for each.
final class RuleScorer {
    static let fraudReview = 0.5
    static let fraudDecline = 0.9

    private let fraud: PiecewiseTable
    private let fraudBias: Double
    private var velocity: PiecewiseTable
    private var aml: PiecewiseTable
    private var amlBias: Double
    private let set: FeatureSet
    private let texts: ReasonTexts
    private let minorUnits: Int64

    private(set) var policy: Policy
    /// Where there is a fraud model it scores instead of the rules.
    private(set) var models: EngineModels
    /// The thresholds in force, lower and upper.
    private(set) var fraudThresholds = (0.0, 0.0)
    private(set) var amlThresholds = (0.0, 0.0)
    /// `suspiciousAmount` in minor units.
    private(set) var suspicious: Int64 = 0

    init(_ set: FeatureSet, _ texts: ReasonTexts, _ policy: Policy, models: EngineModels = EngineModels(), minorUnits: Int64) {
        self.set = set
        self.texts = texts
        self.policy = policy
        self.minorUnits = minorUnits
        let table = RuleTable.fraud
        fraud = PiecewiseTable(table.curves(set))
        fraudBias = table.bias
        velocity = PiecewiseTable([])
        aml = PiecewiseTable([])
        amlBias = 0
        self.models = models
        take(policy)
        take(models)
    }

    /// Puts other thresholds and flags in force.
    func take(_ policy: Policy) {
        self.policy = policy
        fraudThresholds = thresholds(models.fraud)
        amlThresholds = (policy.amlRisk / 2, policy.amlRisk)
        suspicious = Int64(policy.suspiciousAmount * Double(minorUnits) + 0.5)
        let table = RuleTable.aml(suspicious: max(policy.suspiciousAmount, 1 / Double(minorUnits)))
        aml = PiecewiseTable(table.curves(set))
        amlBias = table.bias
    }

    /// Puts other artefacts in force.
    func take(_ models: EngineModels) {
        self.models = models
        fraudThresholds = thresholds(models.fraud)
        velocity = PiecewiseTable(models.velocity?.curves(set) ?? VelocityQuantiles.curves(set))
    }

    /// Those of the environment, else of the model, else of the rules. Nothing is reviewed from a score on from which it is declined.
    private func thresholds(_ model: ScoringModel?) -> (Double, Double) {
        let decline = policy.fraudDecline ?? model?.decline ?? Self.fraudDecline
        return (min(policy.fraudReview ?? model?.review ?? Self.fraudReview, decline), decline)
    }

    /// The thresholds in force as verdicts say them.
    var thresholdTexts: VerdictWriter.Thresholds {
        .init(fraud: fraudThresholds, aml: amlThresholds)
    }

    /// `velocity_risk` in millionths: the highest of the curves over windows and z-score.
    func velocityRisk(_ values: UnsafeMutablePointer<Double>) -> Int64 { millionths(velocity.highest(values)) }

    /// - Parameter isVelocityOn: whether velocity is on for this account; where it is off nothing is lifted for it.
    func scoreFraud(_ values: UnsafeMutablePointer<Double>, velocityRisk: Int64, isVelocityOn: Bool, into out: Assessment) {
        out.clear()
        let risk = Double(velocityRisk) / 1_000_000
        let isHighRisk = isVelocityOn && risk >= policy.velocityHighRisk
        if let model = models.fraud {
            let logOdds = model.logOdds(values)
            out.score = millionths(model.probability(logOdds))
            out.decision = decide(out.score, fraudThresholds)
            if out.decision != 0 || isHighRisk || policy.explainsAll { model.explain(values, logOdds, into: out) }
        } else {
            out.score = millionths(logistic(sum(fraud, fraudBias, values, out)))
            out.decision = decide(out.score, fraudThresholds)
        }
        if out.decision == 0, isHighRisk { out.lift(texts.velocityHighRisk, risk) }
    }

    /// What the challenger would say; nil without one.
    func scoreShadow(_ values: UnsafeMutablePointer<Double>) -> (score: Int64, decision: UInt8)? {
        guard let model = models.shadow else { return nil }
        let score = millionths(model.probability(model.logOdds(values)))
        return (score, decide(score, thresholds(model)))
    }

    /// - Parameters:
    ///   - typologies: those that fire, with their weights; nil where AML is off for this account, and only the amount rule decides.
    ///   - modelValues: the features of the AML model, where there is one.
    ///   - warmth: how much of the model's probability counts, 0...1; the rest is the rules': a state that has seen little takes everybody for a stranger.
    func scoreAML(
        _ values: UnsafeMutablePointer<Double>, amount: Int64, _ typologies: TypologyFindings?, weights: [Double],
        modelValues: UnsafeMutablePointer<Double>?, warmth: Double, into out: Assessment
    ) {
        out.clear()
        let isSuspicious = amount >= suspicious
        if let typologies {
            out.typologies = typologies
            if let model = models.aml, let modelValues {
                let logOdds = model.logOdds(modelValues)
                var base = model.probability(logOdds)
                if warmth < 1 { base = warmth * base + (1 - warmth) * logistic(sum(aml, amlBias, values, out)) }
                out.score = millionths(join(typologies, weights, to: base, out))
                out.decision = decide(out.score, amlThresholds)
                if out.decision != 0 || isSuspicious || policy.explainsAll { model.explain(modelValues, logOdds, into: out) { texts.ofAML($0) } }
            } else {
                let rules = logistic(sum(aml, amlBias, values, out))
                out.score = millionths(join(typologies, weights, to: rules, out))
                out.decision = decide(out.score, amlThresholds)
            }
        } else {
            out.isSwitchedOff = true
        }
        if out.decision == 0, isSuspicious { out.lift(texts.suspiciousAmount, Double(amount) / Double(minorUnits)) }
    }

    /// The score with the typologies joined to it; of a score of 0 a typology's part is measured from a millionth on. What each adds to the log-odds is its reason's contribution.
    private func join(_ typologies: TypologyFindings, _ weights: [Double], to rules: Double, _ out: Assessment) -> Double {
        var score = rules
        for i in 0..<typologies.count {
            let typology = Int(typologies.typologies[i].rawValue)
            let joined = 1 - (1 - score) * (1 - weights[typology] * typologies.scores[i])
            if joined > score { out.add(texts.firstTypology + typology, typologies.scores[i], logOdds(joined) - logOdds(max(score, 0.000_001))) }
            score = joined
        }
        return score
    }

    @inline(__always)
    private func sum(_ table: borrowing PiecewiseTable, _ bias: Double, _ values: UnsafeMutablePointer<Double>, _ out: Assessment) -> Double {
        var z = bias
        for c in 0..<table.count {
            let feature = table.feature(c)
            let added = table.value(c, at: values[feature])
            if added != 0 {
                z += added
                out.add(feature, values[feature], added)
            }
        }
        return z
    }

    @inline(__always)
    private func decide(_ score: Int64, _ thresholds: (Double, Double)) -> UInt8 {
        let rounded = Double(score) / 1_000_000
        return rounded >= thresholds.1 ? 2 : rounded >= thresholds.0 ? 1 : 0
    }
}
