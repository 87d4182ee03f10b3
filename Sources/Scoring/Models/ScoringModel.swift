public import Models

/// A fraud model made ready for these features: what the engine's thread scores with.
///
/// Made by whichever thread reads artefacts, then given to one engine, with what changes hands by `EngineChange`.
///
/// `@unchecked Sendable`: its scratch memory is touched by the thread that scores alone.
public final class ScoringModel: @unchecked Sendable {
    public let name: String
    public let version: String
    public let sha256: String
    /// The manifest's, where it has them.
    public let review: Double?
    public let decline: Double?
    let drift: [Manifest.Distribution]
    private let predictor: FastPredictor
    private let calibration: Calibration
    /// Where each of the model's features stands in the engine's vector.
    private let places: [Int]
    private let parts: UnsafeMutablePointer<Double>

    /// - Throws: `ModelRefusal` where it is no model, or these windows do not give one of its features.
    public init(_ artefact: Artefact, _ set: FeatureSet) throws(ModelRefusal) {
        let manifest = artefact.manifest
        guard let ensemble = artefact.ensemble else { throw ModelRefusal(.unsupported, "quantiles alone score nothing") }
        if let version = manifest.featureSet, version != FeatureSet.version {
            throw ModelRefusal(.features, "trained on features of version \(version); these are of version \(FeatureSet.version)")
        }
        var places: [Int] = []
        for feature in manifest.features {
            guard let place = set.index(of: feature) else { throw ModelRefusal(.features, "the windows in force give no feature \(feature)") }
            places.append(place)
        }
        name = manifest.name
        version = manifest.version
        sha256 = manifest.sha256
        review = manifest.thresholds["review"]
        decline = manifest.thresholds["decline"]
        drift = manifest.drift.filter { set.index(of: $0.feature) != nil }
        calibration = manifest.calibration
        predictor = try FastPredictor(ensemble, places: places)
        self.places = places
        parts = .allocate(capacity: places.count)
        parts.initialize(repeating: 0, count: places.count)
    }

    deinit { parts.deallocate() }

    func logOdds(_ values: UnsafeMutablePointer<Double>) -> Double { predictor.logOdds(values) }
    func probability(_ logOdds: Double) -> Double { calibration.probability(logOdds) }

    /// Adds the strongest contributions to the reasons.
    func explain(_ values: UnsafeMutablePointer<Double>, _ logOdds: Double, into out: Assessment) {
        _ = predictor.contributions(values, logOdds: logOdds, into: parts)
        for (i, place) in places.enumerated() where parts[i].magnitude >= 0.000_000_5 { out.add(place, values[place], parts[i]) }
    }
}
