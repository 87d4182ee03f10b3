import Glibc

/// A range of addresses that never moves: reserved at once, made usable from its beginning on as it is needed, and resident only where it was touched.
///
/// So what grows is never copied, and pointers into it stay good.
final class Region {
    let base: UnsafeMutableRawPointer
    /// Bytes of addresses.
    let reserved: Int
    /// Bytes that may be touched.
    private(set) var committed = 0

    static let page = 4096

    /// Reserves at most so many bytes of addresses; half of it, and half of that, where the system refuses so many.
    init(reserve bytes: Int) {
        var size = Region.rounded(bytes, 1 << 16)
        while true {
            // Without access it counts against no limit but the address space's.
            let p = mmap(nil, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
            if let p, p != MAP_FAILED {
                base = p
                reserved = size
                return
            }
            precondition(size > 1 << 24, "not even 16 MB of addresses")
            size /= 2
        }
    }

    deinit { munmap(base, reserved) }

    static func rounded(_ bytes: Int, _ unit: Int) -> Int { (bytes + unit - 1) / unit * unit }

    /// Makes the bytes 0 ..< `end` usable; new ones are 0.
    ///
    /// - Complexity: O(1); one system call a step, steps growing with what is there.
    @inline(__always)
    func commit(_ end: Int) {
        if end > committed { extend(end) }
    }

    @inline(never)
    private func extend(_ end: Int) {
        precondition(end <= reserved, "the reserved addresses are used up")
        let step = min(1 << 24, max(1 << 16, committed / 4))
        let target = min(reserved, Region.rounded(max(end, committed + step), 1 << 16))
        precondition(mprotect(base + committed, target - committed, PROT_READ | PROT_WRITE) == 0, "the system has no memory")
        committed = target
    }

    /// Gives the whole pages of a range back; they are 0 when they are touched again.
    func release(_ range: Range<Int>) {
        let from = Region.rounded(range.lowerBound, Region.page)
        let to = range.upperBound / Region.page * Region.page
        if from < to { madvise(base + from, to - from, MADV_DONTNEED) }
    }
}
