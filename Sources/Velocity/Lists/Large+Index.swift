import CLanes

/// The marked event of a value: its chunk's handle, its place there, and its entry in the index, where there is one.
struct Marked {
    var handle: UInt32
    var place: Int
    var entry: UnsafeMutablePointer<UInt64>?
}

/// Where the marked event of a value, and every transaction, of a large list is.
extension Lists {
    /// 26 bits of a hash, in the upper ones; the lower six are an event's place in its chunk.
    @inline(__always)
    func mixed(_ x: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: (x &* 0x9e37_79b9_7f4a_7c15) >> 32) & ~63 }
    @inline(__always)
    func indexKey(_ d: Int, _ value: UInt32) -> UInt32 { mixed(UInt64(value) << 8 | UInt64(d + 1)) }
    @inline(__always)
    func transactionKey(_ key: UInt64) -> UInt32 { mixed(key ^ key >> 29) }
    @inline(__always)
    func home(_ h: LargePointer, _ key: UInt32) -> Int { Mix.home(key, h.pointee.indexCapacity) }
    @inline(__always)
    func entry(_ key: UInt32, _ handle: UInt32, _ place: Int) -> UInt64 { UInt64(key | UInt32(truncatingIfNeeded: place)) << 32 | UInt64(handle) }
    @inline(__always)
    func key(_ entry: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: entry >> 32) & ~63 }
    /// Where the event was when its entry was made: late ones before it may have moved it since.
    @inline(__always)
    func place(_ entry: UInt64) -> Int { Int(truncatingIfNeeded: entry >> 32 & 63) }

    /// The marked event of a value.
    ///
    /// - Complexity: O(1) expected.
    func findIndexed(_ h: LargePointer, _ d: Int, _ value: UInt32) -> Marked? {
        let index = h.pointee.index.unsafelyUnwrapped
        let key = indexKey(d, value)
        var i = home(h, key)
        while index[i] != 0 {
            if self.key(index[i]) == key {
                let handle = UInt32(truncatingIfNeeded: index[i])
                let block = block(handle)
                let place = place(index[i])
                if block.isMarked(d, place), block.value(d, place) == value { return Marked(handle: handle, place: place, entry: index + i) }
                let mask = block.equal(d, block.count, value) & block.marks(d)
                if mask != 0 { return Marked(handle: handle, place: mask.trailingZeroBitCount, entry: index + i) }
            }
            i &+= 1
            if i == h.pointee.indexCapacity { i = 0 }
        }
        return nil
    }

    /// The entry of a key for a chunk: of several, any.
    func findEntry(_ h: LargePointer, _ key: UInt32, _ handle: UInt32) -> UnsafeMutablePointer<UInt64> {
        let index = h.pointee.index.unsafelyUnwrapped
        var i = home(h, key)
        while self.key(index[i]) != key || UInt32(truncatingIfNeeded: index[i]) != handle {
            precondition(index[i] != 0, "every marked event has an entry")
            i &+= 1
            if i == h.pointee.indexCapacity { i = 0 }
        }
        return index + i
    }

    func addEntry(_ h: LargePointer, _ key: UInt32, _ handle: UInt32, _ place: Int) {
        if (h.pointee.indexCount + 1) * 20 > h.pointee.indexCapacity * 17 { resizeIndex(h, Swift.max(1024, h.pointee.indexCapacity * 5 / 4)) }
        putEntry(h, entry(key, handle, place))
        h.pointee.indexCount += 1
    }

    private func putEntry(_ h: LargePointer, _ entry: UInt64) {
        let index = h.pointee.index.unsafelyUnwrapped
        var i = home(h, key(entry))
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
            let at = home(h, key(index[j]))
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
    func forget(_ h: LargePointer, _ block: Block<S>, _ handle: UInt32) {
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
    func rename(_ h: LargePointer, _ block: Block<S>, _ from: Int, _ old: UInt32, _ new: UInt32) {
        if h.pointee.index == nil { return }
        for d in 0..<S.values {
            var mask = block.marks(d) & ~lanes_low(Int64(from))
            while mask != 0 {
                let i = mask.trailingZeroBitCount
                mask &= mask - 1
                let key = indexKey(d, block.value(d, i))
                findEntry(h, key, old).pointee = entry(key, new, i)
            }
        }
        if S.transactionBytes == 8 {
            for i in from..<block.count {
                let key = transactionKey(block.transaction(i))
                findEntry(h, key, old).pointee = entry(key, new, i)
            }
        }
    }

    func buildIndex(_ h: LargePointer) {
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
                    let i = mask.trailingZeroBitCount
                    addEntry(h, indexKey(d, block.value(d, i)), handle, i)
                    mask &= mask - 1
                }
            }
            if S.transactionBytes == 8 { for i in 0..<block.count { addEntry(h, transactionKey(block.transaction(i)), handle, i) } }
        }
        learn(h)
        totals.max = 0
        for c in 0..<cursorCount {
            cursors[c].totals = totals
            aim(h, cursors + c)
        }
    }

    func dropIndex(_ h: LargePointer) {
        unlearn(h)
        if let index = h.pointee.index { give(index, h.pointee.indexCapacity) }
        if let cursors = h.pointee.cursors { give(cursors, cursorCount) }
        h.pointee.index = nil
        h.pointee.cursors = nil
        h.pointee.indexCapacity = 0
        h.pointee.indexCount = 0
    }
}
