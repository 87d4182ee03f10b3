/// How an event relates to what is retained (contract, section 4).
public enum Decision: Sendable {
    /// No retained event of the account has this transaction id.
    case new
    /// One has it, with the same time and amount.
    case duplicate
    /// One has it, with another time or amount.
    case conflict
}

/// What windows are kept for. `account` holds the account's own transactions, `inflow` what came in to an account (and to a counterparty: they are one).
public enum EntityKind: Int, CaseIterable, Sendable {
    case account, inflow, card, device, ip, merchant
}

/// What became of a label.
public enum LabelOutcome: Sendable {
    /// Taken in: it is the one that counts, or an earlier one than that which does.
    case applied
    /// The same label, of the same label time, was applied before.
    case duplicate
    /// Its transaction's time is no longer retained for `fraud_rate`, or feedback is switched off.
    case ignored
}

/// The state: all events inside windows and lateness, what is remembered of accounts and pairs, and labels.
///
/// One thread owns it. It knows no clock but event time: the state is a function of what was applied, in its order.
public final class VelocityStore {
    public let configuration: VelocityConfiguration
    /// The highest event time applied, Unix epoch milliseconds; `Int64.min` before the first event.
    public private(set) var watermark = Int64.min
    /// Events at or below it are gone, whatever the watermark says; only rises. `Int64.min`: none.
    public private(set) var eventHorizon = Int64.min
    /// Accounts and pairs last seen at or below it are forgotten, as far as the windows let them; only rises. `Int64.min`: none.
    public private(set) var memoryHorizon = Int64.min

    final class Account {
        var debits = EventList(dimensions: 4)
        var credits = EventList(dimensions: 0)
        var inflow = EventList(dimensions: 1)
        var memory: Memory?
    }

    struct Memory {
        var first: Int64
        var last: Int64
        /// The highest time but one.
        var second: Int64?
        var count: Int64
        var sum: Int128
    }

    struct PairKey: Hashable {
        var account: UInt64
        var counterparty: UInt64
    }

    struct LabelKey: Hashable {
        var account: UInt64
        var transaction: UInt64
        var merchant: UInt64
        var time: Int64
    }

    struct LabelValue {
        var time: Int64
        var isFraud: Bool
        var seenFraud: Bool
        var seenLegitimate: Bool
    }

    var accounts: [UInt64: Account] = [:]
    var cards: [UInt64: EventList] = [:]
    var devices: [UInt64: EventList] = [:]
    var ips: [UInt64: EventList] = [:]
    var merchants: [UInt64: EventList] = [:]
    var pairs: [PairKey: Memory] = [:]
    var labels: [LabelKey: LabelValue] = [:]
    private var appliedSinceSweep = 0

    public init(_ configuration: VelocityConfiguration) {
        self.configuration = configuration
    }

    // MARK: What is retained

    private var span: Int64 { configuration.windows.last! + configuration.allowedLateness }

    private func minus(_ time: Int64, _ span: Int64) -> Int64 {
        let (value, overflow) = time.subtractingReportingOverflow(span)
        return overflow ? Int64.min : value
    }

    /// Events above it are retained at this watermark.
    func eventFloor(_ watermark: Int64) -> Int64 { max(minus(watermark, span), eventHorizon) }

    /// Merchants' events and labels above it are retained for `fraud_rate`.
    func delayedFloor(_ watermark: Int64) -> Int64 {
        configuration.feedbackEnabled ? max(minus(watermark, span + configuration.feedbackDelay), eventHorizon) : eventFloor(watermark)
    }

    func accountFloor(_ watermark: Int64) -> Int64 {
        max(minus(watermark, configuration.accountRetention), min(memoryHorizon, eventFloor(watermark)))
    }

    func pairFloor(_ watermark: Int64) -> Int64 {
        max(minus(watermark, configuration.pairRetention), min(memoryHorizon, eventFloor(watermark)))
    }

    // MARK: Applying

    /// A hint that these events are decided, applied or previewed next: brings what they touch into the caches.
    public func prepare(_ events: UnsafeBufferPointer<Event>) {}

    /// Whether the event is new, as the watermark stands before it. Changes nothing.
    public func decide(_ event: Event) -> Decision {
        stored(event).decision
    }

