import Velocity

/// With whom: fans, and ways of payments from account to account.
extension TypologyFinder {
    func fanIn(_ s: Subject) {
        fan(.fanIn, "senders", s.reading.counterparty[weekWindow].distinctAccounts, s.event.counterparty, .in, s)
    }

    func fanOut(_ s: Subject) {
        fan(.fanOut, "receivers", s.reading.account[weekWindow].distinctCounterparties, s.event.account, .out, s)
    }

    func fan(_ typology: Typology, _ name: StaticString, _ partners: Int64, _ key: UInt64, _ side: Side, _ s: Subject) {
        guard let habit = self.habit(key, side, partners, minimum: settings.fanMinimum, s), isNewPair(s) else { return }
        findings.add(typology, rise(Double(partners), habit.threshold - 1, 2 * habit.threshold))
        findings.integer(name, partners)
        findings.decimal("population_mean", habit.population)
        if let own = habit.own { findings.integer("own_before", own) }
        findings.decimal("threshold", habit.threshold)
        findings.seconds("window_seconds", weekMillis)
    }

    /// Whether the account did not pay the counterparty before this week: all its debits to it lie in the window, or are later than a transaction that
    /// came late. A fan grows by such payments alone.
    ///
    /// - Complexity: O(1) for the first payment, else O(`settings.limits.degree`), once a transaction.
    func isNewPair(_ s: Subject) -> Bool {
        if s.reading.pairCount == 0 { return true }
        if let known = pairIsNew { return known }
        let (account, counterparty) = (s.event.account, s.event.counterparty)
        var known = graph.pair(from: account, to: counterparty, at: s.moment, window: weekMillis, settings.limits).count
        if known < s.reading.pairCount { known += graph.pairAfter(from: account, to: counterparty, at: s.moment, settings.limits) }
        pairIsNew = known == s.reading.pairCount
        return known == s.reading.pairCount
    }

    /// What is usual: of all other accounts, their movements in such a window, on average over those retained; of this account, its partners in the
    /// window before, where that far is retained.
    struct Habit {
        var population: Double
        var own: Int64?
        /// So many partners are far over what is usual.
        var threshold: Double
    }

    /// What is usual for an account's side; nil where so many partners are not far over it.
    func habit(_ key: UInt64, _ side: Side, _ partners: Int64, minimum: Int64, _ s: Subject) -> Habit? {
        guard partners >= minimum else { return nil }
        let window = weekMillis
        let mine = graph.movementCount(key, side)
        // A payment that is asked about again is held already; it is among mine, or is no part of the others' habit either.
        let end = side == .out ? (s.event.isDebit ? s.event.account : 0) : (s.event.isDebit ? s.event.counterparty : s.event.account)
        let others = graph.edgeCount - mine - (s.moment.isHeld && end != key ? 1 : 0)
        let accounts = (side == .in ? graph.receiverCount : graph.payerCount) - (mine > 0 ? 1 : 0)
        let population = accounts <= 0 ? 0 : Double(others) / Double(accounts) * (Double(window) / Double(span))
        var threshold = max(Double(minimum), settings.fanOverPopulation * population)
        guard Double(partners) >= threshold else { return nil }
        let isOwnKnown = 2 * window <= windows[windows.count - 1]
        let own = isOwnKnown ? graph.partnersBefore(key, side, at: s.moment, window: window, settings.limits) : nil
        threshold = max(threshold, settings.fanOverOwn * Double(own ?? 0))
        return Double(partners) >= threshold ? Habit(population: population, own: own, threshold: threshold) : nil
    }

    func gatherScatter(_ s: Subject) {
        let least = settings.gatherScatterPartners
        guard let gathered = self.habit(s.event.account, .in, s.reading.inflow[weekWindow].distinctAccounts, minimum: least, s),
            let scattered = self.habit(s.event.account, .out, s.reading.account[weekWindow].distinctCounterparties, minimum: least, s)
        else { return }
        let r = graph.gatherScatter(
            s.event.account, to: s.event.counterparty, amount: s.event.amount, at: s.moment, window: weekMillis,
            senders: settings.gatherScatterPartners, settings.limits)
        begin(isSampled: r.isCut)
        guard r.senders >= settings.gatherScatterPartners, r.receivers >= settings.gatherScatterPartners, r.inflow > 0 else { return }
        let ratio = Double(r.outflow) / Double(r.inflow)
        guard ratio >= settings.gatherScatterLow, ratio <= settings.gatherScatterHigh else { return }
        let score = min(
            rise(Double(min(r.senders, r.receivers)), Double(settings.gatherScatterPartners - 1), Double(settings.gatherScatterFull)),
            min(1, 2 * min(rise(ratio, settings.gatherScatterLow, 1), rise(-ratio, -settings.gatherScatterHigh, -1))))
        findings.add(.gatherScatter, score)
        findings.integer("senders", r.senders)
        findings.integer("receivers", r.receivers)
        findings.money("inflow", r.inflow)
        findings.money("outflow", r.outflow)
        findings.decimal("ratio", ratio)
        findings.decimal("sender_threshold", gathered.threshold)
        findings.decimal("receiver_threshold", scattered.threshold)
        findings.seconds("window_seconds", weekMillis)
        cut(r.isCut)
    }

