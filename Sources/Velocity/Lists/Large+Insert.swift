import CLanes

/// Taking an event into a large list, in its place.
extension Lists {
    func insertLarge(_ h: LargePointer, _ item: Item, _ isSpecial: Bool, _ floor: Int64) {
        dropExpired(h, floor, 2)
        let newest = h.pointee.newest
        let isAppended = h.pointee.events == 0 || item.time >= newest
        let (k, i) = makeRoom(h, item, isAppended)
        let chunk = h.pointee.chunks + k
        let block = block(h, k)
        let n = Int(chunk.pointee.count)
        let before = chunk.pointee.before
        if before != 0 { openBefore(before, i, n, item.time) }
        let bit: UInt64 = 1 << UInt64(i)
        if i == n, item.time >= block.newest || n == 0 {
            block.append(n, item)
            for row in 0..<S.marks { block.setMarks(row, block.marks(row) & (bit &- 1)) }
        } else {
            block.insert(i, n, item)
        }
        h.pointee.events += 1
        if isAppended { setNewest(h, item.time) }

        // The chunk's summary.
        chunk.pointee.last = block.newest
        chunk.pointee.count = UInt8(truncatingIfNeeded: n + 1)
        chunk.pointee.sum += UInt64(item.amount)
        if S.hasMax { chunk.pointee.max = Swift.max(chunk.pointee.max, item.amount) }
        let square = S.hasSquares ? square(item.amount) : 0
        if S.hasSquares { chunk.pointee.squares += square }
        if S.hasSpecial, isSpecial {
            block.setMarks(S.values, block.marks(S.values) | bit)
            chunk.pointee.special += 1
        }

        // The marks of its values move to it where it is the newest.
        var marked = 0
        var entered = 0
        var lost: (Int64, Int64, Int64, Int64) = (Int64.min, Int64.min, Int64.min, Int64.min)
        for d in 0..<S.values {
            let value = item[d]
            if value == 0 { continue }
            if let newest = findMarked(h, d, value) {
                let other = self.block(newest.handle)
                let time = other.time(newest.place)
                if time > item.time {
                    if h.pointee.index != nil, lateness > 0 { stepBetween(h, Place(chunk: k, offset: i), d, value, item.time) }
                    continue
                }
                if before != 0, time > floor { (self.before(before, d) + i).pointee = UInt32(truncatingIfNeeded: time) }
                other.setMarks(d, other.marks(d) & ~(1 << UInt64(newest.place)))
                switch d {
                case 0: lost.0 = time
                case 1: lost.1 = time
                case 2: lost.2 = time
                default: lost.3 = time
                }
                if let entry = newest.entry {
                    h.pointee.chunks[newest.handle == chunk.pointee.handle ? k : locate(h, newest.handle)][d] -= 1
                    entry.pointee = IndexEntry(entry.pointee).with(chunk.pointee.number).word
                } else {
                    h.pointee.chunks[newest.chunk][d] -= 1
                }
            } else {
                entered |= 1 << d
            }
            block.setMarks(d, block.marks(d) | bit)
            chunk.pointee[d] += 1
            marked |= 1 << d
        }
        if h.pointee.index != nil { enter(h, item, entered, chunk.pointee.number) }

        if let cursors = h.pointee.cursors {
            for c in 0..<cursorCount {
                addToCursor(cursors + c, item, isSpecial, square, marked, lost)
                if !isAppended || cursors[c].next == Int64.max { aim(h, cursors + c) }
            }
        } else if h.pointee.events >= limits.indexedFrom {
            buildIndex(h)
        }
        dropKnown(h)
    }

    /// Makes room at place i of n for what is known of an event's values: of each, until it is found, that it was never seen before.
    @inline(__always)
    private func openBefore(_ before: UInt32, _ i: Int, _ n: Int, _ time: Int64) {
        for d in 0..<S.values {
            let row = self.before(before, d)
            if i < n { (row + i + 1).update(from: row + i, count: n - i) }
            row[i] = UInt32(truncatingIfNeeded: time)
        }
    }

    /// - Parameters:
    ///   - marked: bit d says that the event took the mark of its value of that dimension.
    ///   - lost: the times of the events that had those marks.
    @inline(__always)
    private func addToCursor(
        _ cursor: UnsafeMutablePointer<Cursor>, _ item: Item, _ isSpecial: Bool, _ square: UInt128, _ marked: Int, _ lost: (Int64, Int64, Int64, Int64)
    ) {
        let edge = cursor.pointee.edge
        // What took a mark counts where what had it does not: that one is older.
        if S.values > 0 { cursor.pointee.totals.distinct.0 += gained(marked & 1, item.time > edge, lost.0 > edge) }
        if S.values > 1 { cursor.pointee.totals.distinct.1 += gained(marked >> 1 & 1, item.time > edge, lost.1 > edge) }
        if S.values > 2 { cursor.pointee.totals.distinct.2 += gained(marked >> 2 & 1, item.time > edge, lost.2 > edge) }
        if S.values > 3 { cursor.pointee.totals.distinct.3 += gained(marked >> 3 & 1, item.time > edge, lost.3 > edge) }
        if item.time <= edge { return }
        cursor.pointee.totals.count += 1
        cursor.pointee.totals.sum += UInt128(item.amount)
        if S.hasSquares { cursor.pointee.totals.squares += square }
        if S.hasSpecial, isSpecial { cursor.pointee.totals.special += 1 }
        if !S.hasMax { return }
        if cursor.pointee.totals.count == 1 {
            cursor.pointee.max = item.amount
            cursor.pointee.maxTime = item.time
            cursor.pointee.isMaxKnown = true
        } else if cursor.pointee.isMaxKnown, item.amount >= cursor.pointee.max {
            cursor.pointee.maxTime = item.amount > cursor.pointee.max ? item.time : Swift.max(cursor.pointee.maxTime, item.time)
            cursor.pointee.max = item.amount
        }
    }

    @inline(__always)
    private func gained(_ marked: Int, _ isAbove: Bool, _ wasAbove: Bool) -> Int64 { marked == 0 || isAbove == wasAbove ? 0 : 1 }

    /// Finds the cursor's place anew.
    func aim(_ h: LargePointer, _ cursor: UnsafeMutablePointer<Cursor>) {
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
            h.pointee.chunks[k].shape = header(new).shape
            if let numbers = h.pointee.numbers { numbers[Int(h.pointee.chunks[k].number)] = new }
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
        chunk.shape = header(chunk.handle).shape
        if h.pointee.index != nil {
            chunk.number = takeNumber(h, chunk.handle)
            if lateness > 0, k >= h.pointee.known { chunk.before = takeBefore() }
        }
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
        let before = h.pointee.chunks[k].before
        let number = h.pointee.chunks[k].number
        h.pointee.chunks[k] = summary(old)
        h.pointee.chunks[k + 1] = summary(new)
        if h.pointee.index != nil {
            h.pointee.chunks[k].number = number
            h.pointee.chunks[k + 1].number = takeNumber(h, new)
            renumber(h, other, from: number, to: h.pointee.chunks[k + 1].number)
        }
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
}