    private func stored(_ event: Event) -> (decision: Decision, isDebit: Bool, counterparty: UInt64) {
        guard let account = accounts[event.account] else { return (.new, false, 0) }
        let floor = eventFloor(watermark)
        var decision = Decision.new
        for list in [account.debits, account.credits] {
            var i = list.upperBound(floor)
            while i < list.count {
                if list.transactions[i] == event.transaction {
                    if list.times[i] == event.time, list.amounts[i] == event.amount {
                        let isDebit = list === account.debits
                        return (.duplicate, isDebit, isDebit ? list.values[1][i] : 0)
                    }
                    decision = .conflict
                }
                i += 1
            }
        }
        return (decision, false, 0)
    }

    /// Applies the event as scored, whatever `decide` says, and fills the reading as of the event's time, the event included where it is retained.
    public func apply(_ event: Event, into reading: Reading) {
        read(event, into: reading, including: true, without: nil)
        apply(event)
    }

    /// Applies the event as scored, whatever `decide` says.
    public func apply(_ event: Event) {
        watermark = max(watermark, event.time)
        let floor = eventFloor(watermark)
        appliedSinceSweep += 1
        guard event.time > floor else { return }

        let account = self.account(event.account)
        account.memory = updated(account.memory, event, accountFloor(watermark))
        var isFirst = false
        if event.isDebit, event.counterparty != 0 {
            let key = PairKey(account: event.account, counterparty: event.counterparty)
            let old = pairs[key].flatMap { $0.last > pairFloor(watermark) ? $0 : nil }
            isFirst = old == nil || event.time < old!.first
            if isFirst, let old {
                let debits = account.debits
                var i = debits.upperBound(old.first) - 1
                while i >= 0, debits.times[i] == old.first {
                    if debits.values[1][i] == event.counterparty { debits.isFirst[i] = false }
                    i -= 1
                }
            }
            pairs[key] = updated(old, event, pairFloor(watermark))
        }
        if event.isDebit {
            account.debits.insert(
                time: event.time, amount: event.amount, transaction: event.transaction,
                [event.merchant, event.counterparty, event.device, event.country], isFirst: isFirst, isFraud: false)
            account.debits.dropExpired(floor)
            if event.counterparty != 0 { add(event, to: self.account(event.counterparty).inflow, floor) }
        } else {
            account.credits.insert(
                time: event.time, amount: event.amount, transaction: event.transaction, [], isFirst: false, isFraud: false)
            account.credits.dropExpired(floor)
            add(event, to: account.inflow, floor)
        }
        add(event, to: &cards, event.card, floor)
        add(event, to: &devices, event.device, floor)
        add(event, to: &ips, event.ip, floor)
        add(event, to: &merchants, event.merchant, delayedFloor(watermark))
    }

    private func account(_ key: UInt64) -> Account {
        if let account = accounts[key] { return account }
        let account = Account()
        accounts[key] = account
        return account
    }

    private func add(_ event: Event, to lists: inout [UInt64: EventList], _ key: UInt64, _ floor: Int64) {
        guard key != 0 else { return }
        if let list = lists[key] { return add(event, to: list, floor) }
        let list = EventList(dimensions: 1)
        lists[key] = list
        add(event, to: list, floor)
    }

    private func add(_ event: Event, to list: EventList, _ floor: Int64) {
        list.insert(
            time: event.time, amount: event.amount, transaction: event.transaction, [event.account], isFirst: false,
            isFraud: isLabelledFraud(event))
        list.dropExpired(floor)
    }

    private func isLabelledFraud(_ event: Event) -> Bool {
        guard event.merchant != 0, !labels.isEmpty else { return false }
        let key = LabelKey(account: event.account, transaction: event.transaction, merchant: event.merchant, time: event.time)
        return event.time > delayedFloor(watermark) && labels[key]?.isFraud == true
    }

