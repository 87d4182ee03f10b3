import CLanes

extension Lists {
    /// The time of the newest event in `(low, t]` with the special mark; `Int64.min` without one.
    ///
    /// - Parameter leavesLastOut: whether the last event until t, of which there is one, does not count.
    /// - Complexity: O(1) for a block, O(chunks of the window) for a large list: their headers lie side by side.
    func newestSpecial(_ handle: UInt32, upTo t: Int64, above low: Int64, leavesLastOut: Bool) -> Int64 {
        if handle == 0 { return Int64.min }
        if isLarge(header(handle)) { return newestSpecialLarge(large(handle), t, low, leavesLastOut) }
        return Self.newestSpecial(block(handle), block(handle).until(t) - (leavesLastOut ? 1 : 0), low)
    }

    private func newestSpecialLarge(_ h: LargePointer, _ t: Int64, _ low: Int64, _ leavesLastOut: Bool) -> Int64 {
        var end = t >= h.pointee.newest ? Place(chunk: h.pointee.end, offset: 0) : place(h, after: t)
        if leavesLastOut {
            if end.offset == 0 { end = Place(chunk: end.chunk - 1, offset: Int(h.pointee.chunks[end.chunk - 1].count)) }
            end.offset -= 1
        }
        var k = end.chunk
        // The chunk that `t` lies in counts up to there, those before it whole.
        if k < h.pointee.end, end.offset > 0, h.pointee.chunks[k].special > 0 {
            let time = Self.newestSpecial(block(h, k), end.offset, low)
            if time != Int64.min { return time }
        }
        while k > h.pointee.first {
            k -= 1
            if h.pointee.chunks[k].last <= low { break }
            if h.pointee.chunks[k].special > 0 { return Self.newestSpecial(block(h, k), Int(h.pointee.chunks[k].count), low) }
        }
        return Int64.min
    }

    @inline(__always)
    private static func newestSpecial(_ block: Block<S>, _ end: Int, _ low: Int64) -> Int64 {
        let mask = block.marks(S.values) & lanes_low(Int64(end))
        guard mask != 0 else { return Int64.min }
        let time = block.time(63 - mask.leadingZeroBitCount)
        return time > low ? time : Int64.min
    }
}
