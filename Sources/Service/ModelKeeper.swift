public import Models
public import Scoring

/// Keeps the artefacts in force what the settings want: looks at their folder again and again, and says in health, metrics and logs what it found.
///
/// `@unchecked Sendable`: one thread at a time, the starting one for the first look and the housekeeping's afterwards.
public final class ModelKeeper: @unchecked Sendable {
    private static let names = ["aml", "fraud", "velocity"]
    private static let shadow = "shadow"

    private let features: FeatureSet
    private let registry: Registry?
    /// The challenger stands among the versions of `fraud`.
    private let shadowRegistry: Registry?
    private let health: Health
    private let metrics: Metrics
    private let log: Log
    private let unavailable: String?
    /// Brings artefacts from S3 before they are looked at.
    private let mirror: ModelMirror?
    /// What could not be brought at the last look.
    private var notBrought: [String] = []
    private var models = EngineModels()
    private var isFirst = true

    /// - Parameter features: what the engine's windows give.
    public init(_ settings: Settings, features: FeatureSet, health: Health, metrics: Metrics, log: Log) {
        self.features = features
        self.health = health
        self.metrics = metrics
        self.log = log
        let wanted = settings.models
        switch ModelFolder(wanted.uri) {
        case .folder(let folder):
            registry = Self.registry(folder, wanted, features)
            shadowRegistry = wanted.fraudShadowVersion.map { Registry(folder, wanted: ["fraud": $0]) }
            (unavailable, mirror) = (nil, nil)
        case .none:
            (registry, shadowRegistry, unavailable, mirror) = (nil, nil, nil, nil)
        case .remote:
            do throws(ModelMirrorError) {
                let mirror = try ModelMirror(wanted)
                self.mirror = mirror
                registry = Self.registry(mirror.folder, wanted, features)
                shadowRegistry = wanted.fraudShadowVersion.map { Registry(mirror.folder, wanted: ["fraud": $0]) }
                unavailable = nil
            } catch {
                (registry, shadowRegistry, mirror) = (nil, nil, nil)
                unavailable = error.description
            }
        }
    }

    /// Ends a look that is under way at S3, and keeps later ones from going there. Any thread.
    public func cancel() { mirror?.cancel() }

    /// A registry that takes what this instance can score with.
    static func registry(_ folder: String, _ wanted: ModelSettings, _ features: FeatureSet) -> Registry {
        Registry(folder, wanted: ["fraud": wanted.fraudVersion, "aml": wanted.amlVersion, "velocity": wanted.velocityVersion]) { refusal(of: $0, features) }
    }

    /// Why an artefact that is whole cannot score with these features; nil: it can, or its name is none that is served.
    public static func refusal(of artefact: Artefact, _ features: FeatureSet) -> String? {
        // Made ready once to see whether it can be, and again when it comes into force.
        do throws(ModelRefusal) {
            switch artefact.manifest.name {
            case "velocity": _ = try VelocityArtefact(artefact, features)
            case "aml": _ = try ScoringModel(artefact, AMLFeatureSet(features))
            case "fraud": _ = try ScoringModel(artefact, features)
            default: break
            }
            return nil
        } catch {
            return error.message
        }
    }

    /// Looks again.
    ///
    /// - Returns: what is to be in force from now on; nil: as before.
    public func look() -> EngineModels? {
        defer { isFirst = false }
        if let missing = unavailable ?? bring() {
            guard isFirst else { return nil }
            for name in Self.names { tell(name, nil, missing) }
            models.breakAll()
            return models
        }
        guard let registry else { return isFirst ? models : nil }
        let now = Int64(Clock.nanos / 1_000_000)
        var hasChanged = isFirst
        for change in registry.look(now: now) {
            let standing = change.standing
            tell(change.name, standing.artefact, standing.error)
            if change.isFallback { metrics.counter("weir_model_fallbacks_total", change.name).add() }
            if let error = standing.error {
                log.warning(
                    "model",
                    ["name": change.name, "in_use": standing.artefact?.manifest.version ?? "none", "why": error, "breaker": standing.breaker.rawValue])
            } else if let artefact = standing.artefact {
                log.info("model", ["name": change.name, "in_use": artefact.manifest.version, "sha256": artefact.manifest.sha256])
            }
            let before = models.journalled
            models.take(change.name, standing, features)
            hasChanged = hasChanged || change.isOther || before != models.journalled
        }
        hasChanged = lookAtShadow(now) || hasChanged
        if hasChanged { tellMetrics() }
        return hasChanged ? models : nil
    }

    /// What was brought before starts the service at once; a first start waits for S3, but not for long.
    ///
    /// - Returns: why there is nothing to look at; nil: there is.
    private func bring() -> String? {
        guard let mirror, !(isFirst && mirror.isFilled) else { return nil }
        do throws(ModelMirrorError) {
            say(try mirror.refresh(within: isFirst ? 20_000 : 600_000))
            return nil
        } catch {
            say([error.description])
            return mirror.isFilled ? nil : error.description
        }
    }

    /// Once, until it is another.
    private func say(_ problems: [String]) {
        for problem in problems where !notBrought.contains(problem) { log.warning("artefact not brought", ["why": problem]) }
        notBrought = problems
    }

    private func lookAtShadow(_ now: Int64) -> Bool {
        guard let change = shadowRegistry?.look(now: now).first else { return false }
        do throws(ModelRefusal) {
            if let error = change.standing.error { throw ModelRefusal(.missing, error) }
            models.shadow = try change.standing.artefact.map { (artefact) throws(ModelRefusal) in try ScoringModel(artefact, features) }
            log.info("challenger", ["version": models.shadow?.version ?? "none"])
        } catch {
            models.shadow = nil
            log.warning("challenger", ["why": error.message])
        }
        return true
    }

    private func tell(_ name: String, _ artefact: Artefact?, _ error: String?) {
        var told = ModelHealth()
        told.version = artefact?.manifest.version
        told.sha256 = artefact?.manifest.sha256
        told.isLoaded = artefact != nil
        told.memoryBytes = artefact?.memoryBytes ?? 0
        told.error = error
        health.update(model: name, told)
    }

    private func tellMetrics() {
        var series: [[String]] = []
        if let model = models.fraud { series.append(["fraud", model.version, model.sha256]) }
        if let model = models.aml { series.append(["aml", model.version, model.sha256]) }
        if let artefact = models.velocity { series.append(["velocity", artefact.version, artefact.sha256]) }
        if let model = models.shadow { series.append([Self.shadow, model.version, model.sha256]) }
        metrics.setInfo("weir_model_info", series)
    }
}
