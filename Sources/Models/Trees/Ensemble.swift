/// A sum of decision trees as a model file says it, whatever library wrote it.
public struct Ensemble: Sendable, Equatable {
    public enum Library: String, Sendable {
        case lightgbm, xgboost
    }

    public var library: Library
    /// The version that the file names.
    public var fileVersion: String
    /// How many features a row has.
    public var featureCount: Int
    /// As the file calls them, in order; empty where it does not.
    public var featureNames: [String]
    public var trees: [Tree]
    /// Margin before the first tree.
    public var base = 0.0
    /// Log-odds are the margin divided by this (the number of trees for averaged forests, else 1) …
    public var divisor = 1.0
    /// … times this: LightGBM's `sigmoid`.
    public var slope = 1.0

    /// XGBoost compares and adds in single precision; LightGBM in double.
    public var isSingle: Bool { library == .xgboost }
    /// What the logistic function makes a probability of.
    public func logOdds(_ margin: Double) -> Double { (divisor == 1 ? margin : margin / divisor) * slope }
    public var leafCount: Int { trees.reduce(0) { $0 + $1.leaves.count } }
    /// Features that some split looks at, ascending.
    public var usedFeatures: [Int] { Set(trees.flatMap { $0.nodes.map { Int($0.feature) } }).sorted() }
}

/// One tree: inner nodes, the root first, and leaves. A child from 0 on is a node, below 0 a leaf: ~child.
public struct Tree: Sendable, Equatable {
    public var nodes: [Node] = []
    /// What each leaf adds to the margin.
    public var leaves: [Double] = []
    /// Training weight that came to each leaf: rows with LightGBM, the sum of hessians with XGBoost.
    public var leafCovers: [Double] = []
    /// Bit sets of the categorical splits, 32 categories a word.
    public var categories: [UInt32] = []

    public init() {}
}

public struct Node: Sendable, Equatable {
    /// What is taken as missing.
    public enum Missing: UInt8, Sendable {
        /// LightGBM's `None`: nothing is; not-a-number counts as 0.
        case never
        /// LightGBM's `Zero`: not-a-number, and what is within 1e-35 of 0.
        case zero
        /// Not-a-number.
        case nan
    }

    public var feature: Int32
    /// Left where x ≤ it (LightGBM) or x < it (XGBoost). Unused with categories.
    public var threshold = 0.0
    public var left: Int32
    public var right: Int32
    public var missing = Missing.nan
    /// Where missing values go.
    public var defaultLeft = false
    /// Words of `Tree.categories` that hold this split's set; nil for a numeric split.
    public var categories: Range<Int32>?
    /// Training weight that came here.
    public var cover = 0.0
}

extension Tree {
    /// Splits from root to leaf that are taken: memory for contributions grows with leaves times depth.
    static let deepest = 512

    /// Checks that every node and leaf is reached exactly once from the root, and every feature is one of the row's.
    ///
    /// - Throws: `ModelRefusal`, naming the tree by its number.
    /// - Complexity: O(nodes).
    func validate(number: Int, featureCount: Int) throws(ModelRefusal) {
        guard leaves.count == nodes.count + 1, leafCovers.count == leaves.count else {
            throw .malformed("tree \(number): \(leaves.count) leaves with \(nodes.count) splits")
        }
        guard leaves.allSatisfy(\.isFinite) else { throw .malformed("tree \(number): a leaf that is not a number") }
        guard leafCovers.allSatisfy({ $0.isFinite && $0 >= 0 }), nodes.allSatisfy({ $0.cover.isFinite && $0.cover >= 0 }) else {
            throw .malformed("tree \(number): a training weight below 0 or not a number")
        }
        var seenNodes = [Bool](repeating: false, count: nodes.count)
        var seenLeaves = [Bool](repeating: false, count: leaves.count)
        var pending: [Int32] = [nodes.isEmpty ? ~0 : 0]
        while let next = pending.popLast() {
            if next < 0 {
                let leaf = Int(~next)
                guard leaf < leaves.count, !seenLeaves[leaf] else { throw .malformed("tree \(number): a leaf reached twice, or none at all") }
                seenLeaves[leaf] = true
                continue
            }
            let i = Int(next)
            guard i < nodes.count, !seenNodes[i] else { throw .malformed("tree \(number): a split reached twice, or none at all") }
            seenNodes[i] = true
            let node = nodes[i]
            guard node.feature >= 0, node.feature < featureCount else {
                throw .malformed("tree \(number): feature \(node.feature) of \(featureCount)")
            }
            guard !node.threshold.isNaN else { throw .malformed("tree \(number): a threshold that is not a number") }
            if let set = node.categories, set.lowerBound < 0 || set.upperBound > categories.count {
                throw .malformed("tree \(number): a set of categories outside of the file's")
            }
            pending.append(node.right)
            pending.append(node.left)
        }
        guard depth <= Self.deepest else { throw .unsupported("tree \(number): deeper than \(Self.deepest) splits", instead: "train with max_depth") }
        guard seenNodes.allSatisfy({ $0 }), seenLeaves.allSatisfy({ $0 }) else {
            throw .malformed("tree \(number): splits or leaves that cannot be reached")
        }
    }
}
