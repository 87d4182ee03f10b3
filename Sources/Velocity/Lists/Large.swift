import CLanes
import CPlatform

/// What is known of a chunk (a block of a large list) without a look at it.
struct Chunk {
    /// The time of its newest event.
    var last: Int64 = 0
    var sum: UInt64 = 0
    var max: Int64 = 0
    var squaresLow: UInt64 = 0
    var squaresHigh: UInt64 = 0
    var handle: UInt32 = 0
    var count: UInt8 = 0
    var special: UInt8 = 0
    var marks: (UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0)
    /// Of each event when its values were last seen before it: a row of 64 times a value, their lower four bytes; its own time: never. 0: not known.
    var before: UInt32 = 0

    @inline(__always) var squares: UInt128 {
        get { UInt128(_low: squaresLow, _high: squaresHigh) }
        set {
            squaresLow = newValue._low
            squaresHigh = newValue._high
        }
    }

    @inline(__always)
    subscript(_ d: Int) -> UInt8 {
        get {
            switch d {
            case 0: marks.0
            case 1: marks.1
            case 2: marks.2
            default: marks.3
            }
        }
        set {
            switch d {
            case 0: marks.0 = newValue
            case 1: marks.1 = newValue
            case 2: marks.2 = newValue
            default: marks.3 = newValue
            }
        }
    }
}

/// The moving tail of a window: sums over all events above an edge, which only moves up.
struct Cursor {
    var edge = Int64.min
    /// The time of the first event above the edge; `Int64.max`: there is none.
    var next = Int64.max
    /// The place of that event.
    var chunk: Int32 = 0
    var offset: Int32 = 0
    var isMaxKnown = false
    var max: Int64 = 0
    /// The time of the latest event with that amount; `Int64.max` without events.
    var maxTime = Int64.max
    var totals = Totals()
}

/// The head of a list of more than 64 events: chunks in order, in a ring-less directory that slides, and, from 512 events on, an index and cursors.
struct Large {
    /// As a block's, with the size `Header.large`.
    var word: UInt64 = 0
    /// Events held.
    var events = 0
    /// Places of the directory in use: first ..< end.
    var first = 0
    var end = 0
    var capacity = 0
    /// The first place of the directory whose `before` may be known; it is for all behind it.
    var known = 0
    var chunks: UnsafeMutablePointer<Chunk>
    /// Where the marked event of a value, and every transaction, is: 32 bits of a hash of (dimension, value), and the chunk's handle; 0 is empty.
    var index: UnsafeMutablePointer<UInt64>?
    var indexCapacity = 0
    var indexCount = 0
    /// One a window; then for what lies a delay behind: its near edge, and one a window.
    var cursors: UnsafeMutablePointer<Cursor>?

    @inline(__always) var range: Range<Int> { first..<end }
    @inline(__always) var newest: Int64 { Header(word).newest }
}

typealias LargePointer = UnsafeMutablePointer<Large>

/// A place in a large list: of an event, or behind the last one.
struct Place {
    var chunk: Int
    var offset: Int
}

extension Lists {
    var cursorCount: Int { windows + (hasDelayed ? windows + 1 : 0) }

    @inline(__always)
    func large(_ handle: UInt32) -> LargePointer { arena[handle].assumingMemoryBound(to: Large.self) }

    @inline(__always)
    private func block(_ h: LargePointer, _ k: Int) -> Block<S> { block(h.pointee.chunks[k].handle) }

    // MARK: Making and undoing

    /// Makes a large list of a full block, which becomes its first chunk.
    func makeLarge(_ handle: UInt32) -> UInt32 {
        let block = block(handle)
        let p = take(1, of: Large.self)
        let capacity = 8
        let chunks = take(capacity, of: Chunk.self)
        p.initialize(to: Large(chunks: chunks))
        p.pointee.capacity = capacity
        p.pointee.end = 1
        p.pointee.events = block.count
        p.pointee.word = Header(newest: block.newest, count: 0, size: Header.large, format: 0).word
        chunks[0] = summary(handle)
        return arena.handle(p)
    }

    /// A list of blocks as they were; nil where they cannot be one.
    func assembled(_ handles: [UInt32]) -> UInt32? {
        let p = take(1, of: Large.self)
        let capacity = handles.count + 4
        p.initialize(to: Large(chunks: take(capacity, of: Chunk.self)))
        p.pointee.capacity = capacity
        for handle in handles {
            let chunk = summary(handle)
            if p.pointee.end > 0, p.pointee.chunks[p.pointee.end - 1].last > block(handle).time(0) { return nil }
            p.pointee.chunks[p.pointee.end] = chunk
            p.pointee.end += 1
            p.pointee.events += Int(chunk.count)
            setNewest(p, chunk.last)
        }
        if p.pointee.events >= limits.indexedFrom { buildIndex(p) }
        return arena.handle(p)
    }

