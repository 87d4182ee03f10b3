/// How the instance is, in one word; `/health` and `/readyz` answer by it.
public enum HealthStatus: String, Sendable {
    case ok
    /// Something is missing or behind, and it answers all the same.
    case degraded
    case starting
    case draining
    /// It must be replaced, or given more memory.
    case unhealthy

    /// Whether traffic should come here.
    public var isServing: Bool { self == .ok || self == .degraded }
}

/// What this instance is to its group.
public enum HealthRole: String, Sendable {
    case leader, follower, restoring
    /// Without Kafka.
    case alone
}

/// What is known of the stream: told by whoever runs it.
public struct StreamHealth: Sendable, Equatable {
    public var isConnected = false
    /// Of the transactions.
    public var partitions = 0
    /// Records of all inputs not yet applied here.
    public var lag: Int64 = 0
    public var followLagSeconds = 0.0
    /// Why the broker cannot be used; nil while it can.
    public var trouble: String?
    /// The state has reached the journal's end as it was at the start.
    public var isReady = false
    public var isLeading = false
    /// When this instance last committed, monotonic milliseconds.
    public var lastCommitMillis: Int64?
    /// When all this was told, monotonic milliseconds; nil: never.
    public var toldMillis: Int64?
    /// Records applied again since the start, and how many are to be; 0 where that is not known.
    public var restored: Int64 = 0
    public var toRestore: Int64 = 0
    public var isDiverged = false
    public var isJournalRetentionShort = false
    public var areRatesRefused = false
    /// What is scored cannot be committed, and the engine stands still.
    public var isAtBound = false
    public var keptBytes = 0
    public var queuedBatches = 0

    public init() {}
}

/// One artefact, or the lack of it.
public struct ModelHealth: Sendable, Equatable {
    /// nil: none, and the rules score.
    public var version: String?
    public var sha256: String?
    public var isLoaded = false
    /// What it takes in memory.
    public var memoryBytes = 0
    /// Why it, or a newer one, could not be loaded.
    public var error: String?

    public init() {}
}

/// Holds what the parts of an instance say of themselves, and what follows from it. Any thread.
public final class Health: Sendable {
    /// How long the engine may be silent.
    static let silenceMillis: Int64 = 10_000
    /// How far a follower may be behind.
    static let followLagSeconds = 5.0
    /// How old what the stream told may be, before it counts as out of touch.
    static let staleMillis: Int64 = 4_000

    struct State {
        var isDraining = false
        /// nil: without Kafka.
        var stream: StreamHealth?
        var models: [String: ModelHealth] = ["fraud": ModelHealth(), "aml": ModelHealth(), "velocity": ModelHealth()]
        /// Why the process cannot go on; nil while it can.
        var failure: String?
        /// The newest record time committed, Unix epoch milliseconds.
        var newestRecord: Int64?
    }

    let settings: Settings
    private let desk: EngineDesk
    let startedNanos = Clock.nanos
    private let state: Locked<State>
    private let silence: Locked<@Sendable () -> Int64>

    /// - Parameters:
    ///   - settings: whether there is a broker, flags and limits.
    ///   - desk: knows what the state holds.
    public init(_ settings: Settings, desk: EngineDesk) {
        self.settings = settings
        self.desk = desk
        state = Locked(State(stream: settings.isAlone ? nil : StreamHealth()))
        silence = Locked { 0 }
    }

    // MARK: - Telling

    /// From now on it drains, whatever else.
    public func drain() { state.locked { $0.isDraining = true } }

    public func update(stream: StreamHealth) { state.locked { $0.stream = stream } }

    public func update(model name: String, _ model: ModelHealth) { state.locked { $0.models[name] = model } }

    /// The process cannot go on: the reason.
    public func fail(_ reason: String) { state.locked { $0.failure = reason } }

    /// A record of that time was committed.
    func sawRecord(at time: Int64) { state.locked { $0.newestRecord = Swift.max($0.newestRecord ?? time, time) } }

    /// How to ask for the milliseconds since the engine's thread last went round.
    public func onSilence(_ silence: @escaping @Sendable () -> Int64) { self.silence.locked { $0 = silence } }

    // MARK: - Asking

    /// Whether the engine goes round: all that `/livez` looks at.
    public var isAlive: Bool { silence.locked { $0 }() < Self.silenceMillis }

    public var status: HealthStatus { report.status }

    /// Whether verdicts can be asked for: the state has all that it must have.
    public var canAnswer: Bool { state.locked { $0.stream?.isReady ?? true } }

    var report: HealthReport {
        let silence = silence.locked { $0 }()
        return HealthReport(
            state.locked { $0 }, settings, desk.lastFacts, rssBytes: ProcessFacts.rssBytes, nowNanos: Clock.nanos, startedNanos: startedNanos,
            engineSilence: silence)
    }
}