    private func updated(_ old: Memory?, _ event: Event, _ floor: Int64) -> Memory {
        guard var m = old, m.last > floor else {
            return Memory(first: event.time, last: event.time, second: nil, count: 1, sum: Int128(event.amount))
        }
        m.first = min(m.first, event.time)
        if event.time >= m.last {
            m.second = m.last
            m.last = event.time
        } else if event.time > m.second ?? Int64.min {
            m.second = event.time
        }
        m.count += 1
        m.sum += Int128(event.amount)
        return m
    }

    /// Fills the reading as `apply` would, and changes nothing.
    ///
    /// A duplicate is read from what is held now, as of its own time; the features of *earlier* transactions leave it out.
    /// For a conflict the reading is left as it is.
    @discardableResult
    public func preview(_ event: Event, into reading: Reading) -> Decision {
        let stored = stored(event)
        switch stored.decision {
        case .new: read(event, into: reading, including: true, without: nil)
        case .duplicate: read(event, into: reading, including: false, without: (stored.isDebit, stored.counterparty))
        case .conflict: break
        }
        return stored.decision
    }

    // MARK: Reading

    /// Fills the reading as of the event's time from what is held. `including`: as if the event, where it is retained, were held already.
    /// `without`: whether the retained event that this one repeats is a debit, and to whom.
    private func read(
        _ event: Event, into reading: Reading, including: Bool, without: (isDebit: Bool, counterparty: UInt64)?
    ) {
        let watermark = max(self.watermark, event.time)
        let floor = eventFloor(watermark)
        let t = event.time
        reading.isLate = self.watermark != Int64.min && t < minus(self.watermark, configuration.allowedLateness)
        reading.isRetained = t > floor
        let including = including && reading.isRetained

        let account = accounts[event.account]
        let memory = account?.memory.flatMap { $0.last > accountFloor(watermark) ? $0 : nil }
        let last = without != nil && memory?.last == t ? memory?.second : memory?.last
        reading.accountMillisSinceLast = last.map { max(0, t - $0) } ?? -1
        reading.accountFirstTime = min(t, memory?.first ?? t)

        var pair: Memory?
        if event.isDebit, event.counterparty != 0 {
            pair = pairs[PairKey(account: event.account, counterparty: event.counterparty)]
            if let p = pair, p.last <= pairFloor(watermark) { pair = nil }
        }
        let startsPair = including && event.isDebit && event.counterparty != 0 && (pair == nil || t < pair!.first)
        reading.pairCount = pair?.count ?? 0
        reading.pairSum = pair?.sum ?? 0
        var pairLast = pair?.last
        if pair != nil, let without, without.isDebit, without.counterparty == event.counterparty {
            reading.pairCount -= 1
            reading.pairSum -= Int128(event.amount)
            if pairLast == t { pairLast = pair?.second }
        }
        reading.pairMillisSinceLast = pairLast.map { max(0, t - $0) } ?? -1

        let windows = configuration.windows
        reading.earlierCount = 0
        reading.earlierSum = 0
        reading.earlierSquares = 0
        let debits = account?.debits
        let end = debits?.upperBound(t) ?? 0
        for w in windows.indices {
            let low = max(minus(t, windows[w]), floor)
            var r = AccountWindow()
            if let debits, end > 0 {
                let start = debits.upperBound(low)
                if start < end {
                    r.count = Int64(end - start)
                    (r.sum, r.max) = debits.sums(start, end)
                    r.distinctMerchants = debits.distinct(0, start, end)
                    r.distinctCounterparties = debits.distinct(1, start, end)
                    r.distinctDevices = debits.distinct(2, start, end)
                    r.distinctCountries = debits.distinct(3, start, end)
                    for i in start..<end where debits.isFirst[i] { r.newCounterparties += 1 }
                    if w == windows.count - 1 {
                        reading.earlierCount = r.count
                        reading.earlierSum = r.sum
                        for i in start..<end {
                            let a = UInt128(debits.amounts[i])
                            reading.earlierSquares += a * a
                        }
                    }
                }
            }
            if including, event.isDebit {
                r.count += 1
                r.sum += Int128(event.amount)
                r.max = max(r.max, event.amount)
                func isNew(_ d: Int, _ value: UInt64) -> Int64 {
                    guard value != 0 else { return 0 }
                    guard let debits else { return 1 }
                    let i = debits.newest(value, d, 0, end)
                    return i >= 0 && debits.times[i] > low ? 0 : 1
                }
                r.distinctMerchants += isNew(0, event.merchant)
                r.distinctCounterparties += isNew(1, event.counterparty)
                r.distinctDevices += isNew(2, event.device)
                r.distinctCountries += isNew(3, event.country)
                r.newCounterparties += startsPair ? 1 : 0
            }
            reading.account[w] = r
        }
        if let without, without.isDebit {
            reading.earlierCount -= 1
            reading.earlierSum -= Int128(event.amount)
            reading.earlierSquares -= UInt128(event.amount) * UInt128(event.amount)
        }

        let isOwnInflow = including && (event.isDebit ? event.counterparty == event.account : true)
        readFlow(account?.inflow, event, isOwnInflow, floor, reading.inflow)
        let counterparty = event.counterparty == 0 ? nil : accounts[event.counterparty]
        let isCounterparty = event.counterparty != 0 && including && (event.isDebit || event.counterparty == event.account)
        if event.counterparty == 0 {
            for w in windows.indices { reading.counterparty[w] = FlowWindow() }
        } else {
            readFlow(counterparty?.inflow, event, isCounterparty, floor, reading.counterparty)
        }
        readEntity(cards[event.card], event.card, event, including, floor, reading.card)
        readEntity(devices[event.device], event.device, event, including, floor, reading.device)
        readEntity(ips[event.ip], event.ip, event, including, floor, reading.ip)
        readEntity(merchants[event.merchant], event.merchant, event, including, floor, reading.merchant)
        if configuration.feedbackEnabled, event.merchant != 0 { readDelayed(event, including, watermark, reading.merchant) }
    }

