import CRdkafka

/// The queue of one assigned partition. Made by `Consumer.assign`; used by the one thread that owns the consumer (librdkafka 2.0.2's batches are not safe beside
/// a seek or an unassignment on another thread).
public final class PartitionQueue {
    public let topic: String
    public let partition: Int32

    /// What came instead of records.
    public enum Event: Sendable {
        /// The partition has no such offset: records were deleted, or it was made anew. Nothing more comes until `restart`.
        case outOfRange(offset: Int64, KafkaError)
        /// The right to read is missing. librdkafka goes on trying, once a second.
        case unauthorized(KafkaError)
        /// Anything else that librdkafka says of the partition; it goes on by itself.
        case failed(KafkaError)
    }

    /// The offset behind the last record that was polled, or where the partition's end was seen, whichever came later: markers of transactions and aborted
    /// records count. Where it was assigned or restarted before anything came (negative for a logical offset).
    public private(set) var position: Int64

    /// Whether the end of the partition was reached and no record has come since. Under `read_committed` the end is the last stable offset.
    public private(set) var isAtEnd = false

    /// Whether the last poll left something in the queue, so that it will not signal.
    public private(set) var mayHaveMore = false

    private var events: [Event] = []
    private let raw: OpaquePointer
    private let client: Client
    /// Keeps the descriptor open while the queue may write to it.
    private let wakeup: Wakeup?

    init(_ client: Client, _ topic: String, _ partition: Int32, at offset: Int64, _ wakeup: Wakeup?) throws(KafkaError) {
        guard let raw = rd_kafka_queue_get_partition(client.raw, topic, partition) else {
            throw KafkaError(code: KafkaError.Code.unknownPartition, message: "no queue for \(topic) [\(partition)]")
        }
        self.client = client
        self.topic = topic
        self.partition = partition
        self.position = offset
        self.raw = raw
        self.wakeup = wakeup
        rd_kafka_queue_forward(raw, nil)
        enableWakeup(raw, wakeup)
    }

    deinit {
        enableWakeup(raw, nil)
        rd_kafka_queue_destroy(raw)
    }

    /// Takes up to `max` entries, records and events together, without waiting. Records are appended to `batch`; look at `takeEvents`, `isAtEnd` and `position` after it.
    ///
    /// - Returns: how many records were appended.
    /// - Complexity: O(`max`); nothing is copied but pointers.
    @discardableResult
    public func poll(max: Int, into batch: MessageBatch) -> Int {
        let before = batch.count
        let got = batch.fill(from: raw, of: client, max: max, event: { note($0) }) { message in
            isAtEnd = false
            position = message.pointee.offset + 1
        }
        mayHaveMore = got == max
        return batch.count - before
    }

    /// What polls have met since the last call.
    public func takeEvents() -> [Event] {
        if events.isEmpty { return [] }
        defer { events.removeAll() }
        return events
    }

    private func note(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        let offset = message.pointee.offset
        switch message.pointee.err {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            isAtEnd = true
            position = offset
            return
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            append(.outOfRange(offset: offset, error(message)))
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            append(.unauthorized(error(message)))
        default:
            append(.failed(error(message)))
        }
    }

    private func append(_ event: Event) {
        if events.count >= 64 { events.removeFirst() }
        events.append(event)
    }

    private func error(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> KafkaError {
        KafkaError(message.pointee.err, rd_kafka_message_errstr(message).map { String(cString: $0) })
    }

    func restarted(at offset: Int64) {
        position = offset
        isAtEnd = false
        events.removeAll()
    }
}

/// Lets a queue signal when it goes from empty to not empty, or (nil) no more.
func enableWakeup(_ queue: OpaquePointer, _ wakeup: Wakeup?) {
    var one: UInt64 = 1  // what an eventfd is written: 8 bytes
    rd_kafka_queue_io_event_enable(queue, wakeup?.descriptor ?? -1, &one, 8)
}
