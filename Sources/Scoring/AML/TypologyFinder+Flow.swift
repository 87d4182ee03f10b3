import Velocity

/// What comes in and goes out again.
extension TypologyFinder {
    func passThrough(_ s: Subject) {
        let inflow = double(s.reading.inflow[dayWindow].sum)
        let outflow = double(s.reading.account[dayWindow].sum)
        guard inflow > 0, inflow >= settings.passThroughInflow * t, outflow >= settings.passThroughRatio * inflow else { return }
        let dwell = graph.dwell(s.event.account, at: s.moment, window: dayMillis, settings.limits)
        begin(isSampled: dwell.isCut)
        guard dwell.median >= 0, dwell.median <= settings.passThroughDwell else { return }
        let ratio = outflow / inflow
        let score = min(
            rise(ratio, settings.passThroughRatio, settings.passThroughRatioFull),
            min(
                rise(inflow, settings.passThroughInflow * t, settings.passThroughInflowFull * t),
                rise(Double(-dwell.median), Double(-settings.passThroughDwell), Double(-settings.passThroughDwellFull))))
        findings.add(.passThrough, score)
        findings.money("inflow", Int64(clamping: s.reading.inflow[dayWindow].sum))
        findings.money("outflow", Int64(clamping: s.reading.account[dayWindow].sum))
        findings.decimal("ratio", ratio)
        findings.integer("debits", dwell.debits)
        findings.seconds("median_dwell_seconds", dwell.median)
        findings.seconds("window_seconds", dayMillis)
        cut(dwell.isCut)
    }

    /// The chain behind a debit, as evidence says it and as features have it.
    func chain(_ s: Subject) -> ChainFinding {
        graph.findChain(
            from: s.event.account, amount: s.event.amount, at: s.moment, maxGap: min(settings.layeringGap, windows[windows.count - 1]),
            low: settings.layeringLow, high: settings.layeringHigh, maxHops: settings.layeringMostHops,
            onlyCashAndTransfers: s.isCashOrTransfer, settings.limits)
    }

    func layering(_ s: Subject) {
        guard s.transaction.type.isMovement(hasCounterparty: s.isPayment) else { return }
        let found = chain(s)
        chainHops = found.hops
        if found.cost.edges > 0 { begin(found.cost) }
        guard found.hops >= settings.layeringHops else { return }
        let amount = settings.layeringAmountFull * t
        let score = min(
            0.4 + 0.6 * rise(Double(found.hops), Double(settings.layeringHops - 1), Double(settings.layeringFull)),
            amount > 0 ? rise(Double(s.event.amount), 0, amount) : 1)
        findings.add(.layering, score)
        findings.integer("hops", Int64(found.hops))
        let first = graph.chainPath(found.hops - 1)
        findings.decimal("ratio", first.amount == 0 ? 1 : Double(s.event.amount) / Double(first.amount))
        findings.seconds("seconds", s.event.time - first.time)
        // Newest first: the inflow that this debit hands on, and what that one handed on.
        for i in 0..<found.hops {
            let hop = graph.chainPath(i)
            findings.money(Self.hopAmounts[i], hop.amount)
            findings.integer(Self.hopPartitions[i], Int64(hop.partition))
            findings.integer(Self.hopOffsets[i], hop.offset)
        }
        say(found.cost)
    }
}
