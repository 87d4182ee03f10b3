import Foundation
import Kafka
import Scoring
import Synchronization
import TestSupport
import Testing
import Velocity

@testable import Stream

/// Adds up what is committed, and keeps the newest status.
final class Recorder: StreamObserver {
    struct Seen {
        var consumed = 0
        var scored = 0
        var duplicates = 0
        var deadLettered = 0
        var reasons: [Reason: Int] = [:]
        var isBalanced = true
        var status = StreamStatus()
        var diverged = 0
        var notes: [String] = []
        var exit: StreamExit?
    }
    let seen = Mutex(Seen())

    func note(_ level: NoteLevel, _ event: String, _ fields: [(String, String)]) { seen.withLock { $0.notes.append(event) } }
    func committed(_ report: CommitReport) {
        seen.withLock { seen in
            for counts in report.counts.partitions.values {
                seen.consumed += counts.consumed
                seen.scored += counts.scored
                seen.duplicates += counts.duplicates
                seen.deadLettered += counts.deadLettered
            }
            for (reason, count) in report.counts.deadLetters { seen.reasons[reason, default: 0] += count }
            seen.isBalanced = seen.isBalanced && report.counts.isBalanced
        }
    }
    func aborted() {}
    func broke() {}
    func followed(_ partition: InputPartition, records: Int) {}
    func recordsLost(_ partition: InputPartition, count: Int64) {}
    func becameLeader() {}
    func diverged() { seen.withLock { $0.diverged += 1 } }
    func status(_ status: StreamStatus) { seen.withLock { $0.status = status } }
}

/// The real pipeline on a genuine broker, with topics and a group of its own.
@Suite(.enabled(if: KafkaCluster.isAvailable, KafkaCluster.skipping))
struct BrokerTests {
    let servers: String
    let admin: Admin
    let group = unique("group")
    let topics: TopicNames

    init() throws {
        servers = try KafkaCluster.shared().bootstrapServers
        admin = try Admin(["bootstrap.servers": servers])
        topics = TopicNames(
            transactions: group + "-in", feedback: nil, fraudVerdicts: group + "-fraud", amlVerdicts: group + "-aml",
            deadLetters: group + "-dlq", journal: group + "-journal")
    }

    final class Running: Sendable {
        let recorder = Recorder()
        let process: StreamProcess

        init(_ configuration: StreamConfiguration, _ servers: String) throws {
            process = try StreamProcess(
                configuration, engine: Engine(EngineConfiguration(velocity: .init(feedbackEnabled: false), topic: configuration.topics.transactions)),
                kafka: ["bootstrap.servers": servers], observer: recorder)
            process.start { [recorder] exit in recorder.seen.withLock { $0.exit = exit } }
        }

        /// Waits for what the recorder has seen.
        func wait(_ body: (Recorder.Seen) -> Bool) -> Bool { until { recorder.seen.withLock { body($0) } } }

        func end() -> StreamExit? {
            process.stop()
            _ = wait { $0.exit != nil }
            process.stopEngine()
            return recorder.seen.withLock { $0.exit }
        }
    }

    func configuration(_ instance: String) -> StreamConfiguration {
        StreamConfiguration(
            group: group, instance: instance, topics: topics, longestReach: 7 * 86_400_000, version: "test", settings: [:], rates: "", form: "test")
    }

    func start(_ instance: String) throws -> Running { try Running(configuration(instance), servers) }

    /// Recomputes all committed verdicts, or these.
    func audit(_ lines: [String]? = nil) throws -> (summary: Audit.Summary, lines: [AuditLine]) {
        var said: [AuditLine] = []
        let engine = EngineConfiguration(velocity: .init(feedbackEnabled: false), topic: topics.transactions)
        let audit = Audit(
            configuration("audit"), kafka: ["bootstrap.servers": servers],
            making: .init(engine: { _ in (Engine(engine), "test") }, changes: { _ in [] }), report: { said.append($0) }, note: { _ in })
        var rest = lines?[...]
        let summary = try audit.run(lines: lines.map { _ in { rest!.popFirst().map { Array($0.utf8) } } })
        return (summary, said)
    }

