import Testing

@testable import Models

@Suite struct ParityTests {
    @Test(arguments: ModelCase.all) func `the plain predictor says what the library says`(_ model: ModelCase) throws {
        let ensemble = try model.ensemble()
        let reference = ReferencePredictor(ensemble)
        #expect(!model.rows.isEmpty)
        for (i, row) in model.rows.enumerated() {
            let margin = reference.margin(row)
            let expected = model.margins[i]
            if ensemble.isSingle {
                #expect(abs(margin - expected) <= 4 * Double(Float(expected).ulp) * max(1, Double(ensemble.trees.count) / 16), "row \(i)")
            } else {
                #expect(abs(margin - expected) <= 1e-9, "row \(i)")
            }
            #expect(abs(logistic(ensemble.logOdds(margin)) - model.probabilities[i]) <= 1e-6, "row \(i)")
        }
    }

    @Test(arguments: ModelCase.all) func `every layout gives the plain predictor's bits`(_ model: ModelCase) throws {
        let ensemble = try model.ensemble()
        let reference = ReferencePredictor(ensemble)
        var taken = 0
        for layout in FastPredictor.Layout.allCases {
            guard let fast = try? FastPredictor(ensemble, layout: layout) else { continue }
            taken += 1
            for (i, row) in model.rows.enumerated() {
                #expect(fast.margin(row).bitPattern == reference.margin(row).bitPattern, "row \(i), \(layout.rawValue)")
            }
        }
        #expect(taken >= 1)
    }

    @Test(arguments: ModelCase.all.filter { !$0.contributions.isEmpty }) func `contributions are the library's and add up`(_ model: ModelCase) throws {
        let ensemble = try model.ensemble()
        let fast = try FastPredictor(ensemble)
        let tolerance = ensemble.isSingle ? 1e-5 * max(1, Double(ensemble.trees.count) / 100) : 1e-6
        var out = [Double](repeating: .nan, count: ensemble.featureCount)
        for (i, row) in model.rows.enumerated() {
            let logOdds = fast.logOdds(row)
            let bias = fast.contributions(row, logOdds: logOdds, into: &out)
            #expect(abs(out.reduce(bias, +) - logOdds) <= 1e-6, "row \(i)")
            for (f, expected) in model.contributions[i].enumerated() {
                let got = f < out.count ? out[f] : bias
                #expect(abs(got - expected) <= tolerance * max(1, abs(expected)), "row \(i), feature \(f)")
            }
        }
    }

    /// What the libraries themselves make for these tests: every kind that the readers speak of, deep, of one leaf, of 1,000 trees, by the newest version and an old one.
    @Test(.enabled(if: ModelCase.generated != nil)) func `at least 120 ensembles of every kind are compared`() throws {
        let cases = try #require(ModelCase.generated)
        #expect(cases.count >= 120, "\(cases.count)")
        let kinds = [
            "lightgbm": [
                "none", "nan", "zero", "without-missing", "categories", "categories-nan", "categories-one-hot", "sigmoid", "forest", "dart", "goss", "one-leaf", "stumps",
                "thresholds", "lines", "cross-entropy", "chain", "leaves-255", "trees-1000", "trees-1000-255", "bins-1000", "features-200",
            ],
            "xgboost": [
                "nan", "categories", "categories-one-hot", "dart", "stopped", "forest", "forest-stopped", "base-number", "base-text", "base-list", "one-leaf", "deep",
                "leaves-255", "trees-1000",
            ],
        ]
        let names = Set(cases.map(\.name))
        for (library, kinds) in kinds {
            for kind in kinds { #expect(names.contains("\(library)-\(kind)")) }
            #expect(names.count { $0.hasPrefix("\(library)-random-") } >= 30)
        }
        let ensembles = try cases.map { try $0.ensemble() }
        for (library, new) in [(Ensemble.Library.lightgbm, "v4"), (.xgboost, "3.")] {
            let versions = Set(ensembles.filter { $0.library == library }.map(\.fileVersion))
            #expect(versions.contains { $0.hasPrefix(new) } && versions.contains { !$0.hasPrefix(new) }, "\(versions)")
        }
        #expect(ensembles.contains { $0.trees.contains { $0.depth > 14 } } && ensembles.contains { $0.trees.count >= 1_000 && $0.leafCount > 100_000 })
        #expect(ensembles.contains { $0.trees.allSatisfy(\.nodes.isEmpty) })
    }

    @Test func `a row's places may be anywhere in what is given`() throws {
        let model = try #require(ModelCase.all.first { $0.name == "lightgbm-nan" })
        let ensemble = try model.ensemble()
        let n = ensemble.featureCount
        let places = (0..<n).map { 2 * (n - 1 - $0) + 1 }
        for layout in FastPredictor.Layout.allCases {
            guard let fast = try? FastPredictor(ensemble, places: places, layout: layout) else { continue }
            for row in model.rows {
                var spread = [Double](repeating: 77, count: 2 * n)
                for (f, place) in places.enumerated() { spread[place] = row[f] }
                #expect(fast.margin(spread) == ReferencePredictor(ensemble).margin(row))
            }
        }
    }
}
