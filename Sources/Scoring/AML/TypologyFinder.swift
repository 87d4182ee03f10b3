import Velocity

/// Finds the typologies that one transaction completes, with the numbers that show each.
///
/// It looks at what the windows say of the transaction (`Reading`) and at the payment graph as it was before it. Both legs of a payment count:
/// what leaves the account, and what comes to the counterparty.
final class TypologyFinder {
    var settings: TypologySettings
    var graph: PaymentGraph
    let findings = TypologyFindings()
    /// What the searches for this transaction took, all together, and how many were begun.
    private(set) var cost = SearchCost()
    private(set) var searches = 0

    private let countries: HighRiskCountries
    private let windows: [Int64]
    /// Of the configured windows, by index: a day's, a week's.
    private let dayWindow: Int
    private let weekWindow: Int
    private let span: Int64
    /// Minor units in a major one.
    private let minorUnits: Int64
    /// The suspicious amount in minor units: `T`.
    private var suspicious: Int64 = 0
    private var t = 0.0

    init(_ configuration: EngineConfiguration, _ graph: PaymentGraph, minorUnits: Int64, settings: TypologySettings = .init()) {
        self.settings = settings
        self.graph = graph
        self.minorUnits = minorUnits
        countries = configuration.countries
        let windows = configuration.velocity.windows
        self.windows = windows
        dayWindow = windows.firstIndex { $0 >= settings.day } ?? windows.count - 1
        weekWindow = windows.firstIndex { $0 >= settings.week } ?? windows.count - 1
        span = windows[windows.count - 1] + configuration.velocity.allowedLateness
    }

    /// Puts another suspicious amount in force, minor units.
    func take(suspicious: Int64) {
        self.suspicious = suspicious
        t = Double(suspicious)
    }

    /// The length of the window that stands for a day, and for a week, ms.
    var dayMillis: Int64 { windows[dayWindow] }
    var weekMillis: Int64 { windows[weekWindow] }

    /// A transaction, what is known of it, and when.
    struct Subject {
        var transaction: Transaction
        var event: Event
        var reading: Reading
        var moment: Moment
        /// Whether money goes from account to another account that is named.
        var isPayment: Bool
        var isCashOrTransfer: Bool

        init(_ transaction: Transaction, _ event: Event, _ reading: Reading, _ moment: Moment) {
            self.transaction = transaction
            self.event = event
            self.reading = reading
            self.moment = moment
            isPayment = event.isDebit && event.counterparty != 0 && event.counterparty != event.account
            isCashOrTransfer = transaction.type.isCashOrTransfer
        }
    }

    /// Fills `findings`.
    ///
    /// - Complexity: O(1) where nothing is searched, else bounded by `settings.limits`.
    func find(_ subject: Subject) {
        let event = subject.event
        findings.clear()
        cost = SearchCost()
        searches = 0
        largeAmount(subject)
        structuring(subject)
        smurfing(subject)
        if subject.isPayment {
            fanIn(subject)
            fanOut(subject)
            gatherScatter(subject)
            scatterGather(subject)
            cycle(subject)
            sets(subject)
        }
        if event.isDebit {
            passThrough(subject)
            layering(subject)
        }
        dormant(subject)
        newAccount(subject)
        roundAmounts(subject)
        geography(subject)
        rapidMovement(subject)
    }

    // MARK: Amounts

    private func largeAmount(_ s: Subject) {
        guard s.event.amount >= suspicious else { return }
        let score = suspicious == 0 ? 1 : min(1, (Double(s.event.amount) / t - 1) / (settings.largeAmountFull - 1))
        findings.add(.largeAmount, score)
        findings.money("amount", s.event.amount)
        findings.money("threshold", suspicious)
    }

