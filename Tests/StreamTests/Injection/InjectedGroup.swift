import Kafka
import Scoring
import Synchronization
import TestSupport
import Velocity

@testable import Stream

/// Errors that one broker gives to the next requests of a kind.
struct Injection: Sendable {
    /// Of what a broker is the leader or coordinator.
    enum Role: Sendable { case verdicts, journal, transactions, offsets }
    var request: EmbeddedBroker.Request
    var role: Role
    /// nil: none.
    var errors: [Failure?]
    /// How late they are given.
    var delayMillis: Int

    init(_ request: EmbeddedBroker.Request, _ role: Role, _ errors: [Failure?], delayMillis: Int = 0) {
        self.request = request
        self.role = role
        self.errors = errors
        self.delayMillis = delayMillis
    }
}

/// A group of one instance on a mock cluster, in which errors can be injected; records come without a pause.
///
/// `@unchecked Sendable`: `feeder` is touched by the test's thread alone; all else is constant, atomic, or behind a mutex, and librdkafka's handles are safe from any thread.
final class InjectedGroup: @unchecked Sendable {
    struct Said {
        /// Warnings and errors, in their order.
        var warnings: [String] = []
        /// Everything, with what librdkafka says.
        var lines: [String] = []
        /// Why the broker cannot be used now.
        var trouble: String?
        var exit: StreamExit?
        var scored = 0
    }

    let broker: EmbeddedBroker
    let brokers: Int32
    let topics = TopicNames(
        transactions: "in", feedback: nil, fraudVerdicts: "fraud", amlVerdicts: "aml", deadLetters: "letters", journal: "journal")
    let ledger: Ledger
    let said = Mutex(Said())
    private let producer: Producer
    private let input: Topic
    private let fed = Atomic<Int64>(0)
    private let isFeeding = Atomic(false)
    private let isStopping = Atomic(false)
    private var feeder: Thread?
    private let armed = Mutex([Injection]())
    private let group = "scorer"

    /// The input is led by broker 1, so that errors for others reach nobody but the instance.
    init(brokers: Int32 = 3) throws {
        self.brokers = brokers
        broker = try EmbeddedBroker(brokers: Int(brokers))
        for name in [topics.transactions, topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters, topics.journal] {
            try broker.createTopic(name, partitions: 1)
        }
        ledger = try Ledger(broker.bootstrapServers, topics)
        producer = try Producer(["bootstrap.servers": broker.bootstrapServers])
        input = try producer.topic(topics.transactions)
        try broker.setLeader(topic: topics.transactions, partition: 0, broker: 1)
        for name in [topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters] { try broker.setLeader(topic: name, partition: 0, broker: number(.verdicts)) }
        try broker.setLeader(topic: topics.journal, partition: 0, broker: number(.journal))
        try broker.setTransactionCoordinator(group, broker: number(.transactions))
        try broker.setGroupCoordinator(group, broker: number(.offsets))
    }

    func number(_ role: Injection.Role) -> Int32 { min(brokers, role == .verdicts || role == .transactions ? 2 : 3) }

    // MARK: - The input

    /// Writes one record; the same each time for the same number.
    private func feed() throws {
        let number = fed.load(ordering: .relaxed)
        let time = 1_767_225_600_000 + number * 1000
        let json = PoisonRecords.json([
            ("transaction_id", "\"t\(number)\""), ("account_id", "\"A\(number % 7)\""), ("amount", "\(number % 90 + 1).25"), ("timestamp", "\(time)"),
        ])
        try withBytes(of: "A\(number % 7)") { key in
            try withBytes(of: json) { try producer.produce(input, partition: 0, key: key, value: $0, timestamp: time) }
        }
        fed.add(1, ordering: .relaxed)
        producer.poll(timeoutMillis: 0)
    }

    /// Records that are written, or on their way.
    var count: Int64 { fed.load(ordering: .relaxed) }

    func feed(_ count: Int) throws {
        for _ in 0..<count { try feed() }
        try producer.flush(timeoutMillis: 20_000)
    }

    /// Writes a record each `milliseconds` from now on.
    func startFeeding(each milliseconds: Int64) {
        isFeeding.store(true, ordering: .relaxed)
        let pace = Monitor()
        feeder = Thread("feeder") { [self] in
            while isFeeding.load(ordering: .relaxed) {
                try? feed()
                pace.locked { pace.wait(milliseconds: milliseconds) }
            }
        }
    }

    func stopFeeding() throws {
        isFeeding.store(false, ordering: .relaxed)
        feeder?.join()
        try producer.flush(timeoutMillis: 20_000)
    }

    // MARK: - The instance

    func start() {
        said.withLock { $0.exit = nil }
        isStopping.store(false, ordering: .relaxed)
        Thread("kafka") { [self] in
            let exit: StreamExit
            do {
                exit = try run()
            } catch {
                exit = .refused("\(error)")
            }
            said.withLock {
                $0.exit = exit
                $0.lines.append("ends: \(exit)")
            }
        }
    }

