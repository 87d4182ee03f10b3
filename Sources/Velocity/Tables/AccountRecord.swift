/// An account's record, 44 bytes: key, first, last and last-but-one times (49 bits each), when it was last named, and the handles of its three lists.
struct AccountRecord {
    static let stride = 44
    let p: UnsafeMutableRawPointer

    @inline(__always)
    init(_ p: UnsafeMutableRawPointer) { self.p = p }

    @inline(__always) var debits: UnsafeMutablePointer<UInt32> { (p + 32).assumingMemoryBound(to: UInt32.self) }
    @inline(__always) var credits: UnsafeMutablePointer<UInt32> { (p + 36).assumingMemoryBound(to: UInt32.self) }
    @inline(__always) var inflow: UnsafeMutablePointer<UInt32> { (p + 40).assumingMemoryBound(to: UInt32.self) }

    private static let hasMemory: UInt8 = 8
    private static let hasSecond: UInt8 = 16

    @inline(__always) private var flags: UInt8 { p.load(fromByteOffset: 26, as: UInt8.self) }

    @inline(__always)
    private func time(_ i: Int, _ flags: UInt8) -> Int64 {
        let low = UInt64(p.load(fromByteOffset: 8 &+ 4 &* i, as: UInt32.self))
        let middle = UInt64(p.load(fromByteOffset: 20 &+ 2 &* i, as: UInt16.self))
        return Int64(low | middle << 32 | UInt64(flags >> UInt8(truncatingIfNeeded: i) & 1) << 48) &- Header.bias
    }

    @inline(__always)
    private func set(_ i: Int, _ time: Int64, _ flags: inout UInt8) {
        let t = UInt64(bitPattern: time &+ Header.bias)
        p.storeBytes(of: UInt32(truncatingIfNeeded: t), toByteOffset: 8 &+ 4 &* i, as: UInt32.self)
        p.storeBytes(of: UInt16(truncatingIfNeeded: t >> 32), toByteOffset: 20 &+ 2 &* i, as: UInt16.self)
        flags |= UInt8(truncatingIfNeeded: t >> 48 & 1) << UInt8(truncatingIfNeeded: i)
    }

    /// Times of what the account did since it was last forgotten.
    struct Times {
        var first: Int64
        var last: Int64
        /// `Int64.min`: there is none.
        var second: Int64
    }

    /// nil: it never did anything, or was forgotten.
    @inline(__always) var times: Times? {
        let flags = flags
        if flags & Self.hasMemory == 0 { return nil }
        return Times(first: time(0, flags), last: time(1, flags), second: flags & Self.hasSecond != 0 ? time(2, flags) : Int64.min)
    }

    @inline(__always)
    func set(_ times: Times) {
        var flags = Self.hasMemory
        set(0, times.first, &flags)
        set(1, times.last, &flags)
        if times.second != Int64.min {
            flags |= Self.hasSecond
            set(2, times.second, &flags)
        }
        p.storeBytes(of: flags, toByteOffset: 26, as: UInt8.self)
    }

    /// Takes note that the account was named at this time.
    @inline(__always)
    func touch(_ time: Int64) { Reference(p + 28).touch(time) }
    @inline(__always)
    func isNamed(after floor: Int64) -> Bool { Reference(p + 28).isNamed(after: floor) }
}

/// When an entity was last named, in steps of 131 s, in four bytes.
struct Reference {
    let p: UnsafeMutableRawPointer

    @inline(__always)
    init(_ p: UnsafeMutableRawPointer) { self.p = p }

    @inline(__always)
    static func step(_ time: Int64) -> UInt32 { UInt32(truncatingIfNeeded: UInt64(bitPattern: time &+ Header.bias) >> 17) }

    @inline(__always)
    func touch(_ time: Int64) {
        let step = Self.step(time)
        if step > p.load(as: UInt32.self) { p.storeBytes(of: step, as: UInt32.self) }
    }

    /// Whether it may have been named after `floor`; false only when it was not.
    @inline(__always)
    func isNamed(after floor: Int64) -> Bool { !Header.holds(floor) || p.load(as: UInt32.self) >= Self.step(floor) }
}
