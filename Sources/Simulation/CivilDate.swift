/// A day of the proleptic Gregorian calendar, in UTC. The conversions follow Hinnant, *chrono-Compatible Low-Level Date Algorithms*.
struct CivilDate {
    var year: Int
    var month: Int
    var day: Int

    static let millisPerDay: Int64 = 86_400_000
    static let millisPerHour: Int64 = 3_600_000

    init(daysSinceEpoch: Int64) {
        let shifted = daysSinceEpoch + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01 of a time in epoch milliseconds, rounded down.
    static func days(of millis: Int64) -> Int64 {
        millis >= 0 ? millis / millisPerDay : (millis - millisPerDay + 1) / millisPerDay
    }

    /// 0 = Monday … 6 = Sunday.
    static func weekday(daysSinceEpoch: Int64) -> Int { Int(((daysSinceEpoch + 3) % 7 + 7) % 7) }
}