    func scatterGather(_ s: Subject) {
        guard s.reading.counterparty[weekWindow].distinctAccounts >= settings.scatterGatherPaths,
            s.reading.inflow[weekWindow].count > 0
        else { return }
        let found = graph.findScatterGather(
            from: s.event.account, to: s.event.counterparty, at: s.moment, window: weekMillis, settings.limits)
        begin(found.cost)
        guard found.paths >= settings.scatterGatherPaths else { return }
        let source = graph.movement(found.source)
        let ratio = source.amount == 0 ? 1 : Double(s.event.amount) / Double(source.amount)
        let likeness = rise(ratio <= 1 ? ratio : 1 / ratio, settings.scatterGatherLike, settings.scatterGatherLikeFull)
        let least = settings.scatterGatherUnlike
        findings.add(
            .scatterGather,
            (least + (1 - least) * likeness)
                * rise(Double(found.paths), Double(settings.scatterGatherPaths - 1), Double(settings.scatterGatherFull)))
        findings.integer("paths", Int64(found.paths))
        findings.decimal("ratio", ratio)
        findings.money("source_amount", source.amount)
        findings.integer("source_partition", Int64(source.partition))
        findings.integer("source_offset", source.offset)
        findings.seconds("window_seconds", weekMillis)
        say(found.cost)
    }

    func cycle(_ s: Subject) {
        let found = graph.findCycle(
            from: s.event.account, to: s.event.counterparty, amount: s.event.amount, at: s.moment, window: weekMillis, minRatio: settings.cycleRatio,
            maxHops: settings.cycleHops, settings.limits)
        if found.cost.edges > 0 { begin(found.cost) }
        guard found.hops > 0 else { return }
        let n = found.hops - 1
        let first = graph.cyclePath(0)
        var ratio = Double.infinity
        for i in 0..<n {
            let next = i + 1 < n ? graph.cyclePath(i + 1).amount : s.event.amount
            let before = graph.cyclePath(i).amount
            if before > 0 { ratio = min(ratio, Double(next) / Double(before)) }
        }
        if ratio == .infinity { ratio = 1 }
        let full = found.hops == 2 ? settings.cycleOfTwo : 1
        findings.add(.cycle, full * rise(ratio, Double(settings.cycleRatio) / 1_000, Double(settings.cycleRatioFull) / 1_000))
        findings.integer("hops", Int64(found.hops))
        findings.decimal("least_ratio", ratio)
        findings.seconds("seconds", s.event.time - first.time)
        for i in 0..<n {
            let hop = graph.cyclePath(i)
            findings.money(Self.hopAmounts[i], hop.amount)
            findings.integer(Self.hopPartitions[i], Int64(hop.partition))
            findings.integer(Self.hopOffsets[i], hop.offset)
        }
        findings.seconds("window_seconds", weekMillis)
        say(found.cost)
    }

    static let hopAmounts: [StaticString] = ["hop_1_amount", "hop_2_amount", "hop_3_amount", "hop_4_amount", "hop_5_amount", "hop_6_amount"]
    static let hopPartitions: [StaticString] = [
        "hop_1_partition", "hop_2_partition", "hop_3_partition", "hop_4_partition", "hop_5_partition", "hop_6_partition",
    ]
    static let hopOffsets: [StaticString] = ["hop_1_offset", "hop_2_offset", "hop_3_offset", "hop_4_offset", "hop_5_offset", "hop_6_offset"]

    func sets(_ s: Subject) {
        guard s.reading.account[weekWindow].distinctCounterparties >= settings.setSize,
            s.reading.counterparty[weekWindow].distinctAccounts >= settings.setSize
        else { return }
        let found = graph.findBipartite(from: s.event.account, to: s.event.counterparty, at: s.moment, window: weekMillis, settings.limits)
        begin(found.cost)
        guard found.sources >= settings.setSize, found.sinks >= settings.setSize else { return }
        let smallest = min(found.sources, found.sinks)
        findings.add(.bipartite, rise(Double(smallest), Double(settings.setSize - 1), Double(settings.setFull)))
        evidence(of: found)
        guard found.layer >= settings.setSize else { return }
        findings.add(.stack, rise(Double(min(smallest, found.layer)), Double(settings.setSize - 1), Double(settings.setFull)))
        findings.integer("layer", Int64(found.layer))
        evidence(of: found)
    }

    func evidence(of found: BipartiteFinding) {
        findings.integer("sources", Int64(found.sources))
        findings.integer("sinks", Int64(found.sinks))
        findings.seconds("window_seconds", weekMillis)
        say(found.cost)
    }
}
