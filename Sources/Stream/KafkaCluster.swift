import Glibc
public import Kafka
import Scoring

/// The log as Kafka has it: one consumer assigned to all inputs and the journal, and a transactional producer while leading.
///
/// Made on one thread and then handed to the kafka thread, to which it belongs; only `wake` is called from others, and `Wakeup` is an
/// eventfd, to which the kernel lets any thread write.
public final class KafkaCluster: Cluster, @unchecked Sendable {
    private let properties: Properties
    private let topics: TopicNames
    private let group: String
    private let log: LogSink?
    private let consumer: Consumer
    private let wakeup = Wakeup()
    private let watch: KafkaWatch
    private var queues: [Source: PartitionQueue] = [:]
    private var spare = MessageBatch(capacity: 2048)
    private var endTold: [Source: Int64] = [:]
    private var unauthorized: [Source: String] = [:]
    /// How often the journal had come back when it was last looked at.
    private var journalReturns = 0
    private var random = SystemRandomNumberGenerator()
    private var transaction: KafkaTransaction?
    /// What each topic of outputs takes in one batch, bytes; empty where that is not known. Set before the first producer is made.
    var largestOutputs: [String: Int] = [:]
    /// Why the last transaction was aborted; nil after one that was committed.
    private var aborted: String?
    /// Why this instance cannot lead, since it last tried to and as far as nobody else was seen to lead.
    private var refused: String?

    /// - Throws: `KafkaError` for a property that librdkafka does not take.
    public init(_ properties: Properties, topics: TopicNames, group: String, log: LogSink?) throws(KafkaError) {
        self.properties = properties
        self.topics = topics
        self.group = group
        self.log = log
        consumer = try Consumer(properties, group: group, wakeup: wakeup, log: log)
        watch = KafkaWatch(consumer, topics, wakeup)
    }

    /// Starts the thread that asks the broker again and again how it is.
    ///
    /// - Parameter makeJournal: makes the journal's topic anew; called on that thread, where it is gone.
    func startWatch(makeJournal: @escaping @Sendable () -> Void = {}) { watch.start(makeJournal) }
    /// Ends it; waits for a query that is out, which is bounded.
    public func stopWatch() { watch.stop() }

    var now: Int64 { monotonicMillis() }
    func random(_ range: Range<Int64>) -> Int64 { Int64.random(in: range, using: &random) }

    // MARK: - Reading

    func inputPartitions() -> [InputPartition]? {
        let counts = watch.partitionCounts
        guard let transactions = counts[topics.transactions] else { return nil }
        var found = (0..<transactions).map { InputPartition(.transactions, $0) }
        if let name = topics.feedback {
            guard let feedback = counts[name] else { return nil }
            found += (0..<feedback).map { InputPartition(.feedback, $0) }
        }
        return found.sorted()
    }

    private func place(_ source: Source) -> (topic: String, partition: Int32) {
        switch source {
        case .input(let partition): (topics.name(partition.topic)!, partition.number)
        case .journal: (topics.journal, 0)
        }
    }

    func read(_ source: Source, from offset: Int64) {
        endTold[source] = nil
        do throws(KafkaError) {
            if let queue = queues[source] {
                try consumer.restart(queue, at: offset)
            } else {
                let place = place(source)
                queues[source] = try consumer.assign(topic: place.topic, partition: place.partition, offset: offset)
            }
        } catch {
            preconditionFailure("librdkafka refuses an assignment of its own partition: \(error)")
        }
    }

    func readJournalFromStart() { read(.journal, from: TopicPartition.beginning) }

    func fetch(_ source: Source, limit: Int, _ body: (Fetched) -> Void) {
        guard let queue = queues[source] else { return }
        if queue.poll(max: limit, into: spare) > 0 {
            unauthorized[source] = nil
            switch source {
            case .journal:
                refused = nil
                for i in 0..<spare.count { body(.entry(spare[i].offset, time: spare[i].timestamp, spare[i].value ?? .init(start: nil, count: 0))) }
                spare.removeAll()
            case .input(let partition):
                body(.records(Self.batch(partition, spare)))
                spare = MessageBatch(capacity: 2048)
            }
        }
        if source == .journal {
            let returns = watch.journalReturns
            if returns != journalReturns {
                journalReturns = returns
                body(.outOfRange)
            }
        }
        for event in queue.takeEvents() {
            switch event {
            case .outOfRange: body(.outOfRange)
            case .unauthorized(let error):
                unauthorized[source] = "\(place(source).topic): \(error.name)"
                body(.failed(error.name))
            case .failed(let error): body(.failed(error.name))
            }
        }
        if queue.isAtEnd, endTold[source] != queue.position {
            unauthorized[source] = nil
            endTold[source] = queue.position
            body(.end(queue.position))
        }
    }

    private static func batch(_ partition: InputPartition, _ messages: MessageBatch) -> RecordBatch {
        let records = UnsafeMutableBufferPointer<Record>.allocate(capacity: messages.count)
        for i in 0..<messages.count {
            let message = messages[i]
            records.initializeElement(
                at: i,
                to: Record(
                    topic: partition.topic, partition: partition.number, offset: message.offset, time: message.timestamp, key: message.key,
                    value: message.value))
        }
        return RecordBatch(partition, records, owner: Owner(messages))
    }

