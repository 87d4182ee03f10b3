import CPlatform

/// Entities of one kind by their 64-bit keys: each gets a dense number, its *id*, and a record of fixed size.
///
/// A slot of the open-addressing table holds 4 bits of the key and the id, so that most strangers are told apart without a look at their records. The table
/// is cut into 64 segments by the key's highest bits; each grows on its own by a quarter, so that growing never stalls. Ids that are given back are
/// given out again, the lowest first: the records stay packed, and the pages of a tail without records go back to the system.
final class EntityTable {
    /// Bytes a record; its first eight are the key.
    let stride: Int
    private let region: Region
    let records: UnsafeMutableRawPointer
    private let arena: Arena

    /// Records in use.
    private(set) var count = 0
    /// Ids lie in 1 ... lastID.
    private(set) var lastID: UInt32 = 0

    private struct Segment {
        var slots: UnsafeMutablePointer<UInt32>?
        var capacity: UInt32 = 0
        var count: UInt32 = 0
    }

    static let segmentBits = 6
    private let segments: UnsafeMutablePointer<Segment>
    /// Bytes of all slots.
    private var slotBytes = 0

    /// A bit an id that is given back.
    private let freeRegion: Region
    private let freeBits: UnsafeMutablePointer<UInt64>
    private var freeCount = 0
    private var freeHint = 0

    /// Ids given out since a snapshot began; nil: none is being written.
    var born: [UInt32]?

    /// Ids that a slot can hold.
    static let capacity = 1 << 28

    init(_ arena: Arena, stride: Int) {
        self.arena = arena
        self.stride = stride
        region = Region(reserve: EntityTable.capacity * stride)
        records = region.base
        freeRegion = Region(reserve: EntityTable.capacity / 8)
        freeBits = freeRegion.base.assumingMemoryBound(to: UInt64.self)
        segments = .allocate(capacity: 1 << EntityTable.segmentBits)
        segments.initialize(repeating: Segment(), count: 1 << EntityTable.segmentBits)
    }

    deinit {
        for s in 0..<1 << EntityTable.segmentBits {
            if let slots = segments[s].slots { arena.free(slots, bytes: Int(segments[s].capacity) * 4) }
        }
        segments.deallocate()
    }

    @inline(__always)
    func record(_ id: UInt32) -> UnsafeMutableRawPointer { records + Int(id) &* stride }

    @inline(__always)
    func key(_ id: UInt32) -> UInt64 { record(id).loadUnaligned(as: UInt64.self) }

