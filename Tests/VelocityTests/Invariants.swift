@testable import Velocity

/// Walks all that the store holds and names the first thing that is not as it must be.
struct Invariants {
    let store: VelocityStore

    /// nil: all is as it must be.
    func violation() -> String? {
        var events = (debits: 0, credits: 0, inflows: 0, plain: 0, sales: 0)
        var inflows = 0
        for id in ids(store.accounts) {
            let record = AccountRecord(store.accounts.record(id))
            if store.accounts.find(store.accounts.key(id)) != id { return "account \(id) is not found by its key" }
            if let v = check(store.debits, record.debits.pointee, &events.debits) { return "debits of \(id): \(v)" }
            if let v = check(store.credits, record.credits.pointee, &events.credits) { return "credits of \(id): \(v)" }
            if let v = check(store.inflows, record.inflow.pointee, &events.inflows) { return "inflow of \(id): \(v)" }
            if record.inflow.pointee != 0 { inflows += 1 }
        }
        for table in [store.cards, store.devices, store.ips] {
            for id in ids(table) {
                if table.find(table.key(id)) != id { return "entity \(id) is not found by its key" }
                if let v = check(store.plain, handle(table, id), &events.plain) { return "entity \(id): \(v)" }
            }
        }
        for id in ids(store.merchants) {
            if store.merchants.find(store.merchants.key(id)) != id { return "merchant \(id) is not found by its key" }
            if let v = check(store.sales, handle(store.merchants, id), &events.sales) { return "merchant \(id): \(v)" }
        }
        let counted = (
            store.debits.events, store.credits.events, store.inflows.events, store.plain.events, store.sales.events
        )
        if counted != (events.debits, events.credits, events.inflows, events.plain, events.sales) { return "events \(events), counted \(counted)" }
        if inflows != store.inflows.lists { return "\(inflows) inflows, counted \(store.inflows.lists)" }
        for table in [store.accounts, store.cards, store.devices, store.ips, store.merchants, store.countries] {
            if ids(table).count != table.count { return "\(ids(table).count) entities, counted \(table.count)" }
        }
        var pairs = 0
        var wrong: String?
        store.pairs.table.forEach { pair in
            pairs += 1
            if store.pairs.find(pair.pointee.account, pair.pointee.counterparty) != pair { wrong = "a pair is not found" }
            let m = store.pairs.memory(pair.pointee)
            if m.count < 1 || (m.count == 1) != (m.second == .min) || m.second > m.last { wrong = "a pair's memory is \(m)" }
        }
        if pairs != store.pairCount { return "\(pairs) pairs, counted \(store.pairCount)" }
        return wrong
    }

    private func ids(_ table: EntityTable) -> [UInt32] {
        table.lastID == 0 ? [] : (1...table.lastID).filter { !table.isFree($0) }
    }

    private func handle(_ table: EntityTable, _ id: UInt32) -> UInt32 { (table.record(id) + 8).load(as: UInt32.self) }

    private func check<S: Shape>(_ lists: Lists<S>, _ handle: UInt32, _ events: inout Int) -> String? {
        if handle == 0 { return nil }
        let isLarge = lists.isLarge(lists.header(handle))
        var blocks: [Block<S>] = []
        if isLarge {
            let h = lists.large(handle)
            for k in h.pointee.range { blocks.append(lists.block(h.pointee.chunks[k].handle)) }
        } else {
            blocks = [lists.block(handle)]
        }
        var items: [Item] = []
        var marks: [[Bool]] = Array(repeating: [], count: S.marks)
        for block in blocks {
            let n = block.count
            if n == 0 || n > block.capacity { return "\(n) events in a block of \(block.capacity)" }
            if block.time(n - 1) != block.newest { return "the newest is \(block.time(n - 1)), the header says \(block.newest)" }
            for i in 0..<n { items.append(block.item(i)) }
            for row in 0..<S.marks {
                let bits = block.marks(row)
                if n < 64, bits >> UInt64(n) != 0 { return "a mark behind the last event" }
                for i in 0..<n { marks[row].append(bits >> UInt64(i) & 1 != 0) }
            }
        }
        events += items.count
        for i in items.indices.dropFirst() where items[i].time < items[i - 1].time { return "event \(i) is older than the one before it" }
        for d in 0..<S.values {
            var seen = Set<UInt32>()
            for i in items.indices.reversed() {
                let value = items[i][d]
                let isNewest = value != 0 && seen.insert(value).inserted
                if marks[d][i] != isNewest { return "the mark of value \(value) of event \(i) of \(items.count), dimension \(d)" }
            }
        }
        return isLarge ? check(lists, lists.large(handle), blocks, items, marks) : nil
    }

