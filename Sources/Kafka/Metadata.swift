import CRdkafka

/// What the brokers know of a topic.
public struct TopicMetadata: Hashable, Sendable {
    public let name: String
    public let partitionCount: Int32
    /// How many of the partitions have no leader just now, so that they can neither be read nor written.
    public let leaderless: Int
}

extension Client {
    /// Asks a broker. A topic that is not there is an error (`UNKNOWN_TOPIC_OR_PART`), never an empty answer. The local picture is brought up to date as well, so
    /// that new partitions are known from then on.
    func metadata(topic: String, timeoutMillis: Int) throws(KafkaError) -> TopicMetadata {
        guard let handle = rd_kafka_topic_new(raw, topic, nil) else { throw KafkaError(rd_kafka_last_error()) }
        defer { rd_kafka_topic_destroy(handle) }
        for metadata in try metadata(handle, timeoutMillis) where metadata.name == topic { return try metadata.result.get() }
        throw KafkaError(code: KafkaError.Code.unknownTopicOrPartition)
    }

    /// All topics that the brokers show us.
    func topics(timeoutMillis: Int) throws(KafkaError) -> [TopicMetadata] {
        try metadata(nil, timeoutMillis).compactMap { try? $0.result.get() }
    }

    private func metadata(
        _ only: OpaquePointer?, _ timeoutMillis: Int
    ) throws(KafkaError) -> [(name: String, result: Result<TopicMetadata, KafkaError>)] {
        var answer: UnsafePointer<rd_kafka_metadata>?
        try KafkaError.check(rd_kafka_metadata(raw, only == nil ? 1 : 0, only, &answer, Int32(clamping: timeoutMillis)))
        guard let answer else { return [] }
        defer { rd_kafka_metadata_destroy(answer) }
        return UnsafeBufferPointer(start: answer.pointee.topics, count: Int(answer.pointee.topic_cnt)).map { topic in
            let name = String(cString: topic.topic)
            if topic.err != RD_KAFKA_RESP_ERR_NO_ERROR { return (name, .failure(KafkaError(topic.err))) }
            let partitions = UnsafeBufferPointer(start: topic.partitions, count: Int(topic.partition_cnt))
            return (name, .success(TopicMetadata(
                name: name, partitionCount: topic.partition_cnt, leaderless: partitions.count { $0.leader < 0 })))
        }
    }
}
