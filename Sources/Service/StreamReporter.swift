public import Kafka
import Scoring
public import Stream

/// Tells log, metrics and health what happens in the stream. Called on the kafka thread, but for librdkafka's log and some notes.
///
/// `@unchecked Sendable`: what changes is only touched on the kafka thread, as `StreamObserver` promises; cells, log and health are safe from any, and a note goes to the log alone.
public final class StreamReporter: StreamObserver, @unchecked Sendable {
    private let log: Log
    private let metrics: Metrics
    private let health: Health
    private let transactionsTopic: String
    private let cells: Cells
    private var partitions: [Int32: PartitionCells] = [:]

    /// Counters and histograms that have no partition.
    private struct Cells {
        let deadLetters: [Reason: Counter]
        let fraud: [FraudDecision: Counter]
        let aml: [AMLDecision: Counter]
        let feedback: (applied: Counter, duplicate: Counter, deadLettered: Counter)
        let incomplete: [IncompleteCause: Counter]
        let late: Counter
        let keyMismatches: Counter
        let lost: Counter
        let overwritten: Counter
        let transactions: (committed: Counter, aborted: Counter, broken: Counter)
        let leaderChanges: Counter
        let divergences: Counter
        let snapshots: (written: Counter, failed: Counter)
        let scoring: Histogram
        let velocity: Histogram
        let amlScoring: Histogram
        let endToEnd: Histogram
        let commit: Histogram
        let batch: Histogram

        init(_ metrics: Metrics) {
            func each<Key: CaseIterable & Hashable>(_ counter: (Key) -> Counter) -> [Key: Counter] {
                Dictionary(uniqueKeysWithValues: Key.allCases.map { ($0, counter($0)) })
            }
            deadLetters = each { metrics.counter("weir_dead_letters_total", "\($0.code)") }
            fraud = each { metrics.counter("weir_verdicts_total", "fraud", "\($0.name)") }
            aml = each { metrics.counter("weir_verdicts_total", "aml", "\($0.name)") }
            incomplete = each { metrics.counter("weir_incomplete_total", "\($0.name)") }
            func feedback(_ outcome: String) -> Counter { metrics.counter("weir_feedback_total", outcome) }
            self.feedback = (feedback("applied"), feedback("duplicate"), feedback("dead_lettered"))
            func transactions(_ result: String) -> Counter { metrics.counter("weir_kafka_transactions_total", result) }
            self.transactions = (transactions("committed"), transactions("aborted"), transactions("broken"))
            late = metrics.counter("weir_late_total")
            keyMismatches = metrics.counter("weir_key_mismatch_total")
            lost = metrics.counter("weir_records_lost_total")
            overwritten = metrics.counter("weir_offsets_overwritten_total")
            leaderChanges = metrics.counter("weir_leader_changes_total")
            divergences = metrics.counter("weir_divergence_total")
            snapshots = (metrics.counter("weir_snapshots_total", "written"), metrics.counter("weir_snapshots_total", "failed"))
            scoring = metrics.histogram("weir_scoring_seconds")
            velocity = metrics.histogram("weir_velocity_seconds")
            amlScoring = metrics.histogram("weir_aml_seconds")
            endToEnd = metrics.histogram("weir_end_to_end_seconds")
            commit = metrics.histogram("weir_commit_seconds")
            batch = metrics.histogram("weir_batch_records")
        }
    }

    /// The series of a partition of the transactions.
    private struct PartitionCells {
        let consumed: Counter
        let scored: Counter
        let duplicates: Counter
        let deadLettered: Counter
        let followed: Counter
        let lag: Gauge

        init(_ metrics: Metrics, _ number: Int32) {
            let partition = "\(number)"
            consumed = metrics.counter("weir_records_consumed_total", partition)
            scored = metrics.counter("weir_records_total", partition, "scored")
            duplicates = metrics.counter("weir_records_total", partition, "duplicate")
            deadLettered = metrics.counter("weir_records_total", partition, "dead_lettered")
            followed = metrics.counter("weir_followed_total", partition)
            lag = metrics.gauge("weir_kafka_lag", partition)
        }
    }

    public init(_ settings: Settings, log: Log, metrics: Metrics, health: Health) {
        self.log = log
        self.metrics = metrics
        self.health = health
        transactionsTopic = settings.kafka.transactions
        cells = Cells(metrics)
    }

    /// Warnings of librdkafka's that are none: that a producer's property is not a consumer's, and that a broker before 0.11 (the embedded one says so) makes topics by itself.
    private static let harmless = ["CONFWARN", "AUTOCREATE"]

