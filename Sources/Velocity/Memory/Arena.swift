import CPlatform
import Glibc

/// Memory for the lists: pieces of a few dozen sizes, cut from spans of 64 KB that hold one size each.
///
/// A piece is named by a handle: its place in units of 16 bytes, so that four bytes name one of 64 GB; 0 is none. Handles and pointers stay good until
/// the piece is given back. A span whose pieces are all given back can take another size, and its pages go back to the system.
/// Larger memory than a span's pieces comes from the system itself.
final class Arena {
    /// Bytes a unit.
    static let unit = 16
    static let spanBytes = 1 << 16
    static let unitsInSpan = spanBytes / unit
    /// Sizes in units, ascending by at most a quarter.
    static let classes: [Int] = [
        1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512,
    ]

    let region: Region
    let base: UnsafeMutableRawPointer
    /// Bytes handed out, by the sizes that pieces really have.
    private(set) var used = 0
    /// Spans that hold pieces.
    private(set) var spansInUse = 0
    /// Bytes of mappings of their own.
    private(set) var mapped = 0

    private struct Span {
        /// The next and previous span of the size with room; 0 none.
        var next: UInt32 = 0
        var previous: UInt32 = 0
        /// Pieces handed out.
        var live: UInt16 = 0
        /// Pieces ever cut.
        var cut: UInt16 = 0
        /// First of the pieces given back, as its number; 0xffff: none. Each holds the number of the next.
        var free: UInt16 = 0xffff
        var size: UInt8 = 0
        var isListed: Bool = false
    }

    private let spanRegion: Region
    private let spans: UnsafeMutablePointer<Span>
    /// Spans ever taken, span 0 included, which is never used so that no handle is 0.
    private var spanCount = 1
    /// First of the spans without pieces; 0: none. Linked by `next`.
    private var emptySpan: UInt32 = 0
    private var emptySpans = 0
    /// By size: first span with room, pieces a span, bytes a piece.
    private let partial: UnsafeMutablePointer<UInt32>
    private let pieces: UnsafeMutablePointer<UInt16>
    private let bytes: UnsafeMutablePointer<Int>
    /// The smallest size for so many units, by units.
    private let sizeForUnits: UnsafeMutablePointer<UInt8>

    /// Resident empty spans that are kept for the next need.
    private let keptSpans = 16

    init() {
        region = Region(reserve: 1 << 36)
        base = region.base
        spanRegion = Region(reserve: (1 << 36) / Arena.spanBytes * MemoryLayout<Span>.stride)
        spans = spanRegion.base.assumingMemoryBound(to: Span.self)
        let count = Arena.classes.count
        partial = .allocate(capacity: count)
        partial.initialize(repeating: 0, count: count)
        pieces = .allocate(capacity: count)
        bytes = .allocate(capacity: count)
        sizeForUnits = .allocate(capacity: Arena.classes.last! + 1)
        var size = 0
        for units in 0...Arena.classes.last! {
            if units > Arena.classes[size] { size += 1 }
            sizeForUnits[units] = UInt8(size)
        }
        for (i, units) in Arena.classes.enumerated() {
            bytes[i] = units * Arena.unit
            pieces[i] = UInt16(Arena.unitsInSpan / units)
        }
        spanRegion.commit(MemoryLayout<Span>.stride)
    }

    deinit {
        partial.deallocate()
        pieces.deallocate()
        bytes.deallocate()
        sizeForUnits.deallocate()
    }

    /// The largest piece, in bytes.
    static let largest = classes.last! * unit

    @inline(__always)
    func size(forBytes count: Int) -> Int { Int(sizeForUnits[(count + 15) >> 4]) }

    @inline(__always)
    func bytes(ofSize size: Int) -> Int { bytes[size] }

    @inline(__always)
    subscript(_ handle: UInt32) -> UnsafeMutableRawPointer { base + Int(handle) &* Arena.unit }

    @inline(__always)
    func handle(_ pointer: UnsafeRawPointer) -> UInt32 { UInt32(truncatingIfNeeded: (pointer - UnsafeRawPointer(base)) >> 4) }

    /// A piece of this size; its bytes are anything.
    ///
    /// - Complexity: O(1).
    func allocate(size: Int) -> UInt32 {
        var s = partial[size]
        if s == 0 { s = takeSpan(size) }
        let span = spans + Int(s)
        let units = bytes[size] >> 4
        var number = span.pointee.free
        let start = Int(s) &* Arena.unitsInSpan
        if number != 0xffff {
            let next = (base + (start &+ Int(number) &* units) &* Arena.unit).load(as: UInt16.self)
            span.pointee.free = next
            // It lay idle: what it holds of the next but one will be asked for.
            weir_prefetch(base + (start &+ Int(next) &* units) &* Arena.unit)
        } else {
            number = span.pointee.cut
            span.pointee.cut &+= 1
        }
        span.pointee.live &+= 1
        if span.pointee.live == pieces[size] {
            unlist(s)
            prefetchFree(partial[size], units)
        }
        used &+= bytes[size]
        return UInt32(truncatingIfNeeded: start &+ Int(number) &* units)
    }

