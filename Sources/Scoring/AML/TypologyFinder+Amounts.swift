import Velocity

/// Amounts: of one transaction, and of many that are small, alike or round.
extension TypologyFinder {
    func largeAmount(_ s: Subject) {
        guard s.event.amount >= suspicious else { return }
        let score = suspicious == 0 ? 1 : min(1, (Double(s.event.amount) / t - 1) / (settings.largeAmountFull - 1))
        findings.add(.largeAmount, score)
        findings.money("amount", s.event.amount)
        findings.money("threshold", suspicious)
    }

    /// Amounts just below T: the account's own debits or deposits, and what the counterparty receives.
    func structuring(_ s: Subject) {
        let low = Int64(settings.structuringFrom * t + 0.999_999)
        guard s.isCashOrTransfer, s.event.amount >= low, s.event.amount < suspicious else { return }
        var best: (score: Double, count: Int64, sum: Int64, window: Int64, isCounterparty: Bool, isCut: Bool)?
        func look(_ key: UInt64, _ side: Side, _ window: Int64, isCounterparty: Bool) {
            let found = graph.band(key, side, at: s.moment, window: window, low, suspicious, settings.limits)
            let count = found.count + 1
            let sum = found.sum + s.event.amount
            guard count >= settings.structuringCount, sum >= suspicious else { return }
            let score = rise(Double(count), Double(settings.structuringCount - 1), Double(settings.structuringFull))
            if score > best?.score ?? -1 { best = (score, count, sum, window, isCounterparty, found.isCut) }
        }
        func lookAtBoth(_ window: Int64) {
            look(s.event.account, s.event.isDebit ? .out : .in, window, isCounterparty: false)
            if s.isPayment { look(s.event.counterparty, .in, window, isCounterparty: true) }
        }
        lookAtBoth(dayMillis)
        if dayWindow != weekWindow { lookAtBoth(weekMillis) }
        guard let best else { return }
        findings.add(.structuring, best.score)
        findings.integer("count", best.count)
        findings.money("sum", best.sum)
        findings.money("from", low)
        findings.money("below", suspicious)
        findings.seconds("window_seconds", best.window)
        leg(best.isCounterparty)
        cut(best.isCut)
    }

    /// Many small amounts from many: as the counterparty receives them, as the account deposits them, and as it passes them on. A shop, which
    /// collects from many every week, is passed over by its own habit and by the population's, and whoever paid it before is none of the many.
    func smurfing(_ s: Subject) {
        var best: (score: Double, window: FlowWindow, threshold: Double, isCounterparty: Bool)?
        func look(_ r: FlowWindow, _ key: UInt64, isCounterparty: Bool, _ full: Double) {
            guard r.distinctAccounts >= settings.smurfingSenders, double(r.sum) >= settings.smurfingSum * t,
                double(r.sum) <= settings.smurfingMean * t * Double(r.count),
                let habit = self.habit(key, .in, r.distinctAccounts, minimum: settings.smurfingSenders, s), !isCounterparty || isNewPair(s)
            else { return }
            let score = min(
                rise(Double(r.distinctAccounts), Double(settings.smurfingSenders - 1), Double(settings.smurfingFull)),
                rise(double(r.sum), settings.smurfingSum * t, settings.smurfingSumFull * t))
            if full * score > best?.score ?? -1 { best = (full * score, r, habit.threshold, isCounterparty) }
        }
        let inflow = s.reading.inflow[weekWindow]
        if !s.event.isDebit {
            look(inflow, s.event.account, isCounterparty: false, settings.smurfingCollected)
        } else if Double(s.event.amount) >= settings.smurfingConsolidated * double(inflow.sum) {
            look(inflow, s.event.account, isCounterparty: false, 1)
        }
        if s.isPayment { look(s.reading.counterparty[weekWindow], s.event.counterparty, isCounterparty: true, settings.smurfingCollected) }
        guard let best else { return }
        findings.add(.smurfing, best.score)
        findings.integer("senders", best.window.distinctAccounts)
        findings.integer("count", best.window.count)
        findings.money("sum", Int64(clamping: best.window.sum))
        findings.decimal("mean", double(best.window.sum) / Double(best.window.count) / Double(minorUnits))
        findings.decimal("threshold", best.threshold)
        findings.seconds("window_seconds", weekMillis)
        leg(best.isCounterparty)
    }

    /// Repeated multiples of a round unit, on the side of the account that this transaction belongs to, or as the counterparty receives them.
    func roundAmounts(_ s: Subject) {
        let unit = settings.roundUnit * minorUnits
        guard s.event.amount > 0, s.event.amount % unit == 0, s.transaction.type.isMovement(hasCounterparty: s.isPayment) else { return }
        var best: (score: Double, count: Int64, total: Int64, isCounterparty: Bool, isCut: Bool)?
        func look(_ key: UInt64, _ side: Side, isCounterparty: Bool) {
            let found = graph.multiples(key, side, at: s.moment, window: weekMillis, of: unit, settings.limits)
            let count = found.count + 1
            let total = found.total + 1
            guard count >= settings.roundCount, Double(count) > settings.roundShare * Double(total) else { return }
            let score = min(
                rise(Double(count), Double(settings.roundCount - 1), Double(settings.roundFull)),
                rise(Double(count) / Double(total), settings.roundShare, settings.roundShareFull))
            if score > best?.score ?? -1 { best = (score, count, total, isCounterparty, found.isCut) }
        }
        look(s.event.account, s.event.isDebit ? .out : .in, isCounterparty: false)
        if s.isPayment { look(s.event.counterparty, .in, isCounterparty: true) }
        guard let best else { return }
        findings.add(.roundAmounts, best.score)
        findings.integer("count", best.count)
        findings.integer("of", best.total)
        findings.integer("unit", settings.roundUnit)
        findings.seconds("window_seconds", weekMillis)
        leg(best.isCounterparty)
        cut(best.isCut)
    }
}
