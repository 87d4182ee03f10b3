import Stream

/// A thread that does something small at fixed intervals, until it is stopped.
///
/// `@unchecked Sendable`: what changes is only touched inside `monitor.locked`.
final class Ticker: @unchecked Sendable {
    private let monitor = Monitor()
    private var isStopping = false
    private var thread: Thread?

    init(millis: Int64, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread("housekeeping", stackBytes: 256 << 10) { [self] in
            while !monitor.locked({ isEnded(millis) }) { body() }
        }
        monitor.locked { self.thread = thread }
    }

    private func isEnded(_ millis: Int64) -> Bool {
        if !isStopping { monitor.wait(milliseconds: millis) }
        return isStopping
    }

    /// Ends the thread, and waits for that.
    func stop() {
        let thread = monitor.locked {
            isStopping = true
            monitor.signal()
            return self.thread
        }
        thread?.join()
    }
}
