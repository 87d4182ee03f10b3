/// One sum handed on from account to account, as far as it can be followed back from a debit.
public struct ChainFinding: Sendable {
    /// Debits of nearly one earlier inflow each, this one included; 0: this one is none.
    public var hops = 0
    public var cost = SearchCost()

    public init() {}
}

/// What a debit would have been paid from.
public struct InflowFit: Sendable, Equatable {
    /// Of the best-fitting inflow: the smallest that is at least the debit, else the largest; of equal ones the newest. Minor units; −1: there is none.
    public var amount: Int64 = -1
    /// From it to the debit, ms.
    public var gap: Int64 = 0
    /// What of it was not paid out since, before this debit; not below 0. Minor units.
    public var unspent: Int64 = 0
    /// Movements looked at were fewer than there are.
    public var isCut = false

    public init() {}
}

extension PaymentGraph {
    /// How often a sum was handed on before `from` pays `amount`: a debit is a hop when it is `low ... high` thousandths of one inflow of the last
    /// `maxGap` ms, and goes on from that inflow's own payer. The longest way back counts, of equally long ones the one over the newest inflows.
    ///
    /// `chainPath` then gives the inflows. `onlyCashAndTransfers` passes over payments for something.
    /// - Complexity: O(`limits.edges`).
    public func findChain(
        from: UInt64, amount: Int64, at moment: Moment, maxGap: Int64, low: Int64, high: Int64, maxHops: Int, onlyCashAndTransfers: Bool = false,
        _ limits: GraphLimits
    ) -> ChainFinding {
        var finding = ChainFinding()
        guard from != 0, amount > 0 else { return finding }
        let payer = node(from)
        guard payer != 0 else { return finding }
        let maxHops = min(maxHops, 8)
        // Depth first, by hand; what is tried at each depth, and the best way so far.
        let current = scratch.list

        func follow(_ account: UInt32, _ amount: Int64, _ time: Int64, _ place: UInt64, _ depth: Int) -> Bool {
            let list = nodes[Int(account)].in
            let end = count(list, before: time, place)
            if end == 0 { return true }
            var first = count(list, upTo: time &- maxGap)
            if end - first > limits.degree {
                finding.cost.hubs += 1
                if depth > 0 { return true }
                first = end - limits.degree
            }
            var i = end - 1
            while i >= first {
                if finding.cost.edges == limits.edges {
                    finding.cost.isCut = true
                    return false
                }
                finding.cost.edges += 1
                let reference = lists.reference(list, i)
                let edge = edges[Int(reference)]
                i -= 1
                if onlyCashAndTransfers, !edge.isCashOrTransfer { continue }
                if amount * 1_000 < edge.amount * low || amount * 1_000 > edge.amount * high { continue }
                current[depth] = reference
                if depth + 1 > finding.hops {
                    finding.hops = depth + 1
                    scratch.path.update(from: current, count: depth + 1)
                }
                if finding.hops == maxHops { return false }
                if depth + 1 < maxHops, edge.from != 0,
                    !follow(edge.from, edge.amount, edge.time(watermark), edge.place, depth + 1)
                {
                    return false
                }
            }
            return true
        }
        _ = follow(payer, amount, moment.time, moment.place, 0)
        return finding
    }

    /// The inflows of the chain that was just found, newest first, `hops` of them.
    public func chainPath(_ i: Int) -> Movement { movement(scratch.path[i]) }

    /// What of the last `maxGap` ms fits a debit of `amount` best.
    ///
    /// - Complexity: O(`limits.degree`).
    public func fitInflow(from: UInt64, amount: Int64, at moment: Moment, maxGap: Int64, onlyCashAndTransfers: Bool = false, _ limits: GraphLimits) -> InflowFit {
        var fit = InflowFit()
        let payer = from == 0 ? 0 : node(from)
        guard payer != 0 else { return fit }
        let list = nodes[Int(payer)].in
        let end = count(list, before: moment.time, moment.place)
        if end == 0 { return fit }
        let first = count(list, upTo: moment.time &- maxGap)
        var best = Edge.none
        fit.isCut = end - first > limits.degree
        var i = end - 1
        while i >= max(first, end - limits.degree) {
            let reference = lists.reference(list, i)
            i -= 1
            if onlyCashAndTransfers, !edges[Int(reference)].isCashOrTransfer { continue }
            let a = edges[Int(reference)].amount
            let isBetter = fit.amount < amount ? a > fit.amount : a >= amount && a < fit.amount
            if isBetter {
                fit.amount = a
                best = reference
            }
        }
        guard best != Edge.none else { return fit }
        let edge = edges[Int(best)]
        fit.gap = moment.time - edge.time(watermark)
        // What was paid since.
        let paid = nodes[Int(payer)].out
        let last = count(paid, before: moment.time, moment.place)
        var j = last - 1
        let begin = count(paid, before: edge.time(watermark), edge.place)
        var spent: Int64 = 0
        while j >= max(begin, last - limits.degree), spent < fit.amount {
            spent += edges[Int(lists.reference(paid, j))].amount
            j -= 1
        }
        fit.isCut = fit.isCut || last - begin > limits.degree
        fit.unspent = max(0, fit.amount - spent)
        return fit
    }
}
