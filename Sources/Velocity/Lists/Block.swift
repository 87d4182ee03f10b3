import CLanes
import CPlatform
import Glibc

/// The first word of a list's memory: the newest event's time (49 bits), the number of events (7), the size of the memory (6) and its format (2).
struct Header {
    var word: UInt64

    /// Added to a time so that it is not negative: the year 0 still fits, and the year 9999.
    static let bias: Int64 = 63_000_000_000_000
    static let timeBits: UInt64 = 49
    /// The size that says that the memory is a `Large`.
    static let large = 63

    @inline(__always)
    init(_ word: UInt64) { self.word = word }

    @inline(__always)
    init(newest: Int64, count: Int, size: Int, format: Int) {
        word = UInt64(bitPattern: newest &+ Header.bias) << 15 | UInt64(truncatingIfNeeded: count) << 8 | UInt64(truncatingIfNeeded: size << 2 | format)
    }

    @inline(__always) var newest: Int64 { Int64(bitPattern: word >> 15) &- Header.bias }
    @inline(__always) var count: Int { Int(truncatingIfNeeded: word >> 8 & 0x7f) }
    @inline(__always) var size: Int { Int(truncatingIfNeeded: word >> 2 & 0x3f) }
    @inline(__always) var format: Int { Int(truncatingIfNeeded: word & 3) }
    /// Size and format.
    @inline(__always) var shape: UInt8 { UInt8(truncatingIfNeeded: word) }

    /// Whether a time can be held.
    @inline(__always)
    static func holds(_ time: Int64) -> Bool { UInt64(bitPattern: time &+ bias) >> timeBits == 0 }
}

/// Where the rows of a block lie, by its format and size.
final class Layout<S: Shape> {
    /// 4 where all that is retained lies within 2^32 ms (49 days), 8 else.
    let timeBytes: Int
    /// Events that fit, by format × 64 + size; at most 64.
    private let capacities: UnsafeMutablePointer<UInt8>
    /// The smallest size for so many events, by format × 65 + events.
    private let sizes: UnsafeMutablePointer<UInt8>

    /// Events that make a block full: of the last quarter until the limit, as many as waste the least of their memory.
    let full: Int

    /// - Parameter limit: 2 ... 64.
    init(isWide: Bool, limit: Int = 64) {
        precondition((2...64).contains(limit))
        let timeBytes = isWide ? 8 : 4
        func density(_ n: Int) -> Double {
            let units = Arena.classes.first { Self.bytes(n, 0, timeBytes) <= $0 * Arena.unit }!
            return Double(n) / Double(units)
        }
        let full = (limit - limit / 4...limit).max { density($0) <= density($1) }!
        self.full = full
        self.timeBytes = timeBytes
        capacities = .allocate(capacity: 4 * 64)
        capacities.initialize(repeating: 0, count: 4 * 64)
        sizes = .allocate(capacity: 4 * 65)
        sizes.initialize(repeating: 0, count: 4 * 65)
        for format in 0..<4 {
            for (size, units) in Arena.classes.enumerated() {
                var c = full
                while c > 0, Self.bytes(c, format, timeBytes) > units * Arena.unit { c -= 1 }
                capacities[format * 64 + size] = UInt8(c)
            }
            for n in 1...full {
                sizes[format * 65 + n] = UInt8((0..<Arena.classes.count).first { Int(capacities[format * 64 + $0]) >= n }!)
            }
        }
    }

    deinit {
        capacities.deallocate()
        sizes.deallocate()
    }

    static func bytes(_ capacity: Int, _ format: Int, _ timeBytes: Int) -> Int {
        var each = timeBytes + S.transactionBytes + 3 + 3 * S.keys + (S.hasCountry ? 1 : 0)
        if format & 1 != 0 { each += 3 }
        if format & 2 != 0 { each += S.keys + (S.hasCountry ? 3 : 0) }
        return 8 + each * capacity + S.marks * ((capacity + 7) / 8)
    }

    @inline(__always)
    func capacity(_ format: Int, _ size: Int) -> Int { Int(capacities[format &* 64 &+ size]) }

    @inline(__always)
    func size(_ format: Int, events: Int) -> Int { Int(sizes[format &* 65 &+ events]) }
}

