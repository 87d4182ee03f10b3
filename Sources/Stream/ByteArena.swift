/// A growing piece of raw memory that is filled once and then read in place. Its bytes move only while it is filled.
final class ByteArena {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 4096) {
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    func append(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        reserve(bytes.count)
        if let source = bytes.baseAddress { (base + count).copyMemory(from: source, byteCount: bytes.count) }
        count += bytes.count
        return count - bytes.count..<count
    }

    func append(_ word: UInt32) {
        withUnsafeBytes(of: word) { _ = append($0) }
    }

    func removeAll() { count = 0 }

    subscript(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.upperBound <= count, "inside the arena")
        return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    private func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        capacity = max(capacity * 2, count + more)
        let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        grown.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = grown
    }
}

/// Headers of an output record, one after the other: a count-prefixed name, then a count-prefixed value.
enum HeaderCoding {
    static func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, to arena: ByteArena) {
        arena.append(UInt32(name.count))
        _ = arena.append(name)
        arena.append(UInt32(value.count))
        _ = arena.append(value)
    }

    static func append(_ name: StaticString, _ value: String, to arena: ByteArena) {
        var value = value
        value.withUTF8 { append(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), .init($0), to: arena) }
    }

    static func forEach(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) {
        var at = 0
        func next() -> UnsafeRawBufferPointer {
            let count = Int(bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            defer { at += 4 + count }
            return UnsafeRawBufferPointer(rebasing: bytes[at + 4..<at + 4 + count])
        }
        while at < bytes.count {
            let name = next()
            body(name, next())
        }
    }
}
