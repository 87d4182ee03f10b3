public import Models

/// A fraud or AML model made ready for these features: what the engine's thread scores with.
///
/// Made by whichever thread reads artefacts, then given to one engine, with what changes hands by `EngineChange`.
///
/// `@unchecked Sendable`: its scratch memory is touched by the thread that scores alone.
public final class ScoringModel: @unchecked Sendable {
    public let name: String
    public let version: String
    public let sha256: String
    /// As the journal names it.
    let journalled: String
    /// The manifest's, where it has them.
    public let review: Double?
    public let decline: Double?
    let drift: [Manifest.Distribution]
    private let predictor: FastPredictor
    private let calibration: Calibration
    /// Where each of the model's features stands in the engine's vector.
    let places: [Int]
    /// By code, what the manifest says of typologies (aml).
    let typologies: [String: Manifest.Typology]
    private let parts: UnsafeMutablePointer<Double>

    /// - Throws: `ModelRefusal` where it is no model, or these windows do not give one of its features.
    public convenience init(_ artefact: Artefact, _ set: FeatureSet) throws(ModelRefusal) { try self.init(artefact, index: { set.index(of: $0) }) }

    /// An AML model.
    ///
    /// - Throws: `ModelRefusal` as for a fraud model, and where the manifest speaks of a typology that there is not.
    public convenience init(_ artefact: Artefact, _ set: AMLFeatureSet) throws(ModelRefusal) {
        let unknown = artefact.manifest.typologies.keys.sorted().first { Typology(code: $0) == nil }
        if let unknown { throw ModelRefusal(.features, "there is no typology \(unknown.prefix(64))") }
        try self.init(artefact, index: { set.index(of: $0) })
    }

    private init(_ artefact: Artefact, index: (String) -> Int?) throws(ModelRefusal) {
        let manifest = artefact.manifest
        guard let ensemble = artefact.ensemble else { throw ModelRefusal(.unsupported, "quantiles alone score nothing") }
        try manifest.checkFeatureSet()
        var places: [Int] = []
        for feature in manifest.features {
            guard let place = index(feature) else { throw ModelRefusal(.features, "the windows in force give no feature \(feature)") }
            places.append(place)
        }
        name = manifest.name
        version = manifest.version
        sha256 = manifest.sha256
        journalled = artefact.journalled
        review = manifest.thresholds["review"]
        decline = manifest.thresholds["decline"]
        drift = manifest.drift.filter { index($0.feature) != nil }
        calibration = manifest.calibration
        typologies = manifest.typologies
        predictor = try FastPredictor(ensemble, places: places)
        self.places = places
        parts = .allocate(capacity: places.count)
        parts.initialize(repeating: 0, count: places.count)
    }

    deinit { parts.deallocate() }

    func logOdds(_ values: UnsafeMutablePointer<Double>) -> Double { predictor.logOdds(values) }
    func probability(_ logOdds: Double) -> Double { calibration.probability(logOdds) }

    /// Adds the strongest contributions to the reasons.
    ///
    /// - Parameter text: the sentence of the feature at a place.
    func explain(_ values: UnsafeMutablePointer<Double>, _ logOdds: Double, into out: Assessment, text: (Int) -> Int = { $0 }) {
        _ = predictor.contributions(values, logOdds: logOdds, into: parts)
        for (i, place) in places.enumerated() where parts[i].magnitude >= 0.000_000_5 { out.add(text(place), values[place], parts[i]) }
    }
}
