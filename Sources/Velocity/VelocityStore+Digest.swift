extension VelocityStore {
    /// Sums over what is retained, so that order and layout do not matter: `windows` over events, labels and the watermark, `memory` over what
    /// is remembered of accounts and pairs.
    public func digest() -> (windows: UInt64, memory: UInt64) {
        var windows = Mix.hash(1, UInt64(bitPattern: watermark))
        var memory: UInt64 = 0
        let floor = eventFloor(watermark)
        let delayed = delayedFloor(watermark)
        for (key, account) in accounts {
            for (kind, list) in [(2, account.debits), (3, account.credits), (4, account.inflow)] {
                windows &+= sum(list, UInt64(kind), key, floor)
            }
            if let m = account.memory, m.last > accountFloor(watermark) {
                memory &+= Mix.hash(9, key, UInt64(bitPattern: m.first), UInt64(bitPattern: m.last), UInt64(bitPattern: m.second ?? 0))
            }
        }
        for (kind, lists) in [(5, cards), (6, devices), (7, ips), (8, merchants)] {
            for (key, list) in lists { windows &+= sum(list, UInt64(kind), key, kind == 8 ? delayed : floor) }
        }
        for (key, m) in pairs where m.last > pairFloor(watermark) {
            memory &+= Mix.hash(
                10, key.account, key.counterparty, UInt64(bitPattern: m.first), UInt64(bitPattern: m.last),
                UInt64(bitPattern: m.second ?? 0), UInt64(m.count), UInt64(truncatingIfNeeded: m.sum))
        }
        for (key, l) in labels where key.time > delayed {
            windows &+= Mix.hash(
                11, key.account, key.transaction, key.merchant, UInt64(bitPattern: key.time), UInt64(bitPattern: l.time),
                l.isFraud ? 1 : 0, (l.seenFraud ? 1 : 0) + (l.seenLegitimate ? 2 : 0))
        }
        return (windows, memory)
    }

    private func sum(_ list: EventList, _ kind: UInt64, _ key: UInt64, _ floor: Int64) -> UInt64 {
        var total: UInt64 = 0
        for i in list.upperBound(floor)..<list.count {
            var h = Mix.hash(kind, key, UInt64(bitPattern: list.times[i]), UInt64(list.amounts[i]))
            if kind == 2 || kind == 3 || kind == 8 { h = Mix.hash(h, list.transactions[i]) }
            for values in list.values { h = Mix.hash(h, values[i]) }
            total &+= h
        }
        return total
    }
}

/// A small mixing hash for digests.
enum Mix {
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
