import Glibc
import Scoring

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

    /// RFC 3339 in UTC with milliseconds.
    static func text(_ wallMillis: Int64) -> String { UTCText.rfc3339(wallMillis, alwaysMillis: true) }
}
