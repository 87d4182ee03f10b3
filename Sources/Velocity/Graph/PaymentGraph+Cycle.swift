/// A cycle that a payment closes.
public struct CycleFinding: Sendable {
    /// Payments on the way round, the closing one included; 0: no cycle.
    public var hops = 0
    public var cost = SearchCost()

    public init() {}
}

extension PaymentGraph {
    /// Looks whether the payment `from → to` brings money back to where it began: a way `to → … → from` of payments at increasing times within the
    /// window, each at least `minRatio` thousandths of the one before, the payment itself at least so much of the last.
    ///
    /// It is looked for backwards from the payer, breadth first: the way with the fewest payments is found, of equally long ones that of the newest.
    /// The way does not pass through its two ends; an account between them may be passed twice. `cyclePath` then gives its payments.
    ///
    /// - Complexity: O(`limits.edges`).
    public func findCycle(
        from: UInt64, to: UInt64, amount: Int64, at moment: Moment, window: Int64, minRatio: Int64, maxHops: Int, _ limits: GraphLimits
    ) -> CycleFinding {
        var finding = CycleFinding()
        guard from != 0, to != 0, from != to else { return finding }
        let payer = node(from)
        let receiver = node(to)
        guard payer != 0, receiver != 0 else { return finding }
        let low = moment.time &- window
        guard hasAny(nodes[Int(receiver)].out, after: low, before: moment), hasAny(nodes[Int(payer)].in, after: low, before: moment) else {
            return finding
        }
        scratch.beginSearch()
        let steps = scratch.steps
        let budget = min(limits.edges, GraphScratch.capacity - 1)
        var tail = 0
        var found = -1

        /// Looks at what came in to an account before a payment of it. Says whether the search goes on.
        func expand(_ account: UInt32, _ time: Int64, _ place: UInt64, _ next: Int64, _ parent: Int, _ depth: Int, isEnd: Bool) -> Bool {
            let list = nodes[Int(account)].in
            let high = count(list, before: time, place)
            if high == 0 { return true }
            var first = count(list, upTo: low)
            if high - first > limits.degree {
                finding.cost.hubs += 1
                if !isEnd { return true }
                first = high - limits.degree
            }
            var i = high - 1
            while i >= first {
                if finding.cost.edges == budget {
                    finding.cost.isCut = true
                    return false
                }
                finding.cost.edges += 1
                let reference = lists.reference(list, i)
                let edge = edges[Int(reference)]
                i -= 1
                if next * 1_000 < edge.amount * minRatio || edge.from == 0 || edge.from == payer { continue }
                if edge.from != receiver, depth + 2 >= maxHops { continue }
                guard scratch.takeUp(reference) else { continue }
                steps[tail] = GraphScratch.Step(edge: reference, parent: Int32(parent), depth: Int32(depth + 1))
                tail += 1
                if edge.from == receiver {
                    found = tail - 1
                    return false
                }
            }
            return true
        }

        var goesOn = expand(payer, moment.time, moment.place, amount, -1, 0, isEnd: true)
        var head = 0
        while goesOn, head < tail {
            let step = steps[head]
            let edge = edges[Int(step.edge)]
            if Int(step.depth) + 1 >= maxHops { break }
            goesOn = expand(edge.from, edge.time(watermark), edge.place, edge.amount, head, Int(step.depth), isEnd: false)
            head += 1
        }
        guard found >= 0 else { return finding }
        finding.hops = Int(steps[found].depth) + 1
        var i = found
        var n = 0
        while i >= 0 {
            scratch.path[n] = steps[i].edge
            n += 1
            i = Int(steps[i].parent)
        }
        return finding
    }

    /// The payments of the cycle that was just found, oldest first, `hops − 1` of them.
    public func cyclePath(_ i: Int) -> Movement { movement(scratch.path[i]) }

    /// Whether the list has a movement in the window, before the moment.
    @inline(__always)
    func hasAny(_ list: EdgeList, after low: Int64, before moment: Moment) -> Bool {
        let high = count(list, before: moment.time, moment.place)
        return high > 0 && edges[Int(lists.reference(list, high - 1))].time(watermark) > low
    }
}
