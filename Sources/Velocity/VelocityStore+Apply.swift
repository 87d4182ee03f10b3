/// The dense ids of what an event names; 0: not named, or (where nothing may be added) not known.
struct Names {
    var account: UInt32 = 0
    var counterparty: UInt32 = 0
    var merchant: UInt32 = 0
    var card: UInt32 = 0
    var device: UInt32 = 0
    var ip: UInt32 = 0
    var country: UInt32 = 0
    /// What is remembered of a debit's account and counterparty, whether it is forgotten or not.
    var pair: UnsafeMutablePointer<Pair>?
}

extension VelocityStore {
    // MARK: Deciding

    /// What is stored of an event's transaction.
    struct Stored {
        var decision = Decision.new
        var isDebit = false
        /// Of a debit.
        var counterparty: UInt32 = 0
    }

    /// Whether the event is new, as the watermark stands before it. Changes nothing.
    public func decide(_ event: Event) -> Decision { stored(event).decision }

    func stored(_ event: Event) -> Stored {
        let id = accounts.find(event.account)
        if id == 0 { return Stored() }
        let record = AccountRecord(accounts.record(id))
        let floor = eventFloor(watermark)
        var result = Stored()
        func look(_ item: Item, _ isDebit: Bool) {
            if result.decision == .duplicate { return }
            if item.time == event.time, item.amount == event.amount {
                result = Stored(decision: .duplicate, isDebit: isDebit, counterparty: isDebit ? item[1] : 0)
            } else {
                result.decision = .conflict
            }
        }
        debits.forEach(record.debits.pointee, transaction: event.transaction, above: floor) { look($0, true) }
        if result.decision == .duplicate { return result }
        credits.forEach(record.credits.pointee, transaction: event.transaction, above: floor) { look($0, false) }
        return result
    }

    // MARK: Applying

    /// Applies the event as scored, whatever `decide` says, and fills the reading as of the event's time, the event included where it is retained.
    ///
    /// It is put in first and read then, so that what its lists hold of its values is looked for once.
    /// - Complexity: O(1) amortised where the event is not below the newest of its entities; else O(chunks of the largest list).
    public func apply(_ event: Event, into reading: Reading) {
        let moved = max(watermark, event.time)
        let floor = eventFloor(moved)
        let isRetained = event.time > floor
        let names = isRetained ? naming(event) : find(event)
        readMemory(event, names, moved, floor, without: nil, reading.event)
        watermark = moved
        let isFirst = isRetained && join(event, names, floor)
        read(event, names, floor, into: reading, isHeld: isRetained, startsPair: isFirst, without: nil, isAdvancing: true)
    }

    /// Applies the event as scored, whatever `decide` says.
    public func apply(_ event: Event) {
        watermark = max(watermark, event.time)
        let floor = eventFloor(watermark)
        if event.time > floor { _ = join(event, naming(event), floor) }
    }

    /// Fills the reading as `apply` would, and changes nothing.
    ///
    /// A duplicate is read from what is held now, as of its own time; the features of *earlier* transactions leave it out.
    /// For a conflict the reading is left as it is.
    @discardableResult
    public func preview(_ event: Event, into reading: Reading) -> Decision {
        let stored = stored(event)
        switch stored.decision {
        case .new: look(event, into: reading, including: true, without: nil)
        case .duplicate: look(event, into: reading, including: false, without: stored)
        case .conflict: break
        }
        return stored.decision
    }

    /// Fills the reading with what the entities that the event names did in each window that ends at its time, the event left out: a look back. Changes nothing.
    ///
    /// Any time up to the watermark is answered exactly, as far as its windows do not reach behind what is retained.
    public func look(asOf event: Event, into reading: Reading) {
        look(event, into: reading, including: false, without: nil)
    }

    /// The ids of what the event names, as far as they are known.
    @inline(__always)
    func find(_ event: Event) -> Names {
        var n = Names()
        n.account = accounts.find(event.account)
        if event.counterparty != 0 { n.counterparty = accounts.find(event.counterparty) }
        if event.merchant != 0 { n.merchant = merchants.find(event.merchant) }
        if event.card != 0 { n.card = cards.find(event.card) }
        if event.device != 0 { n.device = devices.find(event.device) }
        if event.ip != 0 { n.ip = ips.find(event.ip) }
        if event.country != 0, event.isDebit { n.country = countries.find(event.country) }
        if event.isDebit { n.pair = pairs.find(n.account, n.counterparty) }
        return n
    }

    /// The ids of what the event names, new ones where it joins lists.
    @inline(__always)
    func naming(_ event: Event) -> Names {
        precondition(Header.holds(event.time), "an event time between the years 0 and 9999")
        var n = Names()
        n.account = accounts.insert(event.account)
        if event.counterparty != 0 { n.counterparty = event.isDebit ? accounts.insert(event.counterparty) : accounts.find(event.counterparty) }
        if event.merchant != 0 { n.merchant = merchants.insert(event.merchant) }
        if event.card != 0 { n.card = cards.insert(event.card) }
        if event.device != 0 { n.device = devices.insert(event.device) }
        if event.ip != 0 { n.ip = ips.insert(event.ip) }
        if event.country != 0, event.isDebit { n.country = countries.insert(event.country) }
        if event.isDebit { n.pair = pairs.find(n.account, n.counterparty) }
        return n
    }

    @inline(__always)
    func slot(_ table: EntityTable, _ id: UInt32) -> UnsafeMutablePointer<UInt32> {
        (table.record(id) + 8).assumingMemoryBound(to: UInt32.self)
    }

