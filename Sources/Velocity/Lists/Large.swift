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
    /// By which the index names it, where there is one.
    var number: UInt32 = 0
    var count: UInt8 = 0
    var special: UInt8 = 0
    var marks: (UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0)
    /// Format and size of its block, as in the block's header.
    var shape: UInt8 = 0
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
    /// Where the marked event of a value, and every transaction, is: an `IndexEntry` each.
    var index: UnsafeMutablePointer<UInt32>?
    var indexCapacity = 0
    var indexCount = 0
    /// The handles of the chunks by their numbers; of a number that is free, the next free one.
    var numbers: UnsafeMutablePointer<UInt32>?
    var numberCapacity = 0
    var numberCount = 0
    /// The first free number, counted from 1; 0: none.
    var freeNumber: UInt32 = 0
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
    func block(_ h: LargePointer, _ k: Int) -> Block<S> { block(h.pointee.chunks + k) }

    /// Its shape is in the directory too: the block's own header need not be there yet.
    @inline(__always)
    func block(_ chunk: UnsafeMutablePointer<Chunk>) -> Block<S> { Block(arena[chunk.pointee.handle], layout, shape: chunk.pointee.shape) }

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

    func setNewest(_ h: LargePointer, _ time: Int64) {
        h.pointee.word = Header(newest: time, count: 0, size: Header.large, format: 0).word
    }

    func summary(_ handle: UInt32) -> Chunk {
        let block = block(handle)
        let n = block.count
        var chunk = Chunk()
        chunk.handle = handle
        chunk.shape = block.header.shape
        chunk.last = block.newest
        chunk.count = UInt8(n)
        let amounts = block.amounts(0, n)
        chunk.sum = amounts.sum
        if S.hasMax { chunk.max = amounts.max }
        if S.hasSquares { chunk.squares = amounts.squares }
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

    func freeChunk(_ handle: UInt32) { give(handle, size: header(handle).size) }

    private func freeHead(_ h: LargePointer) {
        give(h.pointee.chunks, h.pointee.capacity)
        give(h, 1)
    }

    // MARK: Places

    /// The first event above `time`, or the place behind the last.
    ///
    /// - Complexity: O(log chunks).
    func place(_ h: LargePointer, after time: Int64) -> Place {
        let k = chunk(h, reaching: time + 1)
        if k == h.pointee.end { return Place(chunk: k, offset: 0) }
        return Place(chunk: k, offset: block(h, k).until(time))
    }

    /// The first chunk whose newest event is not before `time`, or the end.
    ///
    /// Where events come evenly, its place can be told from its time: the search begins there, and widens.
    /// - Complexity: O(log chunks).
    func chunk(_ h: LargePointer, reaching time: Int64) -> Int {
        let chunks = h.pointee.chunks
        var low = h.pointee.first
        var high = h.pointee.end
        if high - low > 16 {
            let (oldest, newest) = (chunks[low].last, h.pointee.newest)
            if time <= oldest { return low }
            if time > newest { return high }
            let guess = low + Int(Double(time - oldest) / Double(newest - oldest) * Double(high - 1 - low))
            var step = 2
            if chunks[guess].last >= time {
                high = guess
                while high - step > low, chunks[high - step].last >= time {
                    high -= step
                    step *= 2
                }
                low = Swift.max(low, high - step)
            } else {
                low = guess + 1
                while low + step < high, chunks[low + step].last < time {
                    low += step + 1
                    step *= 2
                }
                high = Swift.min(high, low + step)
            }
        }
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].last >= time { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Which place of the directory has this chunk.
    func locate(_ h: LargePointer, _ handle: UInt32) -> Int {
        var k = chunk(h, reaching: header(handle).newest)
        while h.pointee.chunks[k].handle != handle { k += 1 }
        precondition(k < h.pointee.end, "a chunk of the list")
        return k
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
        if h.pointee.index == nil {
            for k in h.pointee.range where h.pointee.chunks[k].last > floor { forEach(block(h, k), transaction, floor, body) }
            return
        }
        // A chunk may have several events of one transaction, and then as many entries.
        var seen: UInt32 = 0
        _ = searchIndex(h, indexHash(transaction: transaction)) { _, handle in
            if handle != seen { forEach(block(handle), transaction, floor, body) }
            seen = handle
            return false
        }
    }

    // MARK: Giving back

    /// Takes chunks out of which nothing is retained, at most so many.
    func dropExpired(_ h: LargePointer, _ floor: Int64, _ limit: Int) {
        var left = limit
        while left > 0, h.pointee.first < h.pointee.end, h.pointee.chunks[h.pointee.first].last <= floor {
            if left == limit, let cursors = h.pointee.cursors {
                for c in 0..<cursorCount where cursors[c].edge < floor { _ = advance(h, cursors + c, floor, true) }
            }
            let handle = h.pointee.chunks[h.pointee.first].handle
            let count = Int(h.pointee.chunks[h.pointee.first].count)
            let isIndexed = h.pointee.index != nil
            if isIndexed { forget(h, h.pointee.first) }
            giveBefore(h, h.pointee.first)
            freeChunk(handle)
            h.pointee.first += 1
            h.pointee.known = Swift.max(h.pointee.known, h.pointee.first)
            h.pointee.events -= count
            events -= count
            left -= 1
            if isIndexed { shrinkIndex(h) }
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
        for row in 0..<S.marks { block.setMarks(row, 0) }
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
        // Without cursors all summaries are looked at.
        let first = h.pointee.cursors == nil ? h.pointee.first : Swift.max(h.pointee.first, h.pointee.end - 1)
        for k in first..<h.pointee.end { weir_prefetch(h.pointee.chunks + k) }
    }

    /// The rows of a large list's last chunk, where the next event goes, and of those that edges of windows move over.
    ///
    /// - Parameter time: of the next event.
    @inline(__always)
    func prefetchLast(_ handle: UInt32, _ time: Int64, _ lengths: UnsafePointer<Int64>) {
        let h = large(handle)
        if h.pointee.end == h.pointee.first { return }
        if let cursors = h.pointee.cursors {
            for w in 0..<windows where cursors[w].next <= time &- lengths[w] {
                let edge = block(h, Int(cursors[w].chunk))
                weir_prefetch(edge.p)
                edge.prefetch(Int(cursors[w].offset))
            }
        } else {
            prefetchEdges(h, time, lengths)
        }
        let last = h.pointee.chunks + h.pointee.end - 1
        let block = block(last)
        weir_prefetch(block.p)
        block.prefetch(Int(last.pointee.count))
    }

    /// What tells the sums at the edges of windows, where no cursor does.
    private func prefetchEdges(_ h: LargePointer, _ time: Int64, _ lengths: UnsafePointer<Int64>) {
        let first = h.pointee.chunks + h.pointee.first
        var chunk = h.pointee.chunks + h.pointee.end - 1
        for w in 0..<windows {
            let later = chunk
            while chunk > first, chunk[-1].last > time &- lengths[w] { chunk -= 1 }
            if chunk < later { block(chunk).prefetchSums() }
        }
    }

    /// The rows in which a value is looked for, where no index tells its chunk.
    func prefetchScan(_ handle: UInt32, _ d: Int) {
        let h = large(handle)
        if h.pointee.index != nil || h.pointee.end == h.pointee.first { return }
        // The last chunk is asked for already.
        for k in h.pointee.first..<h.pointee.end - 1 where h.pointee.chunks[k][d] > 0 { block(h, k).prefetchLows(d) }
    }

    /// The entry of a value.
    @inline(__always)
    func prefetchEntry(_ handle: UInt32, _ d: Int, _ value: UInt32) {
        let h = large(handle)
        prefetchIndex(h, indexHash(d, value))
    }

    /// The chunk with the marked event of a value: its header, and the rows that are looked at.
    @inline(__always)
    func prefetchMarked(_ handle: UInt32, _ d: Int, _ value: UInt32) {
        let h = large(handle)
        if h.pointee.index == nil || value == 0 { return }
        // Its own header is not there yet: most likely it has the last chunk's shape.
        let shape = h.pointee.chunks[h.pointee.end &- 1].shape
        _ = searchIndex(h, indexHash(d, value)) { _, handle in
            Block(arena[handle], layout, shape: shape).prefetchValues(d)
            return true
        }
    }

    @inline(__always)
    func prefetchEntry(_ handle: UInt32, transaction: UInt64) {
        let h = large(handle)
        prefetchIndex(h, indexHash(transaction: transaction))
    }
}
