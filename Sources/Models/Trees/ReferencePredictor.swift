/// The plain walk, by the letter of each library's own predictor: what the fast one is tested against.
///
/// LightGBM: `Tree::NumericalDecision` and `CategoricalDecision` (include/LightGBM/tree.h), with what the predictor does to a row before (values
/// within 1e-35 of 0 become 0). XGBoost: `GetNextNode` (src/predictor/predict_fn.h) and `common::Decision` (src/common/categorical.h).
public struct ReferencePredictor: Sendable {
    public let ensemble: Ensemble

    public init(_ ensemble: Ensemble) { self.ensemble = ensemble }

    /// LightGBM's `kZeroThreshold`, a single-precision constant.
    static let zero = Double(1e-35 as Float)

    /// The raw score of one row, `featureCount` values, not-a-number for missing: LightGBM's `raw_score`, XGBoost's `output_margin`.
    ///
    /// - Complexity: O(trees · depth).
    public func margin(_ row: [Double]) -> Double {
        precondition(row.count == ensemble.featureCount, "a value for every feature")
        if ensemble.isSingle {
            var sum = Float(ensemble.base)
            for tree in ensemble.trees { sum += Float(tree.leaves[leaf(tree, row)]) }
            return Double(sum)
        }
        var sum = ensemble.base
        for tree in ensemble.trees { sum += tree.leaves[leaf(tree, row)] }
        return sum
    }

    /// The leaf that a row comes to.
    public func leaf(_ tree: Tree, _ row: [Double]) -> Int {
        var at: Int32 = tree.nodes.isEmpty ? ~0 : 0
        while at >= 0 {
            let node = tree.nodes[Int(at)]
            at = goesLeft(node, tree, row[Int(node.feature)]) ? node.left : node.right
        }
        return Int(~at)
    }

    func goesLeft(_ node: Node, _ tree: Tree, _ x: Double) -> Bool {
        ensemble.isSingle ? xgboost(node, tree, Float(x)) : lightgbm(node, tree, x.magnitude <= Self.zero ? 0 : x)
    }

    private func lightgbm(_ node: Node, _ tree: Tree, _ x: Double) -> Bool {
        if let set = node.categories {
            // A conversion to a 32-bit integer, as the processor does it: what does not fit is negative.
            guard !x.isNaN, x > -1, x < 2_147_483_648 else { return false }
            return contains(tree, set, Int64(x))
        }
        var x = x
        if x.isNaN, node.missing != .nan { x = 0 }
        if node.missing == .zero && x.magnitude <= Self.zero || node.missing == .nan && x.isNaN { return node.defaultLeft }
        return x <= node.threshold
    }

    private func xgboost(_ node: Node, _ tree: Tree, _ x: Float) -> Bool {
        if x.isNaN { return node.defaultLeft }
        guard let set = node.categories else { return x < Float(node.threshold) }
        // Not a category (negative, or 2^24 and beyond), or one beyond the set: as one that was not chosen.
        guard x >= 0, x < 16_777_216 else { return true }
        return !contains(tree, set, Int64(x))
    }

    private func contains(_ tree: Tree, _ set: Range<Int32>, _ category: Int64) -> Bool {
        let word = category / 32
        guard word < Int64(set.count) else { return false }
        return tree.categories[Int(set.lowerBound) + Int(word)] >> UInt32(category % 32) & 1 == 1
    }
}
