import CLanes
import CPlatform

/// The marked event of a value: its chunk's handle, its place there, and its entry in the index, where there is one; where not, the chunk's place.
struct Marked {
    var handle: UInt32
    var place: Int
    var entry: UnsafeMutablePointer<UInt32>?
    var chunk = 0
}

/// An entry of the index: the number of the chunk that has the event (20 bits, counted from 1), 6 bits of the key's hash, and how far the entry lies behind its home (6).
///
/// With the home, which follows from its place, an entry tells some log2(entries) + 6 bits of the hash: what it names beyond is seen in the chunk. 0 is empty.
struct IndexEntry {
    var word: UInt32

    static let numbers = 1 << 20 - 1
    /// An entry lies no further behind its home than this.
    static let reach: UInt32 = 63

    @inline(__always)
    init(_ word: UInt32) { self.word = word }
    @inline(__always)
    init(hash: UInt32, number: UInt32) { word = (hash & 63) << 20 | number &+ 1 }

    @inline(__always) var isEmpty: Bool { word == 0 }
    @inline(__always) var distance: UInt32 { word >> 26 }
    @inline(__always) var number: UInt32 { word & 0xf_ffff &- 1 }
    /// One place further behind its home.
    @inline(__always) var behind: IndexEntry { IndexEntry(word &+ 1 << 26) }
    @inline(__always) var before: IndexEntry { IndexEntry(word &- 1 << 26) }
    /// Whether it may be one of this hash, whose home lies as far before it.
    @inline(__always)
    func mayBe(_ hash: UInt32, _ distance: UInt32) -> Bool { word >> 20 == distance << 6 | hash & 63 }
    @inline(__always)
    func with(_ number: UInt32) -> IndexEntry { IndexEntry(word & ~0xf_ffff | number &+ 1) }
}

