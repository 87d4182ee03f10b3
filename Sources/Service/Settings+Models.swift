import Models
public import Scoring

extension Settings {
    /// The artefacts in force for a work that takes them once and keeps them: a replay's verdicts do not change while it runs.
    ///
    /// - Parameter tell: what is to be said of artefacts that are not used.
    public func engineModels(_ features: FeatureSet, tell: (String) -> Void) -> EngineModels {
        var result = EngineModels()
        var place = ModelFolder(models.uri)
        if case .remote = place {
            do throws(ModelMirrorError) {
                let mirror = try ModelMirror(models)
                for problem in try mirror.refresh(within: 60_000) { tell("artefact not brought: \(problem)") }
                place = .folder(mirror.folder)
            } catch {
                tell("artefacts not brought: \(error)")
            }
        }
        switch place {
        case .none: break
        case .remote:
            result.breakAll()
        case .folder(let folder):
            let registry = ModelKeeper.registry(folder, models, features)
            for change in registry.look(now: 0) {
                if let error = change.standing.error { tell("model \(change.name): \(error)") }
                result.take(change.name, change.standing, features)
            }
            if let version = models.fraudShadowVersion {
                let standing = Registry(folder, wanted: ["fraud": version]).look(now: 0).first?.standing
                // As in the stream: another version than the one that was asked for is no challenger.
                if let error = standing?.error { tell("no challenger: \(error)") } else { result.shadow = standing?.artefact.flatMap { try? ScoringModel($0, features) } }
            }
        }
        return result
    }
}

extension EngineModels {
    /// Artefacts are where they cannot be had.
    mutating func breakAll() {
        isFraudBroken = true
        isAMLBroken = true
        isVelocityBroken = true
    }

    /// Puts in what a registry has for a name.
    mutating func take(_ name: String, _ standing: Registry.Standing, _ features: FeatureSet) {
        switch name {
        case "fraud":
            fraud = standing.artefact.flatMap { try? ScoringModel($0, features) }
            isFraudBroken = fraud == nil && standing.error != nil
        case "aml":
            aml = standing.artefact.flatMap { try? ScoringModel($0, AMLFeatureSet(features)) }
            isAMLBroken = aml == nil && standing.error != nil
        case "velocity":
            velocity = standing.artefact.flatMap { try? VelocityArtefact($0, features) }
            isVelocityBroken = velocity == nil && standing.error != nil
        default: preconditionFailure("no artefact is called \(name)")
        }
    }
}