    private func readFlow(
        _ list: EventList?, _ event: Event, _ including: Bool, _ floor: Int64, _ out: UnsafeMutablePointer<FlowWindow>
    ) {
        for w in configuration.windows.indices {
            var r = FlowWindow()
            (r.count, r.sum, r.max, r.distinctAccounts) = window(list, event, including, max(minus(event.time, configuration.windows[w]), floor))
            out[w] = r
        }
    }

    private func readEntity(
        _ list: EventList?, _ key: UInt64, _ event: Event, _ including: Bool, _ floor: Int64, _ out: UnsafeMutablePointer<EntityWindow>
    ) {
        for w in configuration.windows.indices {
            var r = EntityWindow()
            if key != 0 {
                let low = max(minus(event.time, configuration.windows[w]), floor)
                (r.count, r.sum, _, r.distinctAccounts) = window(list, event, including, low)
            }
            out[w] = r
        }
    }

    private func window(
        _ list: EventList?, _ event: Event, _ including: Bool, _ low: Int64
    ) -> (count: Int64, sum: Int128, max: Int64, distinct: Int64) {
        var count: Int64 = 0
        var sum: Int128 = 0
        var highest: Int64 = 0
        var distinct: Int64 = 0
        var isNew = true
        if let list {
            let end = list.upperBound(event.time)
            let start = list.upperBound(low)
            if start < end {
                count = Int64(end - start)
                (sum, highest) = list.sums(start, end)
                distinct = list.distinct(0, start, end)
                if including { isNew = list.newest(event.account, 0, start, end) < 0 }
            }
        }
        if including {
            count += 1
            sum += Int128(event.amount)
            highest = Swift.max(highest, event.amount)
            distinct += isNew ? 1 : 0
        }
        return (count, sum, highest, distinct)
    }

    private func readDelayed(_ event: Event, _ including: Bool, _ watermark: Int64, _ out: UnsafeMutablePointer<EntityWindow>) {
        let floor = delayedFloor(watermark)
        let to = minus(event.time, configuration.feedbackDelay)
        let list = merchants[event.merchant]
        let end = list?.upperBound(to) ?? 0
        for w in configuration.windows.indices {
            if let list, end > 0 {
                var i = list.upperBound(max(minus(to, configuration.windows[w]), floor))
                out[w].delayedCount = Int64(max(0, end - i))
                while i < end {
                    out[w].delayedFrauds += list.isFraud[i] ? 1 : 0
                    i += 1
                }
            }
            if including, configuration.feedbackDelay == 0 {
                out[w].delayedCount += 1
                out[w].delayedFrauds += isLabelledFraud(event) ? 1 : 0
            }
        }
    }

