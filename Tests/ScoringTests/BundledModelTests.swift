import Foundation
import Models
import Testing

@testable import Scoring

/// The artefacts that are shipped: whole, usable with the default settings, and scoring as the pages say.
@Suite struct BundledModelTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../models").standardized.path
    static let names = ["fraud", "velocity", "aml"]

    /// The newest version of each.
    static func artefact(_ name: String) throws -> (artefact: Artefact, folder: String) {
        let version = try #require(try Catalogue.list(folder).filter { $0.name == name }.map(\.version).max { $0.compare($1, options: .numeric) == .orderedAscending })
        let path = "\(folder)/\(name)/\(version)"
        return (try Artefact.load(path), path)
    }

    static func driver() throws -> Driver {
        var configuration = EngineConfiguration()
        configuration.models.aml = try ScoringModel(try artefact("aml").artefact, AMLFeatureSet(configuration.features))
        return Driver(configuration)
    }

    @Test(arguments: names) func eachIsWholeWithItsCardAndFitsTheDefaultWindows(_ name: String) throws {
        let (artefact, path) = try Self.artefact(name)
        #expect(artefact.manifest.name == name && path.hasSuffix(artefact.manifest.version))
        let card = try String(contentsOfFile: path + "/card.md", encoding: .utf8)
        #expect(card.hasPrefix("# \(name) \(artefact.manifest.version)\n"))
        let set = EngineConfiguration().features
        switch name {
        case "fraud":
            _ = try ScoringModel(artefact, set)
            #expect(card.contains("Alert budget: ") && FileManager.default.fileExists(atPath: path + "/card.png"))
        case "aml":
            _ = try ScoringModel(artefact, AMLFeatureSet(set))
            #expect(card.contains("Alert budget: ") && FileManager.default.fileExists(atPath: path + "/card.png"))
        default: #expect(!artefact.manifest.quantiles.isEmpty && artefact.ensemble == nil)
        }
    }

    /// What it reads of the payment graph for each payment is one account's inflows: no sides, no ways, no cycles; nor does it count typologies twice.
    @Test func theAMLModelSearchesForNothingThatTheTypologiesDoNot() throws {
        let set = AMLFeatureSet(EngineConfiguration().features)
        let places = try Self.artefact("aml").artefact.manifest.features.map { try #require(set.index(of: $0)) }
        #expect(set.needs(places).isSubset(of: [.fit, .chain, .dwell]))
        for name in try Self.artefact("aml").artefact.manifest.features {
            #expect(!name.hasSuffix("_sum") && name != "amount" && !name.hasPrefix("type_") && !name.hasPrefix("account_age"), "\(name) tells another bank's money or calendar")
            #expect(!name.hasPrefix("typology_"), "\(name) is joined to the model's probability already, and adds nothing as its feature")
        }
    }

    /// Payments among a few accounts for three months, and then a sum that goes round, and one that is handed on.
    static let traffic: [Tx] =
        AMLModelTests.traffic
        + (0..<3).map { i in
            let names = ["R0", "R1", "R2"]
            return Tx("r\(i)", names[i], at: noon + 90 * day + Int64(i) * hour, "900\(9 - i)", ["type": "transfer", "counterparty_id": names[(i + 1) % 3]])
        }
        + (0..<5).map { i in
            Tx("l\(i)", "L\(i)", at: noon + 91 * day + Int64(i) * hour, "\(8_000 - i * 100)", ["type": "transfer", "counterparty_id": "L\(i + 1)"])
        }

    @Test func aTypologysScoreAndTheModelsAreJoinedAndItsEvidenceIsThere() throws {
        let artefact = try Self.artefact("aml").artefact
        let reference = ReferencePredictor(try #require(artefact.ensemble))
        let driver = try Self.driver()
        let set = driver.engine.amlFeatures
        let settings = TypologySettings(artefact.manifest.typologies)
        var named: Set<String> = []
        var verdicts: [String: SaidVerdict] = [:]
        for tx in Self.traffic {
            let aml = try #require(try driver.send(tx).aml)
            verdicts[tx.id] = aml
            #expect(aml.string("mode") == "full" && aml.degraded == [])
            #expect((aml.json["model"] as? [String: String])?["sha256"] == artefact.manifest.sha256)
            for typology in aml.typologies {
                named.insert(try #require(typology["code"] as? String))
                #expect(try #require(typology["evidence"] as? [String: NSNumber]).count >= 2)
            }
            guard tx.time - Self.traffic[0].time >= 30 * day else { continue }
            let row = artefact.manifest.features.map { driver.engine.amlVector.features[set.index(of: $0)!] }
            var not = 1 - artefact.manifest.calibration.probability(reference.margin(row))
            for typology in aml.typologies {
                let found = try #require(Typology(code: typology["code"] as! String))
                not *= 1 - settings.weights[Int(found.rawValue)] * driver.engine.typologies.findings.byTypology[Int(found.rawValue)]
            }
            #expect(abs(try #require(aml.double("score")) - (1 - not)) <= 1e-6, "\(aml.text)")
        }
        #expect(named.isSuperset(of: ["CYCLE", "LAYERING", "FAN_OUT"]), "\(named)")
        // What closes a ring of large sums, or hands one on for the fourth time, is looked at, whatever the model thinks.
        for id in ["r2", "l4"] { #expect(verdicts[id].map { $0.decision != "clear" } == true, "\(verdicts[id]?.text ?? "none")") }
        #expect(verdicts["r2"]?.reasonCodes.contains("CYCLE") == true && verdicts["l4"]?.reasonCodes.contains("LAYERING") == true)
    }
}
