import CRdkafka

/// Reads partitions that it is told to, from where it is told to. It never subscribes, so it joins no group and nothing can take a partition away from it; a `group.id` must be
/// set all the same, and names the group whose committed offsets can be asked for.
///
/// One thread owns it: assigns, restarts, polls. `metadata`, `committed`, `watermarks`, `offsets` block, and may be called from any other thread.
///
/// `@unchecked Sendable`: its only state is librdkafka's, of which "the API is completely thread-safe" (INTRODUCTION.md, "Threads and callbacks").
public final class Consumer: @unchecked Sendable {
    let client: Client
    private let mainQueue: OpaquePointer
    private let wakeup: Wakeup?

    /// - Parameters:
    ///   - group: whose committed offsets are meant.
    ///   - wakeup: signalled when there is something on the main queue (`poll()`), and by each partition's queue.
    /// - Throws: `_INVALID_ARG` naming the property that is not one.
    public init(
        _ properties: Properties, group: String, wakeup: Wakeup? = nil, log: LogSink? = nil, statistics: StatisticsSink? = nil
    ) throws(KafkaError) {
        let configuration = try properties.configuration(
            defaults: .consumer, required: Properties.consumerRequired.with(["group.id": group]))
        client = try Client(producer: false, configuration, CallbackContext(log: log, statistics: statistics, tokens: properties.tokens))
        rd_kafka_poll_set_consumer(client.raw)
        mainQueue = rd_kafka_queue_get_consumer(client.raw)
        self.wakeup = wakeup
        if wakeup != nil { enableWakeup(mainQueue, wakeup) }
    }

    deinit {
        enableWakeup(mainQueue, nil)
        rd_kafka_queue_destroy(mainQueue)
    }

    /// Serves callbacks, and gives what is wrong with the client as a whole since the last call: brokers that are all down, refused credentials. librdkafka goes on trying by itself.
    /// Never waits.
    public func poll() -> [KafkaError] {
        var errors: [KafkaError] = []
        while let message = rd_kafka_consumer_poll(client.raw, 0) {
            let text = rd_kafka_message_errstr(message).map { String(cString: $0) }
            if message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR { errors.append(KafkaError(message.pointee.err, text)) }
            rd_kafka_message_destroy(message)
        }
        return errors + client.takeErrors()
    }

    /// Adds a partition, read from `offset` on (or `TopicPartition.beginning`, `.end`). Those that are assigned already go on as they are. It may be one that the brokers do not
    /// have yet: it is read once they do and `metadata` was asked.
    ///
    /// - Throws: `_CONFLICT` if it is assigned.
    public func assign(topic: String, partition: Int32, offset: Int64) throws(KafkaError) -> PartitionQueue {
        // The queue first, unforwarded: else the first records could reach the main queue.
        let queue = try PartitionQueue(client, topic, partition, at: offset, wakeup)
        try start(topic, partition, offset)
        return queue
    }

    /// Reads a partition on from another offset, whatever happened to it before. Records that were fetched and not polled are dropped.
    public func restart(_ queue: PartitionQueue, at offset: Int64) throws(KafkaError) {
        // Not a seek: that needs a partition that is being fetched, which one that was out of range is not.
        try unassign(queue)
        try start(queue.topic, queue.partition, offset)
        queue.restarted(at: offset)
    }

    /// Stops reading a partition. Its queue gives nothing more.
    public func unassign(_ queue: PartitionQueue) throws(KafkaError) {
        let list = TopicPartitionList([TopicPartition(topic: queue.topic, partition: queue.partition, offset: TopicPartition.none)])
        try KafkaError.check(rd_kafka_incremental_unassign(client.raw, list.raw))
    }

    private func start(_ topic: String, _ partition: Int32, _ offset: Int64) throws(KafkaError) {
        let list = TopicPartitionList([TopicPartition(topic: topic, partition: partition, offset: offset)])
        try KafkaError.check(rd_kafka_incremental_assign(client.raw, list.raw))
    }

    // MARK: Questions; each blocks up to its time, watermarks longer

    /// What the brokers know of a topic. Asked anew each time, so it also makes new partitions known to this consumer.
    ///
    /// - Throws: `UNKNOWN_TOPIC_OR_PART` if there is none.
    public func metadata(topic: String, timeoutMillis: Int) throws(KafkaError) -> TopicMetadata {
        try client.metadata(topic: topic, timeoutMillis: timeoutMillis)
    }

    /// All topics that the brokers let us see.
    public func topics(timeoutMillis: Int) throws(KafkaError) -> [TopicMetadata] {
        try client.topics(timeoutMillis: timeoutMillis)
    }

    /// The group's committed offsets of these partitions, `TopicPartition.none` where there is none. It waits while one of them is part of an open transaction.
    public func committed(_ partitions: [TopicPartition], timeoutMillis: Int) throws(KafkaError) -> [TopicPartition] {
        let list = TopicPartitionList(partitions)
        try KafkaError.check(rd_kafka_committed(client.raw, list.raw, Int32(clamping: timeoutMillis)))
        return try list.read()
    }

    /// The first offset of a partition, and the one behind its last *stable* record: what lies behind an open transaction is not counted. The broker is asked.
    ///
    /// librdkafka 2.0.2 does not keep the time (half a second took ten with the broker away, and then it said ok): never on a thread that must go on, and time it.
    public func watermarks(topic: String, partition: Int32, timeoutMillis: Int) throws(KafkaError) -> Range<Int64> {
        var low: Int64 = 0
        var high: Int64 = 0
        try KafkaError.check(
            rd_kafka_query_watermark_offsets(client.raw, topic, partition, &low, &high, Int32(clamping: timeoutMillis)))
        return low..<max(low, high)
    }

    /// The same of several partitions, in their order: two questions for all of them. It keeps its time.
    public func watermarks(_ partitions: [(topic: String, partition: Int32)], timeoutMillis: Int) throws(KafkaError) -> [Range<Int64>] {
        // In Kafka's protocol the logical offsets are times like others.
        func ask(_ offset: Int64) throws(KafkaError) -> [TopicPartition: Int64] {
            let found = try offsets(forTimes: partitions.map { TopicPartition(topic: $0.topic, partition: $0.partition, offset: offset) }, timeoutMillis: timeoutMillis)
            return Dictionary(found.map { (TopicPartition(topic: $0.topic, partition: $0.partition, offset: 0), $0.offset) }) { $1 }
        }
        let (low, high) = (try ask(TopicPartition.beginning), try ask(TopicPartition.end))
        return partitions.map {
            let place = TopicPartition(topic: $0.topic, partition: $0.partition, offset: 0)
            return low[place]!..<max(low[place]!, high[place]!)
        }
    }

    /// As `watermarks`, as the last fetch of an assigned partition said, without asking. nil before the first fetch.
    public func knownWatermarks(topic: String, partition: Int32) -> Range<Int64>? {
        var low: Int64 = 0
        var high: Int64 = 0
        guard rd_kafka_get_watermark_offsets(client.raw, topic, partition, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR, high >= 0
        else { return nil }
        return max(low, 0)..<max(low, high, 0)
    }

    /// For each partition the first offset whose record time is at or after the given time (ms since 1970, given in `offset`); `TopicPartition.end` if there is none.
    public func offsets(forTimes partitions: [TopicPartition], timeoutMillis: Int) throws(KafkaError) -> [TopicPartition] {
        let list = TopicPartitionList(partitions)
        try KafkaError.check(rd_kafka_offsets_for_times(client.raw, list.raw, Int32(clamping: timeoutMillis)))
        return try list.read()
    }
}
