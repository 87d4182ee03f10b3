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

    @Test func `a base score must be a probability`() throws {
        let text = try Self.text("xgboost-base-text")
        for score in ["0", "1", "\"0E0\"", "\"[5E-1,5E-1]\"", "\"\"", "null", "\"x\"", "-0.5", "NaN"] {
            let changed = text.replacing(#/"base_score": "[^"]*"/#, with: "\"base_score\": \(score)")
            #expect(changed != text)
            #expect(Self.refusal(changed) != nil, "\(score)")
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
