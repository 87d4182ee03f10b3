/// A second of UTC, as AWS writes and reads it. Seconds since the Unix epoch.
public struct Instant: Sendable, Comparable, Hashable {
    public var seconds: Int64

    public init(seconds: Int64) { self.seconds = seconds }

    public static func < (a: Self, b: Self) -> Bool { a.seconds < b.seconds }

    /// `20150830T123600Z`
    public var compact: String {
        let (year, month, day) = Self.civil(days)
        let rest = seconds - days * 86_400
        return "\(Self.digits(year, 4))\(Self.digits(month, 2))\(Self.digits(day, 2))T"
            + "\(Self.digits(rest / 3600, 2))\(Self.digits(rest / 60 % 60, 2))\(Self.digits(rest % 60, 2))Z"
    }

    /// `20150830`
    var date: String { String(compact.prefix(8)) }

    private var days: Int64 { seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400 }

    /// Reads `2015-08-30T12:36:00Z`, with or without a fraction; nil for anything else.
    public init?(iso text: String) {
        let t = Array(text.utf8)
        guard t.count >= 20, t[4] == 45, t[7] == 45, t[10] == UInt8(ascii: "T"), t[13] == 58, t[16] == 58 else { return nil }
        var end = 19
        if t[end] == UInt8(ascii: ".") { end = t[20...].firstIndex { !(48...57).contains($0) } ?? t.count }
        guard end != 20, ["Z", "+00:00"].contains(String(decoding: t[end...], as: UTF8.self)) else { return nil }
        self.init(Self.number(t[0..<4]), Self.number(t[5..<7]), Self.number(t[8..<10]), Self.number(t[11..<13]), Self.number(t[14..<16]), Self.number(t[17..<19]))
    }

    /// Reads an HTTP `Date`: `Sun, 30 Aug 2015 12:36:00 GMT` (RFC 9110, 5.6.7); nil for anything else.
    public init?(http text: String) {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let t = Array(text.utf8)
        guard t.count == 29, t[3] == UInt8(ascii: ","), String(decoding: t[25...], as: UTF8.self) == " GMT", t[19] == 58, t[22] == 58,
            [4, 7, 11, 16].allSatisfy({ t[$0] == 32 }), let month = months.firstIndex(of: String(decoding: t[8..<11], as: UTF8.self))
        else { return nil }
        self.init(Self.number(t[12..<16]), Int64(month + 1), Self.number(t[5..<7]), Self.number(t[17..<19]), Self.number(t[20..<22]), Self.number(t[23..<25]))
    }

    private init?(_ year: Int64?, _ month: Int64?, _ day: Int64?, _ hour: Int64?, _ minute: Int64?, _ second: Int64?) {
        guard let year, let month, let day, let hour, let minute, let second, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second <= 60
        else { return nil }
        self.init(seconds: Self.days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
    }

    /// nil unless all are digits.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        digits.reduce(0) { sum, digit in sum.flatMap { (48...57).contains(digit) ? $0 * 10 + Int64(digit - 48) : nil } }
    }

    private static func digits(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    /// Howard Hinnant's `days_from_civil`.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// His `civil_from_days`, for the years 0 and later.
    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9, day)
    }
}
