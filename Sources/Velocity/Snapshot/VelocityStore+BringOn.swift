extension VelocityStore {
    // A state read from a snapshot is of several moments. Records are applied to it again from the first moment on, each to what had been written before
    // the record was first applied, until all stands at the last.

    /// Applies an event, as `apply` does, to what stands before the boundary alone: the rest has it already.
    public func bringOn(_ event: Event, before boundary: SnapshotBoundary) {
        watermark = max(watermark, event.time)
        if event.time <= eventFloor(watermark) { return }
        eventRing.add(event.time, Mix.event(event))
        join(event, naming(event), boundary)
    }

    /// Applies a label, as `apply` does, to what stands before the boundary alone.
    public func bringOn(_ label: Label, before boundary: SnapshotBoundary) {
        let entry = LabelEntry(account: label.account, transaction: label.transaction, merchant: label.merchant, time: label.transactionTime)
        if boundary.includes(.labels, FlatTable<LabelEntry>.position(entry)) {
            take(label, marks: boundary.includes(.merchants, EntityTable.position(label.merchant)))
        }
    }

    /// Ends it: all stands at the same moment now.
    ///
    /// - Complexity: O(accounts, pairs and labels).
    public func endBringingOn() {
        holdsIDs = false
        sumAnew()
    }

    private func join(_ event: Event, _ n: Names, _ boundary: SnapshotBoundary) {
        let floor = eventFloor(watermark)
        let record = AccountRecord(accounts.record(n.account))
        let hasAccount = boundary.includes(.accounts, EntityTable.position(event.account))
        let hasOther = event.counterparty != 0 && boundary.includes(.accounts, EntityTable.position(event.counterparty))
        if hasAccount { remember(event, record) }
        var item = Item()
        item.time = event.time
        item.amount = event.amount
        item.transaction = event.transaction
        if n.country != 0 { Reference(countries.record(n.country) + 8).touch(event.time) }
        if event.isDebit {
            var isFirst = false
            if n.counterparty != 0, boundary.includes(.pairs, FlatTable<Pair>.position(Pair(account: n.account, counterparty: n.counterparty))) {
                // Pairs were written before accounts: where the account is to be brought on, the pair is as it was.
                isFirst = rememberPair(event, n, hasAccount ? record.debits.pointee : 0)
            }
            item.values = (n.merchant, n.counterparty, n.device, n.country)
            if hasAccount { debits.insert(record.debits, item, isSpecial: isFirst, floor: floor) }
            item.values = (n.account, 0, 0, 0)
            if n.counterparty != 0, hasOther {
                let other = AccountRecord(accounts.record(n.counterparty))
                other.touch(event.time)
                inflows.insert(other.inflow, item, isSpecial: false, floor: floor)
            }
        } else if hasAccount {
            credits.insert(record.credits, item, isSpecial: false, floor: floor)
            item.values = (n.account, 0, 0, 0)
            inflows.insert(record.inflow, item, isSpecial: false, floor: floor)
        }
        item.values = (n.account, 0, 0, 0)
        func bring(_ kind: SnapshotBoundary.Kind, _ table: EntityTable, _ id: UInt32, _ key: UInt64) {
            if id != 0, boundary.includes(kind, EntityTable.position(key)) {
                plain.insert(slot(table, id), item, isSpecial: false, floor: floor)
            }
        }
        bring(.cards, cards, n.card, event.card)
        bring(.devices, devices, n.device, event.device)
        bring(.ips, ips, n.ip, event.ip)
        if n.merchant != 0, boundary.includes(.merchants, EntityTable.position(event.merchant)) {
            sales.insert(slot(merchants, n.merchant), item, isSpecial: isLabelledFraud(event), floor: delayedFloor(watermark))
        }
    }
}
