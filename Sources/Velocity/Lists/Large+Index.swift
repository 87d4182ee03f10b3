import CLanes

/// Where the marked event of a value, and every transaction, of a large list is.
extension Lists {
    @inline(__always)
    func mixed(_ x: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: (x &* 0x9e37_79b9_7f4a_7c15) >> 32) }
    @inline(__always)
    func indexKey(_ d: Int, _ value: UInt32) -> UInt32 { mixed(UInt64(value) << 8 | UInt64(d + 1)) }
    @inline(__always)
    func transactionKey(_ key: UInt64) -> UInt32 { mixed(key ^ key >> 29) }
    @inline(__always)
    func home(_ h: LargePointer, _ key: UInt32) -> Int { Mix.home(key, h.pointee.indexCapacity) }

    func findEntry(_ h: LargePointer, _ d: Int, _ value: UInt32) -> UnsafeMutablePointer<UInt64>? {
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
    func findEntry(_ h: LargePointer, _ key: UInt32, _ handle: UInt32) -> UnsafeMutablePointer<UInt64> {
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

    func replace(_ h: LargePointer, _ d: Int, _ value: UInt32, _ old: UInt32, _ new: UInt32) {
        let key = indexKey(d, value)
        findEntry(h, key, old).pointee = UInt64(key) << 32 | UInt64(new)
    }

    func addEntry(_ h: LargePointer, _ key: UInt32, _ handle: UInt32) {
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
