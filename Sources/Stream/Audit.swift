public import Kafka
public import Scoring

/// What an audit says of one committed verdict.
public struct AuditLine: Sendable {
    public enum Result: Sendable, Equatable {
        case identical
        /// One of the two is absent where there is a verdict and should be none, or the other way round.
        case different(committed: [UInt8]?, recomputed: [UInt8]?)
        case cannotBeRecomputed(why: String)

        public var name: String {
            switch self {
            case .identical: "identical"
            case .different: "different"
            case .cannotBeRecomputed: "cannot_be_recomputed"
            }
        }
    }

    /// Empty where the verdict is missing.
    public var transactionID: String
    /// `fraud` or `aml`.
    public var kind: String
    /// Place of the record that it speaks of.
    public var partition: Int32
    public var offset: Int64
    public var result: Result

    /// `{"transaction_id", "kind", "partition", "offset", "result"}`, and what is different or why it cannot be recomputed.
    public var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("transaction_id"); json.string(transactionID)
            json.key("kind"); json.string(kind)
            json.key("partition"); json.integer(partition)
            json.key("offset"); json.integer(offset)
            json.key("result"); json.string(result.name)
            switch result {
            case .identical: break
            case .different(let committed, let recomputed):
                for (name, verdict) in [("committed", committed), ("recomputed", recomputed)] {
                    json.key(name)
                    if let verdict { json.embedded(verdict) } else { json.null() }
                }
            case .cannotBeRecomputed(let why): json.key("why"); json.string(why)
            }
        }
        return json.bytes
    }
}

/// Recomputes committed verdicts from the inputs, in the journal's order, and compares them byte for byte.
///
/// The state is built as an instance builds it: the history before the journal's first full entry, then its runs. Settings, rates and whatever else reaches a verdict are the
/// journal's. Where windows, lateness, retentions, feedback or base currency changed from one leader to the next, all is applied once for each form.
public final class Audit {
    /// What the journal says that an epoch's verdicts were made under.
    public struct Terms: Sendable, Equatable {
        /// Every setting that reaches a verdict.
        public var settings: [String: String]
        /// The table of rates as CSV text; empty for none.
        public var rates: String
        /// The artefacts in force, by name: version and SHA-256.
        public var models: [String: String]
    }

    /// How an engine is made from an epoch's terms, and brought to another's of the same form.
    public struct Making {
        /// `form` as `StreamConfiguration.form`.
        var engine: (Terms?) throws(StreamExit) -> (engine: Engine, form: String)
        var changes: (Terms) throws(StreamExit) -> [EngineChange]
        /// The artefacts that the journal names, for this engine, or why they cannot be had.
        var models: ([String: String], Engine) -> (models: EngineModels, missing: String?)

        public init(
            engine: @escaping (Terms?) throws(StreamExit) -> (engine: Engine, form: String),
            changes: @escaping (Terms) throws(StreamExit) -> [EngineChange],
            models: @escaping ([String: String], Engine) -> (models: EngineModels, missing: String?) = { _, _ in (EngineModels(), nil) }
        ) {
            self.engine = engine
            self.changes = changes
            self.models = models
        }
    }

    /// Verdicts by what was said of them.
    public struct Summary: Sendable, Equatable {
        public var identical = 0
        public var different = 0
        public var cannotBeRecomputed = 0
        /// Full entries whose digest is not that of the recomputed state.
        public var diverged = 0
        public var isClean: Bool { different == 0 && cannotBeRecomputed == 0 && diverged == 0 }
    }

    /// Where the records, the journal and the verdicts are.
    public enum Log {
        case kafka(Properties)
        case dump(LogDump)
    }

    private let configuration: StreamConfiguration
    private let log: Log
    private let making: Making
    private let report: (AuditLine) -> Void
    private let note: @Sendable (String) -> Void

    /// - Parameters:
    ///   - report: one line a verdict; called on a thread of the audit's, one after the other.
    ///   - note: what is to be said besides.
    public init(
        _ configuration: StreamConfiguration, log: Log, making: Making, report: @escaping (AuditLine) -> Void,
        note: @escaping @Sendable (String) -> Void
    ) {
        self.configuration = configuration
        self.log = log
        self.making = making
        self.report = report
        self.note = note
    }