/// Up to 64 events of one list, ascending by time, of equal times in the order of application; a row a field.
///
/// Rows in their order: times (the lower 4 bytes, or all 8), transactions (low and high 4 bytes), amounts and ids (lower two bytes each), then bytes:
/// amounts', ids', country; then rows of marks, a bit an event: for each value whether the event is the newest of its value in the whole list, and the
/// special mark. Wider formats have three bytes more an amount, one more an id and three more a country.
struct Block<S: Shape> {
    let p: UnsafeMutableRawPointer
    let capacity: Int
    let format: Int
    let timeBytes: Int
    /// Offsets of the rows of two bytes and of one.
    let words: Int
    let bytes: Int

    @inline(__always)
    init(_ p: UnsafeMutableRawPointer, _ layout: Layout<S>) {
        let header = Header(p.load(as: UInt64.self))
        self.init(p, layout, format: header.format, size: header.size)
    }

    @inline(__always)
    init(_ p: UnsafeMutableRawPointer, _ layout: Layout<S>, shape: UInt8) {
        self.init(p, layout, format: Int(shape & 3), size: Int(shape >> 2))
    }

    @inline(__always)
    init(_ p: UnsafeMutableRawPointer, _ layout: Layout<S>, format: Int, size: Int) {
        self.p = p
        self.format = format
        timeBytes = layout.timeBytes
        capacity = layout.capacity(format, size)
        words = 8 &+ capacity &* (layout.timeBytes &+ S.transactionBytes)
        bytes = words &+ 2 &* capacity &* (1 &+ S.keys &+ (format & 1))
    }

    @inline(__always) var header: Header { Header(p.load(as: UInt64.self)) }
    @inline(__always) var count: Int { header.count }
    @inline(__always) var newest: Int64 { header.newest }

    @inline(__always)
    func setHeader(newest: Int64, count: Int) {
        let old = p.load(as: UInt64.self)
        p.storeBytes(of: Header(newest: newest, count: count, size: 0, format: 0).word | old & 0xff, as: UInt64.self)
    }

    // MARK: Rows

    @inline(__always) private var wordRows: Int { 1 + S.keys + (format & 1) }
    @inline(__always) private var byteRows: Int {
        1 + S.keys + (S.hasCountry ? 1 : 0) + (format & 1) + (format & 2 != 0 ? S.keys + (S.hasCountry ? 3 : 0) : 0)
    }

    @inline(__always) var times32: UnsafeMutablePointer<UInt32> { (p + 8).assumingMemoryBound(to: UInt32.self) }
    @inline(__always) var times64: UnsafeMutablePointer<Int64> { (p + 8).assumingMemoryBound(to: Int64.self) }
    @inline(__always) var transactionsLow: UnsafeMutablePointer<UInt32> { (p + 8 + timeBytes &* capacity).assumingMemoryBound(to: UInt32.self) }
    @inline(__always) var transactionsHigh: UnsafeMutablePointer<UInt32> {
        (p + 8 + (timeBytes &+ 4) &* capacity).assumingMemoryBound(to: UInt32.self)
    }
    @inline(__always) private func word(_ row: Int) -> UnsafeMutablePointer<UInt16> {
        (p + words + 2 &* capacity &* row).assumingMemoryBound(to: UInt16.self)
    }
    @inline(__always) private func byte(_ row: Int) -> UnsafeMutablePointer<UInt8> { (p + bytes + capacity &* row).assumingMemoryBound(to: UInt8.self) }

    // Rows of bytes: amount, ids, country; then of the wider formats: amount's top, ids' tops, country's three others.
    @inline(__always) private var wideAmountByte: Int { 1 + S.keys + (S.hasCountry ? 1 : 0) }
    @inline(__always) private var wideIDByte: Int { wideAmountByte &+ (format & 1) }

    @inline(__always) var marksOffset: Int { bytes &+ capacity &* byteRows }

    // MARK: Times

    @inline(__always)
    func time(_ i: Int) -> Int64 {
        if timeBytes == 8 { return times64[i] }
        let newest = self.newest
        return newest &- Int64(UInt32(truncatingIfNeeded: newest) &- times32[i])
    }

