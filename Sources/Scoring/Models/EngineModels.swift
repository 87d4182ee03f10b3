public import Models

/// The artefacts in force, and which are missing though they should be there. Where there is none, rules and built-in quantiles hold.
public struct EngineModels: Sendable {
    public var fraud: ScoringModel?
    /// Scored beside `fraud`, and never decides.
    public var shadow: ScoringModel?
    public var velocity: VelocityArtefact?
    /// Scores beside the typologies, in place of the rules.
    public var aml: ScoringModel?
    /// There is an artefact, and none of its versions can be used: verdicts name the part as missing.
    public var isFraudBroken = false
    public var isVelocityBroken = false
    public var isAMLBroken = false

    public init() {}

    /// As the journal says it: what of it reaches a verdict, by name.
    public var journalled: [String: String] {
        var texts = ["fraud": fraud.map { "\($0.version) \($0.sha256)" } ?? (isFraudBroken ? "broken" : "")]
        texts["velocity"] = velocity.map { "\($0.version) \($0.sha256)" } ?? (isVelocityBroken ? "broken" : "")
        texts["aml"] = aml.map { "\($0.version) \($0.sha256)" } ?? (isAMLBroken ? "broken" : "")
        return texts.filter { !$0.value.isEmpty }
    }
}

/// Measured quantiles, instead of the built-in table behind `velocity_risk`.
public struct VelocityArtefact: Sendable {
    public var version: String
    public var sha256: String
    var quantiles: [Manifest.Quantiles]

    /// - Throws: `ModelRefusal` where these windows give none of its features.
    public init(_ artefact: Artefact, _ set: FeatureSet) throws(ModelRefusal) {
        version = artefact.manifest.version
        sha256 = artefact.manifest.sha256
        quantiles = artefact.manifest.quantiles.filter { set.index(of: $0.feature) != nil }
        if quantiles.isEmpty { throw ModelRefusal(.features, "the windows in force give none of its features") }
    }

    func curves(_ set: FeatureSet) -> [PiecewiseTable.Curve] {
        quantiles.map { q in
            // A curve's points ascend: quantiles that coincide lie one number apart.
            let p99 = max(q.p99, q.p90.nextUp)
            let p999 = max(q.p999, p99.nextUp)
            return .init(feature: set.index(of: q.feature)!, points: [(q.p90, 0), (p99, 0.5), (p999, 0.8), (max(10 * p999, p999.nextUp), 1)])
        }
    }
}
