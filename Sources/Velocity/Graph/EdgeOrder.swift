import Glibc

/// All edges in the order of (time, place), oldest first, in chunks: what says exactly which edges are no longer retained.
///
/// Nearly every edge is the newest and is put behind the last; a late one is put in its place within one chunk.
final class EdgeOrder {
    private struct Chunk {
        var references: UnsafeMutablePointer<UInt32>
        var start = 0
        var count = 0
    }

    private static var size: Int { 256 }
    private var chunks: UnsafeMutablePointer<Chunk>
    /// Chunks `first ..< end` are in use and none of them is empty.
    private var first = 0
    private var end = 0
    private var capacity = 16
    /// Chunks to be used again, chained through their first eight bytes.
    private var free: UnsafeMutablePointer<UInt32>?
    private var chunkCount = 0

    init() { chunks = Growable.make(16) }

    deinit {
        for c in first..<end { chunks[c].references.deallocate() }
        var p = free
        while let chunk = p {
            p = next(chunk)
            chunk.deallocate()
        }
        Glibc.free(chunks)
    }

    private func next(_ p: UnsafeMutablePointer<UInt32>) -> UnsafeMutablePointer<UInt32>? {
        UnsafeMutableRawPointer(p).load(as: UnsafeMutablePointer<UInt32>?.self)
    }

    var bytes: Int { chunkCount * Self.size * 4 + capacity * MemoryLayout<Chunk>.stride }
    var isEmpty: Bool { first == end }

    /// The oldest edge; there is one.
    var oldest: UInt32 { chunks[first].references[chunks[first].start] }

    func removeOldest() {
        chunks[first].start += 1
        chunks[first].count -= 1
        if chunks[first].count == 0 {
            give(chunks[first].references)
            first += 1
            if first == end {
                first = 0
                end = 0
            }
        }
    }

    /// Calls with the edges that come after a moment, oldest first, until told to end.
    ///
    /// - Parameter isAfter: whether an edge comes after it; false for the oldest ones, then true for all others.
    func forEach(after isAfter: (Edge) -> Bool, _ edges: UnsafePointer<Edge>, _ body: (UInt32) -> Bool) {
        // The first chunk whose newest edge comes after it.
        var (c, high) = (first, end)
        while c < high {
            let middle = (c + high) / 2
            if isAfter(edges[Int(newest(chunks[middle]))]) { high = middle } else { c = middle + 1 }
        }
        while c < end {
            for i in chunks[c].start..<chunks[c].start + chunks[c].count {
                let reference = chunks[c].references[i]
                if !isAfter(edges[Int(reference)]) { continue }
                if !body(reference) { return }
            }
            c += 1
        }
    }

    /// - Complexity: O(1) for the newest, else O(chunk + log edges), and O(chunks) where a full one must be split.
    func insert(_ reference: UInt32, _ edges: UnsafePointer<Edge>, _ watermark: Int64) {
        let (time, place) = (edges[Int(reference)].time(watermark), edges[Int(reference)].place)
        @inline(__always) func isBeforeOther(_ other: UInt32) -> Bool {
            let edge = edges[Int(other)]
            let otherTime = edge.time(watermark)
            return time < otherTime || (time == otherTime && place < edge.place)
        }
        var last = end - 1
        if first < end, isBeforeOther(newest(chunks[last])) { return insertLate(reference, isBeforeOther) }
        if first == end || chunks[last].start + chunks[last].count == Self.size { last = addChunk(at: end) }
        chunks[last].references[chunks[last].start + chunks[last].count] = reference
        chunks[last].count += 1
    }

    @inline(__always)
    private func newest(_ chunk: Chunk) -> UInt32 { chunk.references[chunk.start + chunk.count - 1] }

    private func insertLate(_ reference: UInt32, _ isBeforeOther: (UInt32) -> Bool) {
        // The last chunk whose first edge does not come after it, else the first chunk.
        var (c, high) = (first, end)
        while high - c > 1 {
            let middle = (c + high) / 2
            if isBeforeOther(chunks[middle].references[chunks[middle].start]) { high = middle } else { c = middle }
        }
        if chunks[c].count == Self.size {
            let half = Self.size / 2
            let new = addChunk(at: c + 1)
            c = new - 1
            chunks[new].references.update(from: chunks[c].references + half, count: half)
            chunks[new].count = half
            chunks[c].count = half
            if !isBeforeOther(chunks[new].references[0]) { c = new }
        } else if chunks[c].start > 0 {
            chunks[c].references.update(from: chunks[c].references + chunks[c].start, count: chunks[c].count)
            chunks[c].start = 0
        }
        let p = chunks[c].references
        var (low, top) = (0, chunks[c].count)
        while low < top {
            let middle = (low + top) / 2
            if isBeforeOther(p[middle]) { top = middle } else { low = middle + 1 }
        }
        memmove(p + low + 1, p + low, (chunks[c].count - low) * 4)
        p[low] = reference
        chunks[c].count += 1
    }

    /// Makes room for an empty chunk before the one at `index` and says where it is: its neighbours may have been moved with it.
    private func addChunk(at index: Int) -> Int {
        var index = index
        if end == capacity {
            if first * 2 >= capacity {
                chunks.update(from: chunks + first, count: end - first)
                index -= first
                end -= first
                first = 0
            } else {
                capacity *= 2
                chunks = Growable.grown(chunks, to: capacity)
            }
        }
        memmove(chunks + index + 1, chunks + index, (end - index) * MemoryLayout<Chunk>.stride)
        end += 1
        (chunks + index).initialize(to: Chunk(references: take()))
        return index
    }

    private func take() -> UnsafeMutablePointer<UInt32> {
        if let p = free {
            free = next(p)
            return p
        }
        chunkCount += 1
        return .allocate(capacity: Self.size)
    }

    private func give(_ p: UnsafeMutablePointer<UInt32>) {
        UnsafeMutableRawPointer(p).storeBytes(of: free, as: UnsafeMutablePointer<UInt32>?.self)
        free = p
    }
}
