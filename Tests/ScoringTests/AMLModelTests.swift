import Foundation
import Models
import Testing
import Velocity

@testable import Scoring

/// AML verdicts of a model and the typologies together.
@Suite struct AMLModelTests {
    static let features = ["payer_in_7d_count", "account_seconds_since_stranger", "chain_ratio", "payee_in_7d_deviation", "typology_fan_out", "two_hop_paths"]

    static func models(more: String = "") throws -> EngineModels {
        let artefact = try ModelScoringTests.artefact(features: features, more: more)
        var models = EngineModels()
        models.aml = try ScoringModel(artefact, AMLFeatureSet(EngineConfiguration().features))
        return models
    }

    static func driver(_ models: EngineModels) -> Driver {
        var configuration = EngineConfiguration()
        configuration.models = models
        return Driver(configuration)
    }

    /// A few accounts that pay each other for three months, one of them many others in the end.
    static let traffic: [Tx] = (0..<900).map { i in
        let isFan = i > 850
        let time = noon + Int64(i) * 2 * hour + 7 * minute
        return Tx(
            "\(i)", isFan ? "F" : "A\(i * 7 % 11)", at: time, "\(100 + i * 37 % 900).\(10 + i % 90)",
            ["type": i % 5 == 0 ? "payment" : "transfer", "counterparty_id": isFan ? "G\(i)" : "A\(i * 5 % 13)"])
    }

