/// Reads XGBoost's JSON model, versions 1 to 3 (doc/model.schema; src/tree/tree_model.cc, src/gbm/gbtree.cc), to the letter.
///
/// Logistic objectives and boosters `gbtree` and `dart` alone. Where training stopped early, the trees up to `best_iteration` count, as they do
/// in XGBoost's scikit-learn interface.
enum XGBoostReader {
    /// - Throws: `ModelRefusal`.
    /// - Complexity: O(bytes).
    static func read(_ bytes: UnsafeRawBufferPointer) throws(ModelRefusal) -> Ensemble {
        if let first = bytes.first, first == UInt8(ascii: "{"), bytes.count > 1, bytes[1] == UInt8(ascii: "L") || bytes[1] == UInt8(ascii: "i") {
            throw .unsupported("XGBoost's UBJSON", instead: "save it as .json")
        }
        if bytes.starts(with: "binf".utf8) || bytes.starts(with: "bs64".utf8) {
            throw .unsupported("XGBoost's old binary format", instead: "save it as .json")
        }
        let json = try ModelJSON.parse(bytes)
        guard let learner = json["learner"] else { throw .malformed("no learner: not an XGBoost JSON model") }
        let version = json["version"]?.integers.map { $0.map(String.init).joined(separator: ".") } ?? "none"
        guard let parts = json["version"]?.integers, let major = parts.first, (1...3).contains(major) else {
            throw .unsupported("XGBoost's version \(version.prefix(16))", instead: "1, 2 and 3 are read")
        }
        guard let parameters = learner["learner_model_param"], let features = integer(parameters["num_feature"]), (1...65_535).contains(features)
        else { throw .malformed("num_feature is not said") }
        guard (integer(parameters["num_class"]) ?? 0) <= 1, (integer(parameters["num_target"]) ?? 1) <= 1 else {
            throw .unsupported("a model of several classes or targets", instead: "train with objective=binary:logistic")
        }
        try check(objective: learner["objective"]?["name"]?.string)

        var ensemble = Ensemble(
            library: .xgboost, fileVersion: version, featureCount: Int(features), featureNames: learner["feature_names"]?.strings ?? [], trees: [])
        guard ensemble.featureNames.isEmpty || ensemble.featureNames.count == ensemble.featureCount else {
            throw .malformed("\(ensemble.featureNames.count) names for \(ensemble.featureCount) features")
        }
        ensemble.base = try base(parameters["base_score"], isClamped: !parts.lexicographicallyPrecedes([3, 2]))

        guard let booster = learner["gradient_booster"] else { throw .malformed("no gradient_booster") }
        let (model, weights) = try model(booster)
        try checkCategories(model["cats"])
        guard let trees = model["trees"]?.items, !trees.isEmpty else { throw .malformed("no tree") }
        if let said = integer(model["gbtree_model_param"]?["num_trees"]), said != trees.count {
            throw .malformed("\(trees.count) trees of \(said)")
        }
        if let classes = model["tree_info"]?.integers, classes.count != trees.count || classes.contains(where: { $0 != 0 }) {
            throw .malformed("tree_info does not fit the trees")
        }
        if let weights, weights.count != trees.count { throw .malformed("\(weights.count) weights for \(trees.count) trees") }
        let count = try treesThatCount(learner, model, trees.count)
        for (number, json) in trees.prefix(count).enumerated() {
            let tree = try tree(json, number, weight: weights?[number] ?? 1)
            try tree.validate(number: number, featureCount: ensemble.featureCount)
            ensemble.trees.append(tree)
        }
        return ensemble
    }

    /// A number, or the text of one: XGBoost writes its parameters as texts.
    private static func integer(_ json: ModelJSON?) -> Int64? {
        guard let json else { return nil }
        return json.integer ?? json.string.flatMap { Int64($0) }
    }

    private static func check(objective: String?) throws(ModelRefusal) {
        switch objective {
        case "binary:logistic", "reg:logistic": return
        case nil: throw .malformed("no objective")
        case "multi:softmax", "multi:softprob":
            throw .unsupported("a model of several classes", instead: "train with objective=binary:logistic")
        case .some(let name):
            throw .unsupported("objective \(name.prefix(32)), which gives no probability", instead: "train with objective=binary:logistic")
        }
    }

