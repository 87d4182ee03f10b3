public import Velocity

/// The scorer: records in, verdicts out. Pure and synchronous: no clock, no thread, no I/O; what it says is a function of what it was given, in order.
///
/// It owns the state. One thread at a time may use it.
public final class Engine {
    public let configuration: EngineConfiguration
    /// Names and order of the features.
    public let features: FeatureSet
    /// The windows, for counting, digests and snapshots. Apply nothing to it from outside.
    public private(set) var store: VelocityStore
    /// Who paid whom, for typologies; applied with `store`.
    public private(set) var graph: PaymentGraph
    /// What the state has not seen; the feeder of the engine sets it.
    public var incomplete = Incompleteness()

    /// The version of the built-in rules, which verdicts name in mode `rules`.
    public static var rulesVersion: String { RuleTable.version }

    /// Records that are decoded before the first of them is applied, so that their memory can be fetched meanwhile.
    static let batch = 16
    /// Lists that are looked at for expiry after each batch.
    static let expiryBudget = 64
    /// The same after a transaction that came alone.
    static let expiryBudgetOfOne = 4
    /// The same of a step while nothing else is to be done.
    static let tidyBudget = 4096

    let decoder: Decoder
    /// What the windows said of the last transaction.
    public let reading: Reading
    let vector: FeatureVector
    let scorer: RuleScorer
    let writer: VerdictWriter
    private(set) var tally: ModelTally
    /// Bytes that the state may hold where this engine decides, and where it follows; they decide nothing but `relief` and `isOverfull`.
    public var stateBudget = Int.max
    public var stateLimit = Int.max
    /// Writes a snapshot, and is told of all that is applied meanwhile. Whoever began it holds it; it takes itself out at its end.
    unowned(unsafe) var recorder: StateWriter?
    let fraud = Assessment()
    let aml = Assessment()
    let typologies: TypologyFinder
    /// Names and order of the AML features.
    public let amlFeatures: AMLFeatureSet
    let amlVector: AMLFeatureVector
    /// What the AML model in force reads of the payment graph.
    private var amlNeeds = AMLNeeds()
    /// One a slot of the decoder.
    let slots: UnsafeMutablePointer<Slot>
    /// The transactions of the batch at hand, in order.
    let events: UnsafeMutablePointer<Event>
    /// Transactions that `applyOne` applied.
    var appliedHere: Int64 = 0
    /// How far behind a transaction the state must reach for it to be complete, ms.
    private let reach: Int64

    /// A decoded record.
    struct Slot {
        enum Content {
            case transaction
            case feedback
            case refused(Rejection)
            /// Not looked at: the journal says that it changed nothing.
            case skipped
        }

        var content = Content.skipped
        var transaction = Transaction()
        var label = Label()
        /// Among the batch's events.
        var event = 0
    }

    public init(_ configuration: EngineConfiguration) {
        self.configuration = configuration
        features = configuration.features
        store = VelocityStore(configuration.velocity)
        graph = PaymentGraph(configuration.velocity)
        decoder = Decoder(slots: Self.batch, rules: configuration.rules)
        reading = Reading(windowCount: configuration.windows.count)
        let currency = configuration.rules.baseCurrency
        let decimals = currency.minorDigits
        let minorUnits: Int64 = decimals == 2 ? 100 : 1_000
        vector = FeatureVector(features, minorUnits: minorUnits)
        let texts = ReasonTexts(features, currency: currency.description)
        scorer = RuleScorer(features, texts, configuration.policy, models: configuration.models, minorUnits: minorUnits)
        tally = ModelTally(configuration.models, features)
        writer = VerdictWriter(features, texts, topic: configuration.topic, decimals: decimals, thresholds: scorer.thresholdTexts, models: .init(configuration.models))
        amlFeatures = AMLFeatureSet(features)
        amlVector = AMLFeatureVector(amlFeatures, minorUnits: minorUnits)
        typologies = TypologyFinder(configuration, graph, minorUnits: minorUnits)
        typologies.take(suspicious: scorer.suspicious)
        slots = .allocate(capacity: Self.batch)
        slots.initialize(repeating: Slot(), count: Self.batch)
        events = .allocate(capacity: Self.batch)
        events.initialize(repeating: Event(), count: Self.batch)
        reach = configuration.velocity.windows.last! + (configuration.velocity.feedbackEnabled ? configuration.velocity.feedbackDelay : 0)
        takeAML(configuration.models)
    }

