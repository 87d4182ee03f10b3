import CLanes

/// Reading a large list: sums over a range, windows that move with their cursors, looks back.
extension Lists {
    /// Fills one `Totals` a window, of the events above its edge and before a place: each window holds the ones before it.
    ///
    /// Walks back from the place once. A chunk lies above an edge whole when the one before it still reaches above it.
    private func addUp(_ h: LargePointer, until end: Place, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<Totals>) {
        var totals = Totals()
        var chunk = h.pointee.chunks + end.chunk
        let first = h.pointee.chunks + h.pointee.first
        // Of the chunk, so many events are not added yet.
        var left = end.offset
        if left == 0, chunk > first {
            chunk -= 1
            left = Int(chunk.pointee.count)
        }
        for w in 0..<windows {
            while chunk > first, chunk[-1].last > lows[w] {
                add(chunk, 0, left, &totals)
                chunk -= 1
                left = Int(chunk.pointee.count)
            }
            if left > 0, chunk.pointee.last > lows[w] {
                let from = block(chunk).until(lows[w], before: left)
                add(chunk, from, left, &totals)
                left = from
            }
            out[w] = totals
        }
    }

    @inline(__always)
    private func add(_ chunk: UnsafeMutablePointer<Chunk>, _ from: Int, _ to: Int, _ totals: inout Totals) {
        if from == 0, to == Int(chunk.pointee.count) { addChunk(chunk.pointee, &totals) } else { addPart(block(chunk), from, to, &totals) }
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
        let amounts = block.amounts(from, to)
        totals.count += Int64(to - from)
        totals.sum += UInt128(amounts.sum)
        if S.hasMax { totals.max = Swift.max(totals.max, amounts.max) }
        if S.hasSquares { totals.squares += amounts.squares }
        let inside = lanes_low(Int64(to)) & ~lanes_low(Int64(from))
        if S.hasSpecial { totals.special += Int64((block.marks(S.values) & inside).nonzeroBitCount) }
        for d in 0..<S.values { totals[d] += Int64((block.marks(d) & inside).nonzeroBitCount) }
    }

    /// The highest amount from a place on, and the latest time that it has.
    private func highest(_ h: LargePointer, _ from: Place) -> (amount: Int64, time: Int64) {
        var best: Int64 = -1
        var where_ = Place(chunk: -1, offset: 0)
        if from.chunk < h.pointee.end, from.offset > 0 {
            best = block(h, from.chunk).amounts(from.offset, Int(h.pointee.chunks[from.chunk].count)).max
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

    func readLarge<W: WindowOutput>(_ h: LargePointer, _ t: Int64, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<W>, _ isAdvancing: Bool) -> UInt128 {
        if t >= h.pointee.newest, let cursors = h.pointee.cursors {
            var isRead = true
            for w in 0..<windows where isRead {
                let cursor = cursors + w
                isRead = advance(h, cursor, lows[w], isAdvancing)
                if isRead {
                    if S.hasMax, !cursor.pointee.isMaxKnown { findMax(h, cursor) }
                    out[w].set(cursor.pointee.totals, max: cursor.pointee.max)
                }
            }
            if isRead { return cursors[windows - 1].totals.squares }
        }
        let end = t >= h.pointee.newest ? Place(chunk: h.pointee.end, offset: 0) : place(h, after: t)
        addUp(h, until: end, lows, totals)
        if S.values > 0, end.chunk < h.pointee.end { countAsOf(h, end, t, lows) }
        for w in 0..<windows { out[w].set(totals[w], max: totals[w].max) }
        return totals[windows - 1].squares
    }

    /// The distinct values of windows that end before the list does: marks are of the whole list.
    private func countAsOf(_ h: LargePointer, _ end: Place, _ t: Int64, _ lows: UnsafePointer<Int64>) {
        if h.pointee.index != nil, lateness > 0, end.chunk >= h.pointee.known { return addSeenAgain(h, end, t, lows, totals) }
        // What is newest of its value until t is found by walking back.
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
                totals[w][d] = n
            }
        }
    }

    /// Moves a cursor's edge up to `low`; false where the edge is above it already, or must not move.
    @inline(__always)
    func advance(_ h: LargePointer, _ c: UnsafeMutablePointer<Cursor>, _ low: Int64, _ isAdvancing: Bool) -> Bool {
        if low < c.pointee.edge { return false }
        if !isAdvancing, c.pointee.next <= low || S.hasMax && !c.pointee.isMaxKnown { return false }
        if c.pointee.next <= low { moveEdge(h, c, low) }
        if isAdvancing { c.pointee.edge = low }
        return true
    }

    private func findMax(_ h: LargePointer, _ c: UnsafeMutablePointer<Cursor>) {
        (c.pointee.max, c.pointee.maxTime) = highest(h, Place(chunk: Int(c.pointee.chunk), offset: Int(c.pointee.offset)))
        c.pointee.isMaxKnown = true
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
            let until = end(of: block, from: offset, low)
            addPart(block, offset, until, &gone)
            offset = until
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

    /// The first place from `offset` on whose event is above `low`, of a block that has one: mostly it is near.
    @inline(__always)
    private func end(of block: Block<S>, from offset: Int, _ low: Int64) -> Int {
        for i in offset..<offset &+ 4 where block.time(i) > low { return i }
        return block.until(low)
    }

    func countDelayedLarge(
        _ h: LargePointer, _ high: Int64, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<Totals>, _ isAdvancing: Bool
    ) {
        if hasDelayed, let cursors = h.pointee.cursors {
            let near = cursors + windows
            var isRead = advance(h, near, high, isAdvancing)
            for w in 0..<windows where isRead {
                // Above both edges: a window below the floor is empty.
                let far = near + 1 + w
                isRead = advance(h, far, lows[w], isAdvancing)
                out[w].count = Swift.max(0, far.pointee.totals.count - near.pointee.totals.count)
                out[w].special = Swift.max(0, far.pointee.totals.special - near.pointee.totals.special)
            }
            if isRead { return }
        }
        addUp(h, until: place(h, after: high), lows, out)
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
    @inline(__always)
    func findMarked(_ h: LargePointer, _ d: Int, _ value: UInt32) -> Marked? {
        h.pointee.index != nil ? findIndexed(h, d, value) : findScanned(h, d, value)
    }

    private func findScanned(_ h: LargePointer, _ d: Int, _ value: UInt32) -> Marked? {
        let first = h.pointee.chunks + h.pointee.first
        var chunk = h.pointee.chunks + h.pointee.end
        while chunk > first {
            chunk -= 1
            if chunk.pointee[d] == 0 { continue }
            let block = block(chunk)
            let n = Int(chunk.pointee.count)
            if !block.mayHave(d, n, value) { continue }
            let mask = block.equal(d, n, value) & block.marks(d)
            if mask == 0 { continue }
            return Marked(handle: chunk.pointee.handle, place: mask.trailingZeroBitCount, chunk: chunk - h.pointee.chunks)
        }
        return nil
    }
}
