import CRdkafka

/// A topic that a producer writes to. Made by its `topic(_:)`.
public final class Topic {
    public let name: String
    let raw: OpaquePointer
    private let client: Client

    init(_ client: Client, _ name: String) throws(KafkaError) {
        guard let raw = rd_kafka_topic_new(client.raw, name, nil) else { throw KafkaError(rd_kafka_last_error()) }
        self.client = client
        self.name = name
        self.raw = raw
    }

    deinit { rd_kafka_topic_destroy(raw) }
}

/// How the bytes of a record's value are held until they are delivered. The key and the headers are always copied.
public enum ValueMemory: Sendable {
    case copied
    /// The caller keeps them where they are until nothing is outstanding any more: a flush, commit or abort that succeeded, or the producer's end.
    case borrowed
}
