import Velocity

/// What the account did before, and where it pays to.
extension TypologyFinder {
    func dormant(_ s: Subject) {
        let silence = s.reading.accountMillisSinceLast
        guard silence >= settings.dormantSilence, Double(s.event.amount) >= settings.dormantAmount * t else { return }
        let score = min(
            0.4 + 0.6 * rise(Double(silence), Double(settings.dormantSilence), Double(settings.dormantFull)),
            rise(Double(s.event.amount), settings.dormantAmount * t, settings.dormantAmountFull * t))
        findings.add(.dormantReactivated, score)
        findings.seconds("seconds_since_last", silence)
        findings.money("amount", s.event.amount)
        findings.decimal("amount_threshold", settings.dormantAmount * t / Double(minorUnits))
    }

    func newAccount(_ s: Subject) {
        let opened = s.transaction.accountOpenedAt ?? .max
        let age = s.event.time - min(s.reading.accountFirstTime, opened)
        guard age <= settings.newAccountAge else { return }
        // What was first seen soon after the beginning may be old: nobody saw the time before.
        let beginning = min(graph.beginning, s.event.time)
        guard opened != .max || s.reading.accountFirstTime - beginning > settings.newAccountAge else { return }
        let sum = max(s.reading.account[dayWindow].sum, s.reading.inflow[dayWindow].sum)
        guard sum > 0, double(sum) >= settings.newAccountSum * t else { return }
        let score = min(
            rise(double(sum), settings.newAccountSum * t, settings.newAccountSumFull * t),
            0.5 + 0.5 * rise(Double(-age), Double(-settings.newAccountAge), 0))
        findings.add(.newAccountLarge, score)
        findings.seconds("age_seconds", age)
        findings.money("sum", Int64(clamping: sum))
        findings.money("threshold", suspicious)
        findings.seconds("window_seconds", dayMillis)
    }

    func geography(_ s: Subject) {
        let own = countries.level(s.transaction.country)
        let other = countries.level(s.transaction.counterpartyCountry)
        guard own > 0 || other > 0 else { return }
        let crosses = s.transaction.crossesBorder
        let level = max(own, other) == 2 ? settings.geographyCallForAction : settings.geographyMonitored
        let least = settings.geographySmall
        let size = least + (1 - least) * rise(Double(s.event.amount), 0, settings.geographyAmountFull * t)
        findings.add(.highRiskGeography, size * (crosses ? level : level * settings.geographyWithin))
        findings.integer("country_level", own)
        findings.integer("counterparty_country_level", other)
        findings.integer("crosses_border", crosses ? 1 : 0)
        findings.integer("list_date", countries.date)
    }

    /// A day's sum against the account's own days before, and the counterparty's.
    func rapidMovement(_ s: Subject) {
        guard s.transaction.type.isMovement(hasCounterparty: s.isPayment), t > 0 else { return }
        let days = min(128, Int((windows[windows.count - 1] - dayMillis) / dayMillis))
        guard days >= 3 else { return }
        var best: (score: Double, sum: Int64, z: Double, habit: HabitReading, isCounterparty: Bool)?
        func look(_ key: UInt64, _ side: Side, isCounterparty: Bool) {
            let sum = graph.sum(key, side, at: s.moment, window: dayMillis, settings.limits) + s.event.amount
            guard Double(sum) >= settings.rapidSum * t else { return }
            let habit = graph.habit(key, side, at: s.moment, day: dayMillis, days: days, settings.limits)
            guard habit.activeDays >= settings.rapidActiveDays else { return }
            let spread = max(habit.deviation, max(settings.rapidSpreadOfMean * habit.mean, settings.rapidSpreadOfT * t))
            let z = (Double(sum) - habit.mean) / spread
            guard z >= settings.rapidZ else { return }
            let score = min(rise(z, settings.rapidZ, settings.rapidZFull), rise(Double(sum), settings.rapidSum * t, settings.rapidSumFull * t))
            if score > best?.score ?? -1 { best = (score, sum, z, habit, isCounterparty) }
        }
        // The windows know at once whether there is enough to look at.
        let side: Side = s.event.isDebit ? .out : .in
        let own = s.event.isDebit ? s.reading.account[dayWindow].sum : s.reading.inflow[dayWindow].sum
        if double(own) >= settings.rapidSum * t { look(s.event.account, side, isCounterparty: false) }
        if s.isPayment, double(s.reading.counterparty[dayWindow].sum) >= settings.rapidSum * t {
            look(s.event.counterparty, .in, isCounterparty: true)
        }
        guard let best else { return }
        findings.add(.rapidMovement, best.score)
        findings.money("sum", best.sum)
        findings.decimal("zscore", best.z)
        findings.decimal("mean", best.habit.mean / Double(minorUnits))
        findings.decimal("deviation", best.habit.deviation / Double(minorUnits))
        findings.integer("days", best.habit.days)
        findings.integer("active_days", best.habit.activeDays)
        findings.seconds("window_seconds", dayMillis)
        leg(best.isCounterparty)
        cut(best.habit.isCut)
    }
}
