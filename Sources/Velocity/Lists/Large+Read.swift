import CLanes

/// Reading a large list: sums over a range, windows that move with their cursors, looks back.
extension Lists {
    private func add(_ h: LargePointer, _ from: Place, _ to: Place, _ totals: inout Totals) {
        var k = from.chunk
        var offset = from.offset
        while k < to.chunk {
            if offset == 0 { addChunk(h.pointee.chunks[k], &totals) } else { addPart(block(h, k), offset, Int(h.pointee.chunks[k].count), &totals) }
            k += 1
            offset = 0
        }
        if k == to.chunk, offset < to.offset { addPart(block(h, k), offset, to.offset, &totals) }
    }

    /// Fills one `Totals` a window, of the events above its edge and before a place: each window holds the ones before it.
    private func addUp(_ h: LargePointer, until end: Place, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<Totals>) {
        var totals = Totals()
        var to = end
        for w in 0..<windows {
            let from = place(h, after: lows[w])
            if from.chunk < to.chunk || from.chunk == to.chunk && from.offset < to.offset {
                add(h, from, to, &totals)
                to = from
            }
            out[w] = totals
        }
    }

    @inline(__always)
    func addChunk(_ chunk: Chunk, _ totals: inout Totals) {
        totals.count += Int64(chunk.count)
        totals.sum += UInt128(chunk.sum)
        if S.hasMax { totals.max = Swift.max(totals.max, chunk.max) }
        if S.hasSquares { totals.squares += chunk.squares }
        if S.hasSpecial { totals.special += Int64(chunk.special) }
        for d in 0..<S.values { totals[d] += Int64(chunk[d]) }
    }

    private func addPart(_ block: Block<S>, _ from: Int, _ to: Int, _ totals: inout Totals) {
        if from >= to { return }
        totals.count += Int64(to - from)
        totals.sum += UInt128(block.sum(from, to))
        if S.hasMax { totals.max = Swift.max(totals.max, block.max(from, to)) }
        if S.hasSquares { totals.squares += block.squares(from, to) }
        let inside = lanes_low(Int64(to)) & ~lanes_low(Int64(from))
        if S.hasSpecial { totals.special += Int64((block.marks(S.values) & inside).nonzeroBitCount) }
        for d in 0..<S.values { totals[d] += Int64((block.marks(d) & inside).nonzeroBitCount) }
    }

    /// The highest amount from a place on, and the latest time that it has.
    private func highest(_ h: LargePointer, _ from: Place) -> (amount: Int64, time: Int64) {
        var best: Int64 = -1
        var where_ = Place(chunk: -1, offset: 0)
        if from.chunk < h.pointee.end, from.offset > 0 {
            best = block(h, from.chunk).max(from.offset, Int(h.pointee.chunks[from.chunk].count))
            where_ = from
        }
        var k = from.offset > 0 ? from.chunk + 1 : from.chunk
        while k < h.pointee.end {
            if h.pointee.chunks[k].max >= best {
                best = h.pointee.chunks[k].max
                where_ = Place(chunk: k, offset: 0)
            }
            k += 1
        }
        if where_.chunk < 0 { return (0, Int64.max) }
        let block = block(h, where_.chunk)
        var i = block.count - 1
        while block.amount(i) != best { i -= 1 }
        return (best, block.time(i))
    }

    // MARK: Reading

    func readLarge(_ h: LargePointer, _ t: Int64, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<Totals>, _ isAdvancing: Bool) {
        if t >= h.pointee.newest, let cursors = h.pointee.cursors {
            var isRead = true
            for w in 0..<windows where isRead {
                isRead = advance(h, cursors + w, lows[w], isAdvancing, out + w)
            }
            if isRead { return }
        }
        let end = t >= h.pointee.newest ? Place(chunk: h.pointee.end, offset: 0) : place(h, after: t)
        addUp(h, until: end, lows, out)
        if S.values == 0 || end.chunk == h.pointee.end { return }
        if h.pointee.index != nil, lateness > 0, end.chunk >= h.pointee.known { return addSeenAgain(h, end, t, lows, out) }
        // Marks are of the whole list: what is newest of its value until t is found by walking back.
        for d in 0..<S.values {
            scratch.removeAll()
            var n: Int64 = 0
            var at = end
            for w in 0..<windows {
                let low = place(h, after: lows[w])
                while at.chunk > low.chunk || at.chunk == low.chunk && at.offset > low.offset {
                    if at.offset == 0 {
                        at.chunk -= 1
                        at.offset = Int(h.pointee.chunks[at.chunk].count)
                        continue
                    }
                    at.offset -= 1
                    let value = block(h, at.chunk).value(d, at.offset)
                    if value != 0, scratch.insert(value) { n += 1 }
                }
                out[w][d] = n
            }
        }
    }

    /// Moves a cursor's edge up to `low` and says what is above it; false where the edge is above it already, or must not move.
    func advance(
        _ h: LargePointer, _ c: UnsafeMutablePointer<Cursor>, _ low: Int64, _ isAdvancing: Bool, _ out: UnsafeMutablePointer<Totals>?
    ) -> Bool {
        if low < c.pointee.edge { return false }
        if !isAdvancing, c.pointee.next <= low || S.hasMax && !c.pointee.isMaxKnown { return false }
        if c.pointee.next <= low { moveEdge(h, c, low) }
        if isAdvancing { c.pointee.edge = low }
        if let out {
            if S.hasMax, !c.pointee.isMaxKnown {
                (c.pointee.max, c.pointee.maxTime) = highest(h, Place(chunk: Int(c.pointee.chunk), offset: Int(c.pointee.offset)))
                c.pointee.isMaxKnown = true
            }
            out.pointee = c.pointee.totals
            if S.hasMax { out.pointee.max = c.pointee.max }
        }
        return true
    }