    /// How many events have a time of at most `time`.
    @inline(__always)
    func until(_ time: Int64) -> Int { until(time, before: count) }

    /// How many of the first `end` events have a time of at most `time`.
    @inline(__always)
    func until(_ time: Int64, before end: Int) -> Int {
        let newest = self.newest
        if time >= newest { return end }
        if timeBytes == 8 { return Int(lanes_until64(times64, Int64(end), time)) }
        let age = newest &- time
        // Mostly an edge lies before all of them.
        if age >> 32 != 0 || Int64(UInt32(truncatingIfNeeded: newest) &- times32[0]) < age { return 0 }
        return Int(lanes_older32(times32, Int64(end), UInt32(truncatingIfNeeded: newest), UInt32(truncatingIfNeeded: age)))
    }

    // MARK: Fields

    @inline(__always)
    func amount(_ i: Int) -> Int64 {
        var a = Int64(word(0)[i]) | Int64(byte(0)[i]) << 16
        if format & 1 != 0 { a |= Int64(word(1 + S.keys)[i]) << 24 | Int64(byte(wideAmountByte)[i]) << 40 }
        return a
    }

    @inline(__always)
    func value(_ d: Int, _ i: Int) -> UInt32 {
        if S.hasCountry, d == S.keys {
            var v = UInt32(byte(1 + S.keys)[i])
            if format & 2 != 0 {
                let row = wideIDByte &+ S.keys
                v |= UInt32(byte(row)[i]) << 8 | UInt32(byte(row + 1)[i]) << 16 | UInt32(byte(row + 2)[i]) << 24
            }
            return v
        }
        var v = UInt32(word(1 + d)[i]) | UInt32(byte(1 + d)[i]) << 16
        if format & 2 != 0 { v |= UInt32(byte(wideIDByte &+ d)[i]) << 24 }
        return v
    }

    @inline(__always)
    func transaction(_ i: Int) -> UInt64 {
        if S.transactionBytes == 0 { return 0 }
        let low = UInt64(transactionsLow[i])
        return S.transactionBytes == 8 ? low | UInt64(transactionsHigh[i]) << 32 : low
    }

    func item(_ i: Int) -> Item {
        var item = Item()
        item.time = time(i)
        item.amount = amount(i)
        item.transaction = transaction(i)
        for d in 0..<S.values { item[d] = value(d, i) }
        return item
    }

    /// Writes an event over place i; marks and header are the caller's.
    @inline(__always)
    func put(_ i: Int, _ item: Item) {
        if timeBytes == 8 { times64[i] = item.time } else { times32[i] = UInt32(truncatingIfNeeded: item.time) }
        if S.transactionBytes > 0 { transactionsLow[i] = UInt32(truncatingIfNeeded: item.transaction) }
        if S.transactionBytes == 8 { transactionsHigh[i] = UInt32(truncatingIfNeeded: item.transaction >> 32) }
        word(0)[i] = UInt16(truncatingIfNeeded: item.amount)
        byte(0)[i] = UInt8(truncatingIfNeeded: item.amount >> 16)
        if format & 1 != 0 {
            word(1 + S.keys)[i] = UInt16(truncatingIfNeeded: item.amount >> 24)
            byte(wideAmountByte)[i] = UInt8(truncatingIfNeeded: item.amount >> 40)
        }
        for d in 0..<S.keys {
            let v = item[d]
            word(1 + d)[i] = UInt16(truncatingIfNeeded: v)
            byte(1 + d)[i] = UInt8(truncatingIfNeeded: v >> 16)
            if format & 2 != 0 { byte(wideIDByte &+ d)[i] = UInt8(truncatingIfNeeded: v >> 24) }
        }
        if S.hasCountry {
            let v = item[S.keys]
            byte(1 + S.keys)[i] = UInt8(truncatingIfNeeded: v)
            if format & 2 != 0 {
                let row = wideIDByte &+ S.keys
                byte(row)[i] = UInt8(truncatingIfNeeded: v >> 8)
                byte(row + 1)[i] = UInt8(truncatingIfNeeded: v >> 16)
                byte(row + 2)[i] = UInt8(truncatingIfNeeded: v >> 24)
            }
        }
    }

    // MARK: Searching