    /// `base_score` is a probability, as a number, a text, or the text of a list of one; the margin is its log-odds, in single precision.
    ///
    /// - Parameter isClamped: the file is of version 3.2 or later, which takes 0 and 1 too (training rows were all of one class) and holds the score within
    ///   a millionth of them; versions before take any score between them as it is.
    private static func base(_ json: ModelJSON?, isClamped: Bool) throws(ModelRefusal) -> Double {
        guard let json else { throw .malformed("no base_score") }
        var text = json.string ?? String(decoding: json.text, as: UTF8.self)
        if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
        guard !text.contains(",") else { throw .unsupported("a model of several targets", instead: "train with objective=binary:logistic") }
        guard var score = Array(text.utf8).withUnsafeBytes({ Numbers.single($0[...]) }), score >= 0, score <= 1, isClamped || (score > 0 && score < 1) else {
            throw .malformed("a base_score that is not between 0 and 1")
        }
        if isClamped { score = min(max(score, 1e-6), 1 - 1e-6) }
        // Below some 2.9e-39 this is infinite in single precision, in the library too, and so would be every margin.
        let odds = 1 / score - 1
        guard odds > 0, odds.isFinite else { throw .unsupported("a base_score whose log-odds are infinite", instead: "train with one of 1e-6 or more") }
        return Double(Float(-naturalLogarithm(Double(odds))))
    }

    /// `cats`, from version 3.1 on: by feature, the categories that a data frame had.
    private static func checkCategories(_ json: ModelJSON?) throws(ModelRefusal) {
        for (feature, encoding) in (json?["enc"]?.items ?? []).enumerated() {
            let whose = "cats of feature \(feature)"
            // Texts are kept as offsets into their bytes; other features have neither.
            guard (encoding["offsets"]?.items ?? []).count <= 1 else { throw CategoryDictionary.refusal(whose) }
            if let values = encoding["values"] { try CategoryDictionary.check(values, whose) }
        }
    }

    private static func model(_ booster: ModelJSON) throws(ModelRefusal) -> (ModelJSON, [Float]?) {
        switch booster["name"]?.string {
        case "gbtree":
            guard let model = booster["model"] else { throw .malformed("no model in gbtree") }
            return (model, nil)
        case "dart":
            guard let model = booster["gbtree"]?["model"], let weights = booster["weight_drop"]?.singles else {
                throw .malformed("no model, or no weights, in dart")
            }
            return (model, weights)
        case let name: throw .unsupported("booster \(name?.prefix(32) ?? "none")", instead: "train with booster=gbtree or dart")
        }
    }

    private static func treesThatCount(_ learner: ModelJSON, _ model: ModelJSON, _ count: Int) throws(ModelRefusal) -> Int {
        guard let attribute = learner["attributes"]?["best_iteration"] else { return count }
        guard let best = integer(attribute), best >= 0, best < count else { throw .malformed("best_iteration is not one of the iterations") }
        if let ends = model["iteration_indptr"]?.integers {
            guard best + 1 < ends.count, (0...Int64(count)).contains(ends[Int(best) + 1]), ends[Int(best) + 1] > 0 else {
                throw .malformed("iteration_indptr does not fit the trees")
            }
            return Int(ends[Int(best) + 1])
        }
        let parallel = integer(model["gbtree_model_param"]?["num_parallel_tree"]) ?? 1
        guard (1...Int64(count)).contains(parallel), (best + 1) * parallel <= count else { throw .malformed("best_iteration is beyond the trees") }
        return Int((best + 1) * parallel)
    }

