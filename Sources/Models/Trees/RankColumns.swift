/// What a row becomes before trees are walked: small numbers, so that each split is one comparison, `rank > limit` goes right, whatever it was before.
///
/// A feature's value becomes its rank: how many of the ensemble's thresholds for that feature lie below it. A *column* is a rank with one way to treat
/// missing values: where they go left the rank is 0, where they go right it is higher than every limit. So a feature whose splits send missing values
/// both ways has two columns. A categorical split's set is a column of its own: 0 for left, the highest for right.
///
/// Normal forms, made once: XGBoost's x < t is x ≤ the next lower single; LightGBM takes values within 1e-35 of 0 as 0, which is the same as moving
/// thresholds within that range to its ends.
struct RankColumns {
    /// A feature with one way to treat missing values; slot i fills column i.
    struct Slot: Equatable {
        var feature: Int
        var missing: Node.Missing
        var missingLeft: Bool
        /// Distinct, ascending, in normal form.
        var thresholds: [Double] = []
    }

    /// The same feature as a slot, with missing values on the other side.
    struct Twin: Equatable {
        var slot: Int
    }

    struct CategorySet: Hashable {
        var feature: Int
        /// Where not-a-number goes: right with LightGBM, to the split's default side with XGBoost.
        var missingLeft: Bool
        /// Bits of the categories that were chosen.
        var words: [UInt32]
    }

    /// Where a split looks, and above which rank it goes right.
    struct Test {
        var column: Int
        var limit: Int
    }

    private(set) var slots: [Slot] = []
    private(set) var twins: [Twin] = []
    private(set) var sets: [CategorySet] = []
    let isSingle: Bool
    private var slotOf: [SlotKey: Int] = [:]
    private var twinOf: [Int: Int] = [:]
    private var setOf: [CategorySet: Int] = [:]

    private struct SlotKey: Hashable {
        var feature: Int
        var missing: Node.Missing
    }

    var count: Int { slots.count + twins.count + sets.count }
    var mostThresholds: Int { slots.map(\.thresholds.count).max() ?? 0 }

    /// Whether 16 bits hold every column and every rank.
    var fits: Bool { count < Int(UInt16.max) && mostThresholds < Int(UInt16.max) }

    init(_ ensemble: Ensemble) {
        isSingle = ensemble.isSingle
        for tree in ensemble.trees {
            for node in tree.nodes {
                if let key = set(of: node, tree) {
                    if setOf[key] == nil {
                        setOf[key] = 0
                        sets.append(key)
                    }
                    continue
                }
                let key = SlotKey(feature: Int(node.feature), missing: node.missing)
                let slot: Int
                if let known = slotOf[key] {
                    slot = known
                } else {
                    slot = slots.count
                    slotOf[key] = slot
                    slots.append(Slot(feature: key.feature, missing: key.missing, missingLeft: node.defaultLeft))
                }
                slots[slot].thresholds.append(normal(node.threshold))
                if node.missing != .never, slots[slot].missingLeft != node.defaultLeft, twinOf[slot] == nil {
                    twinOf[slot] = twins.count
                    twins.append(Twin(slot: slot))
                }
            }
        }
        // Sets of one feature stand together, else in the order of the trees.
        sets = Dictionary(grouping: sets, by: \.feature).sorted { $0.key < $1.key }.flatMap(\.value)
        for (i, set) in sets.enumerated() { setOf[set] = i }
        for i in slots.indices {
            slots[i].thresholds.sort()
            var distinct: [Double] = []
            for t in slots[i].thresholds where distinct.last != t { distinct.append(t) }
            slots[i].thresholds = distinct
        }
    }

    func test(_ node: Node, _ tree: Tree) -> Test {
        if let key = set(of: node, tree) {
            return Test(column: slots.count + twins.count + setOf[key]!, limit: 0)
        }
        let slot = slotOf[SlotKey(feature: Int(node.feature), missing: node.missing)]!
        let isTwin = node.missing != .never && slots[slot].missingLeft != node.defaultLeft
        let thresholds = slots[slot].thresholds
        let t = normal(node.threshold)
        var (low, high) = (0, thresholds.count)
        while low < high {
            let middle = (low + high) / 2
            if thresholds[middle] < t { low = middle + 1 } else { high = middle }
        }
        return Test(column: isTwin ? slots.count + twinOf[slot]! : slot, limit: low)
    }

    private func set(of node: Node, _ tree: Tree) -> CategorySet? {
        guard let set = node.categories else { return nil }
        return CategorySet(
            feature: Int(node.feature), missingLeft: isSingle && node.defaultLeft,
            words: Array(tree.categories[Int(set.lowerBound)..<Int(set.upperBound)]))
    }

    private func normal(_ threshold: Double) -> Double {
        if isSingle { return Double(Float(threshold).nextDown) }
        let zero = ReferencePredictor.zero
        if threshold.magnitude > zero { return threshold }
        return threshold >= 0 ? zero : (-zero).nextDown
    }
}
