import CLanes
import CPlatform

/// Where a list changes its form. Tests set them low, so that short streams see every form.
struct Limits {
    /// Events of a full block at most, 2 ... 64.
    var block = 64
    /// Events from which a large list has an index and cursors, and below which it has none any more.
    var indexedFrom = 512
    var indexedUntil = 256
    /// Events until which a large list becomes a block again; at most a block's.
    var largeUntil = 32
}

/// All lists of one kind. A list is named by a handle in its entity's record, 0 while it is empty.
///
/// A list of up to 64 events is one `Block`, and has no state beside it: a window is a range of places, found by comparing times. A longer one is a
/// `Large`. Both keep the events ascending by time, of equal times in the order of application.
final class Lists<S: Shape> {
    let arena: Arena
    let layout: Layout<S>
    /// Number of windows.
    let windows: Int
    /// Whether the cursors of a delay behind are kept.
    let hasDelayed: Bool

    /// Events held, those included that are no longer retained.
    var events = 0
    /// Lists that hold events.
    var lists = 0
    /// Bytes that the lists hold.
    private(set) var bytes = 0
    let scratch = LastSeen()
    /// What is said of the windows of a large list that its cursors do not tell.
    let totals: UnsafeMutablePointer<Totals>

    let limits: Limits

    /// How far behind a large list's newest event it is known of each event when its values were last seen before; 0: of none.
    let lateness: Int64

    init(_ arena: Arena, windows: Int, isWide: Bool, hasDelayed: Bool, lateness: Int64 = 0, limits: Limits) {
        self.arena = arena
        self.lateness = isWide || S.values == 0 ? 0 : lateness
        self.limits = limits
        layout = Layout(isWide: isWide, limit: limits.block)
        self.windows = windows
        self.hasDelayed = S.hasDelayed && hasDelayed
        totals = .allocate(capacity: windows)
        totals.initialize(repeating: Totals(), count: windows)
    }

    deinit { totals.deallocate() }

    // MARK: Memory

    @inline(__always)
    func take(size: Int) -> UInt32 {
        bytes += arena.bytes(ofSize: size)
        return arena.allocate(size: size)
    }

    @inline(__always)
    func give(_ handle: UInt32, size: Int) {
        bytes -= arena.bytes(ofSize: size)
        arena.free(handle, size: size)
    }

    func take<T>(_ count: Int, of _: T.Type) -> UnsafeMutablePointer<T> {
        bytes += count * MemoryLayout<T>.stride
        return arena.allocate(bytes: count * MemoryLayout<T>.stride).bindMemory(to: T.self, capacity: count)
    }

    func give<T>(_ p: UnsafeMutablePointer<T>, _ count: Int) {
        bytes -= count * MemoryLayout<T>.stride
        arena.free(p, bytes: count * MemoryLayout<T>.stride)
    }

    @inline(__always)
    func header(_ handle: UInt32) -> Header { Header(arena[handle].load(as: UInt64.self)) }

    @inline(__always)
    func block(_ handle: UInt32) -> Block<S> { Block(arena[handle], layout) }

    @inline(__always)
    func isLarge(_ header: Header) -> Bool { header.size == Header.large }

    // MARK: Reading

    /// Fills one window after the other with what is said of the events in (lows[w], t]; each window holds the ones before it.
    ///
    /// - Parameter isAdvancing: whether what a large list keeps of its windows may move on; else nothing changes at all.
    /// - Returns: the sum of squares of the last window.
    /// - Complexity: O(64) for a short list; for a large one O(1) amortised where t is not below its newest event, else O(chunks).
    @inline(__always)
    func read<W: WindowOutput>(_ handle: UInt32, _ t: Int64, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<W>, isAdvancing: Bool) -> UInt128 {
        if handle == 0 {
            for w in 0..<windows { out[w] = W() }
            return 0
        }
        let p = arena[handle]
        if isLarge(Header(p.load(as: UInt64.self))) { return readLarge(large(handle), t, lows, out, isAdvancing) }
        return readBlock(Block(p, layout), t, lows, out)
    }

