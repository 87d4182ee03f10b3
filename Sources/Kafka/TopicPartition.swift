import CRdkafka

/// A place in a partition. What `offset` means is said where it is used; negative ones are librdkafka's logical offsets.
public struct TopicPartition: Hashable, Sendable {
    public var topic: String
    public var partition: Int32
    public var offset: Int64

    public init(topic: String, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    /// The first record that there still is.
    public static let beginning: Int64 = -2
    /// Behind the last record.
    public static let end: Int64 = -1
    /// None: nothing was committed.
    public static let none: Int64 = -1001
}

/// The one owner of an `rd_kafka_topic_partition_list_t`.
struct TopicPartitionList: ~Copyable {
    let raw: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ partitions: [TopicPartition]) {
        raw = rd_kafka_topic_partition_list_new(Int32(partitions.count))
        for partition in partitions {
            rd_kafka_topic_partition_list_add(raw, partition.topic, partition.partition).pointee.offset = partition.offset
        }
    }

    deinit { rd_kafka_topic_partition_list_destroy(raw) }

    /// What a call put into the list. A partition's error is thrown.
    func read() throws(KafkaError) -> [TopicPartition] {
        var result: [TopicPartition] = []
        for element in UnsafeBufferPointer(start: raw.pointee.elems, count: Int(raw.pointee.cnt)) {
            let topic = String(cString: element.topic)
            if element.err != RD_KAFKA_RESP_ERR_NO_ERROR {
                let text = String(cString: rd_kafka_err2str(element.err))
                throw KafkaError(element.err, "\(topic) [\(element.partition)]: \(text)")
            }
            result.append(TopicPartition(topic: topic, partition: element.partition, offset: element.offset))
        }
        return result
    }
}