    func produce(_ records: [(key: String?, value: [UInt8]?)]) throws {
        let producer = try Producer(["bootstrap.servers": servers])
        let topic = try producer.topic(topics.transactions)
        let count = try producer.metadata(topic: topics.transactions, timeoutMillis: 20_000).partitionCount
        for record in records {
            func send(_ key: UnsafeRawBufferPointer?) throws {
                let partition = key.map { Murmur2.partition($0, count) } ?? 0
                if let value = record.value {
                    try value.withUnsafeBytes { try producer.produce(topic, partition: partition, key: key, value: $0) }
                } else {
                    try producer.produce(topic, partition: partition, key: key, value: nil)
                }
            }
            if let key = record.key { try withBytes(of: key) { try send($0) } } else { try send(nil) }
        }
        try producer.flush(timeoutMillis: 60_000)
        #expect(producer.failureCount == 0)
    }

    struct Output {
        var value: [UInt8]?
        var headers: [String: String]
    }

    /// All committed records of a topic, partition after partition.
    func read(_ name: String) throws -> [Output] {
        let wakeup = Wakeup()
        let consumer = try Consumer(["bootstrap.servers": servers], group: "reader", wakeup: wakeup)
        var outputs: [Output] = []
        for partition in 0..<(try consumer.metadata(topic: name, timeoutMillis: 20_000).partitionCount) {
            let queue = try consumer.assign(topic: name, partition: partition, offset: 0)
            let batch = MessageBatch()
            _ = until {
                repeat { queue.poll(max: 1000, into: batch) } while queue.mayHaveMore
                if queue.isAtEnd { return true }
                wakeup.wait(timeoutMillis: 1000)
                return false
            }
            for i in 0..<batch.count {
                var headers: [String: String] = [:]
                for header in batch[i].headers {
                    headers[String(decoding: header.name, as: UTF8.self)] = header.value.map { String(decoding: $0, as: UTF8.self) }
                }
                outputs.append(Output(value: batch[i].value.map { Array($0) }, headers: headers))
            }
        }
        return outputs
    }

    func ids(_ name: String) throws -> [String] {
        try read(name).map { output in
            let json = try #require(try JSONSerialization.jsonObject(with: Data(output.value ?? [])) as? [String: Any])
            return try #require(json["transaction_id"] as? String)
        }
    }

    func good(_ id: Int, _ account: String) -> (key: String?, value: [UInt8]?) {
        let json = PoisonRecords.json([("transaction_id", "\"t\(id)\""), ("account_id", "\"\(account)\""), ("amount", "\(id % 90 + 1).25")])
        return (account, Array(json.utf8))
    }

    @Test func `poison ends in the dead letters with its reason and its own bytes, and good records around it are scored`() throws {
        try admin.create(
            .init(topics.transactions, partitions: 1, configuration: ["message.timestamp.type": "LogAppendTime", "max.message.bytes": "16777216"]),
            timeoutMillis: 20_000)
        let poison = PoisonRecords.all()
        #expect(poison.count >= 200)
        var records: [(key: String?, value: [UInt8]?)] = []
        for (i, record) in poison.enumerated() {
            records.append(good(i, "A"))
            records.append(("A", record.bytes))
        }
        let running = try start("one")
        try produce(records)
        #expect(running.wait { $0.consumed == records.count })
        let seen = running.recorder.seen.withLock { $0 }
        #expect(seen.isBalanced && seen.scored == poison.count && seen.deadLettered == poison.count && seen.duplicates == 0)
        #expect(running.end() == .stopped)

        let letters = try read(topics.deadLetters)
        try #require(letters.count == poison.count)
        for (i, (letter, record)) in zip(letters, poison).enumerated() {
            #expect(letter.headers["__weir.errors.reason"] == record.reason, "\(record.name)")
            #expect(letter.headers["__weir.errors.offset"] == String(2 * i + 1), "\(record.name)")
            if let size = letter.headers["__weir.errors.value_bytes"] {
                // Too large for the topic of dead letters: the value is left out, and how long it was is said.
                #expect(letter.value?.isEmpty == true && size == String(record.bytes!.count), "\(record.name)")
            } else {
                #expect(letter.value == record.bytes, "\(record.name)")
            }
        }
        let expected = (0..<poison.count).map { "t\($0)" }
        #expect(try ids(topics.fraudVerdicts) == expected)
        #expect(try ids(topics.amlVerdicts) == expected)
    }

