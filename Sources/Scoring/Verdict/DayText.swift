/// Event times as RFC 3339 in UTC with milliseconds. The date's text is kept from one to the next: times of one day follow each other.
struct DayText: ~Copyable {
    private var day = Int64.min
    /// `2026-11-24T`
    private let text: UnsafeMutablePointer<UInt8>

    init() { text = .allocate(capacity: 16) }

    deinit { text.deallocate() }

    /// `"2026-11-24T12:00:00.123Z"`, with its quotes; for years 0 to 9999.
    @inline(__always)
    mutating func write(_ millis: Int64, to cursor: inout ByteCursor) {
        let today = floorDivide(millis, 86_400_000)
        if today != day { set(today, cursor.p) }
        cursor.byte(34)
        cursor.padded(text, 11)
        let inDay = Int(truncatingIfNeeded: millis - today * 86_400_000)
        cursor.fixed(UInt64(inDay / 3_600_000), digits: 2)
        cursor.byte(58)
        cursor.fixed(UInt64(inDay / 60_000 % 60), digits: 2)
        cursor.byte(58)
        cursor.fixed(UInt64(inDay / 1_000 % 60), digits: 2)
        cursor.byte(46)
        cursor.fixed(UInt64(inDay % 1_000), digits: 3)
        cursor.literal("Z\"")
    }

    private mutating func set(_ day: Int64, _ scratch: UnsafeMutablePointer<UInt8>) {
        self.day = day
        let (year, month, dayOfMonth) = Timestamps.civil(days: Int(day))
        precondition((0...9_999).contains(year), "an event's year has four digits")
        func put(_ value: Int, _ at: Int, _ count: Int) {
            var rest = value
            for i in stride(from: at + count - 1, through: at, by: -1) {
                text[i] = UInt8(48 + rest % 10)
                rest /= 10
            }
        }
        put(year, 0, 4)
        text[4] = 45
        put(month, 5, 2)
        text[7] = 45
        put(dayOfMonth, 8, 2)
        text[10] = 84
    }
}
