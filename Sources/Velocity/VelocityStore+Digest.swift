extension VelocityStore {
    /// Sums over what is retained, so that order and layout do not matter: `windows` over events, labels and the watermark, `memory` over what
    /// is remembered of accounts and pairs.
    ///
    /// - Complexity: O(state).
    public func digest() -> (windows: UInt64, memory: UInt64) {
        var windows = Mix.hash(1, UInt64(bitPattern: watermark))
        var memory: UInt64 = 0
        let floor = eventFloor(watermark)
        let delayed = delayedFloor(watermark)
        let accountFloor = accountFloor(watermark)
        let pairFloor = pairFloor(watermark)
        forEachID(accounts) { id in
            let key = accounts.key(id)
            let record = AccountRecord(accounts.record(id))
            debits.forEach(record.debits.pointee) { item, _ in
                if item.time <= floor { return }
                windows &+= Mix.hash(
                    2, key, UInt64(bitPattern: item.time), UInt64(item.amount), item.transaction, name(merchants, item[0]),
                    name(accounts, item[1]), name(devices, item[2]), name(countries, item[3]))
            }
            credits.forEach(record.credits.pointee) { item, _ in
                if item.time > floor {
                    windows &+= Mix.hash(3, key, UInt64(bitPattern: item.time), UInt64(item.amount), item.transaction)
                }
            }
            windows &+= sum(inflows, record.inflow.pointee, 4, key, floor)
            if let times = record.times, times.last > accountFloor {
                memory &+= Mix.hash(
                    9, key, UInt64(bitPattern: times.first), UInt64(bitPattern: times.last), UInt64(bitPattern: times.second))
            }
        }
        for (kind, table) in [(UInt64(5), cards), (6, devices), (7, ips)] {
            forEachID(table) { windows &+= sum(plain, handle(table, $0), kind, table.key($0), floor) }
        }
        forEachID(merchants) { windows &+= sum(sales, handle(merchants, $0), 8, merchants.key($0), delayed) }
        pairs.table.forEach { pair in
            let m = pairs.memory(pair.pointee)
            if m.last <= pairFloor { return }
            memory &+= Mix.hash(
                10, accounts.key(pair.pointee.account), accounts.key(pair.pointee.counterparty), UInt64(bitPattern: m.last),
                UInt64(bitPattern: m.second), UInt64(m.count), UInt64(truncatingIfNeeded: m.sum))
        }
        labels.forEach { label in
            let l = label.pointee
            if l.time <= delayed { return }
            windows &+= Mix.hash(11, l.account, l.transaction, l.merchant, UInt64(bitPattern: l.time), UInt64(bitPattern: l.labelTime), l.flags)
        }
        return (windows, memory)
    }

    private func forEachID(_ table: EntityTable, _ body: (UInt32) -> Void) {
        if table.lastID == 0 { return }
        for id in 1...table.lastID where !table.isFree(id) { body(id) }
    }

    private func handle(_ table: EntityTable, _ id: UInt32) -> UInt32 { (table.record(id) + 8).load(as: UInt32.self) }

    private func name(_ table: EntityTable, _ id: UInt32) -> UInt64 { id == 0 ? 0 : table.key(id) }

    private func sum<S: Shape>(_ lists: Lists<S>, _ handle: UInt32, _ kind: UInt64, _ key: UInt64, _ floor: Int64) -> UInt64 {
        var total: UInt64 = 0
        lists.forEach(handle) { item, isSpecial in
            if item.time <= floor { return }
            total &+= Mix.hash(
                kind, key, UInt64(bitPattern: item.time), UInt64(item.amount), item.transaction, accounts.key(item[0]), isSpecial ? 1 : 0)
        }
        return total
    }
}

/// A small mixing hash for digests.
enum Mix {
    @inline(__always)
    static func hash(_ words: UInt64...) -> UInt64 {
        var h: UInt64 = 0x9e37_79b9_7f4a_7c15
        for w in words {
            h = (h ^ w) &* 0xbf58_476d_1ce4_e5b9
            h ^= h >> 31
            h = h &* 0x94d0_49bb_1331_11eb
            h ^= h >> 29
        }
        return h
    }
}
