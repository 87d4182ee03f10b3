import Glibc

/// Signals, taken by one thread that waits for them: nothing runs in a handler.
public enum Signals {
    /// Sent to the process by itself: something ended that `wait` should return for.
    static let nudge = SIGUSR1

    /// Blocks what is waited for, in this thread and all that it starts later. Before any other thread is started.
    public static func block() {
        var set = set
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits until the process is told to end.
    public static func waitForEnd() { while wait() == nudge {} }

    /// Waits for a signal.
    ///
    /// - Returns: nil if `millis` passed first.
    static func wait(millis: Int64? = nil) -> Int32? {
        var set = set
        guard let millis else {
            var number: Int32 = 0
            while sigwait(&set, &number) != 0 {}
            return number
        }
        let end = Clock.nanos + UInt64(max(millis, 0)) * 1_000_000
        while true {
            let left = Int64(bitPattern: end &- Clock.nanos)
            var time = timespec(tv_sec: Int(max(left, 0) / 1_000_000_000), tv_nsec: Int(max(left, 0) % 1_000_000_000))
            let number = sigtimedwait(&set, nil, &time)
            if number > 0 { return number }
            if errno != EINTR { return nil }
        }
    }

    /// Makes `wait` return.
    static func nudgeMain() { kill(getpid(), nudge) }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, nudge] { sigaddset(&set, number) }
        return set
    }
}
