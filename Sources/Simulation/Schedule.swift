/// What is going to happen, earliest first; of equal times the one added first. A binary heap of times over a pool of items.
///
/// - Complexity: O(log n) to add and to take.
struct Schedule<Item> {
    private struct Entry {
        var time: Int64
        var sequence: UInt64
        var slot: Int32

        func precedes(_ other: Entry) -> Bool { time != other.time ? time < other.time : sequence < other.sequence }
    }

    private var heap: [Entry] = []
    private var pool: [Item] = []
    private var free: [Int32] = []
    private var sequence: UInt64 = 0

    var isEmpty: Bool { heap.isEmpty }
    /// The time of the earliest item; `Int64.max` when there is none.
    var nextTime: Int64 { heap.isEmpty ? .max : heap[0].time }

    mutating func add(_ item: Item, at time: Int64) {
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
            pool[Int(slot)] = item
        } else {
            slot = Int32(pool.count)
            pool.append(item)
        }
        let entry = Entry(time: time, sequence: sequence, slot: slot)
        sequence += 1
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if !entry.precedes(heap[parent]) { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = entry
    }

    /// The earliest item, or nil.
    mutating func take() -> Item? {
        guard let last = heap.popLast() else { return nil }
        let first = heap.first ?? last
        if !heap.isEmpty { sink(last) }
        free.append(first.slot)
        return pool[Int(first.slot)]
    }

    private mutating func sink(_ entry: Entry) {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= heap.count { break }
            if child + 1 < heap.count && heap[child + 1].precedes(heap[child]) { child += 1 }
            if !heap[child].precedes(entry) { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = entry
    }
}
