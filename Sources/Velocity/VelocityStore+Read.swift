extension VelocityStore {
    /// Fills the reading as of the event's time from what is held.
    ///
    /// - Parameters:
    ///   - including: as if the event, where it is retained, were held already.
    ///   - without: the retained event that this one repeats.
    ///   - isAdvancing: whether the tails of large lists may move on.
    func read(_ event: Event, _ n: Names, into reading: Reading, including: Bool, without: Stored?, isAdvancing: Bool) {
        let watermark = max(self.watermark, event.time)
        let floor = eventFloor(watermark)
        let t = event.time
        let windows = configuration.windows.count
        configuration.windows.withUnsafeBufferPointer { lengths in
            for w in 0..<windows { lows[w] = max(minus(t, lengths[w]), floor) }
        }
        let out = reading.event
        out.pointee.isLate = self.watermark != Int64.min && t < minus(self.watermark, configuration.allowedLateness)
        out.pointee.isRetained = t > floor
        let including = including && t > floor

        let record = n.account == 0 ? nil : AccountRecord(accounts.record(n.account))
        readMemory(event, n, record, watermark, without, out)
        readDebits(event, n, record, watermark, including, isAdvancing, reading)
        readStranger(record?.debits.pointee ?? 0, t, without, reading)
        if let without, without.isDebit {
            out.pointee.earlierCount -= 1
            out.pointee.earlierSum -= Int128(event.amount)
            out.pointee.earlierSquares -= UInt128(event.amount) * UInt128(event.amount)
        }

        let joinsOwn = including && (event.isDebit ? event.counterparty == event.account : true)
        readFlow(record?.inflow.pointee ?? 0, event, n, joinsOwn, isAdvancing, reading.inflow)
        if event.counterparty == 0 {
            for w in 0..<windows { reading.counterparty[w] = FlowWindow() }
        } else {
            let joinsOther = including && (event.isDebit || event.counterparty == event.account)
            let other = n.counterparty == 0 ? 0 : AccountRecord(accounts.record(n.counterparty)).inflow.pointee
            readFlow(other, event, n, joinsOther, isAdvancing, reading.counterparty)
        }
        readEntity(plain, cards, n.card, event.card, event, n, including, isAdvancing, reading.card)
        readEntity(plain, devices, n.device, event.device, event, n, including, isAdvancing, reading.device)
        readEntity(plain, ips, n.ip, event.ip, event, n, including, isAdvancing, reading.ip)
        readEntity(sales, merchants, n.merchant, event.merchant, event, n, including, isAdvancing, reading.merchant)
        if configuration.feedbackEnabled, event.merchant != 0 { readDelayed(event, n, including, watermark, isAdvancing, reading.merchant) }
    }

    /// What is remembered of the account and of the pair.
    private func readMemory(
        _ event: Event, _ n: Names, _ record: AccountRecord?, _ watermark: Int64, _ without: Stored?, _ out: UnsafeMutablePointer<EventReading>
    ) {
        let t = event.time
        var times = record?.times
        if let known = times, known.last <= accountFloor(watermark) { times = nil }
        var last = times?.last ?? Int64.min
        if without != nil, last == t { last = times!.second }
        out.pointee.accountMillisSinceLast = last == Int64.min ? -1 : max(0, t - last)
        out.pointee.accountFirstTime = min(t, times?.first ?? t)

        out.pointee.pairCount = 0
        out.pointee.pairSum = 0
        out.pointee.pairMillisSinceLast = -1
        guard let pair = n.pair else { return }
        let memory = pairs.memory(pair.pointee)
        if memory.last <= pairFloor(watermark) { return }
        out.pointee.pairCount = memory.count
        out.pointee.pairSum = Int128(memory.sum)
        var pairLast = memory.last
        if let without, without.isDebit, without.counterparty == n.counterparty {
            out.pointee.pairCount -= 1
            out.pointee.pairSum -= Int128(event.amount)
            if pairLast == t { pairLast = memory.second }
        }
        if pairLast != Int64.min { out.pointee.pairMillisSinceLast = max(0, t - pairLast) }
    }

    private func readDebits(
        _ event: Event, _ n: Names, _ record: AccountRecord?, _ watermark: Int64, _ including: Bool, _ isAdvancing: Bool, _ reading: Reading
    ) {
        let windows = configuration.windows.count
        let t = event.time
        let handle = record?.debits.pointee ?? 0
        var item: Item?
        var startsPair = false
        if including, event.isDebit {
            startsPair = event.counterparty != 0 && self.startsPair(event, n, record, watermark)
            item = self.item(event, Self.value(event.merchant, n.merchant), Self.value(event.counterparty, n.counterparty), Self.value(event.device, n.device),
                Self.value(event.country, n.country))
        }
        debits.read(handle, t, lows, totals, with: item, isSpecial: startsPair, isAdvancing: isAdvancing)
        let out = reading.event
        out.pointee.earlierCount = totals[windows - 1].count - (item == nil ? 0 : 1)
        out.pointee.earlierSum = Int128(totals[windows - 1].sum) - Int128(item?.amount ?? 0)
        out.pointee.earlierSquares = totals[windows - 1].squares
        for w in 0..<windows {
            let to = reading.account + w
            to.pointee.count = totals[w].count
            to.pointee.sum = Int128(totals[w].sum)
            to.pointee.max = totals[w].max
            to.pointee.distinctMerchants = totals[w].distinct.0
            to.pointee.distinctCounterparties = totals[w].distinct.1
            to.pointee.distinctDevices = totals[w].distinct.2
            to.pointee.distinctCountries = totals[w].distinct.3
            to.pointee.newCounterparties = totals[w].special
        }
    }

    /// When the account last paid somebody for the first time. A repeated event leaves itself out, and with it others of its millisecond.
    @inline(__always)
    private func readStranger(_ handle: UInt32, _ t: Int64, _ without: Stored?, _ reading: Reading) {
        let longest = configuration.windows.count - 1
        var newest = Int64.min
        if reading.account[longest].newCounterparties > 0 {
            newest = debits.newestSpecial(handle, upTo: without == nil ? t : t - 1, above: lows[longest])
        }
        reading.event.pointee.strangerMillisSinceLast = newest == Int64.min ? -1 : t - newest
    }

    /// Whether the debit comes before all that is remembered of its pair.
    private func startsPair(_ event: Event, _ n: Names, _ record: AccountRecord?, _ watermark: Int64) -> Bool {
        guard let pair = n.pair, pair.pointee.last > pairFloor(watermark) else { return true }
        guard event.time < pair.pointee.last, let record else { return false }
        return debits.hasSpecial(record.debits.pointee, after: event.time, 1, n.counterparty, isTaken: false)
    }

    private func readFlow(
        _ handle: UInt32, _ event: Event, _ n: Names, _ including: Bool, _ isAdvancing: Bool, _ out: UnsafeMutablePointer<FlowWindow>
    ) {
        readOne(inflows, handle, event, n, including, isAdvancing)
        for w in 0..<configuration.windows.count {
            out[w].count = totals[w].count
            out[w].sum = Int128(totals[w].sum)
            out[w].max = totals[w].max
            out[w].distinctAccounts = totals[w].distinct.0
        }
    }

    private func readEntity<S: Shape>(
        _ lists: Lists<S>, _ table: EntityTable, _ id: UInt32, _ key: UInt64, _ event: Event, _ n: Names, _ including: Bool, _ isAdvancing: Bool,
        _ out: UnsafeMutablePointer<EntityWindow>
    ) {
        let windows = configuration.windows.count
        if key == 0 {
            for w in 0..<windows { out[w] = EntityWindow() }
            return
        }
        let handle = id == 0 ? 0 : (table.record(id) + 8).load(as: UInt32.self)
        readOne(lists, handle, event, n, including, isAdvancing)
        for w in 0..<windows {
            out[w].count = totals[w].count
            out[w].sum = Int128(totals[w].sum)
            out[w].distinctAccounts = totals[w].distinct.0
            out[w].delayedCount = 0
            out[w].delayedFrauds = 0
        }
    }

    /// Fills the totals of a list whose events name the account.
    @inline(__always)
    private func readOne<S: Shape>(_ lists: Lists<S>, _ handle: UInt32, _ event: Event, _ n: Names, _ including: Bool, _ isAdvancing: Bool) {
        let item = including ? item(event, Self.value(event.account, n.account), 0, 0, 0) : nil
        lists.read(handle, event.time, lows, totals, with: item, isSpecial: false, isAdvancing: isAdvancing)
    }

    /// The id of what an event names; where it has none yet, one that no event has.
    @inline(__always)
    private static func value(_ key: UInt64, _ id: UInt32) -> UInt32 { key == 0 ? 0 : id == 0 ? UInt32.max : id }

    @inline(__always)
    private func item(_ event: Event, _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> Item {
        Item(time: event.time, amount: event.amount, values: (a, b, c, d))
    }

    private func readDelayed(
        _ event: Event, _ n: Names, _ including: Bool, _ watermark: Int64, _ isAdvancing: Bool, _ out: UnsafeMutablePointer<EntityWindow>
    ) {
        let windows = configuration.windows.count
        let floor = delayedFloor(watermark)
        let to = minus(event.time, configuration.feedbackDelay)
        for w in 0..<windows { lows[w] = max(minus(to, configuration.windows[w]), floor) }
        let handle = n.merchant == 0 ? 0 : (merchants.record(n.merchant) + 8).load(as: UInt32.self)
        sales.countDelayed(handle, to, lows, totals, isAdvancing: isAdvancing)
        let includes = including && configuration.feedbackDelay == 0
        let isFraud = includes && isLabelledFraud(event)
        for w in 0..<windows {
            out[w].delayedCount = totals[w].count + (includes ? 1 : 0)
            out[w].delayedFrauds = totals[w].special + (isFraud ? 1 : 0)
        }
    }
}