    private func run() throws -> StreamExit {
        var configuration = StreamConfiguration(
            group: group, instance: "one", topics: topics, longestReach: 7 * 86_400_000, version: "test", settings: [:], rates: "", form: "test")
        configuration.leaderTimeout = 600
        configuration.commitInterval = 50
        let cluster = try KafkaCluster(
            ["bootstrap.servers": broker.bootstrapServers, "log_level": "4"], topics: topics, group: group,
            log: { [self] line in
                // What it says of every topic of a mock.
                if line.facility != "AUTOCREATE" { said.withLock { $0.lines.append("  \(line.facility): \(line.message)") } }
            })
        let runner = EngineRunner(
            engine: Engine(EngineConfiguration(velocity: .init(feedbackEnabled: false), topic: topics.transactions)), topics: topics, bounds: configuration.bounds,
            wakeOther: { cluster.wake() })
        let engine = Thread("engine") { runner.run() }
        cluster.startWatch()
        defer {
            cluster.stopWatch()
            runner.stop()
            engine.join()
        }
        return Instance(configuration, cluster: CommittedView(cluster, ledger, prepare: giveErrors), runner: runner, observer: Listener(self)) { [self] in
            isStopping.load(ordering: .relaxed)
        }.run()
    }

    /// Tells it to end, and waits for that.
    func stop() -> StreamExit? {
        isStopping.store(true, ordering: .relaxed)
        _ = until { said.withLock { $0.exit != nil } || pauseBriefly() }
        return said.withLock { $0.exit }
    }

    struct Unexpected: Error, CustomStringConvertible {
        let description: String
        init(_ text: String) { description = text }
    }

    /// Waits until `body` is true.
    ///
    /// - Throws: where that takes too long, or where the instance ends: one that is alone never has to.
    func wait(_ what: String, _ body: () throws -> Bool) throws {
        let isReached = try until(120_000) {
            if try body() { return true }
            if said.withLock({ $0.exit != nil }) { throw Unexpected("\(what): \(story)") }
            return pauseBriefly()
        }
        guard isReached else { throw Unexpected("in vain waited for \(what): \(story)") }
    }

    /// What was said last.
    private var story: String { said.withLock { $0.lines.suffix(40).joined(separator: "\n") } }

    private let pauser = Monitor()

    private func pauseBriefly() -> Bool {
        pauser.locked { pauser.wait(milliseconds: 5) }
        return false
    }

    // MARK: - Errors

    /// Errors of the next transaction that has verdicts, from its begin on: none of them reaches another before.
    func inject(_ injections: [Injection]) { armed.withLock { $0 = injections } }

    /// Errors for whoever comes.
    func injectNow(_ injections: [Injection]) throws {
        for injection in injections {
            for error in injection.errors {
                try broker.delay(next: injection.request, broker: number(injection.role), byMillis: injection.delayMillis, code: error?.rawValue ?? 0)
            }
        }
    }

    private func giveErrors() {
        let injections = armed.withLock { armed in
            defer { armed = [] }
            return armed
        }
        do { try injectNow(injections) } catch { said.withLock { $0.warnings.append("not injected: \(error)") } }
    }

    /// Whether all were given to requests.
    func areMet(_ injections: [Injection]) throws -> Bool {
        try armed.withLock { $0.isEmpty } && injections.allSatisfy { try broker.pending($0.request, broker: number($0.role)) == 0 }
    }

    // MARK: - What is committed

    /// All committed records of a topic.
    func read(_ name: String) throws -> [[UInt8]] {
        let wakeup = Wakeup()
        let consumer = try Consumer(["bootstrap.servers": broker.bootstrapServers], group: "reader", wakeup: wakeup)
        let batch = try consumer.readToEnd(name, 0, wakeup)
        return (0..<batch.count).filter { ledger.isCommitted(name, batch[$0].offset) }.map { batch[$0].value.map { Array($0) } ?? [] }
    }

    func readJournal() throws -> [Entry] {
        let coding = EntryCoding(topics: topics)
        return try read(topics.journal).map { bytes in try bytes.withUnsafeBytes { try coding.decode($0, group: group) } }
    }
}

private final class Listener: StreamObserver {
    private let group: InjectedGroup
    init(_ group: InjectedGroup) { self.group = group }

    func note(_ level: NoteLevel, _ event: String, _ fields: [(String, String)]) {
        group.said.withLock {
            $0.lines.append("\(event) \(fields.map { "\($0.0)=\($0.1)" }.joined(separator: " "))")
            if level == .warning || level == .error { $0.warnings.append(event) }
        }
    }
    func committed(_ report: CommitReport) {
        group.said.withLock { $0.scored += report.counts.partitions.values.reduce(0) { $0 + $1.scored } }
    }
    func aborted() {}
    func broke() {}
    func followed(_ partition: InputPartition, records: Int) {}
    func recordsLost(_ partition: InputPartition, count: Int64) {}
    func becameLeader() {}
    func diverged() { group.said.withLock { $0.warnings.append("diverged") } }
    func status(_ status: StreamStatus) { group.said.withLock { $0.trouble = status.trouble } }
}
