import Lambda
import Scoring
import Service
import Stream

/// Scores batches of Kafka's records, produces what is to be said of them, and names those of which that could not be.
///
/// A record whose produce failed comes again; the engine has it already, and would take it for a duplicate. So its outputs are kept, and produced as they are when it comes. At the bound of what is kept
/// no further record is scored: it is named too, and comes again.
final class LambdaBatches {
    /// Bytes of outputs that wait for their record to come again.
    static let maxKeptBytes = 32 << 20
    /// Of an invocation's time, what is left for its answer.
    private static let marginMillis: Int64 = 500

    private struct Place: Hashable {
        var partition: String
        var offset: Int64
    }

    private let topics: TopicNames
    private let log: Log
    private let producer: LambdaProducer?
    private var kept: [Place: [DetachedOutput]] = [:]
    private var keptBytes = 0

    init(_ settings: Settings, log: Log) {
        topics = settings.topics
        self.log = log
        producer = settings.isAlone ? nil : LambdaProducer(settings, log: log)
    }

    /// - Returns: the JSON that names the records to be brought again.
    func answer(_ event: KafkaEvent, _ invocation: Invocation, _ engine: Engine) -> [UInt8] {
        let records = event.merged
        let deadline = invocation.deadlineMillis == .max ? wallMillis() + 60_000 : invocation.deadlineMillis - Self.marginMillis
        var failed = Set<Int>()
        // Those of which the outputs wait, and the new ones.
        let again = records.indices.filter { kept[Self.place(records[$0])] != nil }
        var new = records.indices.filter { kept[Self.place(records[$0])] == nil }
        if keptBytes > Self.maxKeptBytes || wallMillis() >= deadline {
            failed.formUnion(new)
            new = []
        }
        let batch = DetachedBatch(new.map { detached(records[$0]) }, topics: topics, with: engine)
        if let producer {
            failed.formUnion(bringAgain(again, records, producer, deadline))
            failed.formUnion(bring(batch, producer, deadline).map { new[$0] })
            keep(batch, new, records, failed)
        } else {
            tell(batch, new, records, invocation)
        }
        tell(batch, records.count, failed.count, invocation)
        return KafkaEvent.encode(failures: failed.sorted().map { (records[$0].partitionName, records[$0].offset) })
    }

    private static func place(_ record: KafkaEvent.Record) -> Place { Place(partition: record.partitionName, offset: record.offset) }

    private func detached(_ record: KafkaEvent.Record) -> DetachedRecord {
        let isFeedback = record.topic == topics.feedback
        if !isFeedback, record.topic != topics.transactions {
            log.warning("a topic of another name is taken for the transactions'", ["topic": record.topic, "transactions": topics.transactions])
        }
        return DetachedRecord(
            partition: InputPartition(isFeedback ? .feedback : .transactions, record.partition), offset: record.offset, time: record.time, key: record.key,
            value: record.value, headers: record.headers)
    }

    // MARK: - Producing

    /// - Returns: records of the batch whose outputs could not be produced, all or some.
    private func bring(_ batch: DetachedBatch, _ producer: LambdaProducer, _ deadline: Int64) -> Set<Int> {
        var failed = Set<Int>()
        var wanted = Set(0..<batch.results.count)
        // What is too large becomes a dead letter, and a dead letter that is too large an empty one: three rounds at most.
        for _ in 0..<3 {
            let outputs = batch.outputs
            let indices = outputs.indices.filter { wanted.contains(outputs[$0].record) }
            let report = producer.produce(indices.map { outputs[$0] }, deadline: deadline)
            failed.formUnion(report.failed.map { outputs[indices[$0]].record })
            if report.tooLarge.isEmpty { return failed }
            wanted = batch.divert(report.tooLarge.map { indices[$0] })
        }
        return failed.union(wanted)
    }

    /// - Returns: records, among `again`, of which that failed once more.
    private func bringAgain(_ again: [Int], _ records: [KafkaEvent.Record], _ producer: LambdaProducer, _ deadline: Int64) -> Set<Int> {
        if again.isEmpty { return [] }
        var outputs: [DetachedOutput] = []
        var owners: [Int] = []
        for index in again {
            for output in kept[Self.place(records[index])] ?? [] {
                outputs.append(output)
                owners.append(index)
            }
        }
        let report = producer.produce(outputs, deadline: deadline)
        let failed = Set(report.failed.union(report.tooLarge).map { owners[$0] })
        for index in again where !failed.contains(index) { forget(Self.place(records[index])) }
        return failed
    }

    private func keep(_ batch: DetachedBatch, _ new: [Int], _ records: [KafkaEvent.Record], _ failed: Set<Int>) {
        if failed.isDisjoint(with: new) { return }
        for output in batch.outputs where failed.contains(new[output.record]) {
            kept[Self.place(records[new[output.record]]), default: []].append(output)
            keptBytes += Self.bytes(output)
        }
    }

    private func forget(_ place: Place) {
        for output in kept.removeValue(forKey: place) ?? [] { keptBytes -= Self.bytes(output) }
    }

    private static func bytes(_ output: DetachedOutput) -> Int {
        (output.key?.count ?? 0) + (output.value?.count ?? 0) + output.headers.reduce(200) { $0 + $1.name.utf8.count + $1.value.count }
    }

    // MARK: - Telling

    /// Without a broker the log is where verdicts go; nothing of a record's content.
    private func tell(_ batch: DetachedBatch, _ new: [Int], _ records: [KafkaEvent.Record], _ invocation: Invocation) {
        for (result, index) in zip(batch.results, new) {
            let place: [(key: String, value: any LogValue)] = [
                ("request_id", invocation.id), ("partition", records[index].partitionName), ("offset", records[index].offset),
            ]
            switch result.outcome {
            case .scored: log.record(.info, "verdict", place + [("fraud", result.fraud.name.description), ("aml", result.aml.name.description)])
            case .deadLettered(let reason): log.record(.warning, "dead letter", place + [("reason", reason.code.description)])
            case .duplicate, .applied: break
            }
        }
    }

    private func tell(_ batch: DetachedBatch, _ records: Int, _ failed: Int, _ invocation: Invocation) {
        var (scored, duplicates, dead) = (0, 0, 0)
        for result in batch.results {
            switch result.outcome {
            case .scored: scored += 1
            case .duplicate: duplicates += 1
            case .deadLettered: dead += 1
            case .applied: break
            }
        }
        log.record(
            failed == 0 ? .info : .warning, "batch",
            [
                ("request_id", invocation.id), ("trace_id", invocation.traceID ?? ""), ("records", records), ("scored", scored), ("duplicates", duplicates),
                ("dead_lettered", dead), ("failed", failed),
            ])
    }
}