    private final class Owner: RecordOwner {
        private let messages: MessageBatch
        init(_ messages: MessageBatch) { self.messages = messages }

        func traceHeaders(at index: Int, _ body: (TraceHeader, UnsafeRawBufferPointer) -> Void) {
            let headers = messages[index].headers
            guard !headers.isEmpty else { return }
            for header in headers {
                for known in TraceHeader.allCases {
                    let name = known.name
                    if header.name.count == name.utf8CodeUnitCount, memcmp(header.name.baseAddress!, name.utf8Start, header.name.count) == 0,
                        let value = header.value
                    {
                        body(known, value)
                    }
                }
            }
        }
    }

    func wait(until time: Int64) {
        for error in consumer.poll() where error.isFatal { watch.say(error.description) }
        transaction?.poll()
        let mayHaveMore = queues.values.contains { $0.mayHaveMore }
        let left = max(0, time - now)
        wakeup.wait(timeoutMillis: Int(mayHaveMore ? min(left, 1) : left))
    }

    func wake() { wakeup.signal() }

    func bounds(_ source: Source, timeout: Int64) -> (first: Int64, next: Int64)? {
        let place = place(source)
        guard let range = try? consumer.watermarks(topic: place.topic, partition: place.partition, timeoutMillis: Int(timeout)) else {
            return nil
        }
        return (range.lowerBound, range.upperBound)
    }

    func bounds(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: (first: Int64, next: Int64)]? {
        let asked = partitions.map { (topic: topics.name($0.topic)!, partition: $0.number) }
        guard let ranges = try? consumer.watermarks(asked, timeoutMillis: Int(timeout)) else { return nil }
        return Dictionary(uniqueKeysWithValues: zip(partitions, ranges).map { ($0, ($1.lowerBound, $1.upperBound)) })
    }

    func offsets(at time: Int64, _ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]? {
        let asked = partitions.map { TopicPartition(topic: topics.name($0.topic)!, partition: $0.number, offset: time) }
        guard let found = try? consumer.offsets(forTimes: asked, timeoutMillis: Int(timeout)) else { return nil }
        var offsets: [InputPartition: Int64] = [:]
        for item in found {
            guard let topic = topics.topic(item.topic) else { continue }
            let partition = InputPartition(topic, item.partition)
            if item.offset >= 0 {
                offsets[partition] = item.offset
            } else {
                guard let end = bounds(.input(partition), timeout: timeout) else { return nil }
                offsets[partition] = end.next
            }
        }
        return offsets
    }

    func committed(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]? {
        let asked = partitions.map { TopicPartition(topic: topics.name($0.topic)!, partition: $0.number, offset: TopicPartition.none) }
        guard let found = try? consumer.committed(asked, timeoutMillis: Int(timeout)) else { return nil }
        var offsets: [InputPartition: Int64] = [:]
        for item in found where item.offset >= 0 {
            if let topic = topics.topic(item.topic) { offsets[InputPartition(topic, item.partition)] = item.offset }
        }
        return offsets
    }

    func cachedEnd(_ partition: InputPartition) -> Int64 {
        consumer.knownWatermarks(topic: topics.name(partition.topic)!, partition: partition.number)?.upperBound ?? -1
    }

    // MARK: - Writing

    func takeLead(timeout: Int64, _ stopped: () -> Bool) -> Bool {
        transaction = nil
        let until = now + timeout
        do throws(KafkaError) {
            // A batch that its topic does not take is then one record that it does not take.
            var properties = properties
            if let least = largestOutputs.values.min(), properties["batch.size"] == nil, least < 1_000_000 { properties["batch.size"] = String(max(1, least)) }
            let producer = try TransactionalProducer(
                properties, transactionalID: group,
                topics: [topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters, topics.journal], wakeup: wakeup, log: log)
            while true {
                do throws(KafkaError) {
                    // It goes on where it was: in pieces, since it may wait long for another's transaction to end.
                    try producer.initTransactions(timeoutMillis: 50)
                    break
                } catch {
                    guard error.isRetriable || error.code == KafkaError.Code.timedOut, now < until, !stopped() else { throw error }
                }
            }
            transaction = KafkaTransaction(producer, topics: topics, group: group, watch: watch, limits: largestOutputs, room: BatchRoom(topics: 3, properties))
            refused = nil
            return true
        } catch {
            // A rival who was quicker is none.
            refused = error.code == KafkaError.Code.fenced || stopped() ? nil : "the transactional id is not given: \(error)"
            return false
        }
    }

    func leaveLead() {
        transaction = nil
        aborted = nil
    }

    func commit(_ outgoing: Outgoing, deadline: @escaping () -> Int64) -> CommitResult {
        guard let transaction else { return .broken("no producer") }
        // Where the journal was made anew, what is on its way to the one before is not waited for.
        let result = transaction.commit(outgoing) { [self] in watch.journalReturns == journalReturns ? deadline() : now }
        if case .aborted = result { aborted = transaction.abortReason } else { aborted = nil }
        return result
    }

    var lastDoubt: Int64 { watch.lastDoubt }
    var trouble: String? { unauthorized.values.min() ?? watch.trouble ?? refused ?? aborted }
}