    @inline(__always)
    private func home(_ key: UInt64, _ capacity: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: Mix.home(UInt32(truncatingIfNeeded: key >> 26), Int(capacity)))
    }

    @inline(__always)
    private func segment(_ key: UInt64) -> UnsafeMutablePointer<Segment> { segments + Int(key >> (64 - UInt64(EntityTable.segmentBits))) }

    /// The id of the key, 0 when there is none.
    ///
    /// - Complexity: O(1) expected.
    @inline(__always)
    func find(_ key: UInt64) -> UInt32 {
        let segment = segment(key)
        guard let slots = segment.pointee.slots else { return 0 }
        let capacity = segment.pointee.capacity
        let tag = UInt32(truncatingIfNeeded: key) & 15
        var i = home(key, capacity)
        while true {
            let slot = slots[Int(i)]
            if slot == 0 { return 0 }
            if slot >> 28 == tag {
                let id = slot & 0x0fff_ffff
                if self.key(id) == key { return id }
            }
            i &+= 1
            if i == capacity { i = 0 }
        }
    }

    /// The id of the key; a new one with a zeroed record when there was none.
    @inline(__always)
    func insert(_ key: UInt64) -> UInt32 {
        let id = find(key)
        return id != 0 ? id : add(key)
    }

    @inline(never)
    private func add(_ key: UInt64) -> UInt32 {
        let id = takeID()
        let record = record(id)
        record.initializeMemory(as: UInt8.self, repeating: 0, count: stride)
        record.storeBytes(of: key, as: UInt64.self)
        enter(key, id)
        born?.append(id)
        return id
    }

    private func enter(_ key: UInt64, _ id: UInt32) {
        let segment = segment(key)
        if (segment.pointee.count &+ 1) &* 20 > segment.pointee.capacity &* 17 { resize(segment, Int(segment.pointee.capacity) * 5 / 4 + 4) }
        place(segment, key, id)
        segment.pointee.count += 1
        count += 1
    }

    private func place(_ segment: UnsafeMutablePointer<Segment>, _ key: UInt64, _ id: UInt32) {
        let slots = segment.pointee.slots.unsafelyUnwrapped
        var i = home(key, segment.pointee.capacity)
        while slots[Int(i)] != 0 {
            i += 1
            if i == segment.pointee.capacity { i = 0 }
        }
        slots[Int(i)] = (UInt32(truncatingIfNeeded: key) & 15) << 28 | id
    }

    private func resize(_ segment: UnsafeMutablePointer<Segment>, _ capacity: Int) {
        let old = segment.pointee
        segment.pointee.slots = arena.allocate(bytes: capacity * 4).assumingMemoryBound(to: UInt32.self)
        segment.pointee.capacity = UInt32(capacity)
        slotBytes += capacity * 4
        guard let slots = old.slots else { return }
        for i in 0..<Int(old.capacity) where slots[i] != 0 {
            if i + 16 < Int(old.capacity) { weir_prefetch(record(slots[i + 16] & 0x0fff_ffff)) }
            let id = slots[i] & 0x0fff_ffff
            place(segment, key(id), id)
        }
        arena.free(slots, bytes: Int(old.capacity) * 4)
        slotBytes -= Int(old.capacity) * 4
    }

    /// Takes the entity out; its id may be given to another.
    func remove(_ id: UInt32) {
        let key = key(id)
        let segment = segment(key)
        let slots = segment.pointee.slots.unsafelyUnwrapped
        let capacity = segment.pointee.capacity
        var i = home(key, capacity)
        while slots[Int(i)] & 0x0fff_ffff != id {
            i += 1
            if i == capacity { i = 0 }
        }
        // What stands behind moves up as far as its home allows, so that no search ends too early.
        var j = i
        while true {
            j += 1
            if j == capacity { j = 0 }
            if slots[Int(j)] == 0 { break }
            let h = home(self.key(slots[Int(j)] & 0x0fff_ffff), capacity)
            let staysBehind = i <= j ? (h > i && h <= j) : (h > i || h <= j)
            if !staysBehind {
                slots[Int(i)] = slots[Int(j)]
                i = j
            }
        }
        slots[Int(i)] = 0
        segment.pointee.count -= 1
        count -= 1
        record(id).storeBytes(of: 0, as: UInt64.self)
        giveID(id)
        if capacity > 64, segment.pointee.count < capacity / 3 { resize(segment, Int(capacity) / 2) }
    }

    // MARK: Ids

    private func takeID() -> UInt32 {
        if freeCount == 0 {
            lastID += 1
            precondition(Int(lastID) < EntityTable.capacity, "more entities than a table can hold")
            region.commit((Int(lastID) + 2) * stride)
            freeRegion.commit((Int(lastID) >> 6 + 2) * 8)
            return lastID
        }
        while freeBits[freeHint] == 0 { freeHint += 1 }
        let bit = freeBits[freeHint].trailingZeroBitCount
        freeBits[freeHint] &= freeBits[freeHint] - 1
        freeCount -= 1
        return UInt32(freeHint << 6 + bit)
    }

    private func giveID(_ id: UInt32) {
        if id == lastID {
            lastID -= 1
            // What was given back before it goes with it.
            while lastID > 0, isFree(lastID) {
                freeBits[Int(lastID) >> 6] &= ~(1 << UInt64(lastID & 63))
                freeCount -= 1
                lastID -= 1
            }
            return
        }
        let word = Int(id) >> 6
        freeBits[word] |= 1 << UInt64(id & 63)
        freeCount += 1
        freeHint = min(freeHint, word)
    }

    /// Gives the pages back that hold no record: those behind the last one, and those between.
    ///
    /// - Complexity: O(ids given back), and a system call a hole of a page or more.
    func trim() {
        let end = (Int(lastID) + 2) * stride
        if end < region.committed { region.release(end..<region.committed) }
        var id = 1
        while id <= Int(lastID) {
            if id & 63 == 0, freeBits[id >> 6] == 0 {
                id += 64
            } else if isFree(UInt32(id)) {
                let first = id
                while id <= Int(lastID), isFree(UInt32(id)) { id += 1 }
                if (id - first) * stride >= Region.page { region.release(first * stride..<id * stride) }
            } else {
                id += 1
            }
        }
    }

    /// Whether an id in 1 ... lastID has no record.
    @inline(__always)
    func isFree(_ id: UInt32) -> Bool { freeBits[Int(id) >> 6] >> UInt64(id & 63) & 1 != 0 }

    // MARK: Snapshots

    /// Where a key stands in the order in which a snapshot writes: its segment and its place there, whatever the table's size.
    @inline(__always)
    static func position(_ key: UInt64) -> UInt64 { key >> 26 }
    static let positions: UInt64 = 1 << 38

    /// Calls with the ids whose positions lie in `from` ..< the answer, which is as many as some 64 slots hold.
    func slice(from: UInt64, _ body: (UInt32) -> Void) -> UInt64 {
        let segment = segments + Int(from >> 32)
        let end = (from >> 32 + 1) << 32
        let capacity = segment.pointee.capacity
        guard let slots = segment.pointee.slots, segment.pointee.count > 0 else { return end }
        let first = UInt32(Mix.home(UInt32(truncatingIfNeeded: from), Int(capacity)))
        let last = first + 64
        // The lowest place that has its home at `last`.
        let until = last >= capacity ? end : (from >> 32) << 32 + Mix.hash(at: Int(last), Int(capacity))
        var i = first
        var walked: UInt32 = 0
        while walked < capacity {
            let slot = slots[Int(i)]
            if slot == 0 {
                if walked + first >= last - 1 || walked + first >= capacity { break }
            } else {
                let id = slot & 0x0fff_ffff
                let position = Self.position(key(id))
                if position >= from, position < until { body(id) }
            }
            i += 1
            if i == capacity { i = 0 }
            walked += 1
        }
        return until
    }

    /// Makes room for so many keys, whose hashes are spread evenly.
    func reserve(_ count: Int) {
        let each = count / (1 << EntityTable.segmentBits)
        if each < 32 { return }
        for s in 0..<1 << EntityTable.segmentBits where segments[s].capacity < each * 4 / 3 { resize(segments + s, each * 4 / 3) }
    }

    /// Gives a key the id that it had; false where either is taken by another.
    func adopt(_ id: UInt32, _ key: UInt64) -> Bool {
        if id == 0 || Int(id) >= Self.capacity || key == 0 { return false }
        if id <= lastID, !isFree(id) { return self.key(id) == key }
        if find(key) != 0 { return false }
        while lastID < id {
            lastID += 1
            region.commit((Int(lastID) + 2) * stride)
            freeRegion.commit((Int(lastID) >> 6 + 2) * 8)
            freeBits[Int(lastID) >> 6] |= 1 << UInt64(lastID & 63)
            freeCount += 1
        }
        freeBits[Int(id) >> 6] &= ~(1 << UInt64(id & 63))
        freeCount -= 1
        let record = record(id)
        record.initializeMemory(as: UInt8.self, repeating: 0, count: stride)
        record.storeBytes(of: key, as: UInt64.self)
        enter(key, id)
        return true
    }

    /// Bytes of the slots.
    var slotsBytes: Int { slotBytes }
    /// Bytes of the records; the slots are the arena's.
    var recordBytes: Int { (Int(lastID) + 1) * stride }
    /// Bytes of records and slots.
    var bytes: Int { (Int(lastID) + 1) * stride + slotBytes }

    // MARK: Hints

    /// Brings the key's slot into the cache.
    @inline(__always)
    func prefetchSlot(_ key: UInt64) {
        let segment = segment(key)
        if let slots = segment.pointee.slots { weir_prefetch(slots + Int(home(key, segment.pointee.capacity))) }
    }

    /// Brings the record that is likely the key's into the cache and names it; 0: none.
    @inline(__always)
    func prefetchRecord(_ key: UInt64) -> UInt32 {
        let segment = segment(key)
        guard let slots = segment.pointee.slots else { return 0 }
        let tag = UInt32(truncatingIfNeeded: key) & 15
        var i = home(key, segment.pointee.capacity)
        while true {
            let slot = slots[Int(i)]
            if slot == 0 { return 0 }
            if slot >> 28 == tag {
                let id = slot & 0x0fff_ffff
                let p = record(id)
                weir_prefetch(p)
                weir_prefetch(p + stride - 1)
                return id
            }
            i &+= 1
            if i == segment.pointee.capacity { i = 0 }
        }
    }
}