    /// Takes librdkafka's own log: its troubles are ours to tell, the rest is for who looks for them.
    public var librdkafka: LogSink {
        { [log] line in
            let isQuiet = line.level > 4 || Self.harmless.contains(line.facility)
            let level: LogLevel = isQuiet ? .debug : line.level == 4 ? .warning : .error
            log.log(level, "librdkafka \(line.facility)", [("message", line.message)])
        }
    }

    private func partition(_ number: Int32) -> PartitionCells {
        if let cells = partitions[number] { return cells }
        let cells = PartitionCells(metrics, number)
        partitions[number] = cells
        return cells
    }

    // MARK: - StreamObserver

    public func note(_ level: NoteLevel, _ event: String, _ fields: [(String, String)]) {
        let level: LogLevel =
            switch level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        log.log(level, event, fields.map { ($0.0, $0.1) })
    }

    public func committed(_ report: CommitReport) {
        let counts = report.counts
        let known = counts.partitions.map { (partition($0.key), $0.value) }
        metrics.together {
            for (cells, count) in known {
                cells.consumed.add(count.consumed)
                cells.scored.add(count.scored)
                cells.duplicates.add(count.duplicates)
                cells.deadLettered.add(count.deadLettered)
            }
            for (reason, count) in counts.deadLetters { cells.deadLetters[reason]!.add(count) }
            for (decision, count) in counts.fraudDecisions { cells.fraud[decision]!.add(count) }
            for (decision, count) in counts.amlDecisions { cells.aml[decision]!.add(count) }
            for (cause, count) in counts.incomplete { cells.incomplete[cause]!.add(count) }
            cells.feedback.applied.add(counts.feedbackApplied)
            cells.feedback.duplicate.add(counts.feedbackDuplicates)
            cells.feedback.deadLettered.add(counts.feedbackDeadLettered)
            cells.late.add(counts.late)
            cells.keyMismatches.add(counts.keyMismatches)
            cells.transactions.committed.add()
            for sample in report.samples {
                cells.scoring.observe(Int(sample.scoring))
                cells.velocity.observe(Int(sample.velocity))
                cells.amlScoring.observe(Int(sample.aml))
            }
            cells.commit.observe(Int(report.commitMillis) * 1_000_000)
            cells.batch.observe(known.reduce(0) { $0 + $1.1.consumed })
            for time in report.recordTimes where time >= 0 { cells.endToEnd.observe(Int(max(0, report.at - time)) * 1_000_000) }
        }
        if let newest = report.recordTimes.max(), newest >= 0 { health.sawRecord(at: newest) }
        // Such an account's order is not its topic's.
        if counts.keyMismatches > 0 { log.warning("key mismatch", ["records": "\(counts.keyMismatches)"]) }
    }

    public func aborted() { cells.transactions.aborted.add() }
    public func broke() { cells.transactions.broken.add() }

    public func followed(_ partition: InputPartition, records: Int) {
        if partition.topic == .transactions { self.partition(partition.number).followed.add(records) }
    }

    public func recordsLost(_ partition: InputPartition, count: Int64) { cells.lost.add(Int(count)) }
    public func offsetsOverwritten(_ partitions: Int) { cells.overwritten.add(partitions) }
    public func becameLeader() { cells.leaderChanges.add() }
    public func diverged() { cells.divergences.add() }
    public func snapshot(written: Bool) { (written ? cells.snapshots.written : cells.snapshots.failed).add() }

    public func status(_ status: StreamStatus) {
        var stream = StreamHealth()
        for place in status.partitions where place.topic == transactionsTopic {
            partition(place.number).lag.set(Double(place.lag))
            stream.partitions += 1
        }
        stream.lag = status.lag
        stream.isConnected = status.trouble == nil && !status.partitions.isEmpty
        stream.trouble = status.trouble
        stream.followLagSeconds = Double(status.followLag) / 1000
        stream.isReady = status.isReady
        stream.isLeading = status.role == .leader
        stream.lastCommitMillis = status.lastCommit
        stream.restored = status.restored.done
        stream.toRestore = status.restored.of
        stream.isDiverged = status.diverged
        stream.isJournalRetentionShort = status.isRetentionShort
        stream.areRatesRefused = status.areRatesRefused
        stream.isAtBound = status.isAtBound
        stream.keptBytes = status.keptBytes
        stream.queuedBatches = status.queuedSlices
        stream.toldMillis = Int64(Clock.nanos / 1_000_000)
        if status.isOverfull { health.fail("the state does not fit MEMORY_LIMIT_MB") }
        health.update(stream: stream)
    }
}
