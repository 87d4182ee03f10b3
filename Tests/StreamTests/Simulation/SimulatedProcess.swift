import CFibers
import Scoring

@testable import Stream

/// One process of a group in virtual time: the real `Instance`, `EngineRunner` and `Engine`, on a simulated cluster.
///
/// What its kafka thread does runs in a fiber that is left wherever it would block; its engine takes turns in between.
final class SimulatedProcess {
    let name: String
    let broker: MemoryBroker
    let engine: Engine
    let cluster: SimulatedCluster
    let runner: EngineRunner
    let watcher = Watcher()
    private(set) var instance: Instance!
    /// How it ended; nil while it runs, and when it was killed.
    private(set) var exit: StreamExit?
    /// Killed: nothing that it still does reaches the broker, until its fiber has come to its end.
    private(set) var isDead = false
    /// Stopped by a signal until then: nothing of it moves.
    var pausedUntil = Int64.min
    /// When it was told to end; nil: it was not.
    private(set) var toldToStop: Int64?
    var isToldToStop: Bool { toldToStop != nil }
    /// Told when it has ended.
    var onEnd: () -> Void = {}
    private var fiber: OpaquePointer?
    private var wait = 0
    private var mayBeWoken = false
    private var isEngineDue = false

    /// - Parameter snapshots: its disk, whose writes end when the process does.
    init(_ configuration: StreamConfiguration, engine: EngineConfiguration, on broker: MemoryBroker, snapshots: MemorySnapshots? = nil, stateBudget: Int = .max) {
        name = configuration.instance
        self.broker = broker
        let made = Engine(engine)
        made.stateBudget = stateBudget
        self.engine = made
        cluster = SimulatedCluster(broker)
        let wakeup = Wakeup()
        runner = EngineRunner(engine: made, topics: configuration.topics, bounds: configuration.bounds, isStepped: true) { wakeup.wake() }
        wakeup.body = { [unowned self] in wake() }
        cluster.process = self
        instance = Instance(configuration, cluster: cluster, runner: runner, observer: watcher, snapshots: snapshots) { [unowned self] in isToldToStop || isDead }
        watcher.clock = { broker.now }
        watcher.trace = { [unowned self] text in trace(text()) }
        fiber = fiber_make({ Unmanaged<SimulatedProcess>.fromOpaque($0!).takeUnretainedValue().main() }, Unmanaged.passUnretained(self).toOpaque())
        resume(after: broker.random.from(0..<10))
        cluster.startWatch()
    }

    deinit {
        precondition(fiber == nil, "a process is ended before it is let go")
    }

    /// The engine's way to wake the kafka thread, made before both.
    private final class Wakeup {
        var body: () -> Void = {}
        func wake() { body() }
    }

    var isRunning: Bool { fiber != nil && !isDead }
    var isPaused: Bool { pausedUntil > broker.now }
    var role: Role { instance.role }

    private func main() { exit = instance.run() }

    func trace(_ text: @autoclosure () -> String) {
        guard let trace = broker.trace else { return }
        trace("\(broker.now % 10_000_000) \(name) \(instance?.role.rawValue ?? "") \(text())")
    }

    /// kill -9: what was sent is sent, nothing more is.
    func kill() {
        guard isRunning else { return }
        trace("is killed")
        isDead = true
        goOn()
    }

    /// SIGTERM.
    func stop() {
        if toldToStop == nil { toldToStop = broker.now }
        wake()
    }

    // MARK: - Time

    /// Blocks the kafka thread until then, or until it is woken.
    func block(until time: Int64, mayBeWoken: Bool = false) {
        if isDead { return }
        self.mayBeWoken = mayBeWoken
        resume(after: time - broker.now)
        if role == .leader || runner.queueLength > 0 || runner.openCount > 0 || runner.isSnapshotBegun { letEngineWork() }
        fiber_yield()
    }

    private func resume(after delay: Int64) {
        wait += 1
        let wait = wait
        broker.at(delay) { [weak self] in
            guard let self, self.wait == wait, isRunning else { return }
            goOn()
        }
    }

    private func goOn() {
        if isPaused, !isDead { return resume(after: pausedUntil - broker.now) }
        wait += 1
        mayBeWoken = false
        fiber_resume(fiber)
        if fiber_is_done(fiber) != 0 {
            fiber_free(fiber)
            fiber = nil
            if let exit, !isDead { trace("ends: \(exit)") }
            if isDead { exit = nil }
            onEnd()
        }
    }

    /// What another thread of the process does `delay` ms from now, or when the process goes on.
    func later(_ delay: Int64, _ body: @escaping () -> Void) {
        broker.at(delay) { [weak self] in
            guard let self, isRunning else { return }
            if isPaused { return later(pausedUntil - broker.now + broker.random.from(0..<3), body) }
            body()
        }
    }

    /// Something may be there to be read, or was done.
    func wake() {
        guard isRunning, mayBeWoken else { return }
        mayBeWoken = false
        resume(after: broker.random.from(0..<3))
    }

    private func letEngineWork() {
        guard !isEngineDue else { return }
        isEngineDue = true
        later(broker.random.from(0..<3)) { [unowned self] in
            isEngineDue = false
            if runner.turn(waiting: false) { letEngineWork() }
        }
    }
}

/// What an instance said. Of one thread alone: a simulation has no other.
final class Watcher: StreamObserver, @unchecked Sendable {
    var trace: ((@autoclosure () -> String) -> Void)?
    private(set) var status = StreamStatus()
    private(set) var reports: [CommitReport] = []
    private(set) var divergences = 0
    private(set) var lost: Int64 = 0
    private(set) var snapshots = 0
    private(set) var wasReady = false
    /// When it began to lead.
    private(set) var led: [Int64] = []
    private(set) var warnings: [String] = []
    var clock: () -> Int64 = { 0 }

    func note(_ level: NoteLevel, _ event: String, _ fields: [(String, String)]) {
        if level == .warning { warnings.append(event) }
        trace?("\(event) \(fields.map { "\($0.0)=\($0.1)" }.joined(separator: " "))")
    }
    func committed(_ report: CommitReport) { reports.append(report) }
    func aborted() {}
    func broke() {}
    func followed(_ partition: InputPartition, records: Int) {}
    func recordsLost(_ partition: InputPartition, count: Int64) { lost += count }
    func snapshot(written: Bool) { snapshots += written ? 1 : 0 }
    func becameLeader() { led.append(clock()) }
    func diverged() { divergences += 1 }
    func status(_ status: StreamStatus) {
        self.status = status
        wasReady = wasReady || status.isReady
    }
}
