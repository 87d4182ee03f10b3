import CRdkafka

/// Writes records and a group's offsets in transactions. Whoever holds the `transactional.id` last is the only one that can: every earlier holder is fenced.
///
/// One thread owns it. Every call is bounded by its time; `initTransactions`, `commit` and `abort` may be called again after a timeout (`isRetriable`) and go on where they
/// were, `sendOffsets` is simply done again. Whatever is fatal, a new producer has to be made, and only what is written in the topics says whether a commit of unknown
/// outcome happened.
///
/// Which record was too large: a batch of several records never exceeds `batch.size` (1,000,000 bytes), so that a broker can only refuse a record that was alone in its batch, as
/// long as every topic's `max.message.bytes` is not below that. If one is, set `batch.size` no higher than the lowest of them. What exceeds `message.max.bytes` (16 MiB here) is refused at `produce`.
/// librdkafka 2.0.2 leaves the sequence number of a refused record unused, so that the transaction after its abort may ask for an abort once more (`OUT_OF_ORDER_SEQUENCE_NUMBER`).
public final class TransactionalProducer {
    private let core: ProducerCore
    public let transactionalID: String

    /// Between a `begin` and the `commit` or `abort` that succeeds.
    public private(set) var isInTransaction = false

    /// - Parameters:
    ///   - topics: what it will write to. One that it has not met yet would cost its first transaction a second.
    ///   - wakeup: signalled when there are delivery reports or errors to be polled.
    public init(
        _ properties: Properties, transactionalID: String, topics: [String], wakeup: Wakeup? = nil, log: LogSink? = nil,
        statistics: StatisticsSink? = nil
    ) throws(KafkaError) {
        self.transactionalID = transactionalID
        core = try ProducerCore(
            properties, defaults: .transactional, required: Properties.producerRequired.with(["transactional.id": transactionalID]),
            wakeup: wakeup, log: log, statistics: statistics)
        for topic in topics { _ = try core.topic(topic) }
    }

    /// A topic to write to, the same object each time.
    public func topic(_ name: String) throws(KafkaError) -> Topic { try core.topic(name) }

    /// Fences every earlier holder of the id and ends its open transaction. Once, before everything else.
    public func initTransactions(timeoutMillis: Int) throws(KafkaError) {
        try KafkaError.check(rd_kafka_init_transactions(core.client.raw, Int32(clamping: timeoutMillis)))
    }

    /// Begins a transaction. Local: the broker hears of it with the first record.
    public func begin() throws(KafkaError) {
        try KafkaError.check(rd_kafka_begin_transaction(core.client.raw))
        isInTransaction = true
    }

    /// Puts a record into the open transaction. It is sent in the background; what fails is in `takeFailures`, and at the latest `commit` says so.
    ///
    /// - Parameters:
    ///   - partition: which, 0 and up.
    ///   - headers: copied.
    ///   - timestamp: record time in ms since 1970; 0 or less is now.
    ///   - tag: given back with a failure.
    /// - Throws: `_QUEUE_FULL` (retriable: poll, then again); `MSG_SIZE_TOO_LARGE` of this record; `_STATE` with `requiresAbort` if something in the transaction has failed, and without if
    ///   there is none; anything fatal.
    public func produce(
        _ topic: Topic, partition: Int32, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, memory: ValueMemory = .copied,
        headers: UnsafeBufferPointer<Header> = .init(start: nil, count: 0), timestamp: Int64 = 0, tag: UInt = 0
    ) throws(KafkaError) {
        do {
            try core.produce(topic, partition, key: key, value: value, memory, headers: headers, timestamp: timestamp, tag: tag)
        } catch {
            // librdkafka says no more than that the state is wrong: in a transaction that is one which can only be aborted.
            guard error.code == KafkaError.Code.state else { throw error }
            throw core.fatalError ?? KafkaError(code: error.code, requiresAbort: isInTransaction)
        }
    }

    /// Serves delivery reports and callbacks, waiting for the first up to `timeoutMillis`.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func poll(timeoutMillis: Int) -> Int { core.poll(timeoutMillis: timeoutMillis) }

    /// Waits until everything is delivered or has failed.
    ///
    /// - Throws: `_TIMED_OUT`.
    public func flush(timeoutMillis: Int) throws(KafkaError) { try core.flush(timeoutMillis: timeoutMillis) }

    /// Records that are neither delivered nor reported as failed. At 0 no borrowed memory is in use any more.
    public var outstanding: Int { core.outstanding }

    /// What failed since the last call: at most the first 10,000, and all that were too large.
    public func takeFailures() -> [DeliveryFailure] { core.takeFailures() }

    /// How many failed since the last `takeFailures`.
    public var failureCount: Int { core.failureCount }

    /// Commits the group's offsets (of the *next* record to read) with the open transaction, as a consumer without members would.
    ///
    /// - Throws: retriable: the same call again; it does not go on where it was.
    public func sendOffsets(group: String, _ offsets: [TopicPartition], timeoutMillis: Int) throws(KafkaError) {
        let list = TopicPartitionList(offsets)
        guard let metadata = rd_kafka_consumer_group_metadata_new(group) else { throw KafkaError(code: KafkaError.Code.invalidArgument) }
        defer { rd_kafka_consumer_group_metadata_destroy(metadata) }
        try KafkaError.check(
            rd_kafka_send_offsets_to_transaction(core.client.raw, list.raw, metadata, Int32(clamping: timeoutMillis)))
    }

    /// Waits for the open transaction's records and commits it. An empty one costs no message to the broker, and says nothing of whether we are still the holder.
    ///
    /// - Throws: `requiresAbort` → `abort`; retriable → again, with the same meaning; else the producer is lost and the outcome unknown.
    public func commit(timeoutMillis: Int) throws(KafkaError) {
        try KafkaError.check(rd_kafka_commit_transaction(core.client.raw, Int32(clamping: timeoutMillis)))
        isInTransaction = false
    }

    /// Drops the open transaction: what is queued is purged, what was sent will be skipped by `read_committed` consumers. May take as long as the coordinator is away.
    ///
    /// - Throws: retriable → again; else the producer is lost.
    public func abort(timeoutMillis: Int) throws(KafkaError) {
        try KafkaError.check(rd_kafka_abort_transaction(core.client.raw, Int32(clamping: timeoutMillis)))
        isInTransaction = false
    }

    /// What made this producer unusable, if something did: fenced, above all. Treat every one alike.
    public var fatalError: KafkaError? { core.fatalError }

    /// Errors of the client as a whole since the last call, as `Consumer.poll` gives them.
    public func takeErrors() -> [KafkaError] { core.client.takeErrors() }

    /// Throws everything that is queued or sent away, so that no borrowed memory is in use. For a producer that is lost.
    public func purge() { core.purge() }

    /// As `Consumer.metadata`.
    public func metadata(topic: String, timeoutMillis: Int) throws(KafkaError) -> TopicMetadata {
        try core.client.metadata(topic: topic, timeoutMillis: timeoutMillis)
    }
}
