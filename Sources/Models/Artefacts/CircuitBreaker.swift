/// Keeps what fails again and again from being tried at every turn.
///
/// Closed: tried. After `failures` failures in a row open: not tried for a while, which doubles from one opening to the next up to a bound. Then half open:
/// tried once, and closed or open again by how that goes. Pure: whoever asks says what time it is, in milliseconds of any clock.
public struct CircuitBreaker: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case closed, open
        case halfOpen = "half_open"
    }

    public let failures: Int
    public let firstPauseMillis: Int64
    public let longestPauseMillis: Int64
    private var inRow = 0
    private var pauseMillis: Int64
    private var opensAgainAt: Int64?

    public init(failures: Int = 3, firstPauseMillis: Int64 = 5_000, longestPauseMillis: Int64 = 300_000) {
        precondition(failures >= 1 && firstPauseMillis >= 1 && longestPauseMillis >= firstPauseMillis, "a failure and a pause at least")
        self.failures = failures
        self.firstPauseMillis = firstPauseMillis
        self.longestPauseMillis = longestPauseMillis
        pauseMillis = firstPauseMillis
    }

    public func state(now: Int64) -> State {
        guard let at = opensAgainAt else { return .closed }
        return now < at ? .open : .halfOpen
    }

    /// Whether to try.
    public func allows(now: Int64) -> Bool { state(now: now) != .open }

    public mutating func succeeded() {
        inRow = 0
        pauseMillis = firstPauseMillis
        opensAgainAt = nil
    }

    public mutating func failed(now: Int64) {
        inRow += 1
        if let _ = opensAgainAt {
            pauseMillis = min(pauseMillis * 2, longestPauseMillis)
        } else if inRow < failures {
            return
        }
        opensAgainAt = now + pauseMillis
    }
}