    @inline(__always)
    private func readBlock<W: WindowOutput>(_ block: Block<S>, _ t: Int64, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<W>) -> UInt128 {
        let n = block.count
        let end = block.until(t)
        var marks: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        if S.values > 0 { marks.0 = marksUntil(block, 0, end, n) }
        if S.values > 1 { marks.1 = marksUntil(block, 1, end, n) }
        if S.values > 2 { marks.2 = marksUntil(block, 2, end, n) }
        if S.values > 3 { marks.3 = marksUntil(block, 3, end, n) }
        let special = S.hasSpecial ? block.marks(S.values) & lanes_low(Int64(end)) : 0

        var to = end
        var totals = Block<S>.Amounts(sum: 0, max: 0, squares: 0)
        for w in 0..<windows {
            let from = block.until(lows[w], before: to)
            if from < to {
                let more = block.amounts(from, to)
                totals.sum &+= more.sum
                if S.hasMax { totals.max = Swift.max(totals.max, more.max) }
                if S.hasSquares { totals.squares &+= more.squares }
                to = from
            } else if w > 0 {
                out[w] = out[w - 1]
                continue
            }
            let inside = ~lanes_low(Int64(from))
            out[w].set(
                count: Int64(end &- from), sum: Int128(_low: totals.sum, _high: 0), max: totals.max, special: Self.bits(special & inside),
                (Self.bits(marks.0 & inside), Self.bits(marks.1 & inside), Self.bits(marks.2 & inside), Self.bits(marks.3 & inside)))
        }
        return totals.squares
    }

    /// Number of bits set; mostly none, and the baseline has no instruction for it.
    @inline(__always)
    private static func bits(_ mask: UInt64) -> Int64 { mask == 0 ? 0 : Int64(truncatingIfNeeded: mask.nonzeroBitCount) }

    /// Adds an event of the windows' own time to what is said of them, as if the list held it.
    func add<W: WindowOutput>(_ handle: UInt32, _ item: Item, isSpecial: Bool, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<W>) {
        var newest: (Int64, Int64, Int64, Int64) = (Int64.min, Int64.min, Int64.min, Int64.min)
        let longest = lows[windows - 1]
        if S.values > 0, item[0] != 0 { newest.0 = self.newest(handle, 0, item[0], item.time, longest) }
        if S.values > 1, item[1] != 0 { newest.1 = self.newest(handle, 1, item[1], item.time, longest) }
        if S.values > 2, item[2] != 0 { newest.2 = self.newest(handle, 2, item[2], item.time, longest) }
        if S.values > 3, item[3] != 0 { newest.3 = self.newest(handle, 3, item[3], item.time, longest) }
        for w in 0..<windows {
            var news = 0
            if item[0] != 0, newest.0 <= lows[w] { news |= 1 }
            if item[1] != 0, newest.1 <= lows[w] { news |= 2 }
            if item[2] != 0, newest.2 <= lows[w] { news |= 4 }
            if item[3] != 0, newest.3 <= lows[w] { news |= 8 }
            out[w].add(item.amount, isSpecial: isSpecial, news: news)
        }
    }

    /// The highest time of an event with this value, at most t; `Int64.min` when there is none above `low`.
    private func newest(_ handle: UInt32, _ d: Int, _ value: UInt32, _ t: Int64, _ low: Int64) -> Int64 {
        if handle == 0 { return Int64.min }
        if isLarge(header(handle)) { return newestLarge(large(handle), d, value, t, low) }
        let block = block(handle)
        let mask = block.equal(d, block.until(t), value)
        return mask == 0 ? Int64.min : block.time(63 - mask.leadingZeroBitCount)
    }

    /// The marks as they would be without the events from `end` on: what is newest of its value among the first `end`.
    @inline(__always)
    private func marksUntil(_ block: Block<S>, _ d: Int, _ end: Int, _ n: Int) -> UInt64 {
        let marks = block.marks(d)
        return end == n ? marks : Self.marksBefore(block, d, end, n, marks)
    }

