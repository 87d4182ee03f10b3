public import Scoring

/// How what feeds the engine ended.
public enum HostExit: Sendable, Equatable {
    /// As asked.
    case stopped
    /// It must not go on: exit code 1.
    case refused(String)
    /// Its state went another way, and only a restart builds it anew: exit code 75.
    case rebuild(String)
}

/// Runs the engine's thread and feeds it: with a stream, or with requests alone.
public protocol EngineHost: AnyObject, Sendable {
    /// Starts the threads. `ended` is called once, from any thread, when feeding has ended; requests are served on until `stop`.
    func start(ended: @escaping @Sendable (HostExit) -> Void)
    /// Says that requests wait.
    func wake()
    /// Asks for feeding to end: a leader commits what it has scored and hands over. Returns at once.
    func drain()
    /// Ends the engine's thread, and waits for that.
    func stop()
    /// Milliseconds since the engine's thread last went round.
    var silenceMillis: Int64 { get }
}

/// The engine's thread where there is no Kafka: it answers requests, which are all that feeds the state.
///
/// `@unchecked Sendable`: the engine is touched by the thread alone once it runs; what is shared is only touched inside `condition.locked`.
public final class AloneHost: EngineHost, @unchecked Sendable {
    private let engine: Engine
    private let desk: EngineDesk
    private let condition = Condition()
    private var requestsWait = false
    private var isStopping = false
    private var ended: (@Sendable (HostExit) -> Void)?
    private var beat = Clock.nanos
    private var thread: ServiceThread?

    public init(engine: sending Engine, desk: EngineDesk) {
        self.engine = engine
        self.desk = desk
    }

    public func start(ended: @escaping @Sendable (HostExit) -> Void) {
        condition.locked { self.ended = ended }
        let thread = ServiceThread("engine") { [self] in run() }
        condition.locked { self.thread = thread }
    }

    private func run() {
        while turn() { while desk.serve(engine) {} }
    }

    /// Waits for something to do; false when it is to end.
    private func turn() -> Bool {
        condition.locked {
            while true {
                beat = Clock.nanos
                if isStopping { return false }
                if requestsWait {
                    requestsWait = false
                    return true
                }
                condition.wait(millis: 1_000)
            }
        }
    }

    public func wake() {
        condition.locked {
            requestsWait = true
            condition.signal()
        }
    }

    public func drain() {
        let ended = condition.locked {
            defer { self.ended = nil }
            return self.ended
        }
        ended?(.stopped)
    }

    public func stop() {
        let thread = condition.locked {
            isStopping = true
            condition.signal()
            return self.thread
        }
        thread?.join()
    }

    public var silenceMillis: Int64 { Int64((Clock.nanos - condition.locked { beat }) / 1_000_000) }
}