    private func setNewest(_ h: LargePointer, _ time: Int64) {
        h.pointee.word = Header(newest: time, count: 0, size: Header.large, format: 0).word
    }

    private func summary(_ handle: UInt32) -> Chunk {
        let block = block(handle)
        let n = block.count
        var chunk = Chunk()
        chunk.handle = handle
        chunk.last = block.newest
        chunk.count = UInt8(n)
        chunk.sum = block.sum(0, n)
        if S.hasMax { chunk.max = block.max(0, n) }
        if S.hasSquares { chunk.squares = block.squares(0, n) }
        if S.hasSpecial { chunk.special = UInt8(block.marks(S.values).nonzeroBitCount) }
        for d in 0..<S.values { chunk[d] = UInt8(block.marks(d).nonzeroBitCount) }
        return chunk
    }

    private func freeAll(_ h: LargePointer) {
        dropIndex(h)
        for k in h.pointee.range {
            giveBefore(h, k)
            freeChunk(h.pointee.chunks[k].handle)
        }
        freeHead(h)
    }

    private func freeChunk(_ handle: UInt32) { give(handle, size: header(handle).size) }

    private func freeHead(_ h: LargePointer) {
        give(h.pointee.chunks, h.pointee.capacity)
        give(h, 1)
    }

    // MARK: Places

    /// The first event above `time`, or the place behind the last.
    ///
    /// - Complexity: O(log chunks).
    func place(_ h: LargePointer, after time: Int64) -> Place {
        var low = h.pointee.first
        var high = h.pointee.end
        while low < high {
            let middle = (low + high) / 2
            if h.pointee.chunks[middle].last > time { high = middle } else { low = middle + 1 }
        }
        if low == h.pointee.end { return Place(chunk: low, offset: 0) }
        return Place(chunk: low, offset: block(h, low).until(time))
    }

    /// Which place of the directory has this chunk.
    private func locate(_ h: LargePointer, _ handle: UInt32) -> Int {
        let last = header(handle).newest
        var low = h.pointee.first
        var high = h.pointee.end
        while low < high {
            let middle = (low + high) / 2
            if h.pointee.chunks[middle].last >= last { high = middle } else { low = middle + 1 }
        }
        while h.pointee.chunks[low].handle != handle { low += 1 }
        precondition(low < h.pointee.end, "a chunk of the list")
        return low
    }

    // MARK: Sums over a range

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

