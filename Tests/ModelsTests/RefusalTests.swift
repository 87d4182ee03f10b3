import Foundation
import Testing

@testable import Models

/// What is not read, and that nothing is ever read in part.
@Suite struct RefusalTests {
    static func text(_ name: String) throws -> String {
        String(decoding: try #require(ModelCase.all.first { $0.name == name }).bytes, as: UTF8.self)
    }

    static func refusal(_ text: String) -> ModelRefusal? {
        do {
            _ = try ModelFile.read(Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        ("objective=binary sigmoid:1", "objective=multiclass num_class:3", "gives no probability"),
        ("objective=binary sigmoid:1", "objective=regression", "gives no probability"),
        ("objective=binary sigmoid:1", "objective=custom", "gives no probability"),
        ("objective=binary sigmoid:1\n", "", "one of its own"),
        ("objective=binary sigmoid:1", "objective=binary sigmoid:-1", "sigmoid"),
        ("num_class=1", "num_class=3", "several classes"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=3", "several classes"),
        ("is_linear=0", "is_linear=1", "linear_tree"),
        ("version=v4", "version=v5", "format"),
        ("version=v4", "version=v1", "format"),
        ("max_feature_idx=5", "max_feature_idx=3", "names for 4 features"),
        ("Tree=1", "Tree=2", "does not follow"),
        ("end of trees", "end of", "ends before its trees"),
        ("left_child=", "left_child=0 ", "left_child"),
        ("num_leaves=6", "num_leaves=7", "values in"),
        ("leaf_value=", "leaf_value=x", "not a number"),
        ("leaf_value=", "leaf_value=nan ", "values in leaf_value"),
        ("leaf_value=", "leaf_value=0x1p3", "not a number"),
    ])
    func `LightGBM files are refused by name`(_ from: String, _ to: String, _ says: String) throws {
        let text = try Self.text("lightgbm-none")
        #expect(text.contains(from))
        let range = try #require(text.range(of: from))
        let refusal = try #require(Self.refusal(text.replacingCharacters(in: range, with: to)))
        #expect(refusal.message.contains(says), "\(refusal)")
    }

    @Test(arguments: [
        ("\"binary:logistic\"", "\"multi:softprob\"", "several classes"),
        ("\"binary:logistic\"", "\"reg:squarederror\"", "gives no probability"),
        ("\"binary:logistic\"", "\"binary:logitraw\"", "gives no probability"),
        ("\"gbtree\"}", "\"gblinear\"}", "booster gblinear"),
        ("\"num_class\":\"0\"", "\"num_class\":\"3\"", "several classes"),
        ("\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"2\"", "vectors"),
        ("\"num_trees\":\"4\"", "\"num_trees\":\"5\"", "4 trees of 5"),
        ("\"num_feature\":\"6\",\"num_target\"", "\"num_feature\":\"0\",\"num_target\"", "num_feature"),
        ("\"version\":[3", "\"version\":[9", "version 9"),
        ("{\"learner\"", "{L\u{00}\u{07}learner", "UBJSON"),
        ("{\"learner\"", "{\"learner\":1,\"learner\"", "not JSON"),
        ("{\"learner\"", "{\"lerner\"", "no learner"),
        ("\"left_children\":[1", "\"left_children\":[0", "reached twice"),
        ("\"left_children\":[1", "\"left_children\":[100000", "reached twice"),
    ])
    func `XGBoost files are refused by name`(_ from: String, _ to: String, _ says: String) throws {
        let text = try Self.text("xgboost-numeric")
        let range = try #require(text.range(of: from))
        let refusal = try #require(Self.refusal(text.replacingCharacters(in: range, with: to)))
        #expect(refusal.message.contains(says), "\(refusal)")
    }

    /// A file with another base score, as of another version of the library.
    static func scored(_ score: String, version: String) throws -> String {
        let text = try Self.text("xgboost-base-text")
        let changed = text.replacing(#/"base_score": "[^"]*"/#, with: "\"base_score\": \(score)").replacing(#/"version": \[[^\]]*\]/#, with: "\"version\": [\(version)]")
        #expect(changed != text)
        return changed
    }

    @Test(arguments: ["1, 4, 2", "3, 1, 3", "3", "3, 2, 0"]) func `a base score must be a probability`(_ version: String) throws {
        let edges = version == "3, 2, 0" ? [] : ["0", "1", "\"0E0\"", "\"[1E0]\"", "0.99999999"]
        for score in edges + ["\"[5E-1,5E-1]\"", "\"\"", "null", "\"x\"", "-0.5", "\"-1E-9\"", "1.1", "NaN", "\"inf\""] {
            let refusal = try #require(Self.refusal(try Self.scored(score, version: version)), "\(score)")
            #expect(refusal.message.contains("base_score") || refusal.message.contains("several targets"), "\(refusal)")
        }
    }

    /// What XGBoost 1.4.2 and 3.2.0 say of a model whose trees add nothing.
    @Test(arguments: [
        ("5E-1", 0, 0), ("3E-1", -0.8472978472709656, -0.8472978472709656), ("1E-6", -13.815509796142578, -13.815509796142578),
        ("9.99999E-1", 13.745160102844238, 13.745160102844238), ("1E-7", -16.11809539794922, -13.815509796142578),
        ("9.999999E-1", 15.942384719848633, 13.745160102844238), ("9.9999994E-1", 15.942384719848633, 13.745160102844238),
        ("3E-39", -88.70220947265625, -13.815509796142578), ("2E-39", nil, -13.815509796142578), ("1E-45", nil, -13.815509796142578),
        ("0E0", nil, -13.815509796142578), ("1E0", nil, 13.745160102844238),
    ] as [(String, Double?, Double)])
    func `a base score at the edge gives the margin of the version that wrote it`(_ score: String, _ before: Double?, _ since: Double) throws {
        func base(_ score: String, _ version: String) throws -> Double? {
            try? ModelFile.read(Array(try Self.scored(score, version: version).utf8)).base
        }
        for version in ["1, 4, 2", "2, 1, 4", "3, 1, 3"] {
            for text in ["\"\(score)\"", "\"[\(score)]\""] {
                let got = try base(text, version)
                #expect((got == nil) == (before == nil) && abs((got ?? 0) - (before ?? 0)) <= Double(Float(before ?? 0).ulp), "\(text) of \(version): \(String(describing: got))")
            }
        }
        for version in ["3, 2, 0", "3, 10, 1"] {
            let got = try #require(try base("\"[\(score)]\"", version))
            #expect(abs(got - since) <= Double(Float(since).ulp), "\(version): \(got)")
        }
    }

    @Test(arguments: [
        ("null", nil), ("[]", nil), ("[[]]", nil), ("[[0, 1, 2], [0.0, 1.0]]", nil), ("[[5, 7, 9, 14]]", "list 0"), ("[[0, 1], [1, 0]]", "list 1"),
        ("[[1, 2, 3]]", "list 0"), ("[[\"0\", \"1\"]]", "list 0"), ("[[false, true]]", "list 0"), ("[3]", "list 0"), ("{}", "not a list"), ("[[0", "not JSON"), ("", "not JSON"),
    ] as [(String, String?)])
    func `a data frame's categories are refused, but where they are their own codes`(_ dictionary: String, _ says: String?) throws {
        for name in ["lightgbm-categories", "lightgbm-lines"] {
            let whole = try Self.text(name)
            let text = whole.replacing(#/pandas_categorical:null/#, with: "pandas_categorical:" + dictionary)
            #expect(dictionary == "null" || text != whole)
            let refusal = Self.refusal(text)
            #expect((refusal == nil) == (says == nil) && refusal?.message.contains(says ?? "") ?? true, "\(name): \(String(describing: refusal))")
            if let refusal, refusal.reason == .unsupported { #expect(refusal.message.contains("train on their codes")) }
        }
    }

    @Test(arguments: [
        (#"[{"offsets":[],"values":[]},{"offsets":[],"values":[]}]"#, nil), (#"[{"type":15,"values":[0,1,2]},{"offsets":[],"values":[]}]"#, nil),
        (#"[{"type":15,"values":[5,7,9,14]},{"offsets":[],"values":[]}]"#, "feature 0"), (#"[{"offsets":[],"values":[]},{"type":15,"values":[1,0]}]"#, "feature 1"),
        (#"[{"offsets":[0,1,2],"values":[97,98]}]"#, "feature 0"), (#"[{"offsets":[0,0],"values":[]}]"#, "feature 0"), (#"[{"type":7,"values":[0.5]}]"#, "feature 0"),
        (#"[{"type":7,"values":"01"}]"#, "feature 0"),
    ] as [(String, String?)])
    func `so are XGBoost's`(_ encodings: String, _ says: String?) throws {
        for name in ["xgboost-categories", "xgboost-dart"] {
            let whole = try Self.text(name)
            let text = whole.replacing(#"cats":{"enc":[]"#, with: #"cats":{"enc":"# + encodings)
            #expect(text != whole)
            let refusal = Self.refusal(text)
            #expect((refusal == nil) == (says == nil) && refusal?.message.contains(says ?? "") ?? true, "\(name): \(String(describing: refusal))")
        }
    }

    @Test(arguments: ["lightgbm-categories", "xgboost-categories", "xgboost-dart", "xgboost-stopped"])
    func `a file that was cut off is refused, wherever`(_ name: String) throws {
        let model = try #require(ModelCase.all.first { $0.name == name })
        let bytes = model.bytes
        let whole = try model.ensemble()
        for count in 0..<bytes.count {
            do throws(ModelRefusal) {
                // Behind the last tree nothing counts: what is read there is the whole.
                let read = try ModelFile.read(Array(bytes[..<count]))
                #expect(read == whole, "\(count) bytes")
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
    }
}
