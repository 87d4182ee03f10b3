public import Scoring
public import Stream

/// Runs the engine's thread and feeds it: with a stream, or with requests alone.
public protocol EngineHost: AnyObject, Sendable {
    /// Starts the threads. `ended` is called once, from any thread, when feeding has ended; requests are served on until `stop`.
    func start(ended: @escaping @Sendable (StreamExit) -> Void)
    /// Says that requests wait.
    func wake()
    /// Puts artefacts in force, before the next record.
    func use(_ models: EngineModels)
    /// Asks for feeding to end: a leader commits what it has scored and hands over. Returns at once.
    func drain()
    /// Ends the engine's thread, and waits for that.
    func stop()
    /// Milliseconds since the engine's thread last went round.
    var silenceMillis: Int64 { get }
}

/// The engine's thread where there is no Kafka: it answers requests, which are all that feeds the state.
///
/// `@unchecked Sendable`: the engine is touched by the thread alone once it runs; what is shared is only touched inside `monitor.locked`.
public final class AloneHost: EngineHost, @unchecked Sendable {
    private let engine: Engine
    private let desk: EngineDesk
    private let monitor = Monitor()
    private var requestsWait = false
    private var newModels: EngineModels?
    private var isStopping = false
    private var ended: (@Sendable (StreamExit) -> Void)?
    private var beat = Clock.nanos
    private var thread: Thread?

    public init(engine: sending Engine, desk: EngineDesk) {
        self.engine = engine
        self.desk = desk
    }

    public func start(ended: @escaping @Sendable (StreamExit) -> Void) {
        monitor.locked { self.ended = ended }
        let thread = Thread("engine") { [self] in run() }
        monitor.locked { self.thread = thread }
    }

    private func run() {
        while turn() {
            let models = monitor.locked {
                defer { newModels = nil }
                return newModels
            }
            if let models { engine.apply(.models(models)) }
            while desk.serve(engine) {}
        }
    }

    /// Waits for something to do; false when it is to end.
    private func turn() -> Bool {
        monitor.locked {
            while true {
                beat = Clock.nanos
                if isStopping { return false }
                if requestsWait || newModels != nil {
                    requestsWait = false
                    return true
                }
                monitor.wait(milliseconds: 1_000)
            }
        }
    }

    public func wake() {
        monitor.locked {
            requestsWait = true
            monitor.signal()
        }
    }

    public func use(_ models: EngineModels) {
        monitor.locked {
            newModels = models
            monitor.signal()
        }
    }

    public func drain() {
        let ended = monitor.locked {
            defer { self.ended = nil }
            return self.ended
        }
        ended?(.stopped)
    }

    public func stop() {
        let thread = monitor.locked {
            isStopping = true
            monitor.signal()
            return self.thread
        }
        thread?.join()
    }

    public var silenceMillis: Int64 { Int64((Clock.nanos - monitor.locked { beat }) / 1_000_000) }
}
