import Foundation
import Models
import Testing

@testable import Scoring

/// Verdicts of a model: a small one that LightGBM made, over six of Weir's features.
@Suite struct ModelScoringTests {
    static let features = ["amount", "account_1h_count", "account_24h_sum", "hour_of_day", "account_amount_ratio", "merchant_7d_fraud_rate"]

    static func artefact(_ version: String = "1.2.3", features: [String] = features, more: String = "") throws -> Artefact {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/models/small/lightgbm-none.txt")
        let bytes = [UInt8](try Data(contentsOf: file))
        let manifest = """
            {"name": "fraud", "version": "\(version)", "format": "lightgbm", "file": "model.txt", "sha256": "\(SHA256.hex(bytes))",
             "features": \(features), "thresholds": {"review": 0.45, "decline": 0.6}\(more)}
            """
        return Artefact(manifest: try Manifest.parse(Array(manifest.utf8)), ensemble: try ModelFile.read(bytes))
    }

    static func models(_ artefact: Artefact, shadow: Artefact? = nil) throws -> EngineModels {
        let set = EngineConfiguration().features
        var models = EngineModels()
        models.fraud = try ScoringModel(artefact, set)
        models.shadow = try shadow.map { try ScoringModel($0, set) }
        return models
    }

    static func driver(_ models: EngineModels, _ change: (inout Policy) -> Void = { _ in }) -> Driver {
        var configuration = EngineConfiguration()
        configuration.models = models
        configuration.policy.velocityHighRisk = 2
        change(&configuration.policy)
        return Driver(configuration)
    }

    /// Transactions of many sizes and hours.
    static let traffic = (0..<400).map { i in
        Tx("\(i)", "A\(i % 7)", at: noon + Int64(i) * 13 * minute, "\((i * 37) % 50).\(10 + i % 90)", ["merchant_id": "M\(i % 5)"])
    }

