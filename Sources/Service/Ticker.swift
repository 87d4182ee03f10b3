/// A thread that does something small at fixed intervals, until it is stopped.
///
/// `@unchecked Sendable`: what changes is only touched inside `condition.locked`.
final class Ticker: @unchecked Sendable {
    private let condition = Condition()
    private var isStopping = false
    private var thread: ServiceThread?

    init(millis: Int64, _ body: @escaping @Sendable () -> Void) {
        let thread = ServiceThread("housekeeping", stackBytes: 256 << 10) { [self] in
            while !condition.locked({ isEnded(millis) }) { body() }
        }
        condition.locked { self.thread = thread }
    }

    private func isEnded(_ millis: Int64) -> Bool {
        if !isStopping { condition.wait(millis: millis) }
        return isStopping
    }

    /// Ends the thread, and waits for that.
    func stop() {
        let thread = condition.locked {
            isStopping = true
            condition.signal()
            return self.thread
        }
        thread?.join()
    }
}