    /// - Parameter lines: the verdicts that are asked about, line by line, empty ones passed over; nil: those of the log.
    /// - Throws: `.refused` where something cannot be read.
    public func run(lines: (() throws(StreamExit) -> [UInt8]?)? = nil) throws(StreamExit) -> Summary {
        var file: VerdictFile?
        if let lines {
            file = VerdictFile()
            while let line = try lines() { if !line.isEmpty { try file!.add(line) } }
        }
        if case .dump(let dump) = log {
            dump.settle()
            file = file ?? dump.verdicts
        }
        // The journal's end comes before the verdicts': what is below both is whole.
        let (forms, end) = try scan()
        var summary = Summary()
        for (i, terms) in forms.enumerated() {
            try pass(terms, file, to: end, isLast: i == forms.count - 1, &summary)
        }
        return summary
    }

    /// Reads the journal for the terms of each form that is in it, one pass of the audit for each, and for where it ends now.
    private func scan() throws(StreamExit) -> ([Terms?], end: Int64) {
        let cluster = try cluster()
        defer { stop(cluster) }
        let runner = EngineRunner(
            engine: try making.engine(nil).engine, topics: configuration.topics, bounds: configuration.bounds, isStepped: true, recompute: nil,
            wakeOther: {})
        let instance = Instance(configuration, cluster: cluster, runner: runner, observer: AuditObserver(note)) { false }
        var found: [(form: String, terms: Terms?)] = []
        cluster.readJournalFromStart()
        let patience = monotonicMillis() + 60_000
        while !instance.journalAtEnd {
            try instance.fetchJournal()
            for entry in instance.entries {
                guard let form = entry.full?.form else { continue }
                let terms = entry.head.map { Terms(settings: $0.settings, rates: $0.rates, models: $0.models) }
                if let i = found.firstIndex(where: { $0.form == form }) {
                    found[i].terms = found[i].terms ?? terms
                } else {
                    found.append((form, terms))
                }
            }
            instance.entries.removeAll()
            guard instance.journalAtEnd || monotonicMillis() < patience else { throw .refused("the journal cannot be read: \(cluster.trouble ?? "no end of it was seen")") }
            cluster.wait(until: monotonicMillis() + 20)
        }
        return (found.isEmpty ? [nil] : found.map(\.terms), instance.journalNext)
    }

    private func cluster() throws(StreamExit) -> any Cluster {
        switch log {
        case .dump(let dump): return DumpedCluster(dump, EntryCoding(topics: configuration.topics), group: configuration.group)
        case .kafka(let properties):
            do throws(KafkaError) {
                let cluster = try KafkaCluster(properties, topics: configuration.topics, group: configuration.group, log: nil)
                cluster.startWatch()
                return cluster
            } catch {
                throw .refused("\(error)")
            }
        }
    }

    private func verdictTopics() throws(StreamExit) -> any CommittedVerdicts {
        guard case .kafka(let properties) = log else { preconditionFailure("a dump has its verdicts") }
        let inputs = try TopicReader(properties, topic: configuration.topics.transactions, group: configuration.group).parts.count
        return try VerdictTopics(properties, topics: configuration.topics, group: configuration.group, inputs: inputs)
    }

    private func stop(_ cluster: any Cluster) { (cluster as? KafkaCluster)?.stopWatch() }