    /// Amounts just below T: the account's own debits or deposits, and what the counterparty receives.
    private func structuring(_ s: Subject) {
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

    /// Many small amounts from many: as the counterparty receives them, as the account deposits them, and as it passes them on.
    private func smurfing(_ s: Subject) {
        var best: (score: Double, window: FlowWindow, isCounterparty: Bool)?
        func look(_ r: FlowWindow, isCounterparty: Bool, _ full: Double) {
            guard r.distinctAccounts >= settings.smurfingSenders, Double(r.sum) >= settings.smurfingSum * t,
                Double(r.sum) <= settings.smurfingMean * t * Double(r.count)
            else { return }
            let score = min(
                rise(Double(r.distinctAccounts), Double(settings.smurfingSenders - 1), Double(settings.smurfingFull)),
                rise(Double(r.sum), settings.smurfingSum * t, settings.smurfingSumFull * t))
            if full * score > best?.score ?? -1 { best = (full * score, r, isCounterparty) }
        }
        let inflow = s.reading.inflow[weekWindow]
        if !s.event.isDebit {
            look(inflow, isCounterparty: false, settings.smurfingCollected)
        } else if Double(s.event.amount) >= settings.smurfingConsolidated * Double(inflow.sum) {
            look(inflow, isCounterparty: false, 1)
        }
        if s.isPayment { look(s.reading.counterparty[weekWindow], isCounterparty: true, settings.smurfingCollected) }
        guard let best else { return }
        findings.add(.smurfing, best.score)
        findings.integer("senders", best.window.distinctAccounts)
        findings.integer("count", best.window.count)
        findings.money("sum", Int64(clamping: best.window.sum))
        findings.decimal("mean", Double(best.window.sum) / Double(best.window.count) / Double(minorUnits))
        findings.seconds("window_seconds", weekMillis)
        leg(best.isCounterparty)
    }

    /// Repeated multiples of a round unit, on the side of the account that this transaction belongs to, or as the counterparty receives them.
    private func roundAmounts(_ s: Subject) {
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

    // MARK: Partners

    private func fanIn(_ s: Subject) {
        fan(.fanIn, "senders", s.reading.counterparty[weekWindow].distinctAccounts, s.event.counterparty, .in, graph.receiverCount, s)
    }

    private func fanOut(_ s: Subject) {
        fan(.fanOut, "receivers", s.reading.account[weekWindow].distinctCounterparties, s.event.account, .out, graph.payerCount, s)
    }

    /// Partners far over what is usual: of all accounts (their movements in such a window, on average over those retained), and of this account (its
    /// partners in the window before, where that far is retained).
    private func fan(_ typology: Typology, _ name: StaticString, _ partners: Int64, _ key: UInt64, _ side: Side, _ accounts: Int, _ s: Subject) {
        guard partners >= settings.fanMinimum else { return }
        let window = weekMillis
        // A payment that is asked about again is held already.
        let held = graph.edgeCount - (s.moment.isHeld ? 1 : 0)
        let population = accounts == 0 ? 0 : Double(held) / Double(accounts) * (Double(window) / Double(span))
        var threshold = max(Double(settings.fanMinimum), settings.fanOverPopulation * population)
        guard Double(partners) >= threshold else { return }
        let isOwnKnown = 2 * window <= windows[windows.count - 1]
        let own = isOwnKnown ? graph.partnersBefore(key, side, at: s.moment, window: window, settings.limits) : 0
        threshold = max(threshold, settings.fanOverOwn * Double(own))
        guard Double(partners) >= threshold else { return }
        findings.add(typology, rise(Double(partners), threshold - 1, 2 * threshold))
        findings.integer(name, partners)
        findings.decimal("population_mean", population)
        if isOwnKnown { findings.integer("own_before", own) }
        findings.decimal("threshold", threshold)
        findings.seconds("window_seconds", window)
    }

    private func gatherScatter(_ s: Subject) {
        guard s.reading.inflow[weekWindow].distinctAccounts >= settings.gatherScatterPartners,
            s.reading.account[weekWindow].distinctCounterparties >= settings.gatherScatterPartners
        else { return }
        searches += 1
        let r = graph.gatherScatter(
            s.event.account, to: s.event.counterparty, amount: s.event.amount, at: s.moment, window: weekMillis,
            senders: settings.gatherScatterPartners, settings.limits)
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
        findings.seconds("window_seconds", weekMillis)
        cut(r.isCut)
    }

    private func scatterGather(_ s: Subject) {
        guard s.reading.counterparty[weekWindow].distinctAccounts >= settings.scatterGatherPaths,
            s.reading.inflow[weekWindow].count > 0
        else { return }
        let found = graph.findScatterGather(
            from: s.event.account, to: s.event.counterparty, at: s.moment, window: weekMillis, settings.limits)
        begin(found.cost)
        guard found.paths >= settings.scatterGatherPaths else { return }
        let source = graph.movement(found.source)
        findings.add(.scatterGather, rise(Double(found.paths), Double(settings.scatterGatherPaths - 1), Double(settings.scatterGatherFull)))
        findings.integer("paths", Int64(found.paths))
        findings.money("source_amount", source.amount)
        findings.integer("source_partition", Int64(source.partition))
        findings.integer("source_offset", source.offset)
        findings.seconds("window_seconds", weekMillis)
        say(found.cost)
    }

    private func cycle(_ s: Subject) {
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

    private static let hopAmounts: [StaticString] = ["hop_1_amount", "hop_2_amount", "hop_3_amount", "hop_4_amount", "hop_5_amount", "hop_6_amount"]
    private static let hopPartitions: [StaticString] = [
        "hop_1_partition", "hop_2_partition", "hop_3_partition", "hop_4_partition", "hop_5_partition", "hop_6_partition",
    ]
    private static let hopOffsets: [StaticString] = ["hop_1_offset", "hop_2_offset", "hop_3_offset", "hop_4_offset", "hop_5_offset", "hop_6_offset"]

    private func sets(_ s: Subject) {
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

    private func evidence(of found: BipartiteFinding) {
        findings.integer("sources", Int64(found.sources))
        findings.integer("sinks", Int64(found.sinks))
        findings.seconds("window_seconds", weekMillis)
        say(found.cost)
    }

    // MARK: Flow

    private func passThrough(_ s: Subject) {
        let inflow = Double(s.reading.inflow[dayWindow].sum)
        let outflow = Double(s.reading.account[dayWindow].sum)
        guard inflow > 0, inflow >= settings.passThroughInflow * t, outflow >= settings.passThroughRatio * inflow else { return }
        searches += 1
        let dwell = graph.dwell(s.event.account, at: s.moment, window: dayMillis, settings.limits)
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
            low: settings.layeringLow, high: settings.layeringHigh, maxHops: settings.layeringMostHops, settings.limits)
    }

    private func layering(_ s: Subject) {
        guard s.transaction.type.isMovement(hasCounterparty: s.isPayment) else { return }
        let found = chain(s)
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

    // MARK: The account's own past

    private func dormant(_ s: Subject) {
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

    private func newAccount(_ s: Subject) {
        let opened = s.transaction.accountOpenedAt ?? .max
        let age = s.event.time - min(s.reading.accountFirstTime, opened)
        guard age <= settings.newAccountAge else { return }
        // What was first seen soon after the beginning may be old: nobody saw the time before.
        let beginning = min(graph.beginning, s.event.time)
        guard opened != .max || s.reading.accountFirstTime - beginning > settings.newAccountAge else { return }
        let sum = max(s.reading.account[dayWindow].sum, s.reading.inflow[dayWindow].sum)
        guard Double(sum) >= settings.newAccountSum * t, sum > 0 else { return }
        let score = min(
            rise(Double(sum), settings.newAccountSum * t, settings.newAccountSumFull * t),
            0.5 + 0.5 * rise(Double(-age), Double(-settings.newAccountAge), 0))
        findings.add(.newAccountLarge, score)
        findings.seconds("age_seconds", age)
        findings.money("sum", Int64(clamping: sum))
        findings.money("threshold", suspicious)
        findings.seconds("window_seconds", dayMillis)
    }

    private func geography(_ s: Subject) {
        let own = countries.level(s.transaction.country)
        let other = countries.level(s.transaction.counterpartyCountry)
        guard own > 0 || other > 0 else { return }
        let crosses = s.transaction.crossesBorder
        let level = max(own, other) == 2 ? settings.geographyCallForAction : settings.geographyMonitored
        findings.add(.highRiskGeography, crosses ? level : level * settings.geographyWithin)
        findings.integer("country_level", own)
        findings.integer("counterparty_country_level", other)
        findings.integer("crosses_border", crosses ? 1 : 0)
        findings.integer("list_date", countries.date)
    }

    /// A day's sum against the account's own days before, and the counterparty's.
    private func rapidMovement(_ s: Subject) {
        guard s.transaction.type.isMovement(hasCounterparty: s.isPayment), t > 0 else { return }
        let days = min(128, Int((windows[windows.count - 1] - dayMillis) / dayMillis))
        guard days >= 3 else { return }
        var best: (score: Double, sum: Int64, z: Double, habit: HabitReading, isCounterparty: Bool)?
        func look(_ key: UInt64, _ side: Side, isCounterparty: Bool) {
            let now = graph.read(key, side, at: s.moment, window: dayMillis, settings.limits)
            let sum = now.sum + s.event.amount
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
        if Double(own) >= settings.rapidSum * t { look(s.event.account, side, isCounterparty: false) }
        if s.isPayment, Double(s.reading.counterparty[dayWindow].sum) >= settings.rapidSum * t {
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

    // MARK: Saying how

    private func begin(_ found: SearchCost) {
        searches += 1
        cost.add(found)
    }

    /// The numbers are the counterparty's, not the account's.
    private func leg(_ isCounterparty: Bool) { if isCounterparty { findings.integer("of_counterparty", 1) } }

    /// Only the newest movements were looked at: the numbers are lower bounds.
    private func cut(_ isCut: Bool) { if isCut { findings.integer("sampled", 1) } }

    private func say(_ cost: SearchCost) {
        if cost.hubs > 0 { findings.integer("hubs_skipped", Int64(cost.hubs)) }
        if cost.isCut { findings.integer("search_cut", 1) }
    }
}

/// 0 up to `from`, 1 from `to` on, straight between.
@inline(__always)
func rise(_ x: Double, _ from: Double, _ to: Double) -> Double { x <= from ? 0 : x >= to ? 1 : (x - from) / (to - from) }

extension TransactionType {
    /// Cash in or out, or a transfer, as against a payment for something.
    var isCashOrTransfer: Bool { self == .transfer || self == .cashIn || self == .cashOut }

    /// Whether the payment graph keeps it: refunds and purchases that name no counterparty are nobody's money on its way.
    func isMovement(hasCounterparty: Bool) -> Bool { self == .purchase ? hasCounterparty : self != .refund }
}

extension Engine {
    /// The transaction as the payment graph sees it; nil when it moves no money between accounts, or over the edge of what is seen.
    static func movement(_ transaction: Transaction, _ event: Event) -> Movement? {
        guard transaction.type.isMovement(hasCounterparty: event.counterparty != 0) else { return nil }
        let isIn = transaction.type == .cashIn
        return Movement(
            time: event.time, amount: event.amount, from: isIn ? 0 : event.account, to: isIn ? event.account : event.counterparty,
            isCashOrTransfer: transaction.type.isCashOrTransfer, partition: event.partition, offset: event.offset)
    }
}