    @inline(never)
    private static func marksBefore(_ block: Block<S>, _ d: Int, _ end: Int, _ n: Int, _ all: UInt64) -> UInt64 {
        var marks = all & lanes_low(Int64(end))
        for i in end..<n {
            let value = block.value(d, i)
            if value == 0 { continue }
            let earlier = block.equal(d, end, value)
            if earlier != 0 { marks |= 1 << UInt64(63 - earlier.leadingZeroBitCount) }
        }
        return marks
    }

    /// Number of events in (low, high], and how many of them have the special mark.
    func countDelayed(
        _ handle: UInt32, _ high: Int64, _ lows: UnsafePointer<Int64>, _ out: UnsafeMutablePointer<Totals>, isAdvancing: Bool
    ) {
        for w in 0..<windows { out[w] = Totals() }
        if handle == 0 { return }
        if isLarge(header(handle)) { return countDelayedLarge(large(handle), high, lows, out, isAdvancing) }
        let block = block(handle)
        let end = block.until(high)
        let special = block.marks(S.values) & lanes_low(Int64(end))
        for w in 0..<windows {
            let from = Swift.min(end, block.until(lows[w]))
            out[w].count = Int64(end - from)
            out[w].special = Int64((special & ~lanes_low(Int64(from))).nonzeroBitCount)
        }
    }

    // MARK: Inserting

    /// Puts an event in, behind those of its time.
    ///
    /// - Parameter floor: events at or below it are no longer retained; the event itself is above.
    /// - Complexity: O(64) for a short list; O(1) amortised for a large one where the event is not below its newest, else O(chunks).
    @inline(__always)
    func insert(_ slot: UnsafeMutablePointer<UInt32>, _ item: Item, isSpecial: Bool, floor: Int64) {
        events += 1
        var handle = slot.pointee
        if handle == 0 {
            slot.pointee = makeBlock(item, isSpecial)
            lists += 1
            return
        }
        let header = Header(arena[handle].load(as: UInt64.self))
        if isLarge(header) { return insertLarge(large(handle), item, isSpecial, floor) }
        var block = Block(arena[handle], layout)
        let fits =
            header.count < block.capacity && item.format(S.self) | header.format == header.format
            && (layout.timeBytes == 8 || Swift.max(header.newest, item.time) &- block.time(0) < 1 << 32)
        if !fits {
            guard makeRoom(slot, item, isSpecial, floor) else { return }
            handle = slot.pointee
            block = Block(arena[handle], layout)
        }
        let n = block.count
        if item.time < block.newest { return insertEarlier(block, n, item, isSpecial) }
        block.append(n, item)
        let below = lanes_low(Int64(n))
        let bit = below &+ 1
        for d in 0..<S.values {
            let marks = block.marks(d) & below
            block.setMarks(d, item[d] == 0 ? marks : marks & ~block.equal(d, n, item[d]) | bit)
        }
        if S.hasSpecial { block.setMarks(S.values, block.marks(S.values) & below | (isSpecial ? bit : 0)) }
    }

    /// Of an event that comes late: the marks stay with later ones of its values.
    @inline(never)
    private func insertEarlier(_ block: Block<S>, _ n: Int, _ item: Item, _ isSpecial: Bool) {
        let place = block.until(item.time)
        block.insert(place, n, item)
        let bit: UInt64 = 1 << UInt64(place)
        for d in 0..<S.values where item[d] != 0 {
            let same = block.equal(d, n + 1, item[d]) & ~bit
            if same & ~(bit &- 1) == 0 { block.setMarks(d, block.marks(d) & ~same | bit) }
        }
        if S.hasSpecial, isSpecial { block.setMarks(S.values, block.marks(S.values) | bit) }
    }

    private func makeBlock(_ item: Item, _ isSpecial: Bool) -> UInt32 {
        let format = item.format(S.self)
        let handle = newBlock(format: format, size: layout.size(format, events: 1), newest: item.time, count: 0)
        let block = block(handle)
        block.append(0, item)
        for d in 0..<S.values { block.setMarks(d, item[d] == 0 ? 0 : 1) }
        if S.hasSpecial { block.setMarks(S.values, isSpecial ? 1 : 0) }
        return handle
    }

    /// A block, its marks still to be set.
    func newBlock(format: Int, size: Int, newest: Int64, count: Int) -> UInt32 {
        let handle = take(size: size)
        let p = arena[handle]
        p.storeBytes(of: Header(newest: newest, count: count, size: size, format: format).word, as: UInt64.self)
        return handle
    }

