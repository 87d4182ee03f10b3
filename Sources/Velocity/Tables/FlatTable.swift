import CPlatform

/// What lies in a slot of a `FlatTable`. All zero is an empty slot.
protocol FlatEntry {
    var isEmpty: Bool { get }
    /// A hash of the key; its highest bits choose the segment, those below the place.
    var hash: UInt64 { get }
    func hasSameKey(_ other: Self) -> Bool
    init()
}

/// An open-addressing table whose entries lie in its slots, cut into segments by the hash so that growing never stalls.
final class FlatTable<Entry: FlatEntry> {
    private struct Segment {
        var slots: UnsafeMutablePointer<Entry>?
        var capacity = 0
        var count = 0
    }

    static var segmentBits: Int { 8 }
    private let arena: Arena
    private let segments: UnsafeMutablePointer<Segment>
    private(set) var count = 0
    /// Bytes of all slots.
    private(set) var bytes = 0

    /// Slots of all segments.
    var slotCount: Int { bytes / MemoryLayout<Entry>.stride + 1 << Self.segmentBits }

    init(_ arena: Arena) {
        self.arena = arena
        segments = .allocate(capacity: 1 << Self.segmentBits)
        segments.initialize(repeating: Segment(), count: 1 << Self.segmentBits)
    }

    deinit {
        for s in 0..<1 << Self.segmentBits {
            if let slots = segments[s].slots { arena.free(slots, bytes: segments[s].capacity * MemoryLayout<Entry>.stride) }
        }
        segments.deallocate()
    }

    @inline(__always)
    private func home(_ hash: UInt64, _ capacity: Int) -> Int { Mix.home(UInt32(truncatingIfNeeded: hash >> 24), capacity) }

    /// The entry with the key of `entry`; nil when there is none. Good until the next insertion or removal.
    ///
    /// - Complexity: O(1) expected.
    @inline(__always)
    func find(_ entry: Entry) -> UnsafeMutablePointer<Entry>? {
        let hash = entry.hash
        let segment = segments + Int(hash >> (64 - UInt64(Self.segmentBits)))
        guard let slots = segment.pointee.slots else { return nil }
        let capacity = segment.pointee.capacity
        var i = home(hash, capacity)
        while true {
            if slots[i].isEmpty { return nil }
            if slots[i].hasSameKey(entry) { return slots + i }
            i &+= 1
            if i == capacity { i = 0 }
        }
    }

    /// Puts an entry in whose key is not there yet.
    func insert(_ entry: Entry) {
        let hash = entry.hash
        let segment = segments + Int(hash >> (64 - UInt64(Self.segmentBits)))
        if (segment.pointee.count + 1) * 20 > segment.pointee.capacity * 17 { resize(segment, segment.pointee.capacity * 5 / 4 + 4) }
        place(segment, entry)
        segment.pointee.count += 1
        count += 1
    }

    private func place(_ segment: UnsafeMutablePointer<Segment>, _ entry: Entry) {
        let slots = segment.pointee.slots.unsafelyUnwrapped
        var i = home(entry.hash, segment.pointee.capacity)
        while !slots[i].isEmpty {
            i += 1
            if i == segment.pointee.capacity { i = 0 }
        }
        slots[i] = entry
    }

    private func resize(_ segment: UnsafeMutablePointer<Segment>, _ capacity: Int) {
        let old = segment.pointee
        let stride = MemoryLayout<Entry>.stride
        segment.pointee.slots = arena.allocate(bytes: capacity * stride).bindMemory(to: Entry.self, capacity: capacity)
        segment.pointee.capacity = capacity
        bytes += capacity * stride
        guard let slots = old.slots else { return }
        for i in 0..<old.capacity where !slots[i].isEmpty { place(segment, slots[i]) }
        arena.free(slots, bytes: old.capacity * stride)
        bytes -= old.capacity * stride
    }

