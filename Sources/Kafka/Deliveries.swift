import CRdkafka

/// A record that did not reach its topic.
public struct DeliveryFailure: Sendable {
    /// What the caller gave `produce` to know it again.
    public let tag: UInt
    public let topic: String
    public let partition: Int32
    public let error: KafkaError
    /// Of key and value.
    public let bytes: Int

    /// The broker found it too large for its topic. All records of its batch fail with it, so this is the culprit for certain only if it was alone: `batch.size` sees to that, see
    /// `TransactionalProducer`.
    public var isTooLarge: Bool { error.code == KafkaError.Code.messageTooLarge }
}

/// What the delivery reports of one producer leave behind. Not locked: reports come only within calls of the thread that owns the producer.
///
/// `@unchecked Sendable` only to stand in a callback's context: "dr_msg_cb … served by `rd_kafka_poll()`, `rd_kafka_flush()`" and the transaction calls (rdkafka.h,
/// `rd_kafka_conf_set_dr_msg_cb`), all of which the one owner makes.
final class Deliveries: @unchecked Sendable {
    /// Bounded, since a broken transaction fails all of its records alike.
    static let limit = 10_000
    var failures: [DeliveryFailure] = []
    var failed = 0
}

func delivered(_ client: OpaquePointer?, _ message: UnsafePointer<rd_kafka_message_t>?, _ opaque: UnsafeMutableRawPointer?) {
    guard let message, message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR, let deliveries = CallbackContext.of(opaque)?.deliveries
    else { return }
    deliveries.failed += 1
    // Too large comes first: it is what the caller can do something about.
    if deliveries.failures.count >= Deliveries.limit, message.pointee.err != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE { return }
    deliveries.failures.append(
        DeliveryFailure(
            tag: UInt(bitPattern: message.pointee._private),
            topic: message.pointee.rkt.map { String(cString: rd_kafka_topic_name($0)) } ?? "",
            partition: message.pointee.partition, error: KafkaError(message.pointee.err),
            bytes: message.pointee.len + message.pointee.key_len))
}
