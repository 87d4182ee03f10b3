import Scoring
import Velocity

@testable import Stream

/// The whole pipeline without a broker, in virtual time: feed records, let time pass, read what came out.
///
/// What runs is what runs in production, from the fetched record to the committed transaction; only Kafka is an object in memory. Like Kafka
/// Streams' `TopologyTestDriver` it is synchronous, and its clock is moved by hand.
///
///     let driver = TopologyDriver(partitions: 2)
///     driver.start()
///     driver.feed(#"{"transaction_id":"t1", ...}"#, key: "A-1", partition: 1)
///     driver.settle()
///     driver.fraudVerdicts(1).map(\.text)
final class TopologyDriver {
    let broker: MemoryBroker
    let topics: TopicNames
    var engine: EngineConfiguration
    /// Of the processes that are started from now on.
    var configure: (inout StreamConfiguration) -> Void = { _ in }
    /// What their states may hold, bytes.
    var stateBudget = Int.max
    /// Their disk; nil: they have none.
    var snapshots: MemorySnapshots?
    private(set) var processes: [SimulatedProcess] = []

    /// - Parameter feedback: partitions of the feedback topic; 0: there is none.
    init(partitions: Int32 = 1, feedback: Int32 = 0, engine: EngineConfiguration = .init(), seed: UInt64 = 1) {
        broker = MemoryBroker(seed: seed, partitions: partitions, feedback: feedback)
        topics = TopicNames(
            transactions: "transactions", feedback: feedback > 0 ? "feedback" : nil, fraudVerdicts: "fraud-verdicts",
            amlVerdicts: "aml-verdicts", deadLetters: "transactions-dlq", journal: "weir-journal")
        self.engine = engine
        broker.changed = { [unowned self] in for process in processes { process.wake() } }
    }

    deinit {
        broker.changed = {}
        for process in processes { process.kill() }
    }

    /// Starts a process of the group; it moves as time passes.
    @discardableResult
    func start(_ name: String = "one") -> SimulatedProcess {
        var configuration = StreamConfiguration(
            group: "weir", instance: name, topics: topics, longestReach: engine.velocity.windows.last!, version: "test", settings: [:],
            rates: "", form: "test")
        configure(&configuration)
        let process = SimulatedProcess(configuration, engine: engine, on: broker, snapshots: snapshots, stateBudget: stateBudget)
        processes.append(process)
        return process
    }

    /// Tells a process to end, and lets time pass until it has, for 10 s at most.
    func stop(_ process: SimulatedProcess) -> StreamExit? {
        process.stop()
        turn(until: { process.exit != nil }, atMost: 10_000)
        return process.exit
    }

    // MARK: - In

    /// Appends a transaction (or whatever bytes) to the input; its record time is now.
    func feed(
        _ value: String?, key: String? = nil, partition: Int32 = 0, topic: InputTopic = .transactions, headers: [String: String] = [:]
    ) {
        broker.produce(
            .init(topic, partition), key: key, value: value.map { Array($0.utf8) },
            headers: headers.sorted { $0.key < $1.key }.map { ($0.key, Array($0.value.utf8)) })
    }

    // MARK: - Time

    var now: Int64 { broker.now }

    /// Lets `milliseconds` pass.
    func turn(_ milliseconds: Int64) { broker.run(until: now + milliseconds) }

    /// Lets time pass until `condition` holds; false when it does not within `milliseconds`.
    @discardableResult
    func turn(until condition: () -> Bool, atMost milliseconds: Int64 = 60_000) -> Bool {
        let end = now + milliseconds
        while !condition() {
            guard now < end, broker.step() else { return false }
        }
        return true
    }

    /// Lets time pass until all that was fed is answered, committed and known to be, a minute at most.
    func settle() -> Bool {
        let isSettled = turn(until: { [self] in
            let places = journal.reduce(into: [InputPartition: Int64]()) { places, entry in
                places.merge(entry.full?.places.mapValues(\.offset) ?? [:]) { $1 }
                places.merge(entry.next) { $1 }
            }
            return broker.inputs.allSatisfy { places[$0.key] ?? 0 >= $0.value.lastReadable } && broker.transactions.allSatisfy { $0.state == .complete }
        })
        turn(50)
        return isSettled
    }

    // MARK: - Out

    /// What a `read_committed` consumer sees of a partition, in order.
    func fraudVerdicts(_ partition: Int = 0) -> [StoredRecord] { broker.outputs[0][partition].committed.map(\.record) }
    func amlVerdicts(_ partition: Int = 0) -> [StoredRecord] { broker.outputs[1][partition].committed.map(\.record) }
    func deadLetters(_ partition: Int = 0) -> [StoredRecord] { broker.outputs[2][partition].committed.map(\.record) }

    /// The journal's entries.
    var journal: [Entry] {
        let coding = EntryCoding(topics: topics)
        return broker.journal.committed.compactMap { try? coding.decode($0.record.value!, group: "weir") }
    }
}