    // MARK: Labels

    /// Takes a label in, before or after its transaction. Of several the one with the highest label time counts; of equal ones the later applied.
    public func apply(_ label: Label) -> LabelOutcome {
        guard configuration.feedbackEnabled, label.transactionTime > delayedFloor(watermark) else { return .ignored }
        let key = LabelKey(
            account: label.account, transaction: label.transaction, merchant: label.merchant, time: label.transactionTime)
        var value = LabelValue(
            time: label.labelTime, isFraud: label.isFraud, seenFraud: label.isFraud, seenLegitimate: !label.isFraud)
        if let old = labels[key] {
            if old.time > value.time { return .applied }
            if old.time == value.time {
                if label.isFraud ? old.seenFraud : old.seenLegitimate { return .duplicate }
                value.seenFraud = true
                value.seenLegitimate = true
            }
        }
        labels[key] = value
        if let list = merchants[label.merchant] {
            var i = list.upperBound(label.transactionTime) - 1
            while i >= 0, list.times[i] == label.transactionTime {
                if list.values[0][i] == label.account, list.transactions[i] == label.transaction { list.isFraud[i] = label.isFraud }
                i -= 1
            }
        }
        return .applied
    }

    // MARK: Giving back

    /// Moves the horizons up (never down): what lies at or below them is gone at once, whether or not its memory has been given back yet.
    public func raise(eventHorizon: Int64, memoryHorizon: Int64) {
        self.eventHorizon = max(self.eventHorizon, eventHorizon)
        self.memoryHorizon = max(self.memoryHorizon, memoryHorizon)
    }

    /// Gives memory back that is no longer retained, looking at some `budget` lists or records at most. To be called between batches.
    public func expire(budget: Int) {
        guard appliedSinceSweep > accounts.count + merchants.count + 1000 else { return }
        appliedSinceSweep = 0
        let floor = eventFloor(watermark)
        let delayed = delayedFloor(watermark)
        labels = labels.filter { $0.key.time > delayed }
        pairs = pairs.filter { $0.value.last > pairFloor(watermark) }
        for account in accounts.values {
            account.debits.dropExpired(floor)
            account.credits.dropExpired(floor)
            account.inflow.dropExpired(floor)
        }
        accounts = accounts.filter {
            $0.value.debits.count + $0.value.credits.count + $0.value.inflow.count > 0
                || ($0.value.memory?.last ?? Int64.min) > accountFloor(watermark)
        }
        func sweep(_ lists: inout [UInt64: EventList], _ floor: Int64) {
            lists = lists.filter {
                $0.value.dropExpired(floor)
                return $0.value.count > 0
            }
        }
        sweep(&cards, floor)
        sweep(&devices, floor)
        sweep(&ips, floor)
        sweep(&merchants, delayed)
    }

    // MARK: Counting

    /// Transactions held for the accounts' windows and duplicates, those not swept yet included.
    public var eventCount: Int { accounts.values.reduce(0) { $0 + $1.debits.count + $1.credits.count } }

    /// Entities of a kind held, those not swept yet included.
    public func entityCount(_ kind: EntityKind) -> Int {
        switch kind {
        case .account: accounts.count
        case .inflow: accounts.values.reduce(0) { $0 + ($1.inflow.count > 0 ? 1 : 0) }
        case .card: cards.count
        case .device: devices.count
        case .ip: ips.count
        case .merchant: merchants.count
        }
    }

    /// Pairs (account, counterparty) remembered, those not swept yet included.
    public var pairCount: Int { pairs.count }
    /// Labels held, those not swept yet included.
    public var labelCount: Int { labels.count }

    /// Bytes that the state holds.
    public var stateBytes: Int {
        var events = 0
        for account in accounts.values { events += (account.debits.count + account.credits.count) * 64 + account.inflow.count * 40 }
        for lists in [cards, devices, ips, merchants] { for list in lists.values { events += list.count * 40 } }
        return events + accounts.count * 400 + pairs.count * 96 + labels.count * 64
    }
}