    /// The block's events in another size or format; the old one is given back.
    func remade(_ handle: UInt32, format: Int, size: Int) -> UInt32 {
        let old = block(handle)
        let header = old.header
        let new = newBlock(format: format, size: size, newest: header.newest, count: header.count)
        let block = block(new)
        block.move(0, old, 0, header.count)
        for row in 0..<S.marks { block.setMarks(row, old.marks(row)) }
        give(handle, size: header.size)
        return new
    }

    /// Makes the block such that one more event fits; false where the event went into a large list instead, or into a new one.
    @inline(never)
    private func makeRoom(_ slot: UnsafeMutablePointer<UInt32>, _ item: Item, _ isSpecial: Bool, _ floor: Int64) -> Bool {
        let expired = block(slot.pointee).until(floor)
        if expired > 0 { events -= expired }
        if expired == block(slot.pointee).count {
            give(slot.pointee, size: header(slot.pointee).size)
            slot.pointee = makeBlock(item, isSpecial)
            return false
        }
        if expired > 0 { block(slot.pointee).dropFirst(expired) }
        let block = block(slot.pointee)
        let format = block.format | item.format(S.self)
        if block.count == layout.full {
            slot.pointee = makeLarge(slot.pointee)
            insertLarge(large(slot.pointee), item, isSpecial, floor)
            return false
        }
        if format != block.format || block.count == block.capacity {
            slot.pointee = remade(slot.pointee, format: format, size: layout.size(format, events: block.count + 1))
        }
        return true
    }

    // MARK: Snapshots

