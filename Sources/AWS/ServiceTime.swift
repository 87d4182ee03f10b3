import Glibc
import HTTP

/// This machine's time, put right by what AWS says of its own: signatures are good for a few minutes around the service's time alone.
///
/// One thread at a time.
public final class ServiceTime {
    private let wall: () -> Instant
    /// Seconds that this machine is behind.
    public private(set) var offset: Int64 = 0

    public init(wall: @escaping () -> Instant = Instant.wall) { self.wall = wall }

    public var now: Instant { Instant(seconds: wall().seconds + offset) }

    /// Takes the time of an answer's `Date`.
    ///
    /// - Returns: whether it is another than was thought, by half a minute or more.
    func adopt(_ answer: Answer) -> Bool {
        guard let date = answer.header("Date").flatMap({ Instant(http: $0) }) else { return false }
        let difference = date.seconds - now.seconds
        guard abs(difference) >= 30 else { return false }
        offset += difference
        return true
    }

    public static func sleep(_ millis: Int) { usleep(UInt32(clamping: millis * 1000)) }
}
