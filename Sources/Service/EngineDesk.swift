public import Scoring
public import Stream
import Synchronization
import Velocity

/// What the engine's thread does for HTTP, between two batches: answers what was asked, and says from time to time what the state holds.
///
/// `@unchecked Sendable`: `sink` and `factsNanos` are touched by `serve` alone, which only the engine's thread calls; all else is constant or locked.
public final class EngineDesk: @unchecked Sendable {
    public let queue: RequestQueue
    /// Requests answered in one go, before the stream has its turn.
    static let share = 32
    /// What changed by requests is told this often, besides when it is asked for.
    private static let factsInterval: UInt64 = 100_000_000

    private let applies: Bool
    private let facts = Locked(EngineFacts())
    private let isAsked = Atomic(true)
    private let scoring: Histogram
    private let sink = VerdictSink(capacity: 4096)
    private var factsNanos: UInt64 = 0
    private let wakeEngine = Locked<@Sendable () -> Void>({})

    /// - Parameter applies: whether transactions that are asked about join the state, since nothing else feeds it.
    public init(applies: Bool, queueLimit: Int = 256, metrics: Metrics) {
        self.applies = applies
        queue = RequestQueue(limit: queueLimit)
        scoring = metrics.histogram("weir_scoring_seconds")
    }

    /// What wakes the engine's thread. Set before the first request.
    public func onSubmit(_ wake: @escaping @Sendable () -> Void) {
        queue.onSubmit(wake)
        wakeEngine.locked { $0 = wake }
    }

    /// What the state held when the engine was last asked.
    var lastFacts: EngineFacts { facts.locked { $0 } }

    /// Asks the engine what its state holds; `lastFacts` has it soon.
    public func askFacts() {
        isAsked.store(true, ordering: .relaxed)
        wakeEngine.locked { $0 }()
    }

    // MARK: - The engine's thread

    /// Answers what waits, a share of it.
    ///
    /// - Returns: whether more waits.
    public func serve(_ engine: Engine) -> Bool {
        let waiting = queue.drain(max: Self.share) { item in answer(item, engine) }
        if isAsked.exchange(false, ordering: .relaxed) { tellFacts(engine) }
        return waiting > 0
    }

    private func tellFacts(_ engine: Engine) {
        facts.locked { $0 = EngineFacts(engine) }
        factsNanos = Clock.nanos
    }

    private func answer(_ item: RequestQueue.Item, _ engine: Engine) {
        sink.reset()
        let begun = Clock.nanos
        let result = item.body.withUnsafeBytes { body in
            applies
                ? engine.applyOne(item.kind, body, arrival: item.arrival, into: sink)
                : engine.preview(item.kind, body, arrival: item.arrival, into: sink)
        }
        let nanos = Clock.nanos - begun
        // Before the answer, so that who has it and asks for health finds it there.
        if applies, begun - factsNanos > Self.factsInterval { tellFacts(engine) }
        switch result {
        case .success:
            scoring.observe(Int(nanos))
            item.complete(.verdict(sink.bytes, nanos: nanos))
        case .failure(let rejection): item.complete(.rejected(rejection))
        }
    }
}

/// What the state holds, as `/health` and metrics tell it.
public struct EngineFacts: Sendable, Equatable {
    /// One a kind, in the order of `EntityKind`.
    public var entities: [Int]
    public var events = 0
    public var stateBytes = 0
    /// Where they are: one for each of `partNames`. Together they are `stateBytes`.
    public var partBytes: [Int]
    /// As the store names its parts; the payment graph last.
    static let partNames = [
        "account_events", "inflow_events", "entity_events", "merchant_events", "accounts", "entities", "pairs", "labels", "spare",
        "payments",
    ]
    /// Unix epoch milliseconds; `Int64.min` before the first event.
    public var watermark = Int64.min
    public var eventHorizon = Int64.min
    public var memoryHorizon = Int64.min
    public var models = ModelFacts()

    init() {
        entities = EntityKind.allCases.map { _ in 0 }
        partBytes = Self.partNames.map { _ in 0 }
    }

    init(_ engine: Engine) {
        entities = EntityKind.allCases.map { engine.store.entityCount($0) }
        events = engine.store.eventCount
        stateBytes = engine.stateBytes
        let parts = engine.store.parts.map { ("\($0.name)", $0.bytes) } + [("payments", engine.graph.stateBytes)]
        partBytes = Self.partNames.map { name in parts.first { $0.0 == name }?.1 ?? 0 }
        watermark = engine.watermark
        eventHorizon = engine.eventHorizon
        memoryHorizon = engine.memoryHorizon
        models = engine.modelFacts
    }
}
