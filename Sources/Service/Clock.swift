import Glibc

/// The process's clocks: for what is measured and told, never for anything that reaches a verdict.
enum Clock {
    /// Nanoseconds of the monotonic clock.
    @inline(__always)
    static var nanos: UInt64 { nanos(CLOCK_MONOTONIC) }

    /// Milliseconds since the Unix epoch.
    static var wallMillis: Int64 { Int64(nanos(CLOCK_REALTIME) / 1_000_000) }

    @inline(__always)
    private static func nanos(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// RFC 3339 in UTC with milliseconds. The date by Howard Hinnant's `civil_from_days`.
    static func text(_ wallMillis: Int64) -> String {
        let dayMillis: Int64 = 86_400_000
        let rest = Int(wallMillis % dayMillis)
        let days = Int(wallMillis / dayMillis) + 719_468
        let era = days / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let millis = rest % 1000
        return "\(year)-\(two(month))-\(two(day))T\(two(rest / 3_600_000)):\(two(rest / 60_000 % 60)):\(two(rest / 1000 % 60))."
            + (millis < 10 ? "00" : millis < 100 ? "0" : "") + "\(millis)Z"
    }
}
