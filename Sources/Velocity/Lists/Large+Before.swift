import CLanes

/// Of each event of a large list when its values were last seen before it: so that a late event need not walk the list for its distinct counts.
extension Lists {
    private var beforeBytes: Int { S.values * 64 * 4 }

    @inline(__always)
    func before(_ handle: UInt32, _ d: Int) -> UnsafeMutablePointer<UInt32> {
        arena[handle].assumingMemoryBound(to: UInt32.self) + 64 &* d
    }

    func takeBefore() -> UInt32 { take(size: arena.size(forBytes: beforeBytes)) }

    func giveBefore(_ h: LargePointer, _ k: Int) {
        if h.pointee.chunks[k].before == 0 { return }
        give(h.pointee.chunks[k].before, size: arena.size(forBytes: beforeBytes))
        h.pointee.chunks[k].before = 0
    }

    /// Forgets it of chunks behind which no event can be late any more, two at most.
    func dropKnown(_ h: LargePointer) {
        for _ in 0..<2 {
            guard h.pointee.known < h.pointee.end - 1, h.pointee.chunks[h.pointee.known].last < h.pointee.newest - lateness else { return }
            giveBefore(h, h.pointee.known)
            h.pointee.known += 1
        }
    }

    /// The first event behind a place with this value: its chunk and place there.
    func successor(_ h: LargePointer, _ place: Place, _ d: Int, _ value: UInt32) -> Place? {
        var k = place.chunk
        var behind = ~lanes_low(Int64(place.offset))
        while k < h.pointee.end {
            let block = block(h, k)
            let mask = block.equal(d, block.count, value) & behind
            if mask != 0 { return Place(chunk: k, offset: mask.trailingZeroBitCount) }
            behind = ~0
            k += 1
        }
        return nil
    }

    /// The event at a place steps between the next one with its value and the one before that, as far as it is known of each.
    func stepBetween(_ h: LargePointer, _ place: Place, _ d: Int, _ value: UInt32, _ time: Int64) {
        guard let next = successor(h, Place(chunk: place.chunk, offset: place.offset + 1), d, value) else { return }
        if next.chunk < h.pointee.known { return }
        let theirs = before(h.pointee.chunks[next.chunk].before, d) + next.offset
        let nextTime = UInt32(truncatingIfNeeded: block(h, next.chunk).time(next.offset))
        if place.chunk >= h.pointee.known, theirs.pointee != nextTime {
            (before(h.pointee.chunks[place.chunk].before, d) + place.offset).pointee = theirs.pointee
        }
        theirs.pointee = UInt32(truncatingIfNeeded: time)
    }

    /// Adds the values that were seen in (lows[w], t] and again behind `end`: their marks are there.
    func addSeenAgain(_ h: LargePointer, _ end: Place, _ t: Int64, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<Totals>) {
        var k = end.chunk
        var offset = end.offset
        while k < h.pointee.end {
            let chunk = h.pointee.chunks[k]
            for d in 0..<S.values {
                let row = before(chunk.before, d)
                for w in 0..<windows where lows[w] < t {
                    out[w][d] += lanes_within32(row, Int64(offset), Int64(chunk.count), UInt32(truncatingIfNeeded: t), UInt32(truncatingIfNeeded: t - lows[w]))
                }
            }
            k += 1
            offset = 0
        }
    }

    /// Learns when values were last seen before, of all events that are not too far back.
    func learn(_ h: LargePointer) {
        if lateness == 0 { return }
        h.pointee.known = h.pointee.first
        let from = h.pointee.newest - lateness
        for k in h.pointee.range {
            if h.pointee.chunks[k].last >= from || k == h.pointee.end - 1 { h.pointee.chunks[k].before = takeBefore() } else { h.pointee.known = k + 1 }
        }
        for d in 0..<S.values {
            scratch.removeAll()
            for k in h.pointee.range {
                let block = block(h, k)
                let row = k < h.pointee.known ? nil : before(h.pointee.chunks[k].before, d)
                for i in 0..<block.count {
                    let time = block.time(i)
                    let value = block.value(d, i)
                    let last = value == 0 ? nil : scratch.replace(value, time)
                    // What is too far back for four bytes is no longer retained.
                    if let row { row[i] = UInt32(truncatingIfNeeded: last.map { h.pointee.newest - $0 < 1 << 31 ? $0 : time } ?? time) }
                }
            }
        }
    }

    func unlearn(_ h: LargePointer) {
        for k in h.pointee.range { giveBefore(h, k) }
    }
}