    @Test func `nothing is lost or doubled by a stop in mid-stream, a hand-over and a start from the journal`() throws {
        try admin.create(
            .init(topics.transactions, partitions: 4, configuration: ["message.timestamp.type": "LogAppendTime"]), timeoutMillis: 20_000)
        let count = 20_000
        let records = (0..<count).map { good($0, "A\($0 % 50)") }
        let first = try start("first")
        try produce(Array(records[..<(count / 2)]))
        #expect(first.wait { $0.scored > 0 })
        let second = try start("second")
        #expect(second.wait { $0.status.isReady })
        #expect(first.end() == .stopped)
        try produce(Array(records[(count / 2)...]))
        #expect(second.wait { $0.scored > 0 })
        #expect(second.end() == .stopped)
        let third = try start("third")
        let before = first.recorder.seen.withLock { $0.scored } + second.recorder.seen.withLock { $0.scored }
        #expect(third.wait { $0.scored == count - before && $0.status.role == .leader })
        #expect(third.end() == .stopped)
        for running in [first, second, third] { #expect(running.recorder.seen.withLock { $0.isBalanced && $0.diverged == 0 }) }

        for topic in [topics.fraudVerdicts, topics.amlVerdicts] {
            let seen = try ids(topic)
            #expect(seen.count == count && Set(seen).count == count)
        }
        let (summary, lines) = try audit()
        #expect(summary == Audit.Summary(identical: 2 * count) && lines.count == 2 * count)
    }

    @Test func `an audit tells what is identical from what is not, and from what it cannot know`() throws {
        try admin.create(
            .init(topics.transactions, partitions: 2, configuration: ["message.timestamp.type": "LogAppendTime"]), timeoutMillis: 20_000)
        let running = try start("one")
        try produce((0..<300).map { good($0, "A\($0 % 7)") } + [good(5, "A5"), ("A", Array("{".utf8))])
        #expect(running.wait { $0.consumed == 302 })
        #expect(running.end() == .stopped)
        let (all, _) = try audit()
        #expect(all == Audit.Summary(identical: 600))

        let verdicts = try read(topics.fraudVerdicts).map { String(decoding: $0.value!, as: UTF8.self) }
        let changed = verdicts[7].replacing(/"score":[0-9.]+/, with: "\"score\":0.123")
        let unknown = verdicts[8].replacing(/"offset":[0-9]+/, with: "\"offset\":4711")
        let (some, lines) = try audit([verdicts[3], "", changed, unknown])
        #expect(some == Audit.Summary(identical: 1, different: 1, cannotBeRecomputed: 1))
        #expect(lines.first { $0.result == .different(committed: Array(changed.utf8), recomputed: Array(verdicts[7].utf8)) } != nil)
        let last = try #require(lines.last)
        #expect(last.offset == 4711 && last.result == .cannotBeRecomputed(why: "the journal no longer says in which order its record was applied"))
        let told = try #require(try JSONSerialization.jsonObject(with: Data(last.json)) as? [String: Any])
        #expect(told["result"] as? String == "cannot_be_recomputed" && told["kind"] as? String == "fraud")
        #expect(throws: StreamExit.refused("line 2 is no verdict")) { _ = try audit([verdicts[0], "{}"]) }
    }
}
