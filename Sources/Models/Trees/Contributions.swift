/// What each feature added to a row's margin: exact path-dependent TreeSHAP (Lundberg et al., 2018), as LightGBM's and XGBoost's own.
///
/// A leaf of value v under d distinct features is reached by a coalition as a product of one factor a feature: 1 or 0, whether the row passes all of the
/// feature's splits on the way (o), for those inside it, and the share z of the training rows that pass them for those outside. The Shapley weights
/// k! (d − 1 − k)! / d! are ∫ tᵏ (1 − t)^(d−1−k) dt, so a feature's part in this leaf is
///
///     v · (oᵢ − zᵢ) · ∫ Π_{j ≠ i} (zⱼ (1 − t) + oⱼ t) dt  over t from 0 to 1,
///
/// a polynomial of degree d − 1, which a Gauss–Legendre rule of d / 2 nodes integrates exactly: no recursion, no division, all lanes of a vector the nodes of
/// the rule. Features that the row does not pass have one and the same part. Sums are in the order of trees, leaves and features.
/// One thread at a time.
final class Contributions {
    /// A feature on the way to a leaf.
    private struct Element {
        /// The splits of a small tree that look at the feature on this way, and how they must come out; begin and end among `steps` of a larger one.
        var mask: UInt64
        var value: UInt64
        var share: Double
        var feature: Int
    }

    private struct Leaf {
        var value: Double
        var begin: Int32
        var end: Int32
    }

    private struct Grove {
        var tests: Range<Int>
        var leaves: Range<Int>
        var isSmall: Bool
    }

    private struct TestOf {
        var column: UInt16
        var limit: UInt16
    }

    /// A rule, four nodes a vector.
    private struct Rule {
        var blocks: Int
        var t: UnsafeMutablePointer<SIMD4<Double>>
        /// weight · (1 − t)^u for u from 0 to twice the nodes, block after block for each u.
        var weighted: UnsafeMutablePointer<SIMD4<Double>>
    }

    private let filler: RankFiller
    private let featureCount: Int
    private let scale: Double
    /// The margin of a row of which nothing is known, in log-odds.
    let bias: Double
    private let isSingle: Bool

    private let groves: UnsafeMutablePointer<Grove>
    private let groveCount: Int
    private let tests: UnsafeMutablePointer<TestOf>
    private let leaves: UnsafeMutablePointer<Leaf>
    private let elements: UnsafeMutablePointer<Element>
    private let steps: UnsafeMutablePointer<UInt32>
    private let answers: UnsafeMutablePointer<UInt8>
    private let rules: UnsafeMutablePointer<Rule>
    private let ruleCount: Int
    private let before: UnsafeMutablePointer<SIMD4<Double>>
    private let passed: UnsafeMutablePointer<Int>
    private let missed: UnsafeMutablePointer<Int>