    /// Puts a retained event into its lists, and into the memory of its account and pair; whether it is its pair's first debit.
    private func join(_ event: Event, _ n: Names, _ floor: Int64) -> Bool {
        let record = AccountRecord(accounts.record(n.account))
        eventRing.add(event.time, Mix.event(event))
        remember(event, record)

        var item = Item()
        item.time = event.time
        item.amount = event.amount
        item.transaction = event.transaction
        var isFirst = false
        if event.isDebit {
            if n.counterparty != 0 { isFirst = rememberPair(event, n, record.debits.pointee) }
            item.values = (n.merchant, n.counterparty, n.device, n.country)
            if n.country != 0 { Reference(countries.record(n.country) + 8).touch(event.time) }
            debits.insert(record.debits, item, isSpecial: isFirst, floor: floor)
            item.values = (n.account, 0, 0, 0)
            if n.counterparty != 0 {
                let other = AccountRecord(accounts.record(n.counterparty))
                other.touch(event.time)
                inflows.insert(other.inflow, item, isSpecial: false, floor: floor)
            }
        } else {
            credits.insert(record.credits, item, isSpecial: false, floor: floor)
            item.values = (n.account, 0, 0, 0)
            inflows.insert(record.inflow, item, isSpecial: false, floor: floor)
        }
        if n.card != 0 { plain.insert(slot(cards, n.card), item, isSpecial: false, floor: floor) }
        if n.device != 0 { plain.insert(slot(devices, n.device), item, isSpecial: false, floor: floor) }
        if n.ip != 0 { plain.insert(slot(ips, n.ip), item, isSpecial: false, floor: floor) }
        if n.merchant != 0 {
            sales.insert(slot(merchants, n.merchant), item, isSpecial: isLabelledFraud(event), floor: delayedFloor(watermark))
        }
        return isFirst
    }

    @inline(__always)
    func remember(_ event: Event, _ record: AccountRecord) {
        record.touch(event.time)
        let t = event.time
        var times = AccountRecord.Times(first: t, last: t, second: Int64.min)
        if let known = record.times {
            accountRing.subtract(known.last, Mix.account(event.account, known))
            if known.last > accountFloor(watermark) {
                times = known
                times.first = min(times.first, t)
                if t >= times.last {
                    times.second = times.last
                    times.last = t
                } else if t > times.second {
                    times.second = t
                }
            }
        }
        record.set(times)
        accountRing.add(times.last, Mix.account(event.account, times))
    }

    /// Whether the debit is the pair's first: the lowest time of those since it was last forgotten. The one that was loses its mark.
    func rememberPair(_ event: Event, _ n: Names, _ debits: UInt32) -> Bool {
        var memory = Memory(last: event.time, second: Int64.min, count: 1, sum: UInt128(event.amount))
        guard let pair = n.pair else {
            pairs.insert(n.account, n.counterparty, memory)
            pairRing.add(memory.last, Mix.pair(event.account, event.counterparty, memory))
            return true
        }
        let known = pairs.memory(pair.pointee)
        var isFirst = true
        if known.last > pairFloor(watermark) {
            pairRing.subtract(known.last, Mix.pair(event.account, event.counterparty, known))
            // The first's time is not kept: where it is retained, its mark tells, and where not, no retained event comes before it.
            isFirst = event.time < known.last && self.debits.hasSpecial(debits, after: event.time, 1, n.counterparty, isTaken: true)
            memory = known
            memory.add(event.time, event.amount)
        }
        // What was forgotten stays in its bucket, below the floor: its ids may have been others'.
        pairs.set(pair, memory)
        pairRing.add(memory.last, Mix.pair(event.account, event.counterparty, memory))
        return isFirst
    }

    // MARK: Labels

    func isLabelledFraud(_ event: Event) -> Bool {
        guard event.merchant != 0, labels.count > 0 else { return false }
        let key = LabelEntry(account: event.account, transaction: event.transaction, merchant: event.merchant, time: event.time)
        return event.time > delayedFloor(watermark) && labels.find(key)?.pointee.isFraud == true
    }

    /// Takes a label in, before or after its transaction. Of several the one with the highest label time counts; of equal ones the later applied.
    ///
    /// - Complexity: O(64) for a merchant with few events, else O(log events), and the events of one millisecond.
    public func apply(_ label: Label) -> LabelOutcome { take(label, marks: true) }

    /// - Parameter marks: whether the merchant's event is marked, too.
    @discardableResult
    func take(_ label: Label, marks: Bool) -> LabelOutcome {
        guard configuration.feedbackEnabled, label.transactionTime > delayedFloor(watermark) else { return .ignored }
        var entry = LabelEntry(
            account: label.account, transaction: label.transaction, merchant: label.merchant, time: label.transactionTime,
            labelTime: label.labelTime, flags: label.isFraud ? 0b1011 : 0b1100)
        if let old = labels.find(entry) {
            if old.pointee.labelTime > label.labelTime { return .applied }
            if old.pointee.labelTime == label.labelTime {
                if old.pointee.flags & (label.isFraud ? 2 : 4) != 0 { return .duplicate }
                entry.flags |= 6
            }
            count(old.pointee, false)
            old.pointee = entry
        } else {
            labels.insert(entry)
        }
        count(entry, true)
        if !marks { return .applied }
        let merchant = merchants.find(label.merchant)
        let account = accounts.find(label.account)
        if merchant != 0, account != 0 {
            sales.mark(
                slot(merchants, merchant).pointee, time: label.transactionTime, account, transaction: label.transaction, label.isFraud)
        }
        return .applied
    }
}