    @Test func `the verdict says what scored it, and decides by the manifest's thresholds on the rounded score`() throws {
        let artefact = try Self.artefact()
        let driver = Self.driver(try Self.models(artefact))
        let reference = ReferencePredictor(try #require(artefact.ensemble))
        var decisions: Set<String> = []
        for tx in Self.traffic {
            let said = try driver.send(tx)
            let row = Self.features.map { driver.engine.vector.features[driver.engine.features.index(of: $0)!] }
            let verdict = try #require(said.fraud)
            let score = (logistic(reference.margin(row)) * 1_000_000).rounded() / 1_000_000
            #expect(verdict.double("score") == score)
            #expect(verdict.decision == (score >= 0.6 ? "decline" : score >= 0.45 ? "review" : "approve"))
            let model = try #require(verdict.json["model"] as? [String: String])
            #expect(model == ["name": "fraud", "version": "1.2.3", "sha256": artefact.manifest.sha256])
            #expect(verdict.string("mode") == "full" && verdict.degraded.isEmpty)
            #expect(said.aml?.string("mode") == "rules")
            decisions.insert(verdict.decision)
        }
        #expect(decisions.count == 3, "all decisions were met")
    }

    @Test func `reasons are the strongest contributions, of flagged verdicts or of all`() throws {
        for explainsAll in [false, true] {
            let models = try Self.models(try Self.artefact())
            let driver = Self.driver(models) { $0.explainsAll = explainsAll }
            let predictor = try FastPredictor(try #require(try Self.artefact().ensemble))
            for tx in Self.traffic {
                let verdict = try #require(try driver.send(tx).fraud)
                guard explainsAll || verdict.decision != "approve" else {
                    #expect(verdict.reasons.isEmpty)
                    continue
                }
                let row = Self.features.map { driver.engine.vector.features[driver.engine.features.index(of: $0)!] }
                var parts = [Double](repeating: 0, count: 6)
                _ = predictor.contributions(row, logOdds: predictor.logOdds(row), into: &parts)
                let expected = zip(Self.features, parts).filter { $0.1.magnitude >= 0.000_000_5 }.sorted { $0.1.magnitude > $1.1.magnitude }.prefix(5)
                #expect(Set(verdict.reasonCodes) == Set(expected.map(\.0)))
                for (reason, one) in zip(verdict.reasons, expected) {
                    #expect(abs((reason["contribution"] as? Double ?? .nan).magnitude - one.1.magnitude) < 1e-6)
                }
            }
        }
    }

    @Test func `the environment's thresholds override the manifest's`() throws {
        let driver = Self.driver(try Self.models(try Self.artefact())) {
            $0.fraudReview = 0
            $0.fraudDecline = 1
        }
        for tx in Self.traffic.prefix(20) { #expect(try driver.send(tx).fraud?.decision == "review") }
    }

    @Test func `another version comes into force between two records, and the same is asked over HTTP`() throws {
        let old = try Self.models(try Self.artefact("1.0.0"))
        let new = try Self.models(try Self.artefact("1.1.0", more: ", \"calibration\": {\"method\": \"platt\", \"a\": 0.5, \"b\": -1}"))
        let driver = Self.driver(old)
        let first = try driver.send(Self.traffic[0])
        #expect((first.fraud?.json["model"] as? [String: Any])?["version"] as? String == "1.0.0")
        driver.engine.apply(.models(new))
        let asked = try driver.ask(.fraud, Self.traffic[1].json, arrival: Self.traffic[1].time).get().0
        let second = try driver.send(Self.traffic[1])
        #expect((second.fraud?.json["model"] as? [String: Any])?["version"] as? String == "1.1.0")
        #expect(asked.text == second.fraud?.withoutSource)
        driver.engine.apply(.models(EngineModels()))
        let third = try driver.send(Self.traffic[2])
        #expect(third.fraud?.string("mode") == "rules" && third.fraud?.degraded.isEmpty == true)
        #expect(third.fraud?.double("threshold") == 0.5)
    }

    @Test func `what is missing is named`() throws {
        var models = EngineModels()
        models.isFraudBroken = true
        models.isVelocityBroken = true
        let rules = try Self.driver(models).send(Self.traffic[0])
        #expect(rules.fraud?.string("mode") == "rules" && rules.fraud?.degraded == ["fraud_model", "velocity_model"])
        #expect(rules.aml?.degraded == ["velocity_model"])
        models = try Self.models(try Self.artefact())
        let off = try Self.driver(models) { $0.isVelocityEnabled = false }.send(Self.traffic[0])
        #expect(off.fraud?.string("mode") == "degraded" && off.fraud?.degraded == ["velocity_disabled"])
    }

    @Test func `a model of features that the windows do not give is refused`() throws {
        let set = EngineConfiguration().features
        var other = Self.features
        other[1] = "account_2h_count"
        let artefact = try Self.artefact(features: other)
        #expect(throws: ModelRefusal(.features, "the windows in force give no feature account_2h_count")) { try ScoringModel(artefact, set) }
        let future = try Self.artefact(more: ", \"feature_set\": 99")
        #expect(throws: ModelRefusal.self) { try ScoringModel(future, set) }
    }

    @Test func `a velocity artefact's quantiles make the risk`() throws {
        let text = """
            {"name": "velocity", "version": "2", "features": ["amount", "account_1h_count"], "thresholds": {},
             "quantiles": {"account_1h_count": [2, 4, 8], "account_9h_count": [0, 0, 0]}}
            """
        let set = EngineConfiguration().features
        var models = EngineModels()
        models.velocity = try VelocityArtefact(Artefact(manifest: try Manifest.parse(Array(text.utf8)), ensemble: nil), set)
        let driver = Self.driver(models)
        let expected = [0, 0, 0.25, 0.5, 0.575, 0.65, 0.725, 0.8, 0.802778]
        for (i, risk) in expected.enumerated() {
            let said = try driver.send(Tx("\(i)", "A", at: noon + Int64(i)))
            #expect(said.fraud?.double("velocity_risk") == risk)
        }
    }

    @Test(arguments: [
        ("acount_1h_count", true), ("account_1h_cuont", true), ("account_1x_count", true), ("account_h_count", true), ("account__count", true), ("account_0h_count", true),
        ("account_1h", true), ("card_9h_mean", true), ("no_such", true), ("", true), ("account_9h_count", false), ("merchant_30d_fraud_rate", false),
        ("amount", false), ("account_amount_zscore", false),
    ])
    func `a velocity artefact's unknown feature is refused by name, that of another window passed over`(_ feature: String, _ isRefused: Bool) throws {
        let set = EngineConfiguration().features
        let text = #"{"name":"velocity","version":"2","features":[],"thresholds":{},"quantiles":{"account_1h_count":[2,4,8],"\#(feature)":[1,2,3]}}"#
        let artefact = Artefact(manifest: try Manifest.parse(Array(text.utf8)), ensemble: nil)
        if isRefused {
            #expect(throws: ModelRefusal(.features, "there is no feature \(feature)")) { try VelocityArtefact(artefact, set) }
        } else {
            #expect(try VelocityArtefact(artefact, set).quantiles.count == (set.index(of: feature) == nil ? 1 : 2))
        }
    }

    @Test(arguments: [("1", false), ("1.0", false), ("2", true), ("2.0", true)]) func `a velocity artefact of another feature set is refused`(_ version: String, _ isRefused: Bool) throws {
        let set = EngineConfiguration().features
        let text = #"{"name":"velocity","version":"2","feature_set":\#(version),"features":[],"thresholds":{},"quantiles":{"amount":[2,4,8]}}"#
        let artefact = Artefact(manifest: try Manifest.parse(Array(text.utf8)), ensemble: nil)
        #expect(((try? VelocityArtefact(artefact, set)) == nil) == isRefused)
    }

    @Test func `quantiles as large as are read draw a curve`() throws {
        let set = EngineConfiguration().features
        var models = EngineModels()
        for three in ["[-1e308,-1e308,-1e308]", "[0,1e306,1.7e307]", "[1,1,1]", "[1,2,1.7976931348623157e308]"] {
            let text = #"{"name":"velocity","version":"2","features":[],"thresholds":{},"quantiles":{"amount":\#(three)}}"#
            guard let manifest = try? Manifest.parse(Array(text.utf8)) else {
                #expect(three.contains("e308]") && !three.contains("-"))
                continue
            }
            models.velocity = try VelocityArtefact(Artefact(manifest: manifest, ensemble: nil), set)
            let risk = try #require(try Self.driver(models).send(Tx("1", "A", at: noon)).fraud?.double("velocity_risk"))
            #expect((0...1).contains(risk))
        }
    }

    @Test func `a challenger is compared and never decides`() throws {
        let champion = try Self.artefact("1.0.0")
        let challenger = try Self.artefact("2.0.0", more: ", \"calibration\": {\"method\": \"platt\", \"a\": 1, \"b\": 1}")
        let alone = Self.driver(try Self.models(champion))
        let watched = Self.driver(try Self.models(champion, shadow: challenger))
        for tx in Self.traffic {
            let (a, b) = (try alone.send(tx), try watched.send(tx))
            #expect(a.fraud?.text == b.fraud?.text && a.aml?.text == b.aml?.text)
        }
        #expect(!alone.engine.modelFacts.hasShadow)
        let facts = watched.engine.modelFacts
        #expect(facts.hasShadow && facts.decisions.reduce(0, +) == Self.traffic.count)
        #expect(facts.champion.reduce(0, +) == Self.traffic.count && facts.challenger.reduce(0, +) == Self.traffic.count)
        let raised = facts.decisions[1] + facts.decisions[2] + facts.decisions[5]
        let lowered = facts.decisions[3] + facts.decisions[6] + facts.decisions[7]
        #expect(raised > 0 && lowered == 0, "a score that is higher by one in log-odds decides higher at times and never lower")
    }

    @Test func `drift is small for what was trained on, and large for what was not`() {
        #expect(PopulationStability.index(expected: [0.5, 0.5], counts: [5_000, 4_999]) == nil)
        let same = PopulationStability.index(expected: [0.5, 0.3, 0.2], counts: [5_000, 3_000, 2_000])
        #expect(same.map { abs($0) < 1e-12 } == true)
        let moved = PopulationStability.index(expected: [0.5, 0.5], counts: [9_000, 1_000])
        #expect(moved.map { abs($0 - (0.4 * log(1.8) - 0.4 * log(0.2))) < 1e-12 } == true)
        #expect(PopulationStability.index(expected: [1, 0], counts: [0, 10_000])! > 5)
    }
}