    /// - Throws: `ModelRefusal` for an ensemble whose ways from roots to leaves are 2^31 or more.
    init(_ ensemble: Ensemble, _ columns: RankColumns, places: [Int]) throws(ModelRefusal) {
        precondition(columns.fits, "columns and ranks of 16 bits")
        filler = RankFiller(columns, places: places)
        featureCount = ensemble.featureCount
        scale = ensemble.slope / ensemble.divisor
        isSingle = ensemble.isSingle

        var allTests: [TestOf] = []
        var allLeaves: [Leaf] = []
        var allElements: [Element] = []
        var allSteps: [UInt32] = []
        var allGroves: [Grove] = []
        var expected = ensemble.base
        var widest = 0
        var mostNodes = 0
        for tree in ensemble.trees {
            let isSmall = tree.nodes.count <= 64
            let firstLeaf = allLeaves.count
            let firstTest = allTests.count
            for node in tree.nodes {
                let test = columns.test(node, tree)
                allTests.append(TestOf(column: UInt16(test.column), limit: UInt16(test.limit)))
            }
            var way = Way(tree)
            while let leaf = way.next() {
                let begin = allElements.count
                var reached = 1.0
                for feature in way.features {
                    var element = Element(mask: 0, value: 0, share: 1, feature: Int(feature))
                    let firstStep = allSteps.count
                    for step in way.steps where tree.nodes[step.node].feature == feature {
                        element.share *= tree.share(step)
                        if isSmall {
                            element.mask |= 1 << UInt64(step.node)
                            if step.goesRight { element.value |= 1 << UInt64(step.node) }
                        } else {
                            allSteps.append(UInt32(step.node) << 1 | (step.goesRight ? 1 : 0))
                        }
                    }
                    if !isSmall {
                        element.mask = UInt64(firstStep)
                        element.value = UInt64(allSteps.count)
                    }
                    reached *= element.share
                    allElements.append(element)
                }
                expected += tree.leaves[leaf] * reached
                widest = max(widest, allElements.count - begin)
                guard let end = Int32(exactly: allElements.count) else { throw .unsupported("an ensemble of this size", instead: "train fewer or smaller trees") }
                allLeaves.append(Leaf(value: tree.leaves[leaf], begin: Int32(begin), end: end))
            }
            mostNodes = max(mostNodes, tree.nodes.count)
            allGroves.append(Grove(tests: firstTest..<allTests.count, leaves: firstLeaf..<allLeaves.count, isSmall: isSmall))
        }
        bias = expected * scale

        groves = Self.copy(allGroves)
        groveCount = allGroves.count
        tests = Self.copy(allTests)
        leaves = Self.copy(allLeaves)
        elements = Self.copy(allElements)
        steps = Self.copy(allSteps)
        answers = .allocate(capacity: mostNodes + 1)
        answers.initialize(repeating: 0, count: mostNodes + 1)
        ruleCount = (widest + 7) / 8
        rules = .allocate(capacity: max(1, ruleCount))
        for b in 0..<ruleCount { (rules + b).initialize(to: Self.rule(blocks: b + 1)) }
        before = .allocate(capacity: (widest + 1) * max(1, ruleCount))
        before.initialize(repeating: .zero, count: (widest + 1) * max(1, ruleCount))
        passed = .allocate(capacity: widest + 1)
        passed.initialize(repeating: 0, count: widest + 1)
        missed = .allocate(capacity: widest + 1)
        missed.initialize(repeating: 0, count: widest + 1)
    }

    deinit {
        groves.deallocate()
        tests.deallocate()
        leaves.deallocate()
        elements.deallocate()
        steps.deallocate()
        answers.deallocate()
        for b in 0..<ruleCount {
            rules[b].t.deallocate()
            rules[b].weighted.deallocate()
        }
        rules.deallocate()
        before.deallocate()
        passed.deallocate()
        missed.deallocate()
    }

