import Models
import Scoring
public import Stream

extension Settings {
    /// How an audit makes its engines: with these settings, but for those that the journal gives, which reach a verdict.
    ///
    /// - Parameter environment: what these settings were read from.
    public func auditMaking(_ environment: [String: String]) -> Audit.Making {
        @Sendable func settings(_ terms: Audit.Terms) throws(StreamExit) -> (Settings, RateTable) {
            var environment = environment
            for (name, value) in terms.settings { environment[name] = value.isEmpty ? nil : value }
            environment["FX_RATES_FILE"] = nil
            do {
                let settings = try Settings(environment: environment)
                let rates = terms.rates.isEmpty ? RateTable() : try RateTable(csv: Array(terms.rates.utf8), base: settings.records.baseCurrency)
                return (settings, rates)
            } catch {
                throw .refused("the journal's settings cannot be taken by this version: \(error)")
            }
        }
        let own = self
        return Audit.Making(
            engine: { (terms) throws(StreamExit) in
                do {
                    guard let terms else { return (Engine(try own.engineConfiguration()), own.form) }
                    let (settings, rates) = try settings(terms)
                    var configuration = try settings.engineConfiguration()
                    configuration.rules.rates = rates
                    return (Engine(configuration), settings.form)
                } catch let exit as StreamExit {
                    throw exit
                } catch {
                    throw .refused("\(error)")
                }
            },
            changes: { (terms) throws(StreamExit) in
                let (settings, rates) = try settings(terms)
                return [.policy(settings.policy), .rates(rates)]
            },
            models: { (named, engine) in own.artefacts(named, engine.features) })
    }

    /// The artefacts that the journal names, from this instance's own folder: by version, and the same by the SHA-256 of model and manifest.
    private func artefacts(_ named: [String: String], _ features: FeatureSet) -> (models: EngineModels, missing: String?) {
        var result = EngineModels()
        result.isFraudBroken = named["fraud"] == "broken"
        result.isAMLBroken = named["aml"] == "broken"
        result.isVelocityBroken = named["velocity"] == "broken"
        var missing: String?
        for (name, text) in named.sorted(by: { $0.key < $1.key }) where text != "broken" {
            let words = text.split(separator: " ").map(String.init)
            do throws(ModelRefusal) {
                guard words.count >= 2, case .folder(let folder) = ModelFolder(models.uri) else { throw ModelRefusal(.missing, "no models folder") }
                let artefact = try Artefact.load("\(folder)/\(name)/\(words[0])")
                guard artefact.manifest.sha256 == words[1] else { throw ModelRefusal(.checksum, "another file than the leader had") }
                guard artefact.journalled == text else { throw ModelRefusal(.checksum, "another manifest than the leader had") }
                switch name {
                case "fraud": result.fraud = try ScoringModel(artefact, features)
                case "aml": result.aml = try ScoringModel(artefact, AMLFeatureSet(features))
                case "velocity": result.velocity = try VelocityArtefact(artefact, features)
                default: throw ModelRefusal(.unsupported, "no such part")
                }
            } catch {
                missing = missing ?? "the artefact \(name) \(words.first ?? "") cannot be had: \(error)"
            }
        }
        return (result, missing)
    }
}