    private func pass(
        _ terms: Terms?, _ file: VerdictFile?, to end: Int64, isLast: Bool, _ summary: inout Summary
    ) throws(StreamExit) {
        let (engine, form) = try making.engine(terms)
        var configuration = configuration
        configuration.form = form
        let cluster = try cluster()
        defer { stop(cluster) }
        let verdicts: any CommittedVerdicts = if let file { file } else { try verdictTopics() }
        let judge = Judge(verdicts, form: form, models: making.models, report: report)
        let observer = AuditObserver(note)
        let runner = EngineRunner(
            engine: engine, topics: configuration.topics, bounds: configuration.bounds, recompute: { judge.recompute($0, $1) },
            wakeOther: { cluster.wake() })
        let instance = Instance(configuration, cluster: cluster, runner: runner, observer: observer) { judge.failure != nil }
        instance.heed = { [making] (entry, base) throws(StreamExit) in
            let changes = try entry.head.map { (head) throws(StreamExit) in try making.changes(Terms(settings: head.settings, rates: head.rates, models: head.models)) } ?? []
            runner.perform { engine in
                judge.enter(entry, base)
                if let full = entry.full { engine.wholeSince = full.since }
                if judge.isMine { for change in changes { engine.apply(change) } }
                if let head = entry.head { judge.use(head.models, engine) }
            }
        }
        instance.isAudit = true
        instance.miss = { runner.put(.perform { _ in judge.miss() }) }
        let thread = Thread("engine") { runner.run() }
        let exit = instance.follow(to: end)
        let positions = runner.applied.mapValues(\.offset)
        runner.stop()
        thread.join()
        if let failure = judge.failure { throw failure }
        guard exit == .stopped else { throw exit }
        summary.diverged += observer.divergences
        if isLast {
            let lost = instance.base?.lost ?? []
            for run in lost {
                note("records of the input are gone topic=\(configuration.topics.name(run.partition.topic) ?? "") partition=\(run.partition.number) from=\(run.first) to=\(run.last + 1)")
            }
            try judge.finish(positions, lost, try instance.readAhead())
        }
        summary.identical += judge.summary.identical
        summary.different += judge.summary.different
        summary.cannotBeRecomputed += judge.summary.cannotBeRecomputed
    }
}

/// Compares recomputed verdicts with committed ones.
///
/// `@unchecked Sendable`: it belongs to the engine's thread while that runs, then to the one that joined it; `failureSeen` lies behind a monitor.
private final class Judge: @unchecked Sendable {
    private let verdicts: any CommittedVerdicts
    private let form: String
    private let report: (AuditLine) -> Void
    private let sink = VerdictSink()
    private let failed = Monitor()
    private var failureSeen: StreamExit?
    private var begun: [InputPartition: Int64] = [:]
    private var why: String?
    private let models: ([String: String], Engine) -> (models: EngineModels, missing: String?)
    /// An artefact that the journal names and that is not to be had.
    private var missing: String?
    private(set) var isMine = true
    private(set) var summary = Audit.Summary()

    init(
        _ verdicts: any CommittedVerdicts, form: String, models: @escaping ([String: String], Engine) -> (models: EngineModels, missing: String?),
        report: @escaping (AuditLine) -> Void
    ) {
        self.models = models
        self.verdicts = verdicts
        self.form = form
        self.report = report
    }

    /// What stopped it. From any thread.
    var failure: StreamExit? { failed.locked { failureSeen } }

    /// The next entry's runs come.
    func enter(_ entry: Entry, _ base: Base?) {
        if let full = entry.full {
            isMine = full.form == form
            if begun.isEmpty { begun = full.places.mapValues(\.offset) }
            why = nil
            if let base, full.base.map({ !$0.isSame(base) }) ?? !base.lost.isEmpty {
                why = base.lost.isEmpty ? "the leader's base lies before what can be read" : Self.gone
            }
        }
    }

    private static let gone = "records of the input are gone"

    /// Records that the leader applied are gone; what comes next lacks them.
    func miss() { why = Self.gone }

    /// From here on these artefacts scored.
    func use(_ named: [String: String], _ engine: Engine) {
        let found = models(named, engine)
        missing = found.missing
        engine.apply(.models(found.models))
    }