    @Test func theScoreJoinsTheModelsProbabilityAndTheTypologies() throws {
        let models = try Self.models()
        let reference = ReferencePredictor(try #require(try ModelScoringTests.artefact(features: Self.features).ensemble))
        let driver = Self.driver(models)
        // Beside it an engine that fills every feature: what the model needs is the same there.
        let whole = Driver()
        let full = VerdictSink(keepsVerdicts: false, keepsAMLFeatures: true)
        let weights = TypologySettings().weights
        var decisions: Set<String> = []
        var typologies = 0
        for (i, tx) in Self.traffic.enumerated() {
            let aml = try #require(try driver.send(tx).aml)
            full.reset()
            Records([tx.json], keys: [tx.account], offset: Int64(i)).borrow { whole.engine.score($0, into: full) }
            let row = Self.features.map { full.features[whole.engine.amlFeatures.index(of: $0)!] }
            #expect(row == Self.features.map { driver.engine.amlVector.features[driver.engine.amlFeatures.index(of: $0)!] })
            #expect(aml.string("mode") == "full" && (aml.json["model"] as? [String: String])?["version"] == "1.2.3")
            guard tx.time - Self.traffic[0].time >= 30 * day else { continue }
            var other = 1 - logistic(reference.margin(row))
            for typology in aml.typologies {
                let code = try #require((typology["code"] as? String).flatMap(Typology.init(code:)))
                other *= 1 - weights[Int(code.rawValue)] * driver.engine.typologies.findings.byTypology[Int(code.rawValue)]
                typologies += 1
            }
            #expect(abs(try #require(aml.double("score")) - (1 - other)) <= 1e-6)
            if aml.decision != "clear" { #expect(aml.reasonCodes.contains { Self.features.contains($0) || $0 == "FAN_OUT" }) }
            decisions.insert(aml.decision)
        }
        #expect(decisions.count >= 2 && typologies > 20, "\(decisions), \(typologies)")
    }

    @Test func aStateThatBeganLatelyCountsTheModelInPart() throws {
        let with = Self.driver(try Self.models())
        let without = Driver()
        let reference = ReferencePredictor(try #require(try ModelScoringTests.artefact(features: Self.features).ensemble))
        for tx in Self.traffic.prefix(300) {
            let (a, b) = (try #require(try with.send(tx).aml), try #require(try without.send(tx).aml))
            guard a.typologies.isEmpty else { continue }
            let warmth = Double(tx.time - Self.traffic[0].time) / Double(30 * day)
            let row = Self.features.map { with.engine.amlVector.features[with.engine.amlFeatures.index(of: $0)!] }
            let expected = warmth * logistic(reference.margin(row)) + (1 - warmth) * b.double("score")!
            #expect(abs(a.double("score")! - expected) <= 2e-6)
        }
    }

    @Test func theManifestSetsThresholdsAndWeights() throws {
        let driver = Self.driver(try Self.models(more: #", "typologies": {"FAN_OUT": {"threshold": 12, "weight": 0.25}, "CYCLE": {"threshold": 0.9}}"#))
        let settings = driver.engine.typologies.settings
        #expect(settings.fanMinimum == 12 && settings.weights[Int(Typology.fanOut.rawValue)] == 0.25 && settings.cycleRatio == 900)
        #expect(settings.weights[Int(Typology.cycle.rawValue)] == TypologySettings().weights[Int(Typology.cycle.rawValue)])
        driver.engine.apply(.models(EngineModels()))
        #expect(driver.engine.typologies.settings == TypologySettings())
        #expect(throws: ModelRefusal.self) { try Self.models(more: #", "typologies": {"FAN_OUTT": {"weight": 0.25}}"#) }
    }

    /// Flagged for its amount alone, a verdict still says what its score is made of.
    @Test func anAmountThatLiftsTheDecisionLeavesTheModelsReasons() throws {
        let driver = Self.driver(try Self.models(more: #", "calibration": {"method": "platt", "a": 1, "b": -6}"#))
        for tx in Self.traffic.prefix(600) { _ = try driver.send(tx) }
        let deposit = Tx("deposit", "somebody new", at: Self.traffic[600].time, "10000.00", ["type": "cash_in"])
        let aml = try #require(try driver.send(deposit).aml)
        #expect(aml.decision == "review" && aml.double("score")! < 0.35, "\(aml.text)")
        #expect(aml.reasonCodes.contains("suspicious_amount") && aml.reasonCodes.contains { Self.features.contains($0) }, "\(aml.text)")
    }

    @Test func aBrokenArtefactIsSaid() throws {
        var models = EngineModels()
        models.isAMLBroken = true
        let said = try Self.driver(models).send(Self.traffic[0])
        #expect(said.aml?.string("mode") == "rules" && said.aml?.degraded == ["aml_model"] && said.fraud?.degraded == [])
        #expect(models.journalled == ["aml": "broken"])
    }

    @Test func everyAMLFeatureHasASentence() {
        let set = EngineConfiguration().features
        let texts = ReasonTexts(set, currency: "USD")
        let aml = AMLFeatureSet(set)
        for (place, name) in aml.names.enumerated() {
            let entry = texts.entries[texts.ofAML(place)]
            if place < aml.count - Typology.allCases.count {
                #expect(entry.code == name && !(entry.before + entry.after).isEmpty)
            } else {
                #expect(AMLFeatureSet.name(Typology(code: entry.code)!) == name)
            }
        }
    }

    @Test func theTimeSinceAStrangerIsThatOfTheNewestFirstPayment() throws {
        let driver = Driver()
        let full = VerdictSink(keepsVerdicts: false, keepsAMLFeatures: true)
        let place = driver.engine.amlFeatures.index(of: "account_seconds_since_stranger")!
        var firsts: [(time: Int64, account: String)] = []
        var met: Set<String> = []
        var some = 0
        for (i, tx) in Self.traffic.enumerated() {
            full.reset()
            Records([tx.json], keys: [tx.account], offset: Int64(i)).borrow { driver.engine.score($0, into: full) }
            let newest = firsts.last { $0.account == tx.account && $0.time > tx.time - 7 * day }
            #expect(full.features[place] == newest.map { Double(tx.time - $0.time) / 1_000 } ?? -1)
            if newest != nil { some += 1 }
            if met.insert("\(tx.account) \(tx.fields["counterparty_id"]!)").inserted { firsts.append((tx.time, tx.account)) }
        }
        #expect(some > 50)
    }
}
