@testable import Velocity

/// The contract's section 4 in lists and loops: slow, plain, and independent of how the store holds anything.
struct Oracle {
    let configuration: VelocityConfiguration
    var watermark = Int64.min
    var eventHorizon = Int64.min
    var memoryHorizon = Int64.min
    /// Every event that was retained when it was applied, in the order of application.
    var events: [Event] = []
    /// Labels in the order of application.
    var labels: [Label] = []
    /// Times of what each account did, and times and amounts of each pair's debits, since it was last forgotten.
    var accounts: [UInt64: [Int64]] = [:]
    var pairs: [Pair: [(time: Int64, amount: Int64)]] = [:]

    struct Pair: Hashable {
        var account: UInt64
        var counterparty: UInt64
    }

    init(_ configuration: VelocityConfiguration) { self.configuration = configuration }

    var longest: Int64 { configuration.windows.last! }
    var delay: Int64 { configuration.feedbackDelay }

    func isRetained(_ time: Int64, at watermark: Int64) -> Bool {
        time > eventHorizon && (watermark == Int64.min || time > watermark - longest - configuration.allowedLateness)
    }

    func isRetainedForRate(_ time: Int64, at watermark: Int64) -> Bool {
        time > eventHorizon && (watermark == Int64.min || time > watermark - longest - configuration.allowedLateness - delay)
    }

    func forget(_ last: Int64, _ retention: Int64, at watermark: Int64) -> Bool {
        if last <= watermark - retention { return true }
        return last <= memoryHorizon && !isRetained(last, at: watermark)
    }

    // MARK: Applying

    func matches(_ event: Event) -> [Event] {
        events.filter { $0.account == event.account && $0.transaction == event.transaction && isRetained($0.time, at: watermark) }
    }

    func decide(_ event: Event) -> Decision {
        let same = matches(event)
        if same.contains(where: { $0.time == event.time && $0.amount == event.amount }) { return .duplicate }
        return same.isEmpty ? .new : .conflict
    }

    /// Moves the watermark and forgets what is then to be forgotten.
    mutating func advance(to time: Int64) {
        watermark = max(watermark, time)
        for (key, times) in accounts where forget(times.max()!, configuration.accountRetention, at: watermark) { accounts[key] = nil }
        for (key, debits) in pairs where forget(debits.map(\.time).max()!, configuration.pairRetention, at: watermark) { pairs[key] = nil }
    }

    mutating func raise(eventHorizon: Int64, memoryHorizon: Int64) {
        self.eventHorizon = max(self.eventHorizon, eventHorizon)
        self.memoryHorizon = max(self.memoryHorizon, memoryHorizon)
        if watermark != Int64.min { advance(to: watermark) }
    }

    mutating func apply(_ event: Event) -> Expected {
        let before = self
        advance(to: event.time)
        let forgotten = self
        if isRetained(event.time, at: watermark) {
            events.append(event)
            accounts[event.account, default: []].append(event.time)
            if event.isDebit, event.counterparty != 0 {
                pairs[Pair(account: event.account, counterparty: event.counterparty), default: []].append((event.time, event.amount))
            }
            // A late event of an account whose retention is shorter than the windows may be too old to be remembered at all.
            advance(to: event.time)
        }
        return read(event, earlier: forgotten, before: before.watermark, itself: isRetained(event.time, at: watermark) ? events.count - 1 : nil)
    }

    func preview(_ event: Event) -> Expected? {
        switch decide(event) {
        case .conflict: return nil
        case .new:
            var copy = self
            return copy.apply(event)
        case .duplicate:
            let index = events.firstIndex {
                $0.account == event.account && $0.transaction == event.transaction && $0.time == event.time
                    && $0.amount == event.amount && isRetained($0.time, at: watermark)
            }!
            var without = self
            let stored = events[index]
            // An account may be forgotten while its events are retained, where its retention is the shorter one.
            if let i = without.accounts[stored.account]?.firstIndex(of: stored.time) {
                without.accounts[stored.account]!.remove(at: i)
                if without.accounts[stored.account]!.isEmpty { without.accounts[stored.account] = nil }
            }
            if stored.isDebit, stored.counterparty != 0 {
                let pair = Pair(account: stored.account, counterparty: stored.counterparty)
                without.pairs[pair]!.remove(at: without.pairs[pair]!.firstIndex { $0 == (stored.time, stored.amount) }!)
                if without.pairs[pair]!.isEmpty { without.pairs[pair] = nil }
            }
            return read(event, earlier: without, before: watermark, itself: index)
        }
    }