    /// Which of the first n events have this value.
    @inline(__always)
    func equal(_ d: Int, _ n: Int, _ value: UInt32) -> UInt64 {
        var mask: UInt64
        if S.hasCountry, d == S.keys {
            if format & 2 == 0, value >> 8 != 0 { return 0 }
            mask = lanes_equal8(byte(1 + S.keys), Int64(n), UInt8(truncatingIfNeeded: value))
        } else {
            if format & 2 == 0, value >> 24 != 0 { return 0 }
            mask = lanes_equal24(word(1 + d), byte(1 + d), Int64(n), value & 0xff_ffff)
        }
        if format & 2 != 0 {
            var rest = mask
            while rest != 0 {
                let i = rest.trailingZeroBitCount
                rest &= rest &- 1
                if self.value(d, i) != value { mask &= ~(1 << UInt64(i)) }
            }
        }
        return mask
    }

    /// Whether one of the first n events may have this value: told from the row that tells most.
    @inline(__always)
    func mayHave(_ d: Int, _ n: Int, _ value: UInt32) -> Bool {
        if S.hasCountry, d == S.keys { return true }
        return lanes_has16(word(1 + d), Int64(n), UInt16(truncatingIfNeeded: value))
    }

    /// Which of the first n events have this transaction, as far as the list keeps it.
    @inline(__always)
    func equalTransaction(_ n: Int, _ key: UInt64) -> UInt64 {
        var mask = lanes_equal32(transactionsLow, Int64(n), UInt32(truncatingIfNeeded: key))
        if S.transactionBytes == 8 {
            var rest = mask
            while rest != 0 {
                let i = rest.trailingZeroBitCount
                rest &= rest &- 1
                if transactionsHigh[i] != UInt32(truncatingIfNeeded: key >> 32) { mask &= ~(1 << UInt64(i)) }
            }
        }
        return mask
    }

    // MARK: Marks

    @inline(__always)
    func marks(_ row: Int) -> UInt64 {
        let size = (capacity &+ 7) >> 3
        let bits = UInt64(littleEndian: (p + marksOffset + size &* row).loadUnaligned(as: UInt64.self))
        return bits & lanes_low(Int64(capacity))
    }

    /// Only the row's own bytes are written: what follows may be another's.
    @inline(__always)
    func setMarks(_ row: Int, _ bits: UInt64) {
        let size = (capacity &+ 7) >> 3
        let q = p + marksOffset + size &* row
        // Of three bytes or five, the middle ones twice.
        if size >= 4 {
            q.storeBytes(of: UInt32(truncatingIfNeeded: bits), as: UInt32.self)
            q.storeBytes(of: UInt32(truncatingIfNeeded: bits >> UInt64(truncatingIfNeeded: size &* 8 &- 32)), toByteOffset: size &- 4, as: UInt32.self)
        } else if size >= 2 {
            q.storeBytes(of: UInt16(truncatingIfNeeded: bits), as: UInt16.self)
            q.storeBytes(of: UInt16(truncatingIfNeeded: bits >> UInt64(truncatingIfNeeded: size &* 8 &- 16)), toByteOffset: size &- 2, as: UInt16.self)
        } else {
            q.storeBytes(of: UInt8(truncatingIfNeeded: bits), as: UInt8.self)
        }
    }

    // MARK: Sums

    /// Sum, highest and sum of squares of amounts.
    struct Amounts {
        var sum: UInt64
        var max: Int64
        var squares: UInt128
    }

    /// Of the events from ..< to; what the list is not asked for is not computed.
    @inline(__always)
    func amounts(_ from: Int, _ to: Int) -> Amounts {
        if format & 1 != 0 { return wideAmounts(from, to) }
        let totals = lanes_totals24(word(0), byte(0), Int64(from), Int64(to))
        return Amounts(sum: totals.sum, max: S.hasMax ? Int64(totals.max) : 0, squares: S.hasSquares ? UInt128(totals.squares) : 0)
    }

    @inline(never)
    private func wideAmounts(_ from: Int, _ to: Int) -> Amounts {
        var totals = Amounts(sum: 0, max: 0, squares: 0)
        for i in from..<to {
            let amount = amount(i)
            totals.sum &+= UInt64(bitPattern: amount)
            totals.max = Swift.max(totals.max, amount)
            if S.hasSquares { totals.squares &+= square(amount) }
        }
        return totals
    }