    private static func copy<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let memory = UnsafeMutablePointer<T>.allocate(capacity: max(1, values.count))
        for (i, value) in values.enumerated() { (memory + i).initialize(to: value) }
        return memory
    }

    private static func rule(blocks: Int) -> Rule {
        let n = 4 * blocks
        let (nodes, weights) = GaussLegendre.rule(n)
        let t = UnsafeMutablePointer<SIMD4<Double>>.allocate(capacity: blocks)
        let weighted = UnsafeMutablePointer<SIMD4<Double>>.allocate(capacity: blocks * (2 * n + 1))
        for b in 0..<blocks {
            func four(_ f: (Int) -> Double) -> SIMD4<Double> { SIMD4(f(4 * b), f(4 * b + 1), f(4 * b + 2), f(4 * b + 3)) }
            (t + b).initialize(to: four { nodes[$0] })
            var power = four { weights[$0] }
            for u in 0...(2 * n) {
                (weighted + u * blocks + b).initialize(to: power)
                power *= SIMD4(repeating: 1) - t[b]
            }
        }
        return Rule(blocks: blocks, t: t, weighted: weighted)
    }

    /// Writes each feature's part, in log-odds, into `out`, and returns the bias; together they are the margin in log-odds.
    ///
    /// - Parameters:
    ///   - margin: of this row, in log-odds: with XGBoost, whose margin is rounded to single precision, the bias takes what was rounded away.
    ///   - out: a value for each feature of the ensemble.
    /// - Complexity: O(leaves · depth²), the square over vectors of 4.
    func fill(_ row: UnsafePointer<Double>, margin: Double, into out: UnsafeMutablePointer<Double>) -> Double {
        filler.fill(row)
        out.update(repeating: 0, count: featureCount)
        for g in 0..<groveCount {
            let grove = groves[g]
            let bits = answer(grove)
            for l in grove.leaves { add(leaves[l], bits, grove.isSmall, out) }
        }
        for f in 0..<featureCount { out[f] *= scale }
        guard isSingle else { return bias }
        var sum = 0.0
        for f in 0..<featureCount { sum += out[f] }
        return margin - sum
    }

    /// How each split of a tree comes out: a bit each where they are few, else a byte each in `answers`.
    @inline(__always)
    private func answer(_ grove: Grove) -> UInt64 {
        let ranks = filler.ranks
        let tests = self.tests + grove.tests.lowerBound
        var bits: UInt64 = 0
        if grove.isSmall {
            for i in 0..<grove.tests.count {
                bits |= (ranks[Int(tests[i].column)] > tests[i].limit ? 1 : 0) &<< UInt64(truncatingIfNeeded: i)
            }
        } else {
            for i in 0..<grove.tests.count { answers[i] = ranks[Int(tests[i].column)] > tests[i].limit ? 1 : 0 }
        }
        return bits
    }

    @inline(__always)
    private func passes(_ element: UnsafeMutablePointer<Element>, _ bits: UInt64, _ isSmall: Bool) -> Bool {
        if isSmall { return bits & element.pointee.mask == element.pointee.value }
        for s in Int(element.pointee.mask)..<Int(element.pointee.value) where UInt32(answers[Int(steps[s] >> 1)]) != steps[s] & 1 { return false }
        return true
    }

    @inline(__always)
    private func add(_ leaf: Leaf, _ bits: UInt64, _ isSmall: Bool, _ out: UnsafeMutablePointer<Double>) {
        let count = Int(leaf.end &- leaf.begin)
        if count == 0 { return }
        let elements = self.elements + Int(leaf.begin)
        var (inside, outside) = (0, 0)
        var scale = leaf.value
        for i in 0..<count {
            if passes(elements + i, bits, isSmall) {
                passed[inside] = i
                inside &+= 1
            } else {
                scale *= elements[i].share
                missed[outside] = i
                outside &+= 1
            }
        }
        let rule = rules[(count - 1) >> 3]
        let blocks = rule.blocks
        let weighted = rule.weighted + outside * blocks
        var part = 0.0  // of each feature that the row misses
        for b in 0..<blocks {
            let t = rule.t[b]
            let rest = SIMD4(repeating: 1) - t
            var product = SIMD4<Double>(repeating: 1)
            for k in 0..<inside {
                before[k] = product
                product *= rest * elements[passed[k]].share + t
            }
            if outside > 0 { part += (weighted[b - blocks] * product).total }
            var behind = weighted[b]
            var k = inside
            while k > 0 {
                k &-= 1
                let element = elements + passed[k]
                let share = element.pointee.share
                out[element.pointee.feature] += scale * (1 - share) * (before[k] * behind).total
                behind *= rest * share + t
            }
        }
        part *= scale
        for k in 0..<outside { out[elements[missed[k]].feature] -= part }
    }
}

extension SIMD4<Double> {
    @inline(__always)
    fileprivate var total: Double { (self[0] + self[1]) + (self[2] + self[3]) }
}

/// The ways from a tree's root to its leaves, one after the other.
private struct Way {
    private let tree: Tree
    private var pending: [(child: Int32, depth: Int, step: Tree.Ancestor?)]
    private(set) var steps: [Tree.Ancestor] = []

    init(_ tree: Tree) {
        self.tree = tree
        pending = [(tree.nodes.isEmpty ? ~0 : 0, 0, nil)]
    }

    /// Distinct features on the way, in the order in which it meets them.
    var features: [Int32] {
        var seen = Set<Int32>()
        return steps.compactMap { seen.insert(tree.nodes[$0.node].feature).inserted ? tree.nodes[$0.node].feature : nil }
    }

    mutating func next() -> Int? {
        while let (child, depth, step) = pending.popLast() {
            steps.removeLast(steps.count - max(0, depth - 1))
            if let step { steps.append(step) }
            if child < 0 { return Int(~child) }
            let node = tree.nodes[Int(child)]
            pending.append((node.right, depth + 1, .init(node: Int(child), goesRight: true)))
            pending.append((node.left, depth + 1, .init(node: Int(child), goesRight: false)))
        }
        return nil
    }
}

extension Tree {
    /// The share of a split's training weight that went this way; half where none came.
    fileprivate func share(_ step: Ancestor) -> Double {
        let node = nodes[step.node]
        let child = step.goesRight ? node.right : node.left
        let cover = child < 0 ? leafCovers[Int(~child)] : nodes[Int(child)].cover
        return node.cover > 0 ? cover / node.cover : 0.5
    }
}
