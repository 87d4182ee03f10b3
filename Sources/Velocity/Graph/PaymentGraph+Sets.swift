/// One source whose money comes to one receiver by way of many.
public struct ScatterGatherFinding: Sendable {
    /// Accounts between source and receiver, the payer included; 0: none.
    public var paths = 0
    /// What the source paid to this payer.
    public var source = Edge.none
    public var cost = SearchCost()

    public init() {}
}

/// Sources and sinks that share counterparties.
public struct BipartiteFinding: Sendable {
    /// Accounts that paid this receiver and another of the payer's receivers, the payer included; 0: none.
    public var sources = 0
    /// Receivers of the payer whom one of those paid too, this one included.
    public var sinks = 0
    /// Accounts that paid the payer and another of the sources, before: a layer above. 0 or at least 2.
    public var layer = 0
    public var cost = SearchCost()

    public init() {}
}

extension PaymentGraph {
    /// Where a search may look in a list: `first ..< end`.
    @inline(__always)
    private func range(
        _ list: EdgeList, after low: Int64, before time: Int64, _ place: UInt64, _ limits: GraphLimits, isEnd: Bool, _ cost: inout SearchCost
    ) -> Range<Int> {
        let end = count(list, before: time, place)
        if end == 0 { return 0..<0 }
        let first = count(list, upTo: low)
        if end - first <= limits.degree { return first..<end }
        cost.hubs += 1
        return isEnd ? end - limits.degree..<end : 0..<0
    }

    /// One look at a movement; false when the bound is met.
    @inline(__always)
    private func look(_ cost: inout SearchCost, _ limits: GraphLimits) -> Bool {
        if cost.edges == limits.edges {
            cost.isCut = true
            return false
        }
        cost.edges += 1
        return true
    }

    /// An epoch that no mark has yet.
    private func newEpoch() -> UInt32 {
        if let epoch = scratch.nextEpoch() { return epoch }
        wipeMarks()
        return scratch.nextEpoch()!
    }

    /// Looks for the source that reaches `to` over the most accounts, `from` among them: source → between → `to`, the second payment later than the
    /// first, all within the window; this payment is the second by way of `from`.
    ///
    /// Of sources with as many it is the one that paid `from` last.
    /// - Complexity: O(`limits.edges`).
    public func findScatterGather(from: UInt64, to: UInt64, at moment: Moment, window: Int64, _ limits: GraphLimits) -> ScatterGatherFinding {
        var finding = ScatterGatherFinding()
        guard from != 0, to != 0, from != to else { return finding }
        let payer = node(from)
        let receiver = node(to)
        guard payer != 0 else { return finding }
        let low = moment.time &- window
        // The sources: who paid the payer.
        let epoch = newEpoch()
        var sources = 0
        let incoming = nodes[Int(payer)].in
        for i in range(incoming, after: low, before: moment.time, moment.place, limits, isEnd: true, &finding.cost).reversed() {
            guard sources < GraphScratch.capacity, look(&finding.cost, limits) else { break }
            let reference = lists.reference(incoming, i)
            let source = edges[Int(reference)].from
            if source == 0 || source == receiver || source == payer || marks[Int(source)].epoch == epoch { continue }
            marks[Int(source)] = Mark(epoch: epoch, seen: marks[Int(source)].seen, count: 1, last: 0)
            scratch.list[sources] = reference
            sources += 1
        }
        guard sources > 0 else { return finding }
        if receiver != 0 { countMiddles(payer, receiver, low, moment, epoch, limits, &finding.cost) }
        for i in 0..<sources {
            let reference = scratch.list[i]
            let paths = Int(marks[Int(edges[Int(reference)].from)].count)
            if paths > finding.paths {
                finding.paths = paths
                finding.source = reference
            }
        }
        return finding
    }

    /// For everyone else who paid the receiver: which of the sources had paid them before.
    private func countMiddles(
        _ payer: UInt32, _ receiver: UInt32, _ low: Int64, _ moment: Moment, _ epoch: UInt32, _ limits: GraphLimits, _ cost: inout SearchCost
    ) {
        let gathered = nodes[Int(receiver)].in
        for i in range(gathered, after: low, before: moment.time, moment.place, limits, isEnd: true, &cost).reversed() {
            guard look(&cost, limits) else { return }
            let second = edges[Int(lists.reference(gathered, i))]
            let middle = second.from
            // The newest payment of each is enough: it leaves the most time for the first.
            if middle == 0 || middle == payer || marks[Int(middle)].seen == epoch { continue }
            marks[Int(middle)].seen = epoch
            let incoming = nodes[Int(middle)].in
            for j in range(incoming, after: low, before: second.time(watermark), second.place, limits, isEnd: false, &cost).reversed() {
                guard look(&cost, limits) else { return }
                let source = Int(edges[Int(lists.reference(incoming, j))].from)
                if source != 0, marks[source].epoch == epoch, marks[source].last != middle {
                    marks[source].last = middle
                    marks[source].count += 1
                }
            }
        }
    }