    // MARK: Hints

    /// Brings place i of every row into the cache.
    @inline(__always)
    func prefetch(_ i: Int) {
        weir_prefetch(p + 8 + timeBytes &* i)
        if S.transactionBytes > 0 { weir_prefetch(transactionsLow + i) }
        if S.transactionBytes == 8 { weir_prefetch(transactionsHigh + i) }
        for r in 0..<wordRows { weir_prefetch(word(r) + i) }
        for r in 0..<byteRows { weir_prefetch(byte(r) + i) }
        weir_prefetch(p + marksOffset)
    }

    /// Brings all times, amounts and marks into the cache.
    func prefetchSums() {
        var i = 0
        while i < capacity {
            weir_prefetch(p + 8 + timeBytes &* i)
            i &+= 16
        }
        weir_prefetch(word(0))
        weir_prefetch(word(0) + 32)
        weir_prefetch(byte(0))
        weir_prefetch(p + marksOffset)
    }

    /// Brings the lower halves of all ids of a dimension into the cache.
    @inline(__always)
    func prefetchLows(_ d: Int) {
        if d >= S.keys { return }
        weir_prefetch(word(1 + d))
        weir_prefetch(word(1 + d) + 32)
    }

    /// Brings what tells which event has a value into the cache: header, marks, and the values' row.
    @inline(__always)
    func prefetchValues(_ d: Int) {
        weir_prefetch(p)
        weir_prefetch(p + marksOffset + (capacity &+ 7) >> 3 &* d)
        weir_prefetch(byte(1 + d))
        if d < S.keys {
            weir_prefetch(word(1 + d))
            weir_prefetch(word(1 + d) + 32)
        }
    }

    // MARK: Moving

    /// Copies k events from place s of `other` to place q here; they may overlap in one block. Marks and headers are the caller's.
    func move(_ q: Int, _ other: Block<S>, _ s: Int, _ k: Int) {
        if k <= 0 { return }
        if other.format != format {
            // Into a wider one, never onto itself. Times need the other's header.
            for i in 0..<k { put(q + i, other.item(s + i)) }
            return
        }
        memmove(p + 8 + timeBytes * q, other.p + 8 + timeBytes * s, timeBytes * k)
        if S.transactionBytes > 0 { memmove(transactionsLow + q, other.transactionsLow + s, 4 * k) }
        if S.transactionBytes == 8 { memmove(transactionsHigh + q, other.transactionsHigh + s, 4 * k) }
        for r in 0..<wordRows { memmove(word(r) + q, other.word(r) + s, 2 * k) }
        for r in 0..<byteRows { memmove(byte(r) + q, other.byte(r) + s, k) }
    }

    /// Takes the first k events out.
    func dropFirst(_ k: Int) {
        let n = count
        move(0, self, k, n - k)
        for row in 0..<S.marks { setMarks(row, k == 64 ? 0 : marks(row) >> UInt64(k)) }
        setHeader(newest: newest, count: n - k)
    }

    /// Writes an event behind all n, which are not newer; the capacity must have room for it. The marks are the caller's.
    @inline(__always)
    func append(_ n: Int, _ item: Item) {
        put(n, item)
        setHeader(newest: item.time, count: n &+ 1)
    }

    /// Makes room at place i of n events, which the capacity must have, and writes the event there. The newest time moves up with it; its own marks are 0.
    func insert(_ i: Int, _ n: Int, _ item: Item) {
        let newest = n == 0 ? item.time : Swift.max(self.newest, item.time)
        move(i + 1, self, i, n - i)
        let below = lanes_low(Int64(i))
        for row in 0..<S.marks {
            let bits = marks(row) & lanes_low(Int64(n))
            setMarks(row, bits & below | (bits & ~below) << 1)
        }
        put(i, item)
        setHeader(newest: newest, count: n + 1)
    }
}

/// An amount multiplied by itself.
@inline(__always)
func square(_ amount: Int64) -> UInt128 {
    let (high, low) = UInt64(bitPattern: amount).multipliedFullWidth(by: UInt64(bitPattern: amount))
    return UInt128(_low: low, _high: high)
}
