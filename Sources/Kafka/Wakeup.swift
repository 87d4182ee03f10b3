import CRdkafka
import Glibc

/// What a thread waits on for many queues at once: librdkafka writes to it when a queue that was empty has something (`rd_kafka_queue_io_event_enable`),
/// and anyone else by `signal()`. An eventfd.
///
/// A queue signals when it goes from empty to not empty. So: `wait`, then poll *every* queue until it gives less than was asked for, then
/// `wait` again; a queue that was left with something does not signal, its owner has to remember it.
///
/// `Sendable` since it is one descriptor, constant until `deinit`, and `read`, `write` and `poll` on a descriptor are atomic (POSIX.1-2017 2.9.1, eventfd(2)).
public final class Wakeup: Sendable {
    /// For whoever waits with `poll` or `epoll` of their own. Readable when signalled.
    public let descriptor: Int32

    public init() {
        descriptor = weir_eventfd()
        precondition(descriptor >= 0, "no eventfd: errno \(errno)")
    }

    deinit { close(descriptor) }

    /// Ends the present `wait`, or the next one if nobody waits. Never blocks; safe in a signal handler.
    public func signal() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    /// Waits until signalled, at most `timeoutMillis` (0: only looks; negative: for ever). Takes all signals that there are.
    ///
    /// - Returns: false if the time passed without a signal. A signal to the process may end it early, also with false.
    @discardableResult
    public func wait(timeoutMillis: Int) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, Int32(clamping: timeoutMillis)) == 1 else { return false }
        var count: UInt64 = 0
        return read(descriptor, &count, 8) == 8
    }
}