    deinit {
        slots.deinitialize(count: Self.batch)
        slots.deallocate()
        events.deallocate()
    }

    // MARK: What is in force

    public var policy: Policy { scorer.policy }
    public var models: EngineModels { scorer.models }
    /// What the models have met and said, for metrics.
    public var modelFacts: ModelFacts { tally.snapshot }
    /// The highest event time applied, Unix epoch milliseconds; `Int64.min` before the first.
    public var watermark: Int64 { store.watermark }
    /// Events at or below it were given up for memory.
    public var eventHorizon: Int64 { store.eventHorizon }
    /// Accounts and pairs last seen at or below it were given up for memory.
    public var memoryHorizon: Int64 { store.memoryHorizon }

    /// Moves horizons up, before the next record; never down.
    public func raise(eventHorizon: Int64 = .min, memoryHorizon: Int64 = .min) {
        store.raise(eventHorizon: eventHorizon, memoryHorizon: memoryHorizon)
        graph.raise(horizon: eventHorizon)
        recorder?.note(eventHorizon: eventHorizon, memoryHorizon: memoryHorizon)
    }

    /// Takes a state over in place of its own.
    public func adopt(_ state: State) {
        precondition(recorder == nil, "no snapshot is being written of the state that is left")
        store = state.store
        graph = state.graph
        typologies.graph = state.graph
    }

    /// What must be given up so that the state fits `stateBudget`; nil when it does. What is no longer retained is given back first.
    ///
    /// Who leads writes it down and raises the horizons; from this engine's own counts alone it follows what that is.
    /// - Complexity: O(1) within the budget; else O(lists looked at), a millisecond or so.
    public func relief() -> Relief? {
        if stateBytes <= stateBudget { return nil }
        store.expire(budget: Self.tidyBudget)
        return stateBytes <= stateBudget ? nil : store.relief(within: max(0, stateBudget - graph.stateBytes))
    }

    /// Whether the state is larger than its limit, even without what is no longer retained.
    ///
    /// Who follows may not give anything up, and must stop before it takes its machine's memory.
    public var isOverfull: Bool { stateBytes > stateLimit && store.neededBytes + graph.stateBytes > stateLimit }

    /// Gives memory back while nothing else is to be done, a millisecond or so at a time; it changes nothing in what is said.
    ///
    /// - Returns: whether there is more to do.
    public func tidy() -> Bool { store.tidy(budget: Self.tidyBudget) }

    /// Sums over what is retained: windows, payments and labels; accounts and pairs.
    ///
    /// - Complexity: O(1), some 50 µs.
    public func digest() -> (windows: UInt64, memory: UInt64) {
        State(store: store, graph: graph).digest()
    }

    /// Searches of the payment graph for the last AML verdict.
    public var amlSearches: Searches { typologies.searches }

    /// Bytes that windows, memory and the payment graph hold.
    public var stateBytes: Int { store.stateBytes + graph.stateBytes }

    /// Puts a change in force, before the next record.
    public func apply(_ change: EngineChange) {
        switch change {
        case .policy(let policy):
            scorer.take(policy)
            typologies.take(suspicious: scorer.suspicious)
            writer.take(scorer.thresholdTexts)
        case .rates(let rates): decoder.rules.rates = rates
        case .models(let models):
            scorer.take(models)
            writer.take(scorer.thresholdTexts)
            writer.take(.init(models))
            tally = ModelTally(models, features)
            takeAML(models)
        }
    }

    /// Thresholds and weights of the typologies are those of the AML artefact in force.
    private func takeAML(_ models: EngineModels) {
        typologies.take(TypologySettings(models.aml?.typologies ?? [:]))
        amlNeeds = models.aml.map { amlFeatures.needs($0.places) } ?? []
    }