    private static func tree(_ json: ModelJSON, _ number: Int, weight: Float) throws(ModelRefusal) -> Tree {
        let members = Dictionary(json.members, uniquingKeysWith: { first, _ in first })
        let parameters = members["tree_param"]
        if let vector = integer(parameters?["size_leaf_vector"]), vector > 1 {
            throw .unsupported("leaves that are vectors", instead: "train with multi_strategy=one_output_per_tree")
        }
        guard let lefts = members["left_children"]?.integers, let rights = members["right_children"]?.integers,
            let values = members["split_conditions"]?.singles, let features = members["split_indices"]?.integers,
            let defaults = members["default_left"]?.flags, let covers = members["sum_hessian"]?.singles
        else { throw .malformed("tree \(number): a list is missing or holds what it should not") }
        let count = lefts.count
        guard count > 0, count <= 1 << 20, [rights.count, values.count, features.count, defaults.count, covers.count].allSatisfy({ $0 == count })
        else { throw .malformed("tree \(number): lists of unequal lengths") }
        if let said = integer(parameters?["num_nodes"]), said != count { throw .malformed("tree \(number): \(count) nodes of \(said)") }

        var tree = Tree()
        var sets: [Int: Range<Int32>] = [:]
        if let types = members["split_type"]?.integers, types.contains(where: { $0 != 0 }) {
            guard types.count == count, types.allSatisfy({ $0 == 0 || $0 == 1 }) else { throw .malformed("tree \(number): unknown kinds of splits") }
            sets = try readSets(members, number, into: &tree)
            guard types.indices.allSatisfy({ types[$0] == 0 || lefts[$0] == -1 || sets[$0] != nil }) else {
                throw .malformed("tree \(number): a split without its set of categories")
            }
            sets = sets.filter { $0.key < count && types[$0.key] == 1 }
        }

        // Deleted nodes are not reached; nodes are numbered anew in the order in which they are.
        var indexOf: [Int64: Int32] = [:]
        var order: [Int] = []
        var pending: [Int64] = [0]
        while let next = pending.popLast() {
            guard next >= 0, next < count, indexOf[next] == nil else { throw .malformed("tree \(number): a node reached twice, or none at all") }
            let i = Int(next)
            if lefts[i] == -1 {
                guard rights[i] == -1 else { throw .malformed("tree \(number): half a leaf") }
                indexOf[next] = ~Int32(tree.leaves.count)
                tree.leaves.append(Double(values[i] * weight))
                tree.leafCovers.append(Double(covers[i]))
                continue
            }
            indexOf[next] = Int32(order.count)
            order.append(i)
            pending.append(rights[i])
            pending.append(lefts[i])
        }
        for i in order {
            guard let feature = Int32(exactly: features[i]), let left = indexOf[lefts[i]], let right = indexOf[rights[i]] else {
                throw .malformed("tree \(number): a feature beyond all")
            }
            var node = Node(feature: feature, threshold: Double(values[i]), left: left, right: right)
            node.defaultLeft = defaults[i]
            node.cover = Double(covers[i])
            node.categories = sets[i]
            tree.nodes.append(node)
        }
        return tree
    }

    /// Sets of categories by their node, as bits.
    private static func readSets(_ members: [String: ModelJSON], _ number: Int, into tree: inout Tree) throws(ModelRefusal) -> [Int: Range<Int32>] {
        guard let categories = members["categories"]?.integers, let nodes = members["categories_nodes"]?.integers,
            let begins = members["categories_segments"]?.integers, let sizes = members["categories_sizes"]?.integers,
            nodes.count == begins.count, nodes.count == sizes.count
        else { throw .malformed("tree \(number): lists of categories of unequal lengths") }
        var sets: [Int: Range<Int32>] = [:]
        for i in nodes.indices {
            guard begins[i] >= 0, sizes[i] >= 0, begins[i] <= Int64(categories.count) - sizes[i], nodes[i] >= 0, nodes[i] < 1 << 20,
                sets[Int(nodes[i])] == nil
            else { throw .malformed("tree \(number): a set of categories outside of the list") }
            let set = categories[Int(begins[i])..<Int(begins[i] + sizes[i])]
            guard set.allSatisfy({ (0..<65_536).contains($0) }) else { throw .unsupported("categories from 65536 on", instead: "number them from 0") }
            let begin = tree.categories.count
            tree.categories += [UInt32](repeating: 0, count: set.isEmpty ? 0 : Int(set.max()! / 32) + 1)
            guard tree.categories.count <= 1 << 22 else { throw .malformed("tree \(number): sets of categories of more than 16 MB") }
            for category in set { tree.categories[begin + Int(category / 32)] |= 1 << UInt32(category % 32) }
            sets[Int(nodes[i])] = Int32(begin)..<Int32(tree.categories.count)
        }
        return sets
    }
}
