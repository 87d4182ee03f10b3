import CPlatform
import Glibc

/// Gives memory back to the system after a burst: the allocator keeps it, and platforms bill it.
///
/// `@unchecked Sendable`: touched by the housekeeping thread alone.
final class Rest: @unchecked Sendable {
    /// Free bytes that the allocator may keep while the process rests, and while it works: what a restart's history took is not needed again.
    private static let (spareAtRest, spareAtWork) = (16 << 20, 48 << 20)
    private static let interval: UInt64 = 5_000_000_000
    private var begun = Clock.nanos
    private var processorBegun = processorNanos()

    /// Looks every five seconds. Who used less than a tenth of a processor since is hindered by nothing and keeps the least.
    func tick() {
        let passed = Clock.nanos - begun
        guard passed >= Self.interval else { return }
        let processor = Self.processorNanos()
        let isResting = (processor - processorBegun) * 10 < passed
        (begun, processorBegun) = (Clock.nanos, processor)
        if weir_free_memory() > (isResting ? Self.spareAtRest : Self.spareAtWork) { weir_return_memory() }
    }

    private static func processorNanos() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