    /// A block of the bytes of one; nil where they are none.
    func adopted(_ bytes: UnsafeRawBufferPointer) -> UInt32? {
        let header = Header(UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)))
        guard header.size < Arena.classes.count, bytes.count == arena.bytes(ofSize: header.size), header.count > 0,
            header.count <= layout.capacity(header.format, header.size)
        else { return nil }
        let handle = take(size: header.size)
        arena[handle].copyMemory(from: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
        let block = block(handle)
        guard block.time(header.count - 1) == header.newest else { return nil }
        events += header.count
        return handle
    }

    // MARK: Giving back

    /// Takes events out that are not above `floor`, and gives back the memory that is not needed.
    ///
    /// - Complexity: O(64); a large list gives a bounded number of chunks back a call, or all of them at once.
    func expire(_ slot: UnsafeMutablePointer<UInt32>, floor: Int64) {
        let handle = slot.pointee
        if handle == 0 { return }
        let header = header(handle)
        if isLarge(header) { return expireLarge(slot, floor) }
        if header.newest <= floor {
            events -= header.count
            lists -= 1
            give(handle, size: header.size)
            slot.pointee = 0
            return
        }
        let block = block(handle)
        if block.time(0) <= floor {
            let k = block.until(floor)
            events -= k
            block.dropFirst(k)
        }
        let fitting = layout.size(header.format, events: block.count)
        if fitting + 1 < header.size {
            slot.pointee = remade(handle, format: header.format, size: fitting)
        } else if arena.isSparse(handle) {
            slot.pointee = remade(handle, format: header.format, size: header.size)
        }
    }

    /// Gives the whole list back.
    func clear(_ slot: UnsafeMutablePointer<UInt32>) {
        expire(slot, floor: Int64.max)
    }

    // MARK: Looking at single events

    /// Calls with each event, oldest first, and whether it has the special mark.
    func forEach(_ handle: UInt32, _ body: (Item, Bool) -> Void) {
        if handle == 0 { return }
        if isLarge(header(handle)) {
            let head = large(handle)
            for k in head.pointee.range { forEachOfBlock(block(head.pointee.chunks[k].handle), body) }
        } else {
            forEachOfBlock(block(handle), body)
        }
    }

    private func forEachOfBlock(_ block: Block<S>, _ body: (Item, Bool) -> Void) {
        let special = S.hasSpecial ? block.marks(S.values) : 0
        for i in 0..<block.count { body(block.item(i), special >> UInt64(i) & 1 != 0) }
    }

    /// Sets or clears the special mark of the events of this time with this value and transaction.
    func mark(_ handle: UInt32, time: Int64, _ value: UInt32, transaction: UInt64, _ isSpecial: Bool) {
        if handle == 0 { return }
        if isLarge(header(handle)) { return markLarge(large(handle), time, value, transaction, isSpecial) }
        let block = block(handle)
        _ = mark(block, time, value, transaction, isSpecial)
    }

    /// The change in the number of marks.
    func mark(_ block: Block<S>, _ time: Int64, _ value: UInt32, _ transaction: UInt64, _ isSpecial: Bool) -> Int {
        let end = block.until(time)
        let begin = block.until(time - 1)
        var mask = lanes_low(Int64(end)) & ~lanes_low(Int64(begin)) & block.equal(0, block.count, value)
        if S.transactionBytes > 0 { mask &= block.equalTransaction(block.count, transaction) }
        let old = block.marks(S.values)
        let new = isSpecial ? old | mask : old & ~mask
        if new != old { block.setMarks(S.values, new) }
        return new.nonzeroBitCount - old.nonzeroBitCount
    }

    /// Whether an event above `time` has the special mark and this value of dimension d; `isTaken` takes its mark away.
    func hasSpecial(_ handle: UInt32, after time: Int64, _ d: Int, _ value: UInt32, isTaken: Bool) -> Bool {
        if handle == 0 { return false }
        if isLarge(header(handle)) { return hasSpecialLarge(large(handle), time, d, value, isTaken) }
        let block = block(handle)
        let mask = block.equal(d, block.count, value) & block.marks(S.values) & ~lanes_low(Int64(block.until(time)))
        if mask != 0, isTaken { block.setMarks(S.values, block.marks(S.values) & ~mask) }
        return mask != 0
    }

    /// Calls with every event of this transaction above `floor`.
    func forEach(_ handle: UInt32, transaction: UInt64, above floor: Int64, _ body: (Item) -> Void) {
        if handle == 0 { return }
        if isLarge(header(handle)) { return forEachLarge(large(handle), transaction, floor, body) }
        forEach(block(handle), transaction, floor, body)
    }

    @inline(__always)
    func forEach(_ block: Block<S>, _ transaction: UInt64, _ floor: Int64, _ body: (Item) -> Void) {
        var mask = block.equalTransaction(block.count, transaction)
        while mask != 0 {
            let i = mask.trailingZeroBitCount
            mask &= mask - 1
            if block.time(i) > floor { body(block.item(i)) }
        }
    }
}

/// Ids, and when each was last seen; emptied at once.
final class LastSeen {
    private var slots: [UInt64] = Array(repeating: 0, count: 1024)
    private var times: [Int64] = Array(repeating: 0, count: 1024)
    private var round: UInt64 = 0
    private var count = 0

    func removeAll() {
        round += 1
        count = 0
        if round >> 31 != 0 {
            slots = Array(repeating: 0, count: slots.count)
            round = 1
        }
    }

    /// False when it was there.
    func insert(_ value: UInt32) -> Bool { replace(value, 0) == nil }

    /// Notes the time for the id, and returns what was noted before.
    func replace(_ value: UInt32, _ time: Int64) -> Int64? {
        if count * 2 >= slots.count { grow() }
        let entry = round << 32 | UInt64(value)
        var i = Int(truncatingIfNeeded: (UInt64(value) &* 0x9e37_79b9_7f4a_7c15) >> 33) & (slots.count - 1)
        while slots[i] >> 32 == round {
            if slots[i] == entry {
                let old = times[i]
                times[i] = time
                return old
            }
            i = (i + 1) & (slots.count - 1)
        }
        slots[i] = entry
        times[i] = time
        count += 1
        return nil
    }

    private func grow() {
        let (old, oldTimes) = (slots, times)
        slots = Array(repeating: 0, count: old.count * 2)
        times = Array(repeating: 0, count: old.count * 2)
        count = 0
        for (entry, time) in zip(old, oldTimes) where entry >> 32 == round { _ = replace(UInt32(truncatingIfNeeded: entry), time) }
    }
}
