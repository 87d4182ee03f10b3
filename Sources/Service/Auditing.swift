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
            })
    }
}
