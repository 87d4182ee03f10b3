import Glibc

/// Monotonic time in ms.
public func nowMillis() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

/// Calls `step`, which does some of the work or waits for a part of it, until it says true.
///
/// The time is long, since machines are busy; who waits in vain fails all the same.
/// - Returns: false if the time passed first.
public func until(_ timeoutMillis: Int = 60_000, _ step: () throws -> Bool) rethrows -> Bool {
    let end = nowMillis() + timeoutMillis
    while nowMillis() < end { if try step() { return true } }
    return false
}
