extension VelocityStore {
    /// Fills the reading as of the event's time from what is held, and changes nothing.
    ///
    /// - Parameters:
    ///   - including: as if the event, where it is retained, were held already.
    ///   - without: the retained event that this one repeats.
    func look(_ event: Event, into reading: Reading, including: Bool, without: Stored?) {
        let names = find(event)
        let watermark = max(self.watermark, event.time)
        let floor = eventFloor(watermark)
        readMemory(event, names, watermark, floor, without: without, reading.event)
        read(event, names, floor, into: reading, isHeld: false, startsPair: false, without: without, isAdvancing: false)
        if including, event.time > floor { add(event, names, watermark, to: reading) }
    }

    /// Fills all windows of the reading as of the event's time.
    ///
    /// - Parameters:
    ///   - floor: events at or below it are not retained.
    ///   - isHeld: whether the event was just put in, and counts.
    ///   - startsPair: whether it is its pair's first debit, and held.
    ///   - without: the retained event that this one repeats.
    ///   - isAdvancing: whether the tails of large lists may move on.
    func read(
        _ event: Event, _ n: Names, _ floor: Int64, into reading: Reading, isHeld: Bool, startsPair: Bool, without: Stored?, isAdvancing: Bool
    ) {
        let t = event.time
        for w in 0..<windows { lows[w] = max(minus(t, lengths[w]), floor) }
        let record = n.account == 0 ? nil : AccountRecord(accounts.record(n.account))
        let out = reading.event
        let ofAccount = record?.debits.pointee ?? 0
        let squares = debits.read(ofAccount, t, lows, reading.account, isAdvancing: isAdvancing)
        let longest = reading.account + windows - 1
        out.pointee.earlierCount = longest.pointee.count
        out.pointee.earlierSum = longest.pointee.sum
        out.pointee.earlierSquares = squares
        let isOwn = isHeld ? event.isDebit : without?.isDebit ?? false
        if isOwn {
            out.pointee.earlierCount -= 1
            out.pointee.earlierSum -= Int128(event.amount)
            out.pointee.earlierSquares -= square(event.amount)
        }
        // When the account last paid somebody for the first time. A repeated event leaves itself out, and with it others of its millisecond.
        out.pointee.strangerMillisSinceLast = -1
        if longest.pointee.newCounterparties > (startsPair ? 1 : 0) {
            let newest = debits.newestSpecial(ofAccount, upTo: without == nil ? t : t - 1, above: lows[windows - 1], leavesLastOut: startsPair)
            if newest != Int64.min { out.pointee.strangerMillisSinceLast = t - newest }
        }

        _ = inflows.read(record?.inflow.pointee ?? 0, t, lows, reading.inflow, isAdvancing: isAdvancing)
        let other = n.counterparty == 0 ? 0 : AccountRecord(accounts.record(n.counterparty)).inflow.pointee
        _ = inflows.read(other, t, lows, reading.counterparty, isAdvancing: isAdvancing)
        _ = plain.read(handle(cards, n.card), t, lows, reading.card, isAdvancing: isAdvancing)
        _ = plain.read(handle(devices, n.device), t, lows, reading.device, isAdvancing: isAdvancing)
        _ = plain.read(handle(ips, n.ip), t, lows, reading.ip, isAdvancing: isAdvancing)
        _ = sales.read(handle(merchants, n.merchant), t, lows, reading.merchant, isAdvancing: isAdvancing)
        if configuration.feedbackEnabled, event.merchant != 0 { readDelayed(event, n, isAdvancing, reading.merchant) }
    }

    @inline(__always)
    private func handle(_ table: EntityTable, _ id: UInt32) -> UInt32 { id == 0 ? 0 : (table.record(id) + 8).load(as: UInt32.self) }

    /// What is remembered of the account and of the pair, as it was before the event.
    func readMemory(
        _ event: Event, _ n: Names, _ watermark: Int64, _ floor: Int64, without: Stored?, _ out: UnsafeMutablePointer<EventReading>
    ) {
        out.pointee.isLate = self.watermark != Int64.min && event.time < minus(self.watermark, configuration.allowedLateness)
        out.pointee.isRetained = event.time > floor
        let t = event.time
        var times = n.account == 0 ? nil : AccountRecord(accounts.record(n.account)).times
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

    private func readDelayed(_ event: Event, _ n: Names, _ isAdvancing: Bool, _ out: UnsafeMutablePointer<EntityWindow>) {
        let floor = delayedFloor(max(watermark, event.time))
        let to = minus(event.time, configuration.feedbackDelay)
        for w in 0..<windows { delayedLows[w] = max(minus(to, lengths[w]), floor) }
        sales.countDelayed(handle(merchants, n.merchant), to, delayedLows, totals, isAdvancing: isAdvancing)
        for w in 0..<windows {
            out[w].delayedCount = totals[w].count
            out[w].delayedFrauds = totals[w].special
        }
    }

    // MARK: As if it were held

    /// Adds the event to a reading of the state without it.
    private func add(_ event: Event, _ n: Names, _ watermark: Int64, to reading: Reading) {
        let record = n.account == 0 ? nil : AccountRecord(accounts.record(n.account))
        if event.isDebit {
            let item = item(event, Self.value(event.merchant, n.merchant), Self.value(event.counterparty, n.counterparty), Self.value(event.device, n.device),
                Self.value(event.country, n.country))
            debits.add(record?.debits.pointee ?? 0, item, isSpecial: startsPair(event, n, record, watermark), lows, reading.account)
        }
        let item = item(event, Self.value(event.account, n.account), 0, 0, 0)
        let isToItself = event.counterparty == event.account
        if !event.isDebit || isToItself { inflows.add(record?.inflow.pointee ?? 0, item, isSpecial: false, lows, reading.inflow) }
        if event.counterparty != 0, event.isDebit || isToItself {
            let other = n.counterparty == 0 ? 0 : AccountRecord(accounts.record(n.counterparty)).inflow.pointee
            inflows.add(other, item, isSpecial: false, lows, reading.counterparty)
        }
        if event.card != 0 { plain.add(handle(cards, n.card), item, isSpecial: false, lows, reading.card) }
        if event.device != 0 { plain.add(handle(devices, n.device), item, isSpecial: false, lows, reading.device) }
        if event.ip != 0 { plain.add(handle(ips, n.ip), item, isSpecial: false, lows, reading.ip) }
        if event.merchant == 0 { return }
        sales.add(handle(merchants, n.merchant), item, isSpecial: false, lows, reading.merchant)
        if !configuration.feedbackEnabled || configuration.feedbackDelay > 0 { return }
        let isFraud = isLabelledFraud(event)
        for w in 0..<windows {
            reading.merchant[w].delayedCount += 1
            reading.merchant[w].delayedFrauds += isFraud ? 1 : 0
        }
    }

    /// Whether the debit comes before all that is remembered of its pair.
    private func startsPair(_ event: Event, _ n: Names, _ record: AccountRecord?, _ watermark: Int64) -> Bool {
        if event.counterparty == 0 { return false }
        guard let pair = n.pair, pair.pointee.last > pairFloor(watermark) else { return true }
        guard event.time < pair.pointee.last, let record else { return false }
        return debits.hasSpecial(record.debits.pointee, after: event.time, 1, n.counterparty, isTaken: false)
    }

    /// The id of what an event names; where it has none yet, one that no event has.
    private static func value(_ key: UInt64, _ id: UInt32) -> UInt32 { key == 0 ? 0 : id == 0 ? UInt32.max : id }

    private func item(_ event: Event, _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> Item {
        Item(time: event.time, amount: event.amount, values: (a, b, c, d))
    }
}