    @inline(__always)
    private func addChunk(_ chunk: Chunk, _ totals: inout Totals) {
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
    private func advance(
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
        let end = place(h, after: high)
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

    func newestLarge(_ h: LargePointer, _ d: Int, _ value: UInt32, _ t: Int64, _ low: Int64) -> Int64 {
        if t >= h.pointee.newest || h.pointee.index != nil {
            guard let (handle, bit) = findMarked(h, d, value) else { return Int64.min }
            let time = block(handle).time(bit)
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

    /// The marked event of a value: its chunk's handle and its place there.
    private func findMarked(_ h: LargePointer, _ d: Int, _ value: UInt32) -> (UInt32, Int)? {
        if h.pointee.index != nil {
            guard let entry = findEntry(h, d, value) else { return nil }
            let handle = UInt32(truncatingIfNeeded: entry.pointee)
            let block = block(handle)
            return (handle, (block.equal(d, block.count, value) & block.marks(d)).trailingZeroBitCount)
        }
        var k = h.pointee.end - 1
        while k >= h.pointee.first {
            if h.pointee.chunks[k][d] > 0 {
                let block = block(h, k)
                let mask = block.equal(d, block.count, value) & block.marks(d)
                if mask != 0 { return (h.pointee.chunks[k].handle, mask.trailingZeroBitCount) }
            }
            k -= 1
        }
        return nil
    }

    // MARK: Inserting

    func insertLarge(_ h: LargePointer, _ item: Item, _ isSpecial: Bool, _ floor: Int64) {
        dropExpired(h, floor, 2)
        let newest = h.pointee.newest
        let isAppended = h.pointee.events == 0 || item.time >= newest
        let (k, i) = makeRoom(h, item, isAppended)
        let block = block(h, k)
        let before = h.pointee.chunks[k].before
        if before != 0 {
            for d in 0..<S.values {
                let row = self.before(before, d)
                (row + i + 1).update(from: row + i, count: block.count - i)
                row[i] = UInt32(truncatingIfNeeded: item.time)
            }
        }
        block.insert(i, block.count, item)
        h.pointee.events += 1
        if isAppended { setNewest(h, item.time) }

        // The chunk's summary.
        h.pointee.chunks[k].last = block.newest
        h.pointee.chunks[k].count += 1
        h.pointee.chunks[k].sum += UInt64(item.amount)
        if S.hasMax { h.pointee.chunks[k].max = Swift.max(h.pointee.chunks[k].max, item.amount) }
        let square = S.hasSquares ? UInt128(item.amount) * UInt128(item.amount) : 0
        if S.hasSquares { h.pointee.chunks[k].squares += square }
        let bit: UInt64 = 1 << UInt64(i)
        if S.hasSpecial, isSpecial {
            block.setMarks(S.values, block.marks(S.values) | bit)
            h.pointee.chunks[k].special += 1
        }

        // The marks of its values move to it where it is the newest.
        let handle = h.pointee.chunks[k].handle
        var marked = 0
        var lost: (Int64, Int64, Int64, Int64) = (Int64.min, Int64.min, Int64.min, Int64.min)
        for d in 0..<S.values {
            let value = item[d]
            if value == 0 { continue }
            if let (old, place) = findMarked(h, d, value) {
                let other = self.block(old)
                let time = other.time(place)
                if time > item.time {
                    if h.pointee.index != nil, lateness > 0 { stepBetween(h, Place(chunk: k, offset: i), d, value, item.time) }
                    continue
                }
                if before != 0, time > floor { (self.before(before, d) + i).pointee = UInt32(truncatingIfNeeded: time) }
                other.setMarks(d, other.marks(d) & ~(1 << UInt64(place)))
                h.pointee.chunks[old == handle ? k : locate(h, old)][d] -= 1
                switch d {
                case 0: lost.0 = time
                case 1: lost.1 = time
                case 2: lost.2 = time
                default: lost.3 = time
                }
                if h.pointee.index != nil { replace(h, d, value, old, handle) }
            } else if h.pointee.index != nil {
                addEntry(h, indexKey(d, value), handle)
            }
            block.setMarks(d, block.marks(d) | bit)
            h.pointee.chunks[k][d] += 1
            marked |= 1 << d
        }
        if S.transactionBytes == 8, h.pointee.index != nil { addEntry(h, transactionKey(item.transaction), handle) }

        if let cursors = h.pointee.cursors {
            for c in 0..<cursorCount {
                let cursor = cursors + c
                if item.time > cursor.pointee.edge {
                    cursor.pointee.totals.count += 1
                    cursor.pointee.totals.sum += UInt128(item.amount)
                    if S.hasSquares { cursor.pointee.totals.squares += square }
                    if S.hasSpecial, isSpecial { cursor.pointee.totals.special += 1 }
                    for d in 0..<S.values where marked >> d & 1 != 0 { cursor.pointee.totals[d] += 1 }
                    if S.hasMax {
                        if cursor.pointee.totals.count == 1 {
                            cursor.pointee.max = item.amount
                            cursor.pointee.maxTime = item.time
                            cursor.pointee.isMaxKnown = true
                        } else if cursor.pointee.isMaxKnown {
                            if item.amount > cursor.pointee.max {
                                cursor.pointee.max = item.amount
                                cursor.pointee.maxTime = item.time
                            } else if item.amount == cursor.pointee.max {
                                cursor.pointee.maxTime = Swift.max(cursor.pointee.maxTime, item.time)
                            }
                        }
                    }
                }
                for d in 0..<S.values where marked >> d & 1 != 0 {
                    let time = d == 0 ? lost.0 : d == 1 ? lost.1 : d == 2 ? lost.2 : lost.3
                    if time > cursor.pointee.edge { cursor.pointee.totals[d] -= 1 }
                }
                if !isAppended || cursor.pointee.next == Int64.max { aim(h, cursor) }
            }
        } else if h.pointee.events >= limits.indexedFrom {
            buildIndex(h)
        }
        dropKnown(h)
    }

    /// Finds the cursor's place anew.
    private func aim(_ h: LargePointer, _ cursor: UnsafeMutablePointer<Cursor>) {
        let place = place(h, after: cursor.pointee.edge)
        cursor.pointee.chunk = Int32(place.chunk)
        cursor.pointee.offset = Int32(place.offset)
        cursor.pointee.next = place.chunk < h.pointee.end ? block(h, place.chunk).time(place.offset) : Int64.max
    }

    /// Finds the event's place in a chunk that has room for it and a format that holds it.
    private func makeRoom(_ h: LargePointer, _ item: Item, _ isAppended: Bool) -> (chunk: Int, offset: Int) {
        var k: Int
        var i: Int
        if isAppended {
            k = h.pointee.end - 1
            if k < h.pointee.first || isFull(h, k) || !fits(h, k, item.time) {
                k = insertChunk(h, at: k + 1, item)
            }
            i = Int(h.pointee.chunks[k].count)
        } else {
            let place = place(h, after: item.time)
            k = place.chunk
            i = place.offset
            if i == 0, k > h.pointee.first, !isFull(h, k - 1), fits(h, k - 1, item.time) {
                k -= 1
                i = Int(h.pointee.chunks[k].count)
            } else if !fits(h, k, item.time) {
                // Only before the first event of a chunk: what lies inside one fits.
                k = insertChunk(h, at: k, item)
                i = 0
            } else if isFull(h, k) {
                k = split(h, k)
                let half = Int(h.pointee.chunks[k].count)
                if i > half {
                    k += 1
                    i -= half
                }
            }
        }
        let handle = h.pointee.chunks[k].handle
        let format = block(handle).format | item.format(S.self)
        if format != block(handle).format {
            let old = handle
            let new = newBlock(format: format, size: layout.size(format, events: layout.full), newest: block(old).newest, count: block(old).count)
            let block = block(new)
            block.move(0, self.block(old), 0, block.count)
            for row in 0..<S.marks { block.setMarks(row, self.block(old).marks(row)) }
            h.pointee.chunks[k].handle = new
            rename(h, block, 0, old, new)
            freeChunk(old)
        }
        return (k, i)
    }

    @inline(__always)
    private func isFull(_ h: LargePointer, _ k: Int) -> Bool { Int(h.pointee.chunks[k].count) == layout.full }

    /// Whether the chunk's times, with this one, lie close enough together for four bytes.
    @inline(__always)
    private func fits(_ h: LargePointer, _ k: Int, _ time: Int64) -> Bool {
        if layout.timeBytes == 8 { return true }
        let block = block(h, k)
        return Swift.max(block.newest, time) - Swift.min(block.time(0), time) < 1 << 32
    }

    /// Room for one more chunk at place k of the directory, which may move: where it is then.
    private func openDirectory(_ h: LargePointer, at k: Int) -> Int {
        var k = k
        if h.pointee.end == h.pointee.capacity {
            let first = h.pointee.first
            let count = h.pointee.end - first
            if first > h.pointee.capacity / 4 {
                h.pointee.chunks.update(from: h.pointee.chunks + first, count: count)
            } else {
                let capacity = h.pointee.capacity * 3 / 2
                let chunks = take(capacity, of: Chunk.self)
                chunks.update(from: h.pointee.chunks + first, count: count)
                give(h.pointee.chunks, h.pointee.capacity)
                h.pointee.chunks = chunks
                h.pointee.capacity = capacity
            }
            h.pointee.first = 0
            h.pointee.end = count
            h.pointee.known -= first
            k -= first
            if let cursors = h.pointee.cursors { for c in 0..<cursorCount { cursors[c].chunk -= Int32(first) } }
        }
        (h.pointee.chunks + k + 1).update(from: h.pointee.chunks + k, count: h.pointee.end - k)
        h.pointee.end += 1
        // A new chunk among those that are not known is not known either.
        if k < h.pointee.known { h.pointee.known += 1 }
        return k
    }

    /// An empty chunk at place k of the directory, fit for the event; where it is then.
    private func insertChunk(_ h: LargePointer, at k: Int, _ item: Item) -> Int {
        let format = item.format(S.self)
        let k = openDirectory(h, at: k)
        var chunk = Chunk()
        chunk.last = item.time
        chunk.handle = newBlock(format: format, size: layout.size(format, events: layout.full), newest: item.time, count: 0)
        if h.pointee.index != nil, lateness > 0, k >= h.pointee.known { chunk.before = takeBefore() }
        h.pointee.chunks[k] = chunk
        return k
    }

    /// Moves the later half of a full chunk to a new one behind it; where the chunk is then.
    private func split(_ h: LargePointer, _ k: Int) -> Int {
        let k = openDirectory(h, at: k + 1) - 1
        let old = h.pointee.chunks[k].handle
        let block = block(old)
        let n = block.count
        let half = n / 2
        let newest = block.newest
        let last = block.time(half - 1)
        let new = newBlock(format: block.format, size: block.header.size, newest: newest, count: n - half)
        let other = self.block(new)
        other.move(0, block, half, n - half)
        for row in 0..<S.marks {
            let bits = block.marks(row)
            other.setMarks(row, bits >> UInt64(half))
            block.setMarks(row, bits & lanes_low(Int64(half)))
        }
        block.setHeader(newest: last, count: half)
        rename(h, other, 0, old, new)
        let before = h.pointee.chunks[k].before
        h.pointee.chunks[k] = summary(old)
        h.pointee.chunks[k + 1] = summary(new)
        h.pointee.chunks[k].before = before
        if before != 0 {
            let behind = takeBefore()
            for d in 0..<S.values { self.before(behind, d).update(from: self.before(before, d) + half, count: n - half) }
            h.pointee.chunks[k + 1].before = behind
        } else if h.pointee.known == k + 1 {
            h.pointee.known = k + 2
        }
        return k
    }

    // MARK: When values were last seen before

    private var beforeBytes: Int { S.values * 64 * 4 }

    @inline(__always)
    func before(_ handle: UInt32, _ d: Int) -> UnsafeMutablePointer<UInt32> {
        arena[handle].assumingMemoryBound(to: UInt32.self) + 64 &* d
    }

    private func takeBefore() -> UInt32 { take(size: arena.size(forBytes: beforeBytes)) }

    private func giveBefore(_ h: LargePointer, _ k: Int) {
        if h.pointee.chunks[k].before == 0 { return }
        give(h.pointee.chunks[k].before, size: arena.size(forBytes: beforeBytes))
        h.pointee.chunks[k].before = 0
    }

    /// Forgets it of chunks behind which no event can be late any more, two at most.
    private func dropKnown(_ h: LargePointer) {
        for _ in 0..<2 {
            guard h.pointee.known < h.pointee.end - 1, h.pointee.chunks[h.pointee.known].last < h.pointee.newest - lateness else { return }
            giveBefore(h, h.pointee.known)
            h.pointee.known += 1
        }
    }

    /// The first event behind a place with this value: its chunk and place there.
    private func successor(_ h: LargePointer, _ place: Place, _ d: Int, _ value: UInt32) -> Place? {
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
    private func stepBetween(_ h: LargePointer, _ place: Place, _ d: Int, _ value: UInt32, _ time: Int64) {
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
    private func addSeenAgain(_ h: LargePointer, _ end: Place, _ t: Int64, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<Totals>) {
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
    private func learn(_ h: LargePointer) {
        if lateness == 0 { return }
        var seen: [UInt64: Int64] = [:]
        h.pointee.known = h.pointee.first
        let from = h.pointee.newest - lateness
        for k in h.pointee.range {
            let isKnown = h.pointee.chunks[k].last >= from || k == h.pointee.end - 1
            if isKnown { h.pointee.chunks[k].before = takeBefore() } else { h.pointee.known = k + 1 }
            let block = block(h, k)
            for i in 0..<block.count {
                let time = block.time(i)
                for d in 0..<S.values {
                    let value = block.value(d, i)
                    if isKnown { before(h.pointee.chunks[k].before, d)[i] = UInt32(truncatingIfNeeded: time) }
                    if value == 0 { continue }
                    // What is too far back for four bytes is no longer retained.
                    if let last = seen.updateValue(time, forKey: UInt64(d) << 32 | UInt64(value)), isKnown, h.pointee.newest - last < 1 << 31 {
                        before(h.pointee.chunks[k].before, d)[i] = UInt32(truncatingIfNeeded: last)
                    }
                }
            }
        }
    }

    private func unlearn(_ h: LargePointer) {
        for k in h.pointee.range { giveBefore(h, k) }
    }

    // MARK: Marks of single events

    func markLarge(_ h: LargePointer, _ time: Int64, _ value: UInt32, _ transaction: UInt64, _ isSpecial: Bool) {
        var k = place(h, after: time - 1).chunk
        while k < h.pointee.end {
            let block = block(h, k)
            if block.time(0) > time { return }
            let change = mark(block, time, value, transaction, isSpecial)
            if change != 0 { changeSpecial(h, k, time, change) }
            k += 1
        }
    }

    private func changeSpecial(_ h: LargePointer, _ k: Int, _ time: Int64, _ change: Int) {
        h.pointee.chunks[k].special = UInt8(Int(h.pointee.chunks[k].special) + change)
        guard let cursors = h.pointee.cursors else { return }
        for c in 0..<cursorCount where time > cursors[c].edge { cursors[c].totals.special += Int64(change) }
    }

    func hasSpecialLarge(_ h: LargePointer, _ time: Int64, _ d: Int, _ value: UInt32, _ isTaken: Bool) -> Bool {
        let from = place(h, after: time)
        var k = from.chunk
        while k < h.pointee.end {
            if h.pointee.chunks[k].special > 0 {
                let block = block(h, k)
                let behind = k == from.chunk ? ~lanes_low(Int64(from.offset)) : ~0
                let mask = block.equal(d, block.count, value) & block.marks(S.values) & behind
                if mask != 0 {
                    if isTaken {
                        let marked = block.time(mask.trailingZeroBitCount)
                        block.setMarks(S.values, block.marks(S.values) & ~mask)
                        changeSpecial(h, k, marked, -mask.nonzeroBitCount)
                    }
                    return true
                }
            }
            k += 1
        }
        return false
    }

    func forEachLarge(_ h: LargePointer, _ transaction: UInt64, _ floor: Int64, _ body: (Item) -> Void) {
        guard let index = h.pointee.index else {
            for k in h.pointee.range where h.pointee.chunks[k].last > floor { forEach(block(h, k), transaction, floor, body) }
            return
        }
        let key = transactionKey(transaction)
        var i = home(h, key)
        // A chunk may have several events of one transaction, and then as many entries: each chunk is looked at once.
        var seen: UInt32 = 0
        while index[i] != 0 {
            let handle = UInt32(truncatingIfNeeded: index[i])
            if UInt32(truncatingIfNeeded: index[i] >> 32) == key, handle != seen {
                forEach(block(handle), transaction, floor, body)
                seen = handle
            }
            i += 1
            if i == h.pointee.indexCapacity { i = 0 }
        }
    }

    // MARK: Giving back

    /// Takes chunks out of which nothing is retained, at most so many.
    private func dropExpired(_ h: LargePointer, _ floor: Int64, _ limit: Int) {
        var left = limit
        while left > 0, h.pointee.first < h.pointee.end, h.pointee.chunks[h.pointee.first].last <= floor {
            if left == limit, let cursors = h.pointee.cursors {
                for c in 0..<cursorCount where cursors[c].edge < floor { _ = advance(h, cursors + c, floor, true, nil) }
            }
            let handle = h.pointee.chunks[h.pointee.first].handle
            let count = Int(h.pointee.chunks[h.pointee.first].count)
            if h.pointee.index != nil { forget(h, block(handle), handle) }
            giveBefore(h, h.pointee.first)
            freeChunk(handle)
            h.pointee.first += 1
            h.pointee.known = Swift.max(h.pointee.known, h.pointee.first)
            h.pointee.events -= count
            events -= count
            left -= 1
        }
    }

    func expireLarge(_ slot: UnsafeMutablePointer<UInt32>, _ floor: Int64) {
        let h = large(slot.pointee)
        if h.pointee.newest <= floor {
            events -= h.pointee.events
            lists -= 1
            freeAll(h)
            slot.pointee = 0
            return
        }
        dropExpired(h, floor, 8)
        if h.pointee.index != nil, h.pointee.events < limits.indexedUntil { dropIndex(h) }
        if h.pointee.events <= limits.largeUntil { slot.pointee = shrunk(h) }
    }

    /// The few events of a large list as one block.
    private func shrunk(_ h: LargePointer) -> UInt32 {
        var format = 0
        for k in h.pointee.range { format |= block(h, k).format }
        // Times in four bytes are told from the newest: what is no longer retained may be too far from it.
        var first = h.pointee.first
        if layout.timeBytes == 4 {
            while block(h, first).time(0) <= h.pointee.newest - 1 << 32 {
                let block = block(h, first)
                let k = block.until(h.pointee.newest - 1 << 32)
                events -= k
                h.pointee.events -= k
                if k == block.count { first += 1 } else { block.dropFirst(k) }
            }
        }
        let n = h.pointee.events
        let new = newBlock(format: format, size: layout.size(format, events: n), newest: h.pointee.newest, count: n)
        let block = block(new)
        var at = 0
        for k in first..<h.pointee.end {
            let old = self.block(h, k)
            let count = old.count
            block.move(at, old, 0, count)
            for row in 0..<S.marks { block.setMarks(row, block.marks(row) | old.marks(row) << UInt64(at)) }
            at += count
        }
        freeAll(h)
        return new
    }

    // MARK: Hints

    @inline(__always)
    func isLarge(_ handle: UInt32) -> Bool { handle != 0 && isLarge(header(handle)) }

    /// What lies behind the first 64 bytes of a block or of a large list's head.
    @inline(__always)
    func prefetchRows(_ handle: UInt32) {
        if handle == 0 { return }
        let p = arena[handle]
        let header = Header(p.load(as: UInt64.self))
        let end = isLarge(header) ? MemoryLayout<Large>.stride : arena.bytes(ofSize: header.size)
        var i = 64
        while i < end {
            weir_prefetch(p + i)
            i &+= 64
        }
    }

    /// Brings what a reading or an insertion touches first into the cache: a large list's last chunk, its directory's end, its cursors.
    @inline(__always)
    func prefetchEnd(_ handle: UInt32) {
        let h = large(handle)
        if let cursors = h.pointee.cursors {
            let p = UnsafeRawPointer(cursors)
            var i = 0
            while i < windows &* MemoryLayout<Cursor>.stride {
                weir_prefetch(p + i)
                i &+= 64
            }
        }
        if h.pointee.end > h.pointee.first { weir_prefetch(h.pointee.chunks + h.pointee.end - 1) }
    }

    /// The rows of a large list's last chunk, where the next event goes.
    @inline(__always)
    func prefetchLast(_ handle: UInt32) {
        if !isLarge(handle) { return }
        let h = large(handle)
        if h.pointee.end == h.pointee.first { return }
        let block = block(h.pointee.chunks[h.pointee.end - 1].handle)
        block.prefetch(Int(h.pointee.chunks[h.pointee.end - 1].count))
    }

    /// The entry of a value.
    @inline(__always)
    func prefetchEntry(_ handle: UInt32, _ d: Int, _ value: UInt32) {
        let h = large(handle)
        if let index = h.pointee.index { weir_prefetch(index + home(h, indexKey(d, value))) }
    }

    @inline(__always)
    func prefetchEntry(_ handle: UInt32, transaction: UInt64) {
        let h = large(handle)
        if let index = h.pointee.index { weir_prefetch(index + home(h, transactionKey(transaction))) }
    }

    // MARK: Index

    @inline(__always)
    private func mixed(_ x: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: (x &* 0x9e37_79b9_7f4a_7c15) >> 32) }
    @inline(__always)
    private func indexKey(_ d: Int, _ value: UInt32) -> UInt32 { mixed(UInt64(value) << 8 | UInt64(d + 1)) }
    @inline(__always)
    private func transactionKey(_ key: UInt64) -> UInt32 { mixed(key ^ key >> 29) }
    @inline(__always)
    private func home(_ h: LargePointer, _ key: UInt32) -> Int { Mix.home(key, h.pointee.indexCapacity) }

    private func findEntry(_ h: LargePointer, _ d: Int, _ value: UInt32) -> UnsafeMutablePointer<UInt64>? {
        let index = h.pointee.index.unsafelyUnwrapped
        let key = indexKey(d, value)
        var i = home(h, key)
        while index[i] != 0 {
            if UInt32(truncatingIfNeeded: index[i] >> 32) == key {
                let block = block(UInt32(truncatingIfNeeded: index[i]))
                if block.equal(d, block.count, value) & block.marks(d) != 0 { return index + i }
            }
            i += 1
            if i == h.pointee.indexCapacity { i = 0 }
        }
        return nil
    }

    /// The entry of a key for a chunk.
    private func findEntry(_ h: LargePointer, _ key: UInt32, _ handle: UInt32) -> UnsafeMutablePointer<UInt64> {
        let index = h.pointee.index.unsafelyUnwrapped
        let entry = UInt64(key) << 32 | UInt64(handle)
        var i = home(h, key)
        while index[i] != entry {
            precondition(index[i] != 0, "every marked event has an entry")
            i += 1
            if i == h.pointee.indexCapacity { i = 0 }
        }
        return index + i
    }

    private func replace(_ h: LargePointer, _ d: Int, _ value: UInt32, _ old: UInt32, _ new: UInt32) {
        let key = indexKey(d, value)
        findEntry(h, key, old).pointee = UInt64(key) << 32 | UInt64(new)
    }

    private func addEntry(_ h: LargePointer, _ key: UInt32, _ handle: UInt32) {
        if (h.pointee.indexCount + 1) * 20 > h.pointee.indexCapacity * 17 { resizeIndex(h, Swift.max(1024, h.pointee.indexCapacity * 5 / 4)) }
        putEntry(h, UInt64(key) << 32 | UInt64(handle))
        h.pointee.indexCount += 1
    }

    private func putEntry(_ h: LargePointer, _ entry: UInt64) {
        let index = h.pointee.index.unsafelyUnwrapped
        var i = home(h, UInt32(truncatingIfNeeded: entry >> 32))
        while index[i] != 0 {
            i += 1
            if i == h.pointee.indexCapacity { i = 0 }
        }
        index[i] = entry
    }

    private func resizeIndex(_ h: LargePointer, _ capacity: Int) {
        let old = h.pointee.index
        let oldCapacity = h.pointee.indexCapacity
        h.pointee.index = take(capacity, of: UInt64.self)
        h.pointee.indexCapacity = capacity
        guard let old else { return }
        for i in 0..<oldCapacity where old[i] != 0 { putEntry(h, old[i]) }
        give(old, oldCapacity)
    }

    private func removeEntry(_ h: LargePointer, _ entry: UnsafeMutablePointer<UInt64>) {
        let index = h.pointee.index.unsafelyUnwrapped
        let capacity = h.pointee.indexCapacity
        var i = entry - index
        var j = i
        while true {
            j += 1
            if j == capacity { j = 0 }
            if index[j] == 0 { break }
            let at = home(h, UInt32(truncatingIfNeeded: index[j] >> 32))
            let staysBehind = i <= j ? (at > i && at <= j) : (at > i || at <= j)
            if !staysBehind {
                index[i] = index[j]
                i = j
            }
        }
        index[i] = 0
        h.pointee.indexCount -= 1
    }

    /// Takes the entries of a chunk out.
    private func forget(_ h: LargePointer, _ block: Block<S>, _ handle: UInt32) {
        for d in 0..<S.values {
            var mask = block.marks(d)
            while mask != 0 {
                let i = mask.trailingZeroBitCount
                mask &= mask - 1
                removeEntry(h, findEntry(h, indexKey(d, block.value(d, i)), handle))
            }
        }
        if S.transactionBytes == 8 {
            for i in 0..<block.count { removeEntry(h, findEntry(h, transactionKey(block.transaction(i)), handle)) }
        }
        if h.pointee.indexCapacity > 4096, h.pointee.indexCount < h.pointee.indexCapacity / 3 { resizeIndex(h, h.pointee.indexCapacity / 2) }
    }

    /// Gives the entries of a block's events the block's new handle.
    private func rename(_ h: LargePointer, _ block: Block<S>, _ from: Int, _ old: UInt32, _ new: UInt32) {
        if h.pointee.index == nil { return }
        for d in 0..<S.values {
            var mask = block.marks(d) & ~lanes_low(Int64(from))
            while mask != 0 {
                let i = mask.trailingZeroBitCount
                mask &= mask - 1
                replace(h, d, block.value(d, i), old, new)
            }
        }
        if S.transactionBytes == 8 {
            for i in from..<block.count {
                let key = transactionKey(block.transaction(i))
                findEntry(h, key, old).pointee = UInt64(key) << 32 | UInt64(new)
            }
        }
    }

    private func buildIndex(_ h: LargePointer) {
        var entries = S.transactionBytes == 8 ? h.pointee.events : 0
        for k in h.pointee.range { for d in 0..<S.values { entries += Int(h.pointee.chunks[k][d]) } }
        resizeIndex(h, Swift.max(1024, entries * 4 / 3))
        let cursors = take(cursorCount, of: Cursor.self)
        cursors.initialize(repeating: Cursor(), count: cursorCount)
        h.pointee.cursors = cursors
        var totals = Totals()
        for k in h.pointee.range {
            let handle = h.pointee.chunks[k].handle
            let block = block(handle)
            addChunk(h.pointee.chunks[k], &totals)
            for d in 0..<S.values {
                var mask = block.marks(d)
                while mask != 0 {
                    addEntry(h, indexKey(d, block.value(d, mask.trailingZeroBitCount)), handle)
                    mask &= mask - 1
                }
            }
            if S.transactionBytes == 8 { for i in 0..<block.count { addEntry(h, transactionKey(block.transaction(i)), handle) } }
        }
        learn(h)
        totals.max = 0
        for c in 0..<cursorCount {
            cursors[c].totals = totals
            aim(h, cursors + c)
        }
    }

    private func dropIndex(_ h: LargePointer) {
        unlearn(h)
        if let index = h.pointee.index { give(index, h.pointee.indexCapacity) }
        if let cursors = h.pointee.cursors { give(cursors, cursorCount) }
        h.pointee.index = nil
        h.pointee.cursors = nil
        h.pointee.indexCapacity = 0
        h.pointee.indexCount = 0
    }
}
