/// Reading times: RFC 3339 into milliseconds since the Unix epoch.
enum Timestamps {
    static let dayMillis: Int64 = 86_400_000

    /// Days from 1970-01-01 to a date of the proleptic Gregorian calendar (Howard Hinnant, *chrono-compatible low-level date
    /// algorithms*, `days_from_civil`). Year 0 ... 9999.
    @inline(__always)
    static func days(year: Int, month: Int, day: Int) -> Int {
        // From March on, so that the leap day comes last; one era is 400 years.
        let y = (month <= 2 ? year - 1 : year) + 400
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return (era - 1) * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    @inline(__always)
    static func daysInMonth(_ month: Int, _ year: Int) -> Int {
        month == 2 ? (isLeap(year) ? 29 : 28) : 30 + ((month + month >> 3) & 1)
    }

    @inline(__always)
    private static func two(_ p: UnsafePointer<UInt8>, _ bad: inout UInt8) -> Int {
        let a = p[0] &- 48
        let b = p[1] &- 48
        bad |= (a > 9 ? 1 : 0) | (b > 9 ? 1 : 0)
        return Int(a) &* 10 &+ Int(b)
    }

    /// `YYYY-MM-DD` as days since the epoch, or nil. Ten bytes are read.
    @inline(__always)
    static func date(_ p: UnsafePointer<UInt8>) -> Int? {
        var bad: UInt8 = 0
        let year = two(p, &bad) &* 100 &+ two(p + 2, &bad)
        let month = two(p + 5, &bad)
        let day = two(p + 8, &bad)
        guard bad == 0, p[4] == UInt8(ascii: "-"), p[7] == UInt8(ascii: "-"), month >= 1, month <= 12, day >= 1,
            day <= daysInMonth(month, year)
        else { return nil }
        return days(year: year, month: month, day: day)
    }

    /// A time of RFC 3339 (section 5.6) in milliseconds since the epoch, further digits cut off; nil when it is none.
    ///
    /// `T` and `Z` may be small. A leap second is taken at the end of a June or December in UTC, and is the first second of
    /// the day after, as POSIX has it. In a file (`inFile`) a space may stand for `T`, and without an offset it is UTC.
    static func parse(_ p: UnsafePointer<UInt8>, _ count: Int, inFile: Bool) -> Int64? {
        guard count >= 19, let day = date(p) else { return nil }
        var bad: UInt8 = 0
        let hour = two(p + 11, &bad)
        let minute = two(p + 14, &bad)
        var second = two(p + 17, &bad)
        let t = p[10] | 0x20
        guard bad == 0, p[13] == UInt8(ascii: ":"), p[16] == UInt8(ascii: ":"), hour <= 23, minute <= 59, second <= 60,
            t == UInt8(ascii: "t") || (inFile && p[10] == UInt8(ascii: " "))
        else { return nil }
        var i = 19
        var millis = 0
        if i < count, p[i] == UInt8(ascii: ".") {
            i += 1
            let first = i
            var scale = 100
            while i < count, p[i] &- 48 <= 9 {
                millis += Int(p[i] &- 48) &* scale
                scale /= 10
                i += 1
            }
            guard i > first else { return nil }
        }
        var offsetMinutes = 0
        if i == count {
            guard inFile else { return nil }
        } else if p[i] | 0x20 == UInt8(ascii: "z") {
            guard i + 1 == count else { return nil }
        } else {
            guard i + 6 == count, p[i] == UInt8(ascii: "+") || p[i] == UInt8(ascii: "-"), p[i + 3] == UInt8(ascii: ":")
            else { return nil }
            let hours = two(p + i + 1, &bad)
            let minutes = two(p + i + 4, &bad)
            guard bad == 0, hours <= 23, minutes <= 59 else { return nil }
            offsetMinutes = (hours * 60 + minutes) * (p[i] == UInt8(ascii: "-") ? -1 : 1)
        }
        let isLeapSecond = second == 60
        if isLeapSecond { second = 59 }
        var seconds = day &* 86_400 &+ hour &* 3_600 &+ minute &* 60 &+ second &- offsetMinutes &* 60
        if isLeapSecond {
            seconds += 1
            guard isLeapSecondsEnd(seconds) else { return nil }
        }
        return Int64(seconds &* 1_000 &+ millis)
    }

    /// Whether that second begins a July or a January in UTC.
    private static func isLeapSecondsEnd(_ seconds: Int) -> Bool {
        guard seconds % 86_400 == 0 else { return false }
        let (_, month, day) = civil(days: seconds / 86_400)
        return day == 1 && (month == 1 || month == 7)
    }

    /// The date that lies so many days after 1970-01-01 (Hinnant, `civil_from_days`).
    static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

/// Times as text.
public enum UTCText {
    /// A time of the years 0 to 9999 (ms since the epoch) as RFC 3339 in UTC.
    ///
    /// - Parameter alwaysMillis: with milliseconds even where there are none.
    public static func rfc3339(_ time: Int64, alwaysMillis: Bool = false) -> String {
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let day = Int(floorDivide(time, Timestamps.dayMillis))
        let millis = Int(time) - day * Int(Timestamps.dayMillis)
        let (year, month, dayOfMonth) = Timestamps.civil(days: day)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
        let clock = "\(padded(millis / 3_600_000, 2)):\(padded(millis / 60_000 % 60, 2)):\(padded(millis / 1_000 % 60, 2))"
        return millis % 1_000 == 0 && !alwaysMillis ? "\(date)T\(clock)Z" : "\(date)T\(clock).\(padded(millis % 1_000, 3))Z"
    }

    /// A date (its midnight in UTC) or a time as files may have it, in milliseconds since the epoch; nil when it is neither.
    public static func millis(_ text: String) -> Int64? {
        var text = text
        return text.withUTF8 { bytes in
            guard let base = bytes.baseAddress else { return nil }
            if bytes.count == 10 { return Timestamps.date(base).map { Int64($0) * Timestamps.dayMillis } }
            return Timestamps.parse(base, bytes.count, inFile: true)
        }
    }
}
