/// What each feature added to a row's margin: exact path-dependent TreeSHAP (Lundberg et al., 2018), as LightGBM's and XGBoost's own.
///
/// A leaf of value v under d distinct features is reached by a coalition as a product of one factor a feature: 1 or 0, whether the row passes all of the
/// feature's splits on the way (o), for those inside it, and the share z of the training rows that pass them for those outside. The Shapley weights
/// k! (d − 1 − k)! / d! are ∫ tᵏ (1 − t)^(d−1−k) dt, so a feature's part in this leaf is
///
///     v · (oᵢ − zᵢ) · ∫ Π_{j ≠ i} pⱼ(t) dt  over t from 0 to 1, with pⱼ(t) = zⱼ (1 − t) + oⱼ t,
///
/// a polynomial of degree d − 1, which a Gauss–Legendre rule of d / 2 nodes integrates exactly. At a node no pⱼ is 0 (t lies inside (0, 1)) unless z is, so that
/// leaves can share their work, as in Linear TreeSHAP (Yu et al., 2022): on the way down each split multiplies by the factor that its feature's pⱼ changes by; on
/// the way up the leaves' products are summed, and the feature's part is read off the sums below its split: Π_{j ≠ i} pⱼ is the whole product over pᵢ. A feature
/// that was split on before gives back what the earlier split claimed of these leaves. One that the row has failed already changes by z alone: 1 − t cancels.
/// Lanes are the nodes of the rule. Sums are in the order of trees and splits, and the same on every processor. One thread at a time.
final class Contributions {
    private typealias Pair = SIMD2<Double>

    private struct Split {
        var column: UInt16
        var limit: UInt16
        var feature: Int32
        /// The edge that leads here.
        var way: Int32
        /// The edge below the last split on the way that looked at this feature; 0: none.
        var earlier: Int32
    }

    /// Edge 0 leads to the root, 2k + 1 and 2k + 2 leave split k.
    private struct Edge {
        /// Of the training rows at its split.
        var share: Double
        /// Product of the shares of all splits on the feature on the way.
        var whole: Double
    }

    private struct Leaf {
        var edge: Int32
        var value: Double
    }

    private struct Grove {
        var splits: Int
        var splitCount: Int
        var edges: Int
        /// Of the edges' inverses: 1 / p at each node of the rule, for a row that passes.
        var inverses: Int
        var leaves: Int
        var leafCount: Int
        /// Half the nodes of the rule.
        var pairs: Int
    }

    private struct Rule {
        var t: UnsafeMutablePointer<Pair>
        /// 1 − t, and 1 over it.
        var rest: UnsafeMutablePointer<Pair>
        var restInverse: UnsafeMutablePointer<Pair>
        var weights: UnsafeMutablePointer<Pair>
    }

    private let filler: RankFiller
    private let featureCount: Int
    private let scale: Double
    /// The margin of a row of which nothing is known, in log-odds.
    let bias: Double
    private let isSingle: Bool

    private let groves: UnsafeMutablePointer<Grove>
    private let groveCount: Int
    private let splits: UnsafeMutablePointer<Split>
    private let edges: UnsafeMutablePointer<Edge>
    private let inverses: UnsafeMutablePointer<Pair>
    private let leaves: UnsafeMutablePointer<Leaf>
    private let rules: UnsafeMutablePointer<Rule>
    private let ruleCount: Int
    /// By edge of the tree at hand: the product down to it, then the sum of the leaves below it.
    private let products: UnsafeMutablePointer<Pair>
    /// By edge: whether the row has passed all splits on its feature so far.
    private let passes: UnsafeMutablePointer<Bool>
    private let parts: UnsafeMutablePointer<Pair>

