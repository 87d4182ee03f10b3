/// Any ensemble, eight trees at a time: while one tree waits for its node's memory, seven others go on.
///
/// A node is 8 bytes: its left child (the right one is next to it), a column and a limit. A leaf is its own child, so that trees of unequal depth walk
/// together; they are sorted by depth, and leaves' values are added in the order of the ensemble, whatever the order of walking. One thread at a time.
final class WalkedTrees {
    private struct WalkedNode {
        var left: UInt32
        var column: UInt16
        var limit: UInt16
    }

    private static let width = 8

    private let filler: RankFiller
    private let nodes: UnsafeMutablePointer<WalkedNode>
    private let values: UnsafeMutablePointer<Double>
    private let roots: UnsafeMutablePointer<UInt32>
    /// Of the deepest of each eight trees.
    private let depths: UnsafeMutablePointer<Int>
    /// Which tree of the ensemble stands here.
    private let order: UnsafeMutablePointer<Int>
    /// What each tree of the ensemble adds.
    private let added: UnsafeMutablePointer<Double>
    private let treeCount: Int
    private let groups: Int
    private let isSingle: Bool
    private let base: Double

    init(_ ensemble: Ensemble, _ columns: RankColumns, places: [Int]) {
        precondition(columns.fits, "columns and ranks of 16 bits")
        filler = RankFiller(columns, places: places)
        isSingle = ensemble.isSingle
        base = ensemble.base
        treeCount = ensemble.trees.count
        groups = (treeCount + Self.width - 1) / Self.width
        let depthOf = ensemble.trees.map(\.depth)
        var sorted = Array(ensemble.trees.indices)
        sorted.sort { (depthOf[$0], $0) < (depthOf[$1], $1) }
        let total = ensemble.trees.reduce(0) { $0 + $1.nodes.count + $1.leaves.count }
        nodes = .allocate(capacity: total)
        values = .allocate(capacity: total)
        values.initialize(repeating: 0, count: total)
        roots = .allocate(capacity: groups * Self.width)
        depths = .allocate(capacity: groups)
        order = .allocate(capacity: groups * Self.width)
        added = .allocate(capacity: treeCount + 1)
        added.initialize(repeating: 0, count: treeCount + 1)

        var end = 0
        for (k, t) in sorted.enumerated() {
            let tree = ensemble.trees[t]
            (roots + k).initialize(to: UInt32(end))
            (order + k).initialize(to: t)
            var queue: [(child: Int32, at: Int)] = [(tree.nodes.isEmpty ? ~0 : 0, end)]
            end += 1
            var next = 0
            while next < queue.count {
                let (child, at) = queue[next]
                next += 1
                if child < 0 {
                    (nodes + at).initialize(to: WalkedNode(left: UInt32(at), column: 0, limit: .max))
                    values[at] = tree.leaves[Int(~child)]
                } else {
                    let node = tree.nodes[Int(child)]
                    let test = columns.test(node, tree)
                    (nodes + at).initialize(to: WalkedNode(left: UInt32(end), column: UInt16(test.column), limit: UInt16(test.limit)))
                    queue.append((node.left, end))
                    queue.append((node.right, end + 1))
                    end += 2
                }
            }
        }
        for k in treeCount..<(groups * Self.width) {
            (roots + k).initialize(to: roots[treeCount - 1])
            (order + k).initialize(to: treeCount)  // what it adds is not added
        }
        for g in 0..<groups { (depths + g).initialize(to: depthOf[sorted[min((g + 1) * Self.width, treeCount) - 1]]) }
    }

    deinit {
        nodes.deallocate()
        values.deallocate()
        roots.deallocate()
        depths.deallocate()
        order.deallocate()
        added.deallocate()
    }

    /// The margin.
    ///
    /// - Complexity: O(trees · depth).
    func sum(_ row: UnsafePointer<Double>) -> Double {
        filler.fill(row)
        let ranks = UnsafePointer(filler.ranks)
        let nodes = UnsafePointer(self.nodes)
        for g in 0..<groups {
            let root = roots + g * Self.width
            var (a, b, c, d) = (Int(root[0]), Int(root[1]), Int(root[2]), Int(root[3]))
            var (e, f, h, i) = (Int(root[4]), Int(root[5]), Int(root[6]), Int(root[7]))
            var left = depths[g]
            while left > 0 {
                a = Self.step(a, nodes, ranks)
                b = Self.step(b, nodes, ranks)
                c = Self.step(c, nodes, ranks)
                d = Self.step(d, nodes, ranks)
                e = Self.step(e, nodes, ranks)
                f = Self.step(f, nodes, ranks)
                h = Self.step(h, nodes, ranks)
                i = Self.step(i, nodes, ranks)
                left &-= 1
            }
            let to = order + g * Self.width
            added[to[0]] = values[a]
            added[to[1]] = values[b]
            added[to[2]] = values[c]
            added[to[3]] = values[d]
            added[to[4]] = values[e]
            added[to[5]] = values[f]
            added[to[6]] = values[h]
            added[to[7]] = values[i]
        }
        if isSingle {
            var sum = Float(base)
            for t in 0..<treeCount { sum += Float(added[t]) }
            return Double(sum)
        }
        var sum = base
        for t in 0..<treeCount { sum += added[t] }
        return sum
    }

    @inline(__always)
    private static func step(_ at: Int, _ nodes: UnsafePointer<WalkedNode>, _ ranks: UnsafePointer<UInt16>) -> Int {
        let node = nodes[at]
        return Int(node.left) &+ (ranks[Int(node.column)] > node.limit ? 1 : 0)
    }
}

extension Tree {
    /// Splits on the longest way from the root to a leaf.
    var depth: Int {
        var deepest = 0
        var pending: [(Int32, Int)] = [(nodes.isEmpty ? ~0 : 0, 0)]
        while let (child, depth) = pending.popLast() {
            deepest = max(deepest, depth)
            if child >= 0 {
                pending.append((nodes[Int(child)].left, depth + 1))
                pending.append((nodes[Int(child)].right, depth + 1))
            }
        }
        return deepest
    }
}
