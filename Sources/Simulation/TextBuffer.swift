/// Text on its way out: bytes that grow, and are kept when it is emptied.
public struct TextBuffer: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// Bytes held.
    public private(set) var count = 0

    public init(capacity: Int = 64 * 1024) {
        self.capacity = max(capacity, 1024)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    /// The text, valid within the closure.
    public func withBytes<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: base, count: count))
    }

    public mutating func removeAll() { count = 0 }

    public mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        reserve(bytes.count)
        guard let source = bytes.baseAddress else { return }
        (base + count).update(from: source, count: bytes.count)
        count += bytes.count
    }

    /// Makes room for so many more bytes, which the unchecked writers below rely on.
    mutating func reserve(_ more: Int) {
        if count + more <= capacity { return }
        capacity = max(capacity * 2, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
    }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        base[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func put(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        (base + count).update(from: text.utf8Start, count: length)
        count += length
    }

    /// A number in decimal, with leading zeros up to `width` digits.
    mutating func put(decimal value: UInt64, width: Int = 1) {
        var digits = 1
        var power: UInt64 = 10
        while digits < 20 && (value >= power || digits < width) {
            digits += 1
            if digits < 20 { power = power &* 10 }
        }
        var rest = value
        var place = count + digits
        while place > count {
            place -= 1
            base[place] = 48 + UInt8(rest % 10)
            rest /= 10
        }
        count += digits
    }

    mutating func put(hex value: UInt64, digits: Int) {
        var place = digits
        while place > 0 {
            place -= 1
            let digit = UInt8((value >> UInt64(4 * place)) & 0xF)
            put(digit < 10 ? 48 + digit : 87 + digit)
        }
    }

    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`
    mutating func put(time millis: Int64) {
        let days = CivilDate.days(of: millis)
        let date = CivilDate(daysSinceEpoch: days)
        let inDay = UInt64(millis - days * CivilDate.millisPerDay)
        put(decimal: UInt64(date.year), width: 4)
        put(45)
        put(decimal: UInt64(date.month), width: 2)
        put(45)
        put(decimal: UInt64(date.day), width: 2)
        put(84)
        put(decimal: inDay / 3_600_000, width: 2)
        put(58)
        put(decimal: inDay / 60_000 % 60, width: 2)
        put(58)
        put(decimal: inDay / 1000 % 60, width: 2)
        put(46)
        put(decimal: inDay % 1000, width: 3)
        put(90)
    }
}
