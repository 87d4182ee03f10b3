import CRdkafka

/// Writes records without transactions: each once and in order (idempotent), by one thread that owns it.
public final class Producer {
    private let core: ProducerCore

    public init(
        _ properties: Properties, wakeup: Wakeup? = nil, log: LogSink? = nil, statistics: StatisticsSink? = nil
    ) throws(KafkaError) {
        core = try ProducerCore(
            properties, defaults: .producer, required: .producerRequired, wakeup: wakeup, log: log, statistics: statistics)
    }

    /// A topic to write to, the same object each time.
    public func topic(_ name: String) throws(KafkaError) -> Topic { try core.topic(name) }

    /// As `TransactionalProducer.produce`.
    public func produce(
        _ topic: Topic, partition: Int32, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, memory: ValueMemory = .copied,
        headers: UnsafeBufferPointer<Header> = .init(start: nil, count: 0), timestamp: Int64 = 0, tag: UInt = 0
    ) throws(KafkaError) {
        try core.produce(topic, partition, key: key, value: value, memory, headers: headers, timestamp: timestamp, tag: tag)
    }

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
    public var failureCount: Int { core.failureCount }
    public var fatalError: KafkaError? { core.fatalError }
    public func takeErrors() -> [KafkaError] { core.client.takeErrors() }
    public func purge() { core.purge() }

    /// As `Consumer.metadata`.
    public func metadata(topic: String, timeoutMillis: Int) throws(KafkaError) -> TopicMetadata {
        try core.client.metadata(topic: topic, timeoutMillis: timeoutMillis)
    }
}