    /// - Throws: `ModelRefusal` for an ensemble that is too large to lay out.
    init(_ ensemble: Ensemble, _ columns: RankColumns, places: [Int]) throws(ModelRefusal) {
        precondition(columns.fits, "columns and ranks of 16 bits")
        filler = RankFiller(columns, places: places)
        featureCount = ensemble.featureCount
        scale = ensemble.slope / ensemble.divisor
        isSingle = ensemble.isSingle

        let plans = ensemble.trees.map { TreeWays($0) }
        let pairs = plans.map { max(1, ($0.widest + 3) / 4) }
        ruleCount = pairs.max() ?? 1
        var pairCount = 0
        for (plan, count) in zip(plans, pairs) { pairCount += plan.edges.count * count }
        guard pairCount < 1 << 31 else { throw .unsupported("an ensemble of this size", instead: "train fewer or smaller trees") }
        rules = .allocate(capacity: ruleCount)
        for i in 0..<ruleCount { (rules + i).initialize(to: Self.rule(pairs: i + 1)) }

        groves = .allocate(capacity: max(1, plans.count))
        groveCount = plans.count
        splits = .allocate(capacity: max(1, plans.reduce(0) { $0 + $1.splits.count }))
        edges = .allocate(capacity: max(1, plans.reduce(0) { $0 + $1.edges.count }))
        leaves = .allocate(capacity: max(1, plans.reduce(0) { $0 + $1.leaves.count }))
        inverses = .allocate(capacity: max(1, pairCount))
        var ends = (splits: 0, edges: 0, leaves: 0, inverses: 0)
        var expected = ensemble.base
        for (i, plan) in plans.enumerated() {
            let tree = ensemble.trees[i]
            (groves + i).initialize(
                to: Grove(
                    splits: ends.splits, splitCount: plan.splits.count, edges: ends.edges, inverses: ends.inverses, leaves: ends.leaves, leafCount: plan.leaves.count,
                    pairs: pairs[i]))
            for split in plan.splits {
                let test = columns.test(tree.nodes[split.node], tree)
                (splits + ends.splits).initialize(
                    to: Split(
                        column: UInt16(test.column), limit: UInt16(test.limit), feature: tree.nodes[split.node].feature, way: Int32(split.way),
                        earlier: Int32(split.earlier)))
                ends.splits += 1
            }
            let t = rules[pairs[i] - 1].t
            let rest = rules[pairs[i] - 1].rest
            for edge in plan.edges {
                (edges + ends.edges).initialize(to: Edge(share: edge.share, whole: edge.whole))
                ends.edges += 1
                for q in 0..<pairs[i] {
                    (inverses + ends.inverses).initialize(to: Pair(repeating: 1) / (rest[q] * edge.whole + t[q]))
                    ends.inverses += 1
                }
            }
            // The root's edge belongs to no feature: a factor of 1, whatever t + (1 − t) is rounded to.
            for q in 0..<pairs[i] { inverses[groves[i].inverses + q] = Pair(repeating: 1) }
            for leaf in plan.leaves {
                (leaves + ends.leaves).initialize(to: Leaf(edge: Int32(leaf.edge), value: tree.leaves[leaf.leaf]))
                ends.leaves += 1
                expected += tree.leaves[leaf.leaf] * leaf.reached
            }
        }
        bias = expected * scale
        let mostEdges = plans.map(\.edges.count).max() ?? 1
        products = .allocate(capacity: mostEdges * ruleCount)
        products.initialize(repeating: .zero, count: mostEdges * ruleCount)
        passes = .allocate(capacity: mostEdges)
        passes.initialize(repeating: true, count: mostEdges)
        parts = .allocate(capacity: featureCount + 1)
        parts.initialize(repeating: .zero, count: featureCount + 1)
    }

    deinit {
        groves.deallocate()
        splits.deallocate()
        edges.deallocate()
        inverses.deallocate()
        leaves.deallocate()
        for i in 0..<ruleCount {
            rules[i].t.deallocate()
            rules[i].rest.deallocate()
            rules[i].restInverse.deallocate()
            rules[i].weights.deallocate()
        }
        rules.deallocate()
        products.deallocate()
        passes.deallocate()
        parts.deallocate()
    }

    private static func rule(pairs: Int) -> Rule {
        let (nodes, weights) = GaussLegendre.rule(2 * pairs)
        func memory(_ f: (Int) -> Double) -> UnsafeMutablePointer<Pair> {
            let memory = UnsafeMutablePointer<Pair>.allocate(capacity: pairs)
            for q in 0..<pairs { (memory + q).initialize(to: Pair(f(2 * q), f(2 * q + 1))) }
            return memory
        }
        return Rule(t: memory { nodes[$0] }, rest: memory { 1 - nodes[$0] }, restInverse: memory { 1 / (1 - nodes[$0]) }, weights: memory { weights[$0] })
    }

    /// Writes each feature's part, in log-odds, into `out`, and returns the bias; together they are the margin in log-odds.
    ///
    /// - Parameters:
    ///   - margin: of this row, in log-odds: with XGBoost, whose margin is rounded to single precision, the bias takes what was rounded away.
    ///   - out: a value for each feature of the ensemble.
    /// - Complexity: O(splits · depth).
    func fill(_ row: UnsafePointer<Double>, margin: Double, into out: UnsafeMutablePointer<Double>) -> Double {
        filler.fill(row)
        parts.update(repeating: .zero, count: featureCount)
        for g in 0..<groveCount {
            let grove = groves[g]
            // Few features on a way are the rule: for them loops are laid out.
            switch grove.pairs {
            case 1: add(grove, 1)
            case 2: add(grove, 2)
            case 3: add(grove, 3)
            case 4: add(grove, 4)
            default: add(grove, grove.pairs)
            }
        }
        for f in 0..<featureCount { out[f] = (parts[f][0] + parts[f][1]) * scale }
        guard isSingle else { return bias }
        var sum = 0.0
        for f in 0..<featureCount { sum += out[f] }
        return margin - sum
    }

