/// What must be given up so that the state fits its memory. The leader writes it into the journal, and all raise their horizons at the same record.
public struct Relief: Equatable, Sendable {
    /// Accounts and pairs last seen at or below it are to be forgotten; `Int64.min`: none.
    public var memoryHorizon = Int64.min
    /// Events at or below it are to be given up; `Int64.min`: none.
    public var eventHorizon = Int64.min
}

extension VelocityStore {
    /// Bytes that the state will hold when all is given back that is no longer retained: an estimate from its own counts, never from what the system says.
    ///
    /// - Complexity: O(1): some 50 µs.
    public var neededBytes: Int { stateBytes - unretained() }

    private func unretained() -> Int {
        let events = Int(eventRing.total(above: eventFloor(watermark)).count)
        let pairs = Int(pairRing.total(above: pairFloor(watermark)).count)
        let ofEvents = eventCount == 0 ? 0 : Int(Double(eventBytes) * Double(max(0, eventCount - events)) / Double(eventCount))
        // Their table shrinks to three quarters full. Accounts' records stay for the accounts to come.
        return ofEvents + max(0, self.pairs.bytes - pairs * Self.bytesOfPair)
    }

    private static var bytesOfPair: Int { MemoryLayout<Pair>.stride * 4 / 3 }

    /// Bytes of all events in all lists.
    private var eventBytes: Int { debits.bytes + credits.bytes + inflows.bytes + plain.bytes + sales.bytes }

    /// What is to be given up so that the state fits so many bytes; nil when it does, or will when what is no longer retained has been given back.
    ///
    /// In this order: accounts and pairs last seen longest ago, as far as the windows let them be forgotten; then events from the oldest on. Two percent more
    /// are freed than needed, so that the next event does not ask again. It is a pure function of the state.
    /// - Complexity: O(1): some milliseconds where something is given up.
    public func relief(within limit: Int) -> Relief? {
        let needed = neededBytes
        if needed <= limit { return nil }
        let target = needed - limit + limit / 50
        let eventFloor = eventFloor(watermark)
        let pairFloor = pairFloor(watermark)

        /// What is freed by forgetting pairs last debited until then. Accounts last seen until then make room for others, and free nothing.
        func remembered(until time: Int64) -> Double {
            Double(pairRing.total(above: pairFloor, until: time).count) * Double(Self.bytesOfPair)
        }
        /// The lowest time in low ... high for which so much is freed; high where it is never.
        func lowest(_ low: Int64, _ high: Int64, _ freed: (Int64) -> Double) -> Int64 {
            var (low, high) = (low, high)
            while low < high {
                let middle = low + (high - low) / 2
                if freed(middle) >= Double(target) { high = middle } else { low = middle + 1 }
            }
            return low
        }
        let memory = remembered(until: eventFloor)
        if memory >= Double(target) {
            return Relief(memoryHorizon: lowest(max(pairFloor, -Header.bias), eventFloor) { remembered(until: $0) })
        }
        // Accounts and pairs that were seen since go with the events.
        let each = eventCount == 0 ? 0 : Double(eventBytes) / Double(eventCount)
        let horizon = lowest(max(eventFloor, -Header.bias), watermark) { time in
            Double(eventRing.total(above: eventFloor, until: time).count) * each + remembered(until: time)
        }
        return Relief(memoryHorizon: horizon, eventHorizon: horizon)
    }

    /// Gives memory back while nothing else is to be done: as `expire`, and what lies scattered is moved together.
    ///
    /// - Returns: whether there is more to do; false when all has been looked at twice since the last event.
    /// - Complexity: O(budget).
    public func tidy(budget: Int) -> Bool {
        if watermark == Int64.min { return false }
        let key = TidyKey(watermark: watermark, applied: debits.events &+ credits.events &+ labels.count, horizon: max(eventHorizon, memoryHorizon))
        if key != tidied {
            tidied = key
            // Steps until each kind has been walked over twice.
            let share = sweepShare(budget)
            let walks = tables.map { Int($0.lastID) / share } + [pairs.table.slotCount / (budget * 2), labels.slotCount / budget]
            tidyingLeft = 2 * (walks.reduce(0, max) + 2)
        }
        if tidyingLeft == 0 { return false }
        arena.isTidying = true
        expire(budget: budget)
        arena.isTidying = false
        // What was given back is no reason to begin anew.
        tidied.applied = debits.events &+ credits.events &+ labels.count
        tidyingLeft -= 1
        if tidyingLeft == 0 {
            arena.trim()
            for table in tables { table.trim() }
        }
        return tidyingLeft > 0
    }
}

/// What tells that something was applied.
struct TidyKey: Equatable {
    var watermark = Int64.min
    var applied = 0
    var horizon = Int64.min
}