    private func check<S: Shape>(_ lists: Lists<S>, _ h: LargePointer, _ blocks: [Block<S>], _ items: [Item], _ marks: [[Bool]]) -> String? {
        if h.pointee.events != items.count { return "\(items.count) events, counted \(h.pointee.events)" }
        if h.pointee.newest != items.last!.time { return "the head's newest" }
        var at = 0
        for (k, block) in zip(h.pointee.range, blocks) {
            let chunk = h.pointee.chunks[k]
            let inside = items[at..<at + block.count]
            if chunk.last != inside.last!.time || Int(chunk.count) != inside.count { return "last or count of chunk \(k)" }
            if chunk.shape != lists.header(chunk.handle).shape { return "shape of chunk \(k)" }
            if chunk.sum != inside.reduce(0, { $0 + UInt64($1.amount) }) { return "sum of chunk \(k)" }
            if S.hasMax, chunk.max != inside.map(\.amount).max() { return "max of chunk \(k)" }
            if S.hasSquares, chunk.squares != inside.reduce(0, { $0 + UInt128($1.amount) * UInt128($1.amount) }) { return "squares of chunk \(k)" }
            for d in 0..<S.values where Int(chunk[d]) != marks[d][at..<at + block.count].filter({ $0 }).count { return "marks of chunk \(k)" }
            if S.hasSpecial, Int(chunk.special) != marks[S.values][at..<at + block.count].filter({ $0 }).count { return "specials of chunk \(k)" }
            at += block.count
        }
        if h.pointee.index != nil {
            var entries = S.transactionBytes == 8 ? items.count : 0
            for d in 0..<S.values { entries += marks[d].filter { $0 }.count }
            if h.pointee.indexCount != entries { return "\(h.pointee.indexCount) entries of the index, must be \(entries)" }
            var i = 0
            for (k, block) in zip(h.pointee.range, blocks) {
                let handle = h.pointee.chunks[k].handle
                for place in 0..<block.count {
                    for d in 0..<S.values where marks[d][i] {
                        let found = lists.findIndexed(h, d, items[i][d])
                        if found?.handle != handle || found?.place != place { return "the index does not find value \(items[i][d]) of event \(i)" }
                    }
                    if S.transactionBytes == 8 {
                        var isFound = false
                        lists.forEachLarge(h, items[i].transaction, Int64.min) { isFound = isFound || $0.time == items[i].time && $0.amount == items[i].amount }
                        if !isFound { return "the index does not find the transaction of event \(i)" }
                    }
                    i += 1
                }
            }
        }
        if h.pointee.index != nil, lists.lateness > 0 {
            var last: [[UInt32: Int64]] = Array(repeating: [:], count: S.values)
            var i = 0
            for (k, block) in zip(h.pointee.range, blocks) {
                let handle = h.pointee.chunks[k].before
                if (handle != 0) != (k >= h.pointee.known) { return "chunk \(k) of \(h.pointee.range), known from \(h.pointee.known)" }
                for place in 0..<block.count {
                    for d in 0..<S.values where items[i][d] != 0 {
                        let seen = last[d].updateValue(items[i].time, forKey: items[i][d])
                        if handle == 0 { continue }
                        let own = UInt32(truncatingIfNeeded: items[i].time)
                        let says = lists.before(handle, d)[place]
                        // Of one that is gone it may still say when it was.
                        let isGone = seen == nil || seen! <= store.eventFloor(store.watermark)
                        let saidTime = items[i].time - Int64(own &- says)
                        let isStale = says == own || saidTime <= store.eventFloor(store.watermark)
                        if says != UInt32(truncatingIfNeeded: seen ?? items[i].time), !(isGone && isStale) { return "what event \(i) says of before" }
                    }
                    i += 1
                }
            }
        }
        guard let cursors = h.pointee.cursors else { return nil }
        for c in 0..<lists.cursorCount {
            let cursor = cursors[c]
            let first = items.firstIndex { $0.time > cursor.edge } ?? items.count
            let inside = items[first...]
            if cursor.totals.count != Int64(inside.count) { return "cursor \(c) counts \(cursor.totals.count), must be \(inside.count)" }
            if cursor.totals.sum != inside.reduce(0, { $0 + UInt128($1.amount) }) { return "cursor \(c)'s sum" }
            if cursor.next != (inside.first?.time ?? .max) { return "cursor \(c)'s next" }
            if S.hasMax, cursor.isMaxKnown, cursor.max != inside.map(\.amount).max() ?? 0 { return "cursor \(c)'s max" }
            for d in 0..<S.values where cursor.totals[d] != Int64(marks[d][first...].filter { $0 }.count) { return "cursor \(c)'s marks" }
            if S.hasSpecial, cursor.totals.special != Int64(marks[S.values][first...].filter { $0 }.count) { return "cursor \(c)'s specials" }
        }
        return nil
    }
}
