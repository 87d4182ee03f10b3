import CPlatform

extension VelocityStore {
    /// A hint that these events are decided, applied or previewed next: brings what they touch into the caches.
    ///
    /// Step by step for all of them: slots, records, heads of lists, rows. A lone miss costs some 170 ns, one of many that are asked for together 4 to 7.
    public func prepare(_ events: UnsafeBufferPointer<Event>) {
        var begin = 0
        while begin < events.count {
            let end = min(begin + Self.hintedEvents, events.count)
            prepareFew(UnsafeBufferPointer(rebasing: events[begin..<end]))
            begin = end
        }
    }

    @inline(__always)
    private func head(_ table: EntityTable, _ id: UInt32) -> UInt32 { (table.record(id) + 8).load(as: UInt32.self) }

    private func prepareFew(_ events: UnsafeBufferPointer<Event>) {
        for event in events {
            accounts.prefetchSlot(event.account)
            accounts.prefetchSlot(event.counterparty)
            merchants.prefetchSlot(event.merchant)
            cards.prefetchSlot(event.card)
            devices.prefetchSlot(event.device)
            ips.prefetchSlot(event.ip)
        }
        var h = hints
        for event in events {
            h[0] = accounts.prefetchRecord(event.account)
            h[1] = event.counterparty == 0 ? 0 : accounts.prefetchRecord(event.counterparty)
            h[2] = event.merchant == 0 ? 0 : merchants.prefetchRecord(event.merchant)
            h[3] = event.card == 0 ? 0 : cards.prefetchRecord(event.card)
            h[4] = event.device == 0 ? 0 : devices.prefetchRecord(event.device)
            h[5] = event.ip == 0 ? 0 : ips.prefetchRecord(event.ip)
            h += 6
        }
        h = hints
        for _ in events {
            if h[0] != 0 {
                let record = AccountRecord(accounts.record(h[0]))
                weir_prefetch(arena[record.debits.pointee])
                weir_prefetch(arena[record.credits.pointee])
                weir_prefetch(arena[record.inflow.pointee])
            }
            if h[1] != 0 { weir_prefetch(arena[AccountRecord(accounts.record(h[1])).inflow.pointee]) }
            if h[2] != 0 { weir_prefetch(arena[head(merchants, h[2])]) }
            if h[3] != 0 { weir_prefetch(arena[head(cards, h[3])]) }
            if h[4] != 0 { weir_prefetch(arena[head(devices, h[4])]) }
            if h[5] != 0 { weir_prefetch(arena[head(ips, h[5])]) }
            pairs.table.prefetch(Pair(account: h[0], counterparty: h[1]))
            h += 6
        }
        h = hints
        for _ in events {
            if h[0] != 0 {
                let record = AccountRecord(accounts.record(h[0]))
                debits.prefetchRows(record.debits.pointee)
                inflows.prefetchRows(record.inflow.pointee)
            }
            if h[1] != 0 { inflows.prefetchRows(AccountRecord(accounts.record(h[1])).inflow.pointee) }
            if h[2] != 0 { sales.prefetchRows(head(merchants, h[2])) }
            if h[3] != 0 { plain.prefetchRows(head(cards, h[3])) }
            if h[4] != 0 { plain.prefetchRows(head(devices, h[4])) }
            if h[5] != 0 { plain.prefetchRows(head(ips, h[5])) }
            h += 6
        }
        h = hints
        for event in events {
            if h[0] != 0 {
                let record = AccountRecord(accounts.record(h[0]))
                let handle = record.debits.pointee
                if debits.isLarge(handle) {
                    debits.prefetchEnd(handle)
                    debits.prefetchEntry(handle, transaction: event.transaction)
                    debits.prefetchEntry(handle, 0, h[2])
                    debits.prefetchEntry(handle, 1, h[1])
                    debits.prefetchEntry(handle, 2, h[4])
                }
                prefetchEnd(inflows, record.inflow.pointee, h[0])
            }
            if h[1] != 0 { prefetchEnd(inflows, AccountRecord(accounts.record(h[1])).inflow.pointee, h[0]) }
            if h[2] != 0 { prefetchEnd(sales, head(merchants, h[2]), h[0]) }
            if h[3] != 0 { prefetchEnd(plain, head(cards, h[3]), h[0]) }
            if h[4] != 0 { prefetchEnd(plain, head(devices, h[4]), h[0]) }
            if h[5] != 0 { prefetchEnd(plain, head(ips, h[5]), h[0]) }
            h += 6
        }
        h = hints
        for event in events {
            if h[0] != 0 {
                let handle = AccountRecord(accounts.record(h[0])).debits.pointee
                if debits.isLarge(handle) {
                    debits.prefetchLast(handle, event.time, lengths)
                    debits.prefetchMarked(handle, 0, h[2])
                    debits.prefetchMarked(handle, 1, h[1])
                    debits.prefetchMarked(handle, 2, h[4])
                    for d in 0..<3 { debits.prefetchScan(handle, d) }
                }
            }
            if h[1] != 0 { prefetchLast(inflows, AccountRecord(accounts.record(h[1])).inflow.pointee, h[0], event.time) }
            if h[2] != 0 { prefetchLast(sales, head(merchants, h[2]), h[0], event.time) }
            if h[2] != 0, sales.isLarge(head(merchants, h[2])) { sales.prefetchScan(head(merchants, h[2]), 0) }
            if h[3] != 0 { prefetchLast(plain, head(cards, h[3]), h[0], event.time) }
            if h[4] != 0 { prefetchLast(plain, head(devices, h[4]), h[0], event.time) }
            if h[5] != 0 { prefetchLast(plain, head(ips, h[5]), h[0], event.time) }
            h += 6
        }
    }

    @inline(__always)
    private func prefetchEnd<S: Shape>(_ lists: Lists<S>, _ handle: UInt32, _ account: UInt32) {
        if !lists.isLarge(handle) { return }
        lists.prefetchEnd(handle)
        lists.prefetchEntry(handle, 0, account)
    }

    @inline(__always)
    private func prefetchLast<S: Shape>(_ lists: Lists<S>, _ handle: UInt32, _ account: UInt32, _ time: Int64) {
        if !lists.isLarge(handle) { return }
        lists.prefetchLast(handle, time, lengths)
        lists.prefetchMarked(handle, 0, account)
    }
}
