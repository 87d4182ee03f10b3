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
            var rules = RecordRules()
            if !configuration.rates.isEmpty { rules.rates = try RateTable(csv: Array(configuration.rates.utf8), base: rules.baseCurrency) }
            process = try StreamProcess(
                configuration,
                engine: Engine(EngineConfiguration(velocity: .init(feedbackEnabled: false), rules: rules, topic: configuration.topics.transactions)),
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

    func configuration(_ instance: String, rates: String = "") -> StreamConfiguration {
        StreamConfiguration(
            group: group, instance: instance, topics: topics, longestReach: 7 * 86_400_000, version: "test", settings: [:], rates: rates, form: "test")
    }

    func start(_ instance: String, rates: String = "", _ change: (inout StreamConfiguration) -> Void = { _ in }) throws -> Running {
        var configuration = configuration(instance, rates: rates)
        change(&configuration)
        return try Running(configuration, servers)
    }

    /// Recomputes all committed verdicts, or these.
    func audit(
        _ lines: [String]? = nil, log: Audit.Log? = nil, form: @escaping (Audit.Terms?) -> String = { _ in "test" },
        note: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> (summary: Audit.Summary, lines: [AuditLine]) {
        var said: [AuditLine] = []
        let engine = EngineConfiguration(velocity: .init(feedbackEnabled: false), topic: topics.transactions)
        let audit = Audit(
            configuration("audit"), log: log ?? .kafka(["bootstrap.servers": servers]),
            making: .init(
                engine: { (Engine(engine), form($0)) },
                changes: { (terms) throws(StreamExit) in
                    guard !terms.rates.isEmpty else { return [] }
                    do { return [.rates(try RateTable(csv: Array(terms.rates.utf8), base: engine.rules.baseCurrency))] } catch { throw .refused("\(error)") }
                }), report: { said.append($0) }, note: note)
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
            let batch = try consumer.readToEnd(name, partition, wakeup)
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

    @Test func `records are converted by the journal's rates, and a later table may only add to them`() throws {
        try admin.create(
            .init(topics.transactions, partitions: 1, configuration: ["message.timestamp.type": "LogAppendTime"]), timeoutMillis: 20_000)
        func euros(_ id: Int, _ currency: String = "EUR") -> (key: String?, value: [UInt8]?) {
            let json = PoisonRecords.json([
                ("transaction_id", "\"t\(id)\""), ("account_id", "\"A\""), ("amount", "100"), ("currency", "\"\(currency)\""),
            ])
            return ("A", Array(json.utf8))
        }
        let first = try start("first", rates: "currency,rate\nEUR,1.5\n")
        try produce([euros(0), euros(1)])
        #expect(first.wait { $0.scored == 2 })
        // Another table in a follower changes nothing of what it applies, nor, where it changes a rate, of what it then leads with.
        let second = try start("second", rates: "currency,rate\nEUR,2\nGBP,3\n")
        #expect(second.wait { $0.status.isReady })
        #expect(first.end() == .stopped)
        try produce([euros(2), euros(3, "GBP")])
        #expect(second.wait { $0.consumed == 2 })
        #expect(second.recorder.seen.withLock { $0.scored == 1 && $0.reasons[.invalidField] == 1 })
        #expect(second.recorder.seen.withLock { $0.notes }.contains("exchange rates refused, those before stay in force"))
        #expect(second.wait { $0.status.areRatesRefused })
        let third = try start("third", rates: "currency,rate\nEUR,1.5\nGBP,3\n")
        #expect(third.wait { $0.status.isReady })
        #expect(second.end() == .stopped)
        try produce([euros(4, "GBP")])
        #expect(third.wait { $0.scored == 1 && !$0.status.areRatesRefused })
        #expect(third.end() == .stopped)
        let sums = try read(topics.fraudVerdicts).map { output in
            try #require(String(decoding: output.value!, as: UTF8.self).firstMatch(of: /"account":\{"1h":\{"count":\d+,"sum":([0-9.]+)/)).1.description
        }
        #expect(sums == ["150", "300", "450", "750"])
        #expect(try audit().summary == Audit.Summary(identical: 8))
        for running in [first, second, third] { #expect(running.recorder.seen.withLock { $0.diverged } == 0) }
    }

    @Test func `a restore that is bounded by record time counts back from the newest record, whatever a clock says`() throws {
        try admin.create(
            .init(topics.transactions, partitions: 2, configuration: ["message.timestamp.type": "CreateTime", "retention.ms": "-1"]),
            timeoutMillis: 20_000)
        let (day, begin) = (Int64(86_400_000), Int64(1_500_000_000_000))
        let producer = try Producer(["bootstrap.servers": servers])
        let topic = try producer.topic(topics.transactions)
        for number in 0..<20 {
            let time = begin + Int64(number) * day
            let json = PoisonRecords.json([
                ("transaction_id", "\"t\(number)\""), ("account_id", "\"A\""), ("amount", "1"), ("timestamp", "\(time)"),
            ])
            try Array(json.utf8).withUnsafeBytes {
                try producer.produce(topic, partition: Int32(number % 2), key: nil, value: $0, timestamp: time)
            }
        }
        try producer.flush(timeoutMillis: 20_000)
        let first = try start("first")
        #expect(first.wait { $0.scored == 20 })
        #expect(first.end() == .stopped)
        // For the first group all lies in runs; one that begins now has it as history.
        let other = try start("other") {
            $0.group = group + "-other"
            $0.topics.journal = topics.journal + "-other"
            $0.startFrom = .now
            $0.restoreHorizon = 5 * day
        }
        #expect(other.wait { $0.status.role == .leader })
        #expect(other.recorder.seen.withLock { $0.status.restored.of } == 6)
        #expect(other.end() == .stopped)
    }

    @Test func `an input topic that was made anew while nobody ran, and holds less than was answered, ends the next start with the reason`() throws {
        try admin.create(.init(topics.transactions, partitions: 1), timeoutMillis: 20_000)
        try produce((0..<6).map { good($0, "A") })
        let first = try start("first")
        #expect(first.wait { $0.scored == 6 })
        #expect(first.end() == .stopped)
        try admin.deleteTopic(topics.transactions, timeoutMillis: 20_000)
        _ = until {
            do { try admin.create(.init(topics.transactions, partitions: 1), timeoutMillis: 20_000) } catch { return false }
            return true
        }
        try produce([good(7, "A")])
        let second = try start("second")
        #expect(second.wait { $0.exit != nil })
        let exit = second.end()
        guard case .refused(let why) = exit else {
            Issue.record("\(String(describing: exit))")
            return
        }
        #expect(why.contains("made anew"), "\(why)")
    }

    @Test func `one that takes no labels goes on where labels were taken`() throws {
        try admin.create(.init(topics.transactions, partitions: 1), timeoutMillis: 20_000)
        try produce((0..<3).map { good($0, "A") })
        let first = try start("first") { $0.topics.feedback = group + "-feedback" }
        #expect(first.wait { $0.scored == 3 })
        #expect(first.end() == .stopped)
        let second = try start("second")
        #expect(second.wait { $0.status.role == .leader })
        try produce((3..<6).map { good($0, "A") })
        #expect(second.wait { $0.scored == 3 })
        let third = try start("third")
        #expect(third.wait { $0.status.isReady && $0.status.role == .follower })
        #expect(third.end() == .stopped)
        #expect(second.end() == .stopped)
        #expect(try ids(topics.fraudVerdicts) == (0..<6).map { "t\($0)" })
    }

    @Test func `an audit says of what is gone from the input that it cannot be recomputed, and of what is left that it is identical`() throws {
        try admin.create(
            .init(topics.transactions, partitions: 2, configuration: ["message.timestamp.type": "LogAppendTime"]), timeoutMillis: 20_000)
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        // Of accounts that have nothing in common.
        func lone(_ id: Int) -> (key: String?, value: [UInt8]?) {
            ("A\(id)", Array(#"{"transaction_id":"t\#(id)","account_id":"A\#(id)","timestamp":\#(now),"amount":\#(id).25}"#.utf8))
        }
        let running = try start("one")
        try produce((0..<40).map { lone($0) })
        #expect(running.wait { $0.scored == 40 })
        #expect(running.end() == .stopped)
        #expect(try audit().summary == Audit.Summary(identical: 80))
        // One partition is cut in part, then whole; other accounts' windows are what they were.
        func place(_ account: String) -> Int32 { withBytes(of: account) { Murmur2.partition($0, 2) } }
        let partition = place("A0")
        let count = Int64((0..<40).filter { place("A\($0)") == partition }.count)
        for cut in [count / 2, count] {
            try admin.deleteRecords(before: [.init(topic: topics.transactions, partition: partition, offset: cut)], timeoutMillis: 20_000)
            let (summary, lines) = try audit()
            #expect(summary == Audit.Summary(identical: 80 - 2 * Int(cut), cannotBeRecomputed: 2 * Int(cut)))
            for line in lines where line.result != .identical {
                #expect(line.partition == partition && line.offset < cut && line.result == .cannotBeRecomputed(why: "records of the input are gone"))
            }
            // The same of what is dumped now.
            #expect(try audit(log: .dump(dump())).summary == summary)
        }
        // Who leads now lacks what an audit lacks: its verdicts can be recomputed.
        let next = try start("two")
        #expect(next.wait { $0.status.role == .leader })
        try produce((40..<50).map { lone($0) })
        #expect(next.wait { $0.scored == 10 })
        #expect(next.end() == .stopped)
        #expect(next.recorder.seen.withLock { $0.diverged } == 0)
        #expect(try audit().summary == Audit.Summary(identical: 80 - 2 * Int(count) + 20, cannotBeRecomputed: 2 * Int(count)))
    }

    @Test func `what was aborted at a topic's head is missing in no dump`() throws {
        try admin.create(
            .init(topics.transactions, partitions: 1, configuration: ["message.timestamp.type": "LogAppendTime"]), timeoutMillis: 20_000)
        let producer = try TransactionalProducer(["bootstrap.servers": servers], transactionalID: group + "-other", topics: [topics.transactions])
        let topic = try producer.topic(topics.transactions)
        try producer.initTransactions(timeoutMillis: 20_000)
        for isCommitted in [false, true] {
            try producer.begin()
            for id in 0..<3 {
                let record = good(id, "A")
                try withBytes(of: record.key!) { key in
                    try record.value!.withUnsafeBytes { try producer.produce(topic, partition: 0, key: key, value: $0) }
                }
            }
            try producer.flush(timeoutMillis: 20_000)
            if isCommitted { try producer.commit(timeoutMillis: 20_000) } else { try producer.abort(timeoutMillis: 20_000) }
        }
        let running = try start("one")
        #expect(running.wait { $0.scored == 3 })
        #expect(running.end() == .stopped)
        #expect(try audit().summary == Audit.Summary(identical: 6))
        let notes = Mutex([String]())
        #expect(try audit(log: .dump(dump()), note: { note in notes.withLock { $0.append(note) } }).summary == Audit.Summary(identical: 6))
        #expect(notes.withLock { $0 }.isEmpty)
    }

    @Test func `verdicts of every form in the journal are judged, be they in topics or in a dump`() throws {
        try admin.create(
            .init(topics.transactions, partitions: 1, configuration: ["message.timestamp.type": "LogAppendTime"]), timeoutMillis: 20_000)
        for (i, form) in ["a", "b", "a"].enumerated() {
            let running = try start("\(i)") {
                $0.form = form
                $0.settings = ["FORM": form]
            }
            try produce((0..<5).map { good(5 * i + $0, "A") })
            #expect(running.wait { $0.scored == 5 })
            #expect(running.end() == .stopped)
        }
        let form: (Audit.Terms?) -> String = { $0?.settings["FORM"] ?? "none" }
        #expect(try audit(form: form).summary == Audit.Summary(identical: 30))
        #expect(try audit(log: .dump(dump()), form: form).summary == Audit.Summary(identical: 30))
    }

    /// The group's topics as they are now.
    func dump() throws -> LogDump {
        let dump = LogDump(topics: topics)
        try LogDump.write(["bootstrap.servers": servers], topics: topics, group: group) { (line) throws(StreamExit) in
            let added = line.withUnsafeBytes { bytes in Result { () throws(StreamExit) in try dump.add(bytes) } }
            try added.get()
        }
        return dump
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

        // The same from a dump, whatever the order of its lines; without its first records nothing can be known for sure.
        var lines: [[UInt8]] = []
        try LogDump.write(["bootstrap.servers": servers], topics: topics, group: group) { lines.append($0) }
        func dumped(_ lines: [[UInt8]]) throws -> LogDump {
            let dump = LogDump(topics: topics)
            for line in lines { try line.withUnsafeBytes { try dump.add($0) } }
            return dump
        }
        #expect(try audit(log: .dump(dumped(lines.reversed()))).summary == Audit.Summary(identical: 600))
        let cut = try audit(log: .dump(dumped(lines.filter { !String(decoding: $0, as: UTF8.self).contains(#"\"t0\""#) })))
        #expect(cut.summary.identical + cut.summary.cannotBeRecomputed >= 596 && cut.summary.cannotBeRecomputed > 0, "\(cut.summary)")

        let verdicts = try read(topics.fraudVerdicts).map { String(decoding: $0.value!, as: UTF8.self) }
        let changed = verdicts[7].replacing(/"score":[0-9.]+/, with: "\"score\":0.123")
        let unknown = verdicts[8].replacing(/"offset":[0-9]+/, with: "\"offset\":4711")
        let (some, said) = try audit([verdicts[3], "", changed, unknown])
        #expect(some == Audit.Summary(identical: 1, different: 1, cannotBeRecomputed: 1))
        #expect(said.first { $0.result == .different(committed: Array(changed.utf8), recomputed: Array(verdicts[7].utf8)) } != nil)
        let last = try #require(said.last)
        #expect(last.offset == 4711 && last.result == .cannotBeRecomputed(why: "the journal no longer says in which order its record was applied"))
        let told = try #require(try JSONSerialization.jsonObject(with: Data(last.json)) as? [String: Any])
        #expect(told["result"] as? String == "cannot_be_recomputed" && told["kind"] as? String == "fraud")
        #expect(throws: StreamExit.refused("verdict 2 is none")) { _ = try audit([verdicts[0], "{}"]) }
    }
}