    // MARK: Reading

    /// `earlier`: the state without the event; `itself`: where the event is in `events`, when it is there.
    func read(_ event: Event, earlier: Oracle, before: Int64, itself: Int?) -> Expected {
        var r = Expected()
        let t = event.time
        r.isLate = before != Int64.min && t < before - configuration.allowedLateness
        r.isRetained = isRetained(t, at: watermark)

        let times = earlier.accounts[event.account] ?? []
        r.accountMillisSinceLast = times.isEmpty ? -1 : max(0, t - times.max()!)
        r.accountFirstTime = min(t, times.min() ?? t)
        if event.isDebit, event.counterparty != 0,
            let debits = earlier.pairs[Pair(account: event.account, counterparty: event.counterparty)]
        {
            r.pairCount = Int64(debits.count)
            for debit in debits { r.pairSum += Int128(debit.amount) }
            r.pairMillisSinceLast = max(0, t - debits.map(\.time).max()!)
        }

        for (w, window) in configuration.windows.enumerated() {
            func inside(_ e: Event) -> Bool { t - window < e.time && e.time <= t && isRetained(e.time, at: watermark) }
            var account = AccountWindow()
            var merchants = Set<UInt64>()
            var counterparties = Set<UInt64>()
            var devices = Set<UInt64>()
            var countries = Set<UInt64>()
            var inflow = Flow()
            var counterparty = Flow()
            var card = Flow()
            var device = Flow()
            var ip = Flow()
            var merchant = Flow()
            for (i, e) in events.enumerated() where inside(e) {
                if e.account == event.account, e.isDebit {
                    account.count += 1
                    account.sum += Int128(e.amount)
                    account.max = max(account.max, e.amount)
                    merchants.insert(e.merchant)
                    counterparties.insert(e.counterparty)
                    devices.insert(e.device)
                    countries.insert(e.country)
                    if w == configuration.windows.count - 1, i != itself {
                        r.earlierCount += 1
                        r.earlierSum += Int128(e.amount)
                        r.earlierSquares += UInt128(e.amount) * UInt128(e.amount)
                    }
                }
                let receiver = e.isDebit ? e.counterparty : e.account
                if receiver == event.account { inflow.add(e) }
                if receiver != 0, receiver == event.counterparty { counterparty.add(e) }
                if e.card != 0, e.card == event.card { card.add(e) }
                if e.device != 0, e.device == event.device { device.add(e) }
                if e.ip != 0, e.ip == event.ip { ip.add(e) }
                if e.merchant != 0, e.merchant == event.merchant { merchant.add(e) }
            }
            account.distinctMerchants = Int64(merchants.subtracting([0]).count)
            account.distinctCounterparties = Int64(counterparties.subtracting([0]).count)
            account.distinctDevices = Int64(devices.subtracting([0]).count)
            account.distinctCountries = Int64(countries.subtracting([0]).count)
            for (pair, debits) in pairs where pair.account == event.account {
                let first = debits.map(\.time).min()!
                if t - window < first, first <= t, isRetained(first, at: watermark) { account.newCounterparties += 1 }
            }
            r.account.append(account)
            r.inflow.append(inflow.window)
            r.counterparty.append(counterparty.window)
            r.card.append(card.entity)
            r.device.append(device.entity)
            r.ip.append(ip.entity)
            var rated = merchant.entity
            if configuration.feedbackEnabled, event.merchant != 0 {
                for e in events where e.merchant == event.merchant && t - delay - window < e.time && e.time <= t - delay {
                    guard isRetainedForRate(e.time, at: watermark) else { continue }
                    rated.delayedCount += 1
                    if isFraud(e) { rated.delayedFrauds += 1 }
                }
            }
            r.merchant.append(rated)
        }
        return r
    }