    /// Brings the piece that is handed out next into the cache.
    @inline(__always)
    private func prefetchFree(_ s: UInt32, _ units: Int) {
        if s == 0 { return }
        let span = spans + Int(s)
        let number = span.pointee.free != 0xffff ? span.pointee.free : span.pointee.cut
        weir_prefetch(base + (Int(s) &* Arena.unitsInSpan &+ Int(number) &* units) &* Arena.unit)
    }

    /// Gives a piece of this size back.
    ///
    /// - Complexity: O(1); a span that becomes empty may cost a system call.
    func free(_ handle: UInt32, size: Int) {
        let s = handle / UInt32(Arena.unitsInSpan)
        let span = spans + Int(s)
        assert(handle != 0 && Int(span.pointee.size) == size && span.pointee.live > 0)
        let units = bytes[size] >> 4
        let number = UInt16(truncatingIfNeeded: (Int(handle) & (Arena.unitsInSpan - 1)) / units)
        self[handle].storeBytes(of: span.pointee.free, as: UInt16.self)
        span.pointee.free = number
        span.pointee.live &-= 1
        used &-= bytes[size]
        if !span.pointee.isListed { list(s) }
        if span.pointee.live == 0 { giveBack(s) }
    }

    /// Set while there is time to move pieces together.
    var isTidying = false

    /// Gives the pages of all empty spans back.
    func trim() {
        var s = emptySpan
        while s != 0 {
            region.release(Int(s) * Arena.spanBytes..<(Int(s) + 1) * Arena.spanBytes)
            s = spans[Int(s)].next
        }
    }

    /// Whether the piece lies in a span that is less than half full while others of its size have room: moving it elsewhere may empty the span.
    @inline(__always)
    func isSparse(_ handle: UInt32) -> Bool {
        let s = handle / UInt32(Arena.unitsInSpan)
        let span = spans + Int(s)
        let size = Int(span.pointee.size)
        // In passing half, with time at hand all but an eighth.
        let isThin = isTidying ? Int(span.pointee.live) &* 8 < Int(pieces[size]) &* 7 : span.pointee.live &* 2 < pieces[size]
        return isThin && span.pointee.isListed && partial[size] != s
    }

    private func takeSpan(_ size: Int) -> UInt32 {
        let s: UInt32
        if emptySpan != 0 {
            s = emptySpan
            emptySpan = spans[Int(s)].next
            emptySpans -= 1
        } else {
            s = UInt32(spanCount)
            spanCount += 1
            spanRegion.commit(spanCount * MemoryLayout<Span>.stride)
            // A page more than is used: rows are read a little beyond their ends.
            region.commit(spanCount * Arena.spanBytes + Region.page)
        }
        spans[Int(s)] = Span(size: UInt8(size))
        spansInUse += 1
        list(s)
        return s
    }

    private func list(_ s: UInt32) {
        let size = Int(spans[Int(s)].size)
        let head = partial[size]
        // Behind the first: what is being filled goes on being filled.
        if head == 0 {
            spans[Int(s)].next = 0
            spans[Int(s)].previous = 0
            partial[size] = s
        } else {
            let next = spans[Int(head)].next
            spans[Int(s)].next = next
            spans[Int(s)].previous = head
            spans[Int(head)].next = s
            if next != 0 { spans[Int(next)].previous = s }
        }
        spans[Int(s)].isListed = true
    }

    private func unlist(_ s: UInt32) {
        let span = spans[Int(s)]
        if span.previous != 0 { spans[Int(span.previous)].next = span.next } else { partial[Int(span.size)] = span.next }
        if span.next != 0 { spans[Int(span.next)].previous = span.previous }
        spans[Int(s)].isListed = false
    }

    private func giveBack(_ s: UInt32) {
        unlist(s)
        spansInUse -= 1
        if emptySpans >= keptSpans { region.release(Int(s) * Arena.spanBytes..<(Int(s) + 1) * Arena.spanBytes) }
        spans[Int(s)].next = emptySpan
        emptySpan = s
        emptySpans += 1
    }

    // MARK: Memory without a handle

    /// Zeroed memory of any size.
    func allocate(bytes count: Int) -> UnsafeMutableRawPointer {
        if count <= Arena.largest {
            let p = self[allocate(size: size(forBytes: count))]
            memset(p, 0, count)
            return p
        }
        let size = Region.rounded(count, Region.page)
        let p = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(p != nil && p != MAP_FAILED, "the system has no memory")
        mapped += size
        return p!
    }

    /// Gives back what `allocate(bytes:)` gave for this size.
    func free(_ p: UnsafeMutableRawPointer, bytes count: Int) {
        if count <= Arena.largest { return free(handle(p), size: size(forBytes: count)) }
        let size = Region.rounded(count, Region.page)
        munmap(p, size)
        mapped -= size
    }

    /// Bytes that the pieces and mappings take, what spans leave unused included.
    var heldBytes: Int { spansInUse * Arena.spanBytes + mapped }
}