    private func moveEdge(_ h: LargePointer, _ c: UnsafeMutablePointer<Cursor>, _ low: Int64) {
        var k = Int(c.pointee.chunk)
        var offset = Int(c.pointee.offset)
        var gone = Totals()
        while k < h.pointee.end {
            let count = Int(h.pointee.chunks[k].count)
            if h.pointee.chunks[k].last <= low {
                if offset == 0 { addChunk(h.pointee.chunks[k], &gone) } else { addPart(block(h, k), offset, count, &gone) }
                k += 1
                offset = 0
                continue
            }
            let block = block(h, k)
            let until = block.until(low)
            addPart(block, offset, until, &gone)
            offset = Swift.max(offset, until)
            c.pointee.next = block.time(offset)
            break
        }
        if k == h.pointee.end { c.pointee.next = Int64.max }
        c.pointee.chunk = Int32(k)
        c.pointee.offset = Int32(offset)
        c.pointee.totals.count -= gone.count
        c.pointee.totals.sum -= gone.sum
        if S.hasSquares { c.pointee.totals.squares -= gone.squares }
        if S.hasSpecial { c.pointee.totals.special -= gone.special }
        for d in 0..<S.values { c.pointee.totals[d] -= gone[d] }
        if S.hasMax {
            if c.pointee.totals.count == 0 {
                c.pointee.max = 0
                c.pointee.maxTime = Int64.max
                c.pointee.isMaxKnown = true
            } else if c.pointee.maxTime <= low {
                c.pointee.isMaxKnown = false
            }
        }
    }

    func countDelayedLarge(
        _ h: LargePointer, _ high: Int64, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<Totals>, _ isAdvancing: Bool
    ) {
        if hasDelayed, let cursors = h.pointee.cursors {
            var near = Totals()
            var isRead = advance(h, cursors + windows, high, isAdvancing, &near)
            for w in 0..<windows where isRead {
                // Above both edges: a window below the floor is empty.
                isRead = advance(h, cursors + windows + 1 + w, lows[w], isAdvancing, out + w)
                if isRead {
                    out[w].count = Swift.max(0, out[w].count - near.count)
                    out[w].special = Swift.max(0, out[w].special - near.special)
                }
            }
            if isRead { return }
        }
        addUp(h, until: place(h, after: high), lows, out)
    }

    /// Adds an event to what is said of each window, as if it were held.
    func addLarge(_ h: LargePointer, _ item: Item, _ isSpecial: Bool, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<Totals>) {
        var newest: (Int64, Int64, Int64, Int64) = (Int64.min, Int64.min, Int64.min, Int64.min)
        let longest = lows[windows - 1]
        if S.values > 0, item[0] != 0 { newest.0 = newestLarge(h, 0, item[0], item.time, longest) }
        if S.values > 1, item[1] != 0 { newest.1 = newestLarge(h, 1, item[1], item.time, longest) }
        if S.values > 2, item[2] != 0 { newest.2 = newestLarge(h, 2, item[2], item.time, longest) }
        if S.values > 3, item[3] != 0 { newest.3 = newestLarge(h, 3, item[3], item.time, longest) }
        for w in 0..<windows {
            join(item, isSpecial, &out[w]) { d in (d == 0 ? newest.0 : d == 1 ? newest.1 : d == 2 ? newest.2 : newest.3) <= lows[w] }
        }
    }

    /// The highest time of an event with this value, at most t; `Int64.min` when there is none above `low`.
    func newestLarge(_ h: LargePointer, _ d: Int, _ value: UInt32, _ t: Int64, _ low: Int64) -> Int64 {
        if t >= h.pointee.newest || h.pointee.index != nil {
            guard let marked = findMarked(h, d, value) else { return Int64.min }
            let time = block(marked.handle).time(marked.place)
            if time <= t { return time }
        }
        let end = place(h, after: t)
        if h.pointee.index != nil, lateness > 0, end.chunk >= h.pointee.known, let next = successor(h, end, d, value) {
            // It was last seen before its next: by t, or never.
            let last = before(h.pointee.chunks[next.chunk].before, d)[next.offset]
            let time = block(h, next.chunk).time(next.offset)
            let age = Int64(UInt32(truncatingIfNeeded: time) &- last)
            return age == 0 ? Int64.min : time - age
        }
        var k = end.chunk
        var n = end.offset
        while true {
            if k < h.pointee.end, n > 0 {
                let block = block(h, k)
                let mask = block.equal(d, n, value)
                if mask != 0 { return block.time(63 - mask.leadingZeroBitCount) }
            }
            k -= 1
            if k < h.pointee.first || h.pointee.chunks[k].last <= low { return Int64.min }
            n = Int(h.pointee.chunks[k].count)
        }
    }

    /// The marked event of a value.
    func findMarked(_ h: LargePointer, _ d: Int, _ value: UInt32) -> Marked? {
        if h.pointee.index != nil { return findIndexed(h, d, value) }
        var k = h.pointee.end - 1
        while k >= h.pointee.first {
            if h.pointee.chunks[k][d] > 0 {
                let block = block(h, k)
                let mask = block.equal(d, block.count, value) & block.marks(d)
                if mask != 0 { return Marked(handle: h.pointee.chunks[k].handle, place: mask.trailingZeroBitCount) }
            }
            k -= 1
        }
        return nil
    }
}