    // MARK: Shared by all ways of a record

    /// Why a verdict of this time is not complete; nil when it is.
    func incompleteCause(_ time: Int64, isLate: Bool) -> IncompleteCause? {
        if isLate { return .late }
        if incomplete.isUnknown { return .unknown }
        let earliest = time - reach
        if earliest < incomplete.since { return .start }
        if earliest < store.eventHorizon { return .horizon }
        return incomplete.isLagging ? .lagging : nil
    }

    /// The transaction as the windows see it.
    public static func event(_ transaction: Transaction, partition: Int32, offset: Int64) -> Event {
        var event = Event()
        event.time = transaction.time
        event.amount = transaction.amount
        event.account = key(transaction.account)
        event.transaction = key(transaction.id)
        event.counterparty = key(transaction.counterparty)
        event.merchant = key(transaction.merchant)
        event.card = key(transaction.card)
        event.device = key(transaction.device)
        event.ip = key(transaction.ip)
        event.country = key(transaction.country)
        event.isDebit = transaction.type.isDebit
        event.partition = partition
        event.offset = offset
        return event
    }

    /// A label as the windows see it; it borrows nothing.
    public static func label(_ feedback: Feedback) -> Label {
        var label = Label()
        label.account = key(feedback.account)
        label.transaction = key(feedback.transactionID)
        label.merchant = key(feedback.merchant)
        label.transactionTime = feedback.transactionTime
        label.labelTime = feedback.labelTime
        label.isFraud = feedback.isFraud
        return label
    }

    @inline(__always)
    private static func key(_ text: Text) -> UInt64 { text.count > 0 ? EntityKey.hash(text.bytes) : 0 }

    /// Scores what `reading` says of a transaction: features, velocity risk, and the verdicts' common part.
    ///
    /// The assessments are made by `assessFraud` and `assessAML` after it.
    func context(_ transaction: Transaction, _ event: Event) -> VerdictWriter.Context {
        vector.fill(transaction, event, reading)
        var context = VerdictWriter.Context()
        context.isLate = reading.isLate
        let policy = scorer.policy
        context.isVelocityOff =
            !policy.isVelocityEnabled || !Rollout.includes(transaction.account, .velocity, percent: policy.velocityRolloutPercent)
        context.velocityRisk = context.isVelocityOff ? 0 : scorer.velocityRisk(vector.values)
        return context
    }

    func assessFraud(_ context: VerdictWriter.Context) {
        scorer.scoreFraud(vector.values, velocityRisk: context.velocityRisk, isVelocityOn: !context.isVelocityOff, into: fraud)
    }

    /// - Parameters:
    ///   - moment: as of when the payments before it are looked at.
    ///   - fillsAML: the AML features are wanted.
    func assessAML(_ transaction: Transaction, _ event: Event, _ moment: Moment, fillsAML: Bool = false) {
        let policy = scorer.policy
        let isOn = policy.isAMLEnabled && Rollout.includes(transaction.account, .aml, percent: policy.amlRolloutPercent)
        let subject = TypologyFinder.Subject(transaction, event, reading, moment)
        if isOn { typologies.find(subject) } else { typologies.findings.clear() }
        let hasModel = isOn && models.aml != nil
        if fillsAML || hasModel { amlVector.fill(vector.features, subject, typologies, fillsAML ? .all : amlNeeds) }
        scorer.scoreAML(
            vector.values, amount: transaction.amount, isOn ? typologies.findings : nil, weights: typologies.settings.weights,
            modelValues: hasModel ? amlVector.values : nil, warmth: warmth(at: event.time), into: aml)
    }

    /// How much of the AML model counts: it rests on who paid whom before, and a state that began lately knows of nobody.
    private func warmth(at time: Int64) -> Double {
        let warm = typologies.settings.warmUp
        guard warm > 0, graph.beginning < time else { return warm > 0 ? 0 : 1 }
        return min(1, Double(time - graph.beginning) / Double(warm))
    }
}