    private func removeSlot(_ segment: UnsafeMutablePointer<Segment>, _ index: Int) {
        let slots = segment.pointee.slots.unsafelyUnwrapped
        let capacity = segment.pointee.capacity
        var i = index
        var j = i
        while true {
            j += 1
            if j == capacity { j = 0 }
            if slots[j].isEmpty { break }
            let h = home(slots[j].hash, capacity)
            let staysBehind = i <= j ? (h > i && h <= j) : (h > i || h <= j)
            if !staysBehind {
                slots[i] = slots[j]
                i = j
            }
        }
        slots[i] = Entry()
        segment.pointee.count -= 1
        count -= 1
    }

    /// Every entry, in the order of the slots.
    func forEach(_ body: (UnsafeMutablePointer<Entry>) -> Void) {
        for s in 0..<1 << Self.segmentBits {
            guard let slots = segments[s].slots else { continue }
            for i in 0..<segments[s].capacity where !slots[i].isEmpty { body(slots + i) }
        }
    }

    // MARK: Snapshots

    /// Makes room for so many entries, whose hashes are spread evenly.
    func reserve(_ count: Int) {
        let each = count / (1 << Self.segmentBits)
        if each < 32 { return }
        for s in 0..<1 << Self.segmentBits where segments[s].capacity < each * 4 / 3 { resize(segments + s, each * 4 / 3) }
    }

    /// Where an entry stands in the order in which a snapshot writes.
    @inline(__always)
    static func position(_ entry: Entry) -> UInt64 { entry.hash >> 24 }
    static var positions: UInt64 { 1 << 40 }

    /// Calls with the entries whose positions lie in `from` ..< the answer, which is as many as some 64 slots hold.
    func slice(from: UInt64, _ body: (UnsafeMutablePointer<Entry>) -> Void) -> UInt64 {
        let segment = segments + Int(from >> 32)
        let end = (from >> 32 + 1) << 32
        let capacity = segment.pointee.capacity
        guard let slots = segment.pointee.slots, segment.pointee.count > 0 else { return end }
        let first = Mix.home(UInt32(truncatingIfNeeded: from), capacity)
        let last = first + 64
        let until = last >= capacity ? end : (from >> 32) << 32 + Mix.hash(at: last, capacity)
        var i = first
        var walked = 0
        while walked < capacity {
            if slots[i].isEmpty {
                if walked + first >= last - 1 || walked + first >= capacity { break }
            } else {
                let position = Self.position(slots[i])
                if position >= from, position < until { body(slots + i) }
            }
            i += 1
            if i == capacity { i = 0 }
            walked += 1
        }
        return until
    }

    // MARK: Sweeping

    private var sweepSegment = 0
    private var sweepIndex = 0

    /// Looks at so many slots, from where the last call ended, and takes those entries out that `isGone` names.
    ///
    /// - Complexity: O(budget).
    func sweep(budget: Int, _ isGone: (UnsafeMutablePointer<Entry>) -> Bool) {
        guard count > 0 else { return }
        var budget = budget
        while budget > 0 {
            let segment = segments + sweepSegment
            if sweepIndex >= segment.pointee.capacity {
                // To three quarters full, where that is a tenth less.
                let fitting = segment.pointee.count * 4 / 3 + 4
                if fitting + 16 < segment.pointee.capacity * 9 / 10 { resize(segment, fitting) }
                sweepSegment = (sweepSegment + 1) & (1 << Self.segmentBits - 1)
                sweepIndex = 0
                budget -= 1
                continue
            }
            let slot = segment.pointee.slots.unsafelyUnwrapped + sweepIndex
            // After a removal another entry may stand here.
            if !slot.pointee.isEmpty, isGone(slot) { removeSlot(segment, sweepIndex) } else { sweepIndex += 1 }
            budget -= 1
        }
    }

    @inline(__always)
    func prefetch(_ entry: Entry) {
        let hash = entry.hash
        let segment = segments + Int(hash >> (64 - UInt64(Self.segmentBits)))
        guard let slots = segment.pointee.slots else { return }
        let home = slots + home(hash, segment.pointee.capacity)
        weir_prefetch(home)
        weir_prefetch(UnsafeRawPointer(home) + 64)
    }
}