    @inline(__always)
    private func add(_ grove: Grove, _ pairs: Int) {
        let splits = self.splits + grove.splits
        let edges = self.edges + grove.edges
        let inverses = self.inverses + grove.inverses
        let rule = rules[pairs - 1]
        let (products, passes, ranks) = (self.products, self.passes, filler.ranks)
        for q in 0..<pairs { products[q] = rule.weights[q] }
        for k in 0..<grove.splitCount {
            let split = splits[k]
            let goesRight = ranks[Int(split.column)] > split.limit ? 1 : 0
            let (taken, other) = (2 &* k &+ 1 &+ goesRight, 2 &* k &+ 2 &- goesRight)
            let above = products + Int(split.way) &* pairs
            let (below, beside) = (products + taken &* pairs, products + other &* pairs)
            let earlier = Int(split.earlier)
            passes[other] = false
            if passes[earlier] {
                passes[taken] = true
                let inverse = inverses + earlier &* pairs
                let (passed, missed) = (edges[taken].whole, edges[other].whole)
                for q in 0..<pairs {
                    let without = above[q] * inverse[q]
                    let rest = rule.rest[q]
                    below[q] = without * (rest * passed + rule.t[q])
                    beside[q] = without * (rest * missed)
                }
            } else {
                passes[taken] = false
                let (first, second) = (edges[taken].share, edges[other].share)
                for q in 0..<pairs {
                    below[q] = above[q] * first
                    beside[q] = above[q] * second
                }
            }
        }
        let leaves = self.leaves + grove.leaves
        for l in 0..<grove.leafCount {
            let product = products + Int(leaves[l].edge) &* pairs
            for q in 0..<pairs { product[q] *= leaves[l].value }
        }
        var k = grove.splitCount
        while k > 0 {
            k &-= 1
            let split = splits[k]
            let (left, right) = (products + (2 &* k &+ 1) &* pairs, products + (2 &* k &+ 2) &* pairs)
            let above = products + Int(split.way) &* pairs
            let earlier = Int(split.earlier)
            if passes[earlier] {
                let goesRight = passes[2 &* k &+ 2] ? 1 : 0
                let (taken, other) = (2 &* k &+ 1 &+ goesRight, 2 &* k &+ 2 &- goesRight)
                let (below, beside) = (products + taken &* pairs, products + other &* pairs)
                let (inverse, before) = (inverses + taken &* pairs, inverses + earlier &* pairs)
                let (gain, claimed) = (1 - edges[taken].whole, 1 - edges[earlier].whole)
                var part = Pair.zero
                for q in 0..<pairs {
                    let sum = left[q] + right[q]
                    part += below[q] * inverse[q] * gain - beside[q] * rule.restInverse[q] - sum * before[q] * claimed
                    above[q] = sum
                }
                parts[Int(split.feature)] += part
            } else {
                for q in 0..<pairs { above[q] = left[q] + right[q] }
            }
        }
    }
}

/// A tree's splits from the root down, each before those below it, and the edges between them.
private struct TreeWays {
    struct Split {
        var node: Int
        var way: Int
        var earlier: Int
    }

    struct Edge {
        var share: Double
        var whole: Double
    }

    private(set) var splits: [Split] = []
    private(set) var edges: [Edge] = [Edge(share: 1, whole: 1)]
    /// `reached`: the share of the training rows that come there.
    private(set) var leaves: [(leaf: Int, edge: Int, reached: Double)] = []
    /// Distinct features on the way to a leaf, at most.
    private(set) var widest = 0

    /// What is known at an edge: the last edge of each feature on the way to it.
    private struct Place {
        var child: Int32
        var way: Int
        var reached: Double
        var last: [Int32: Int]
    }

    init(_ tree: Tree) {
        var pending = [Place(child: tree.nodes.isEmpty ? ~0 : 0, way: 0, reached: 1, last: [:])]
        while let place = pending.popLast() {
            guard place.child >= 0 else {
                leaves.append((Int(~place.child), place.way, place.reached))
                widest = max(widest, place.last.count)
                continue
            }
            let node = tree.nodes[Int(place.child)]
            let earlier = place.last[node.feature] ?? 0
            let number = splits.count
            splits.append(Split(node: Int(place.child), way: place.way, earlier: earlier))
            for (i, child) in [node.left, node.right].enumerated() {
                let cover = child < 0 ? tree.leafCovers[Int(~child)] : tree.nodes[Int(child)].cover
                // Half where no training row came.
                let share = node.cover > 0 ? cover / node.cover : 0.5
                edges.append(Edge(share: share, whole: share * edges[earlier].whole))
                var last = place.last
                last[node.feature] = 2 * number + 1 + i
                pending.append(Place(child: child, way: 2 * number + 1 + i, reached: place.reached * share, last: last))
            }
        }
    }
}
