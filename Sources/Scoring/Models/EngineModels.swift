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
        var texts = ["fraud": fraud?.journalled ?? (isFraudBroken ? "broken" : "")]
        texts["velocity"] = velocity?.journalled ?? (isVelocityBroken ? "broken" : "")
        texts["aml"] = aml?.journalled ?? (isAMLBroken ? "broken" : "")
        return texts.filter { !$0.value.isEmpty }
    }
}

/// Measured quantiles, instead of the built-in table behind `velocity_risk`.
public struct VelocityArtefact: Sendable {
    public var version: String
    public var sha256: String
    /// As the journal names it.
    let journalled: String
    var quantiles: [Manifest.Quantiles]

    /// Features of windows that are not in force are passed over.
    ///
    /// - Throws: `ModelRefusal` where it was measured on another feature set, names what no window gives, and where these windows give none of its features.
    public init(_ artefact: Artefact, _ set: FeatureSet) throws(ModelRefusal) {
        try artefact.manifest.checkFeatureSet()
        if let unknown = artefact.manifest.quantiles.first(where: { !set.isKnown($0.feature) }) {
            throw ModelRefusal(.features, "there is no feature \(unknown.feature.prefix(64))")
        }
        version = artefact.manifest.version
        sha256 = artefact.manifest.sha256
        journalled = artefact.journalled
        quantiles = artefact.manifest.quantiles.filter { set.index(of: $0.feature) != nil }
        if quantiles.isEmpty { throw ModelRefusal(.features, "the windows in force give none of its features") }
    }

    func curves(_ set: FeatureSet) -> [PiecewiseTable.Curve] {
        quantiles.map { q in
            let x = q.bends
            return .init(feature: set.index(of: q.feature)!, points: [(x[0], 0), (x[1], 0.5), (x[2], 0.8), (x[3], 1)])
        }
    }
}