    struct Flow {
        var window = FlowWindow()
        var accounts = Set<UInt64>()

        mutating func add(_ e: Event) {
            window.count += 1
            window.sum += Int128(e.amount)
            window.max = Swift.max(window.max, e.amount)
            accounts.insert(e.account)
            window.distinctAccounts = Int64(accounts.count)
        }

        var entity: EntityWindow {
            var e = EntityWindow()
            (e.count, e.sum, e.distinctAccounts) = (window.count, window.sum, window.distinctAccounts)
            return e
        }
    }

    // MARK: Labels

    static func isSame(_ a: Label, _ b: Label) -> Bool {
        a.account == b.account && a.transaction == b.transaction && a.merchant == b.merchant && a.transactionTime == b.transactionTime
    }

    func isFraud(_ event: Event) -> Bool {
        var winner: Label?
        for label in labels {
            guard label.account == event.account, label.transaction == event.transaction, label.merchant == event.merchant,
                label.transactionTime == event.time
            else { continue }
            if winner == nil || label.labelTime >= winner!.labelTime { winner = label }
        }
        return winner?.isFraud ?? false
    }

    mutating func apply(_ label: Label) -> LabelOutcome {
        guard configuration.feedbackEnabled, isRetainedForRate(label.transactionTime, at: watermark) else { return .ignored }
        let others = labels.filter { Self.isSame($0, label) }
        let highest = others.map(\.labelTime).max()
        let isKnown = others.contains { $0.labelTime == label.labelTime && $0.isFraud == label.isFraud }
        // Only what the highest label time says is held: a lower one that comes again cannot be told from a new one, and changes nothing.
        if isKnown, label.labelTime == highest { return .duplicate }
        if !isKnown { labels.append(label) }
        return .applied
    }
}

/// What a reading must say.
struct Expected: Equatable {
    var account: [AccountWindow] = []
    var inflow: [FlowWindow] = []
    var counterparty: [FlowWindow] = []
    var card: [EntityWindow] = []
    var device: [EntityWindow] = []
    var ip: [EntityWindow] = []
    var merchant: [EntityWindow] = []
    var isLate = false
    var isRetained = true
    var accountMillisSinceLast: Int64 = -1
    var accountFirstTime: Int64 = 0
    var earlierCount: Int64 = 0
    var earlierSum: Int128 = 0
    var earlierSquares: UInt128 = 0
    var pairCount: Int64 = 0
    var pairSum: Int128 = 0
    var pairMillisSinceLast: Int64 = -1

    init() {}

    init(_ r: Reading) {
        func list<T>(_ p: UnsafeMutablePointer<T>) -> [T] { Array(UnsafeBufferPointer(start: p, count: r.windowCount)) }
        account = list(r.account)
        inflow = list(r.inflow)
        counterparty = list(r.counterparty)
        card = list(r.card)
        device = list(r.device)
        ip = list(r.ip)
        merchant = list(r.merchant)
        isLate = r.isLate
        isRetained = r.isRetained
        accountMillisSinceLast = r.accountMillisSinceLast
        accountFirstTime = r.accountFirstTime
        earlierCount = r.earlierCount
        earlierSum = r.earlierSum
        earlierSquares = r.earlierSquares
        pairCount = r.pairCount
        pairSum = r.pairSum
        pairMillisSinceLast = r.pairMillisSinceLast
    }

    /// Names of the parts that differ, with both values.
    func difference(_ other: Expected) -> String {
        var lines: [String] = []
        for (a, b) in zip(Mirror(reflecting: self).children, Mirror(reflecting: other).children) {
            let (x, y) = (String(describing: a.value), String(describing: b.value))
            if x != y { lines.append("\(a.label ?? "?"): is \(x)\n   must be \(y)") }
        }
        return lines.joined(separator: "\n")
    }
}