/// Where the marked event of a value, and every transaction, of a large list is.
///
/// An open-addressing table in the order of the homes (Celis, Larson and Munro, "Robin Hood hashing", 1985): a search ends where the entries' homes lie behind its own.
extension Lists {
    @inline(__always)
    private func hash(_ x: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: (x &* 0x9e37_79b9_7f4a_7c15) >> 32) }
    @inline(__always)
    func indexHash(_ d: Int, _ value: UInt32) -> UInt32 { hash(UInt64(value) << 8 | UInt64(d + 1)) }
    @inline(__always)
    func indexHash(transaction: UInt64) -> UInt32 { hash(transaction ^ transaction >> 29) }

    @inline(__always)
    func prefetchIndex(_ h: LargePointer, _ hash: UInt32) {
        if let index = h.pointee.index { weir_prefetch(index + Mix.home(hash, h.pointee.indexCapacity)) }
    }

    /// Calls with the entries that may be of this hash, and each one's chunk, until one is taken: that is returned.
    ///
    /// - Complexity: O(1) expected.
    @inline(__always)
    func searchIndex(_ h: LargePointer, _ hash: UInt32, _ take: (UnsafeMutablePointer<UInt32>, UInt32) -> Bool) -> UnsafeMutablePointer<UInt32>? {
        let index = h.pointee.index.unsafelyUnwrapped
        let numbers = h.pointee.numbers.unsafelyUnwrapped
        var i = Mix.home(hash, h.pointee.indexCapacity)
        var distance: UInt32 = 0
        while true {
            let entry = IndexEntry(index[i])
            if entry.isEmpty || entry.distance < distance { return nil }
            if entry.mayBe(hash, distance), take(index + i, numbers[Int(entry.number)]) { return index + i }
            i &+= 1
            if i == h.pointee.indexCapacity { i = 0 }
            distance &+= 1
        }
    }

    /// The marked event of a value.
    ///
    /// - Complexity: O(1) expected.
    func findIndexed(_ h: LargePointer, _ d: Int, _ value: UInt32) -> Marked? {
        var marked: Marked?
        _ = searchIndex(h, indexHash(d, value)) { entry, handle in
            let block = block(handle)
            let mask = block.equal(d, block.count, value) & block.marks(d)
            if mask == 0 { return false }
            marked = Marked(handle: handle, place: mask.trailingZeroBitCount, entry: entry)
            return true
        }
        return marked
    }

    /// The entry of a hash for a chunk; of several, which are alike, any.
    private func findEntry(_ h: LargePointer, _ hash: UInt32, _ number: UInt32) -> UnsafeMutablePointer<UInt32> {
        let entry = searchIndex(h, hash) { entry, _ in IndexEntry(entry.pointee).number == number }
        precondition(entry != nil, "every marked event has an entry")
        return entry.unsafelyUnwrapped
    }

    // MARK: Entering

    /// Enters an event's values and its transaction, which are in their chunk and marked by now.
    func enter(_ h: LargePointer, _ item: Item, _ values: Int, _ number: UInt32) {
        let isFull = (h.pointee.indexCount &+ values.nonzeroBitCount &+ 1) &* 20 > h.pointee.indexCapacity &* 17
        if isFull || !putAll(h, item, values, number) { rebuildIndex(h, h.pointee.indexCapacity * 5 / 4) }
    }

    private func putAll(_ h: LargePointer, _ item: Item, _ values: Int, _ number: UInt32) -> Bool {
        for d in 0..<S.values where values >> d & 1 != 0 && !put(h, indexHash(d, item[d]), number) { return false }
        return S.transactionBytes < 8 || put(h, indexHash(transaction: item.transaction), number)
    }

    /// Calls with the hash of each of a chunk's entries, until one call says false: then so does this.
    @inline(__always)
    private func forEachHash(_ block: Block<S>, _ body: (UInt32) -> Bool) -> Bool {
        for d in 0..<S.values {
            var mask = block.marks(d)
            while mask != 0 {
                if !body(indexHash(d, block.value(d, mask.trailingZeroBitCount))) { return false }
                mask &= mask - 1
            }
        }
        if S.transactionBytes == 8 { for i in 0..<block.count where !body(indexHash(transaction: block.transaction(i))) { return false } }
        return true
    }

    /// False where an entry would lie too far behind its home: then all must be entered anew, in a larger index.
    private func put(_ h: LargePointer, _ hash: UInt32, _ number: UInt32) -> Bool {
        let index = h.pointee.index.unsafelyUnwrapped
        var entry = IndexEntry(hash: hash, number: number)
        var i = Mix.home(hash, h.pointee.indexCapacity)
        while true {
            let there = IndexEntry(index[i])
            if there.isEmpty || there.distance < entry.distance { index[i] = entry.word }
            if there.isEmpty { break }
            if there.distance < entry.distance { entry = there }
            if entry.distance == IndexEntry.reach { return false }
            entry = entry.behind
            i &+= 1
            if i == h.pointee.indexCapacity { i = 0 }
        }
        h.pointee.indexCount &+= 1
        return true
    }

    /// Enters all that the chunks hold into an index of at least so many places.
    private func rebuildIndex(_ h: LargePointer, _ capacity: Int) {
        var capacity = Swift.max(1024, capacity)
        while true {
            if let old = h.pointee.index { give(old, h.pointee.indexCapacity) }
            h.pointee.index = take(capacity, of: UInt32.self)
            h.pointee.indexCapacity = capacity
            h.pointee.indexCount = 0
            if enterAll(h) { return }
            capacity = capacity * 9 / 8
        }
    }

    private func enterAll(_ h: LargePointer) -> Bool {
        for k in h.pointee.range where !forEachHash(block(h, k), { put(h, $0, h.pointee.chunks[k].number) }) { return false }
        return true
    }

    // MARK: Taking out

    private func remove(_ h: LargePointer, _ entry: UnsafeMutablePointer<UInt32>) {
        let index = h.pointee.index.unsafelyUnwrapped
        var i = entry - index
        while true {
            var next = i + 1
            if next == h.pointee.indexCapacity { next = 0 }
            let behind = IndexEntry(index[next])
            if behind.isEmpty || behind.distance == 0 { break }
            index[i] = behind.before.word
            i = next
        }
        index[i] = 0
        h.pointee.indexCount -= 1
    }

    /// Takes the entries of a chunk out, and gives its number back.
    func forget(_ h: LargePointer, _ k: Int) {
        let number = h.pointee.chunks[k].number
        _ = forEachHash(block(h, k)) {
            remove(h, findEntry(h, $0, number))
            return true
        }
        giveNumber(h, number)
    }

    /// Makes the index smaller where most of it is empty.
    func shrinkIndex(_ h: LargePointer) {
        if h.pointee.indexCapacity > 4096, h.pointee.indexCount < h.pointee.indexCapacity / 3 { rebuildIndex(h, h.pointee.indexCapacity / 2) }
    }

    /// Lets the entries of a chunk's events name the chunk that has them now.
    func renumber(_ h: LargePointer, _ block: Block<S>, from old: UInt32, to new: UInt32) {
        _ = forEachHash(block) {
            let entry = findEntry(h, $0, old)
            entry.pointee = IndexEntry(entry.pointee).with(new).word
            return true
        }
    }

    // MARK: Numbers

    /// A number for a chunk of a list that has an index.
    func takeNumber(_ h: LargePointer, _ handle: UInt32) -> UInt32 {
        if h.pointee.freeNumber != 0 {
            let number = h.pointee.freeNumber - 1
            h.pointee.freeNumber = h.pointee.numbers.unsafelyUnwrapped[Int(number)]
            h.pointee.numbers.unsafelyUnwrapped[Int(number)] = handle
            return number
        }
        let count = h.pointee.numberCount
        precondition(count < IndexEntry.numbers, "a list of at most a million chunks")
        if count == h.pointee.numberCapacity {
            let capacity = Swift.max(16, count * 3 / 2)
            let numbers = take(capacity, of: UInt32.self)
            if let old = h.pointee.numbers {
                numbers.update(from: old, count: count)
                give(old, count)
            }
            h.pointee.numbers = numbers
            h.pointee.numberCapacity = capacity
        }
        h.pointee.numbers.unsafelyUnwrapped[count] = handle
        h.pointee.numberCount += 1
        return UInt32(count)
    }

    private func giveNumber(_ h: LargePointer, _ number: UInt32) {
        h.pointee.numbers.unsafelyUnwrapped[Int(number)] = h.pointee.freeNumber
        h.pointee.freeNumber = number + 1
    }

    // MARK: Making and undoing

    func buildIndex(_ h: LargePointer) {
        var entries = S.transactionBytes == 8 ? h.pointee.events : 0
        for k in h.pointee.range {
            for d in 0..<S.values { entries += Int(h.pointee.chunks[k][d]) }
            h.pointee.chunks[k].number = takeNumber(h, h.pointee.chunks[k].handle)
        }
        rebuildIndex(h, entries * 4 / 3)
        let cursors = take(cursorCount, of: Cursor.self)
        cursors.initialize(repeating: Cursor(), count: cursorCount)
        h.pointee.cursors = cursors
        var totals = Totals()
        for k in h.pointee.range { addChunk(h.pointee.chunks[k], &totals) }
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
        if let numbers = h.pointee.numbers { give(numbers, h.pointee.numberCapacity) }
        if let cursors = h.pointee.cursors { give(cursors, cursorCount) }
        h.pointee.index = nil
        h.pointee.numbers = nil
        h.pointee.cursors = nil
        h.pointee.indexCapacity = 0
        h.pointee.indexCount = 0
        h.pointee.numberCapacity = 0
        h.pointee.numberCount = 0
        h.pointee.freeNumber = 0
    }
}
