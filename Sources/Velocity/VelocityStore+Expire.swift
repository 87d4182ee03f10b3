import CPlatform

extension VelocityStore {
    // MARK: Giving back

    /// Gives memory back that is no longer retained, looking at some `budget` lists and twice as many pairs. To be called between batches.
    ///
    /// With four an event, what expired takes at most as much as one event an entity does.
    ///
    /// It walks over all entities again and again, so that what no traffic touches is given back too.
    /// - Complexity: O(budget); a large list that is given back as a whole takes longer, O(its chunks).
    public func expire(budget: Int) {
        if watermark == Int64.min { return }
        let floor = eventFloor(watermark)
        let delayed = delayedFloor(watermark)
        let pairFloor = pairFloor(watermark)
        let share = sweepShare(budget)
        sweepAccounts(share, floor, min(delayed, pairFloor))
        sweep(cards, plain, share, floor, &sweeps.cards)
        sweep(devices, plain, share, floor, &sweeps.devices)
        sweep(ips, plain, share, floor, &sweeps.ips)
        sweep(merchants, sales, share, delayed, &sweeps.merchants)
        for _ in 0..<share { sweepCountries(floor) }
        pairs.table.sweep(budget: budget * 2) { pair in
            if pair.pointee.last > pairFloor { return false }
            pairs.release(pair)
            return true
        }
        labels.sweep(budget: budget) { label in
            if label.pointee.time > delayed { return false }
            count(label.pointee, false)
            return true
        }
    }

    /// Entities of each kind that are looked at.
    func sweepShare(_ budget: Int) -> Int { max(1, budget / 4) }

    @inline(__always)
    private func next(_ table: EntityTable, _ at: inout UInt32) -> UInt32 {
        at = at >= table.lastID ? 1 : at + 1
        return at <= table.lastID && !table.isFree(at) ? at : 0
    }

    private func sweepAccounts(_ budget: Int, _ floor: Int64, _ named: Int64) {
        for _ in 0..<budget {
            let id = next(accounts, &sweeps.accounts)
            if id == 0 { continue }
            let record = AccountRecord(accounts.record(id))
            // What comes a call later is fetched now.
            if id + UInt32(budget) <= accounts.lastID {
                let later = AccountRecord(accounts.record(id + UInt32(budget)))
                weir_prefetch(arena[later.debits.pointee])
                weir_prefetch(arena[later.inflow.pointee])
            }
            debits.expire(record.debits, floor: floor)
            credits.expire(record.credits, floor: floor)
            inflows.expire(record.inflow, floor: floor)
            if holdsIDs || record.debits.pointee | record.credits.pointee | record.inflow.pointee != 0 { continue }
            if record.isNamed(after: named) { continue }
            if let times = record.times, times.last > accountFloor(watermark) { continue }
            accounts.remove(id)
        }
    }

    private func sweep<S: Shape>(_ table: EntityTable, _ lists: Lists<S>, _ budget: Int, _ floor: Int64, _ at: inout UInt32) {
        for _ in 0..<budget {
            let id = next(table, &at)
            if id == 0 { continue }
            let slot = (table.record(id) + 8).assumingMemoryBound(to: UInt32.self)
            if id + UInt32(budget) <= table.lastID { weir_prefetch(arena[(table.record(id + UInt32(budget)) + 8).load(as: UInt32.self)]) }
            lists.expire(slot, floor: floor)
            if slot.pointee == 0, !holdsIDs { table.remove(id) }
        }
    }

    private func sweepCountries(_ floor: Int64) {
        let id = next(countries, &sweeps.countries)
        if id != 0, !holdsIDs, !Reference(countries.record(id) + 8).isNamed(after: floor) { countries.remove(id) }
    }
}