    func recompute(_ piece: FollowPiece, _ engine: Engine) {
        guard failure == nil else { return }
        for change in piece.changes { if case .models(let named) = change.kind { use(named, engine) } }
        sink.reset()
        let records = piece.slice.records
        do throws(FollowError) {
            try engine.recompute(records, outcomes: piece.outcomes!, into: sink)
        } catch {
            return fail(.refused("\(error)"))
        }
        // One file serves all passes: what another form's will judge stays in it.
        guard isMine || !(verdicts is VerdictFile) else { return }
        for (i, record) in records.enumerated() where record.topic == .transactions && piece.outcomes![i] == .scored {
            for (isFraud, range) in [(true, sink.results[i].fraud), (false, sink.results[i].aml)] {
                let key = VerdictKey(isFraud: isFraud, partition: record.partition, offset: record.offset)
                do throws(StreamExit) {
                    let committed = try verdicts.take(key, recordKey: record.key)
                    if isMine { judge(key, committed, sink[range]) }
                } catch {
                    return fail(error)
                }
            }
        }
    }

    private func fail(_ exit: StreamExit) { failed.locked { failureSeen = exit } }

    private func judge(_ key: VerdictKey, _ committed: CommittedVerdict?, _ recomputed: UnsafeRawBufferPointer) {
        guard let committed else {
            if verdicts.isWhole { say(key, "", .different(committed: nil, recomputed: Array(recomputed))) }
            return
        }
        if committed.bytes.elementsEqual(recomputed) { return say(key, committed.transactionID, .identical) }
        say(key, committed.transactionID, (missing ?? why).map { .cannotBeRecomputed(why: $0) } ?? .different(committed: committed.bytes, recomputed: Array(recomputed)))
    }

    /// Says of the verdicts that no scored record has what they are.
    ///
    /// - Parameters:
    ///   - lost: records that are gone.
    ///   - ahead: up to where the journal speaks of records that were left to a later audit.
    func finish(_ positions: [InputPartition: Int64], _ lost: [Run], _ ahead: [InputPartition: Int64]) throws(StreamExit) {
        try verdicts.takeRest { verdict in
            let partition = InputPartition(.transactions, verdict.key.partition)
            let begin = begun[partition] ?? 0
            let range = begin..<max(begin, positions[partition] ?? 0)
            if lost.contains(where: { $0.partition == partition && ($0.first...$0.last).contains(verdict.key.offset) }) {
                return say(verdict.key, verdict.transactionID, .cannotBeRecomputed(why: Self.gone))
            }
            if verdict.key.offset >= range.upperBound, verdict.key.offset < ahead[partition] ?? 0 { return }
            let result: AuditLine.Result =
                if begun.isEmpty {
                    .cannotBeRecomputed(why: "the journal has no full entry")
                } else if range.contains(verdict.key.offset) {
                    .different(committed: verdict.bytes, recomputed: nil)
                } else {
                    .cannotBeRecomputed(why: "the journal no longer says in which order its record was applied")
                }
            say(verdict.key, verdict.transactionID, result)
        }
    }

    private func say(_ key: VerdictKey, _ transactionID: String, _ result: AuditLine.Result) {
        switch result {
        case .identical: summary.identical += 1
        case .different: summary.different += 1
        case .cannotBeRecomputed: summary.cannotBeRecomputed += 1
        }
        report(AuditLine(transactionID: transactionID, kind: key.kind, partition: key.partition, offset: key.offset, result: result))
    }
}

/// Passes on what must be said, and counts divergences.
///
/// `@unchecked Sendable`: an instance tells its observer on one thread, here the audit's own.
private final class AuditObserver: StreamObserver, @unchecked Sendable {
    private let say: @Sendable (String) -> Void
    private(set) var divergences = 0

    init(_ say: @escaping @Sendable (String) -> Void) { self.say = say }

    func note(_ level: NoteLevel, _ event: String, _ fields: [(String, String)]) {
        guard level == .warning || level == .error else { return }
        say(event + fields.map { " \($0)=\($1)" }.joined())
    }
    func diverged() { divergences += 1 }
    func committed(_ report: CommitReport) {}
    func aborted() {}
    func broke() {}
    func followed(_ partition: InputPartition, records: Int) {}
    func recordsLost(_ partition: InputPartition, count: Int64) {}
    func becameLeader() {}
    func status(_ status: StreamStatus) {}
}
