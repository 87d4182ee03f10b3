import CPlatform
import Glibc

/// Gives memory back to the system when the process rests after a burst: the allocator keeps it, and platforms bill it.
///
/// `@unchecked Sendable`: touched by the housekeeping thread alone.
final class Rest: @unchecked Sendable {
    /// Below it nothing is worth returning, bytes.
    private static let worthwhile = 16 << 20
    private static let interval: UInt64 = 5_000_000_000
    private var begun = Clock.nanos
    private var processorBegun = processorNanos()

    /// Looks, every five seconds, whether less than a tenth of a processor was used since; only then nobody is hindered.
    func tick() {
        let passed = Clock.nanos - begun
        guard passed >= Self.interval else { return }
        let processor = Self.processorNanos()
        let isResting = (processor - processorBegun) * 10 < passed
        (begun, processorBegun) = (Clock.nanos, processor)
        if isResting, weir_free_memory() > Self.worthwhile { weir_return_memory() }
    }

    private static func processorNanos() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