    /// Looks for others who, within the window, paid `to` and another receiver of `from`; and, where there are, for a layer above: accounts that
    /// paid `from` and the same other source before.
    ///
    /// - Complexity: O(`limits.edges`).
    public func findBipartite(from: UInt64, to: UInt64, at moment: Moment, window: Int64, _ limits: GraphLimits) -> BipartiteFinding {
        var finding = BipartiteFinding()
        guard from != 0, to != 0, from != to else { return finding }
        let payer = node(from)
        let receiver = node(to)
        guard payer != 0, receiver != 0 else { return finding }
        let low = moment.time &- window
        let epoch = newEpoch()
        // The payer's other receivers.
        let outgoing = nodes[Int(payer)].out
        var others = 0
        for i in range(outgoing, after: low, before: moment.time, moment.place, limits, isEnd: true, &finding.cost).reversed() {
            guard look(&finding.cost, limits) else { return finding }
            let other = edges[Int(lists.reference(outgoing, i))].to
            if other == 0 || other == receiver || marks[Int(other)].epoch == epoch { continue }
            marks[Int(other)] = Mark(epoch: epoch, seen: 0, count: 0, last: 0)
            others += 1
        }
        guard others > 0 else { return finding }
        // Who else paid the receiver, and one of them.
        var sources = 0
        var sinks = 0
        let gathered = nodes[Int(receiver)].in
        search: for i in range(gathered, after: low, before: moment.time, moment.place, limits, isEnd: true, &finding.cost).reversed() {
            guard look(&finding.cost, limits) else { break }
            let source = edges[Int(lists.reference(gathered, i))].from
            if source == 0 || source == payer || marks[Int(source)].seen == epoch { continue }
            marks[Int(source)].seen = epoch
            let paid = nodes[Int(source)].out
            var shares = false
            for j in range(paid, after: low, before: moment.time, moment.place, limits, isEnd: false, &finding.cost).reversed() {
                guard look(&finding.cost, limits) else {
                    if shares { note(source, &sources) }
                    break search
                }
                let sink = Int(edges[Int(lists.reference(paid, j))].to)
                if sink == 0 || sink == source || marks[sink].epoch != epoch { continue }
                shares = true
                if marks[sink].count == 0 {
                    marks[sink].count = 1
                    sinks += 1
                }
            }
            if shares { note(source, &sources) }
        }
        guard sources > 0 else { return finding }
        finding.sources = sources + 1
        finding.sinks = sinks + 1
        finding.layer = layer(above: payer, sources, low, moment, limits, &finding.cost)
        return finding
    }

    private func note(_ source: UInt32, _ sources: inout Int) {
        guard sources < GraphScratch.capacity else { return }
        scratch.list[sources] = source
        sources += 1
    }

    /// The most accounts, if at least two, that paid both the payer and one of the first `sources` accounts of the scratch list.
    private func layer(
        above payer: UInt32, _ sources: Int, _ low: Int64, _ moment: Moment, _ limits: GraphLimits, _ cost: inout SearchCost
    ) -> Int {
        let epoch = newEpoch()
        let incoming = nodes[Int(payer)].in
        var above = 0
        for i in range(incoming, after: low, before: moment.time, moment.place, limits, isEnd: true, &cost).reversed() {
            guard look(&cost, limits) else { return 0 }
            let account = edges[Int(lists.reference(incoming, i))].from
            if account == 0 || marks[Int(account)].epoch == epoch { continue }
            marks[Int(account)] = Mark(epoch: epoch, seen: 0, count: 0, last: 0)
            above += 1
        }
        guard above >= 2 else { return 0 }
        var most = 0
        for s in 0..<sources {
            let source = scratch.list[s]
            let list = nodes[Int(source)].in
            var shared = 0
            for i in range(list, after: low, before: moment.time, moment.place, limits, isEnd: false, &cost).reversed() {
                guard look(&cost, limits) else { return most >= 2 ? most : 0 }
                let account = Int(edges[Int(lists.reference(list, i))].from)
                if account != 0, marks[account].epoch == epoch, marks[account].last != source {
                    marks[account].last = source
                    shared += 1
                }
            }
            most = max(most, shared)
        }
        return most >= 2 ? most : 0
    }
}
