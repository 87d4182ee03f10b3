import CPlatform

extension VelocityStore {
    /// Sums over what is retained, so that order and layout do not matter: `windows` over events, labels and the watermark, `memory` over what
    /// is remembered of accounts and pairs.
    ///
    /// They are kept up as events come, by 2,048 buckets of time a retention or more; what shares a bucket with the edge of the retention is left out.
    /// - Complexity: O(1): some 50 µs, whatever the state holds.
    public func digest() -> (windows: UInt64, memory: UInt64) {
        let delayed = delayedFloor(watermark)
        var windows = Mix.watermark(watermark) &+ eventRing.total(above: eventFloor(watermark)).sum
        for (number, sum) in labelSums where number * labelWidth > delayed { windows &+= sum }
        let memory = accountRing.total(above: accountFloor(watermark)).sum &+ pairRing.total(above: pairFloor(watermark)).sum
        return (windows, memory)
    }

    /// Milliseconds of a labels' bucket.
    var labelWidth: Int64 { eventRing.width }

    /// Labels may be of any time to come, so their buckets are in no ring.
    func count(_ label: LabelEntry, _ isAdded: Bool) {
        let number = (label.time >= 0 ? label.time : label.time - labelWidth + 1) / labelWidth
        let hash = Mix.label(label)
        let sum = (labelSums[number] ?? 0) &+ (isAdded ? hash : 0 &- hash)
        labelSums[number] = sum == 0 ? nil : sum
    }

    /// Makes the sums of accounts, pairs and labels anew.
    ///
    /// - Complexity: O(accounts, pairs and labels).
    func sumAnew() {
        accountRing.removeAll()
        pairRing.removeAll()
        labelSums.removeAll()
        forEachID(accounts) { id in
            if let times = AccountRecord(accounts.record(id)).times { accountRing.add(times.last, Mix.account(accounts.key(id), times)) }
        }
        // A pair's accounts may lie anywhere: they are asked for some pairs ahead.
        let floor = pairFloor(watermark)
        let ahead = 16
        var waiting = [UnsafeMutablePointer<Pair>?](repeating: nil, count: ahead)
        var place = 0
        func add(_ next: UnsafeMutablePointer<Pair>?) {
            if let pair = waiting[place]?.pointee {
                let memory = pairs.memory(pair)
                pairRing.add(memory.last, Mix.pair(accounts.key(pair.account), accounts.key(pair.counterparty), memory))
            }
            waiting[place] = next
            place = (place + 1) % ahead
        }
        pairs.table.forEach { pair in
            // Below the floor its accounts may be others by now.
            if pair.pointee.last <= floor { return }
            weir_prefetch(accounts.record(pair.pointee.account))
            weir_prefetch(accounts.record(pair.pointee.counterparty))
            add(pair)
        }
        for _ in 0..<ahead { add(nil) }
        labels.forEach { count($0.pointee, true) }
    }

    func forEachID(_ table: EntityTable, _ body: (UInt32) -> Void) {
        if table.lastID == 0 { return }
        for id in 1...table.lastID where !table.isFree(id) { body(id) }
    }
}
