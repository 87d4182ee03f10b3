internal import Glibc

/// A window on a source's bytes that holds the line at hand and grows no further than the longest line taken.
final class LineBuffer {
    let source: ByteSource
    /// Longest line, bytes.
    let limit: Int
    private var memory: UnsafeMutableRawBufferPointer
    /// What was read and not consumed yet.
    private(set) var start = 0
    private(set) var end = 0
    private(set) var isAtEnd = false

    init(_ source: ByteSource, limit: Int) {
        self.source = source
        self.limit = limit
        memory = .allocate(byteCount: 256 * 1024, alignment: 16)
    }

    deinit { memory.deallocate() }

    /// The bytes at hand; valid until `more` or the buffer's end.
    var bytes: UnsafeMutableBufferPointer<UInt8> {
        UnsafeMutableBufferPointer(start: memory.baseAddress!.assumingMemoryBound(to: UInt8.self) + start, count: end - start)
    }

    func consume(_ count: Int) { start += count }

    /// Reads on behind the bytes at hand; false at the end of the source, or when they exceed the limit.
    func more() throws(FileError) -> Bool {
        if isAtEnd || end - start > limit { return false }
        return try read()
    }

    private func read() throws(FileError) -> Bool {
        if start > 0 {
            memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[start..<end]))
            end -= start
            start = 0
        }
        if end == memory.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: memory.count * 2, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(memory))
            memory.deallocate()
            memory = larger
        }
        let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[end...]))
        isAtEnd = count == 0
        end += count
        return count > 0
    }

    /// Offset of the next newline at or behind `from`, or nil.
    func newline(from: Int = 0) -> Int? {
        let bytes = bytes
        guard from < bytes.count, let found = memchr(bytes.baseAddress! + from, 10, bytes.count - from) else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(bytes.baseAddress!)
    }

    /// The line at hand without its line end, and what to consume for it; nil at the end. A line over the limit is cut there,
    /// and the rest of it is gone.
    func line() throws(FileError) -> (text: UnsafeMutableBufferPointer<UInt8>, length: Int, isCut: Bool)? {
        var from = 0
        while true {
            if let found = newline(from: from) {
                let text = bytes[..<found]
                return (UnsafeMutableBufferPointer(rebasing: text.last == 13 ? text.dropLast() : text), found + 1, false)
            }
            from = end - start
            if try more() { continue }
            if isAtEnd {
                guard from > 0 else { return nil }
                let text = bytes[...]
                return (UnsafeMutableBufferPointer(rebasing: text.last == 13 ? text.dropLast() : text), from, false)
            }
            break
        }
        // Too long: what lies behind the limit is read over.
        let kept = limit + 1
        while true {
            if let found = newline(from: kept) {
                // What is left behind the cut goes with the line.
                return (UnsafeMutableBufferPointer(rebasing: bytes[..<kept]), found + 1, true)
            }
            end = start + kept
            guard try read() else { return (UnsafeMutableBufferPointer(rebasing: bytes[..<kept]), kept, true) }
        }
    }
}
