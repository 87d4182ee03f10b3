import CPlatform

/// Small trees without a walk: all of a tree's splits are answered at once, and the leaf is found among all.
///
/// A tree of at most 32 leaves is 32 columns and 32 limits: byte shuffles gather the row's ranks, one comparison gives a bit for each split. A leaf is the
/// one whose `(bits & path) == value`, where `path` are its ancestors and `value` those that it lies right of. One thread at a time.
final class MaskTrees {
    /// What a tree may have at most.
    static let leaves = 32
    static let columns = 256
    /// A feature's thresholds: ranks are bytes.
    static let thresholds = 255

    /// Which kernels to take.
    enum Level: Int32, CaseIterable {
        case avx2 = 1
        case avx512 = 2
    }

    let level: Level
    private var trees: weir_mask_trees
    private let treeCount: Int
    private let tables: Int32
    private let isSingle: Bool
    private let base: Double

    private let slots: UnsafeMutablePointer<weir_rank_slot>
    private let slotCount: Int
    private let thresholds: UnsafeMutablePointer<Double>
    private let ranks: UnsafeMutablePointer<UInt8>
    private let rest: RankRest

    /// - Returns: nil where the processor has no such kernels, or the ensemble is larger than they take.
    init?(_ ensemble: Ensemble, _ columns: RankColumns, places: [Int], atMost: Level = .avx512) {
        guard let level = Level(rawValue: min(atMost.rawValue, weir_trees_level())), columns.count <= Self.columns,
            columns.mostThresholds <= Self.thresholds, ensemble.trees.allSatisfy({ $0.leaves.count <= Self.leaves })
        else { return nil }
        self.level = level
        isSingle = ensemble.isSingle
        base = ensemble.base
        treeCount = ensemble.trees.count
        tables = Int32(max(1, (columns.count + 15) / 16))
        rest = RankRest(columns, places: places)

        slotCount = columns.slots.count
        slots = .allocate(capacity: max(1, slotCount))
        var blocks = 0
        for slot in columns.slots { blocks += Self.blocks(slot) }
        thresholds = Self.aligned(16 * max(1, blocks), .infinity)
        ranks = Self.aligned(Self.columns, 0)
        var begin = 0
        for (i, slot) in columns.slots.enumerated() {
            let t = thresholds + begin
            let values = slot.thresholds
            var sorted = t
            if values.count > 16 {
                for k in 0..<15 where 16 * k + 15 < values.count { t[k] = values[16 * k + 15] }
                sorted += 16
            }
            for (j, value) in values.enumerated() { sorted[j] = value }
            (slots + i).initialize(
                to: weir_rank_slot(
                    source: Int32(places[slot.feature]), begin: Int32(begin), count: Int32(values.count), kind: Self.kind(slot),
                    single: columns.isSingle ? 1 : 0))
            begin += 16 * Self.blocks(slot)
        }

        let count = treeCount * Self.leaves
        let columnOf: UnsafeMutablePointer<UInt8> = Self.aligned(count + 64, 0)
        let limitOf: UnsafeMutablePointer<UInt8> = Self.aligned(count + 64, 255)
        let path: UnsafeMutablePointer<UInt32> = Self.aligned(count, 0)
        let value: UnsafeMutablePointer<UInt32> = Self.aligned(count, 1)  // with an empty path: never
        let leaves: UnsafeMutablePointer<Double> = Self.aligned(count, 0)
        for (t, tree) in ensemble.trees.enumerated() {
            let o = t * Self.leaves
            for (i, node) in tree.nodes.enumerated() {
                let test = columns.test(node, tree)
                columnOf[o + i] = UInt8(test.column)
                limitOf[o + i] = UInt8(test.limit)
            }
            for (leaf, ancestors) in tree.paths.enumerated() {
                // The kernel of AVX2 finds leaves in the order in which two packs leave them.
                let at = level == .avx512 ? leaf : (leaf & 3) | (leaf & 4) << 2 | (leaf & 24) >> 1
                path[o + leaf] = ancestors.reduce(0) { $0 | 1 << UInt32($1.node) }
                value[o + leaf] = ancestors.reduce(0) { $0 | ($1.goesRight ? 1 << UInt32($1.node) : 0) }
                leaves[o + at] = tree.leaves[leaf]
            }
        }
        trees = weir_mask_trees(columns: columnOf, ranks: limitOf, path: path, value: value, leaves: leaves)
    }

    deinit {
        slots.deallocate()
        thresholds.deallocate()
        ranks.deallocate()
        trees.columns.deallocate()
        trees.ranks.deallocate()
        trees.path.deallocate()
        trees.value.deallocate()
        trees.leaves.deallocate()
    }

    /// The margin.
    ///
    /// - Complexity: O(features + trees).
    func sum(_ row: UnsafePointer<Double>) -> Double {
        switch level {
        case .avx2: weir_ranks_avx2(row, slots, Int32(slotCount), thresholds, ranks)
        case .avx512: weir_ranks_avx512(row, slots, Int32(slotCount), thresholds, ranks)
        }
        rest.fill(row, ranks)
        switch (level, isSingle) {
        case (.avx2, false): return weir_masks_avx2(&trees, Int32(treeCount), ranks, tables, base)
        case (.avx512, false): return weir_masks_avx512(&trees, Int32(treeCount), ranks, tables, base)
        case (.avx2, true): return Double(weir_masks_single_avx2(&trees, Int32(treeCount), ranks, tables, Float(base)))
        case (.avx512, true): return Double(weir_masks_single_avx512(&trees, Int32(treeCount), ranks, tables, Float(base)))
        }
    }

    private static func kind(_ slot: RankColumns.Slot) -> UInt8 {
        switch slot.missing {
        case .never: UInt8(WEIR_NEVER)
        case .nan: UInt8(slot.missingLeft ? WEIR_NAN_LEFT : WEIR_NAN_RIGHT)
        case .zero: UInt8(slot.missingLeft ? WEIR_ZERO_LEFT : WEIR_ZERO_RIGHT)
        }
    }

    /// Blocks of 16 thresholds; more than one have pivots before them, and one behind that none fill.
    private static func blocks(_ slot: RankColumns.Slot) -> Int {
        slot.thresholds.count <= 16 ? 1 : 1 + slot.thresholds.count / 16 + 1
    }

    private static func aligned<T: BitwiseCopyable>(_ count: Int, _ value: T) -> UnsafeMutablePointer<T> {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, count) * MemoryLayout<T>.stride, alignment: 64)
        let typed = memory.bindMemory(to: T.self, capacity: max(1, count))
        typed.initialize(repeating: value, count: max(1, count))
        return typed
    }
}

extension Tree {
    struct Ancestor {
        var node: Int
        var goesRight: Bool
    }

    /// For each leaf its ancestors, from the root on.
    var paths: [[Ancestor]] {
        var paths = [[Ancestor]](repeating: [], count: leaves.count)
        var pending: [(Int32, [Ancestor])] = [(nodes.isEmpty ? ~0 : 0, [])]
        while let (child, path) = pending.popLast() {
            if child < 0 {
                paths[Int(~child)] = path
            } else {
                let node = nodes[Int(child)]
                pending.append((node.right, path + [Ancestor(node: Int(child), goesRight: true)]))
                pending.append((node.left, path + [Ancestor(node: Int(child), goesRight: false)]))
            }
        }
        return paths
    }
}
