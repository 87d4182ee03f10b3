public import Scoring

/// Requests that wait for the engine: put in by whoever asks (the http thread), taken out by the engine's thread between two batches.
///
/// Bounded: at the bound a request is refused at once, never queued without end.
///
/// `@unchecked Sendable`: what changes is only touched inside `monitor.locked`.
public final class RequestQueue: @unchecked Sendable {
    /// What is asked: a verdict of one kind for the transaction in `body`.
    public struct Item: Sendable {
        public let kind: VerdictKind
        public let body: [UInt8]
        /// When it came, Unix epoch milliseconds: what clock skew is measured from.
        public let arrival: Int64
        /// When it came, nanoseconds of the monotonic clock: for measuring the wait.
        public let arrivalNanos: UInt64
        /// Takes the answer, once, on the engine's thread. Quick: the stream stands still meanwhile.
        public let complete: @Sendable (Answer) -> Void

        public init(
            kind: VerdictKind, body: [UInt8], arrival: Int64, arrivalNanos: UInt64, complete: @escaping @Sendable (Answer) -> Void
        ) {
            self.kind = kind
            self.body = body
            self.arrival = arrival
            self.arrivalNanos = arrivalNanos
            self.complete = complete
        }
    }

    public enum Answer {
        /// The verdict's JSON, borrowed for the call, and how long the engine took.
        case verdict(UnsafeRawBufferPointer, nanos: UInt64)
        case rejected(Rejection)
    }

    public let limit: Int
    private let monitor = Monitor()
    /// A ring; `waiting` of them from `head` on.
    private var items: [Item?]
    private var head = 0
    private var waiting = 0
    private var wake: @Sendable () -> Void = {}

    /// - Parameter limit: requests that may wait.
    public init(limit: Int = 256) {
        precondition(limit > 0, "a queue holds one or more")
        self.limit = limit
        items = Array(repeating: nil, count: limit)
    }

    /// What wakes the engine's thread; called by whoever submits. Set before the first request.
    public func onSubmit(_ wake: @escaping @Sendable () -> Void) { monitor.locked { self.wake = wake } }

    /// Requests that wait.
    public var count: Int { monitor.locked { waiting } }

    /// Puts a request in.
    ///
    /// - Returns: false at the bound: it was not taken.
    public func submit(_ item: Item) -> Bool {
        let wake: (@Sendable () -> Void)? = monitor.locked {
            guard waiting < limit else { return nil }
            items[(head + waiting) % limit] = item
            waiting += 1
            return self.wake
        }
        wake?()
        return wake != nil
    }

    /// Hands out at most `max` requests, oldest first.
    ///
    /// - Returns: how many still wait.
    public func drain(max: Int, _ body: (Item) -> Void) -> Int {
        for _ in 0..<max {
            guard let item = next() else { return 0 }
            body(item)
        }
        return count
    }

    private func next() -> Item? {
        monitor.locked {
            guard waiting > 0 else { return nil }
            defer {
                items[head] = nil  // an item holds its request
                head = (head + 1) % limit
                waiting -= 1
            }
            return items[head]
        }
    }
}
