import CRdkafka

/// A Kafka cluster inside the process: librdkafka's mock cluster. For the demo, for unit tests and for injected errors.
///
/// Its limits, in 2.0.2: it proves nothing of exactly-once (offsets of a transaction are not stored, aborted records stay visible, isolation is ignored); it fences nobody, so one instance only; it
/// keeps the last 5 MiB of a partition; it answers no admin calls, so topics are made by `createTopic`.
///
/// `@unchecked Sendable`: its only state is librdkafka's, whose functions may be called from any thread (INTRODUCTION.md, "Threads and callbacks"); the mock's take the
/// cluster's own lock or hand an operation to its thread (rdkafka_mock.h).
public final class EmbeddedBroker: @unchecked Sendable {
    private let cluster: OpaquePointer
    private let client: Client

    /// Listens on free ports of 127.0.0.1.
    public init(brokers: Int = 1, log: LogSink? = nil) throws(KafkaError) {
        let configuration = try Properties().configuration(defaults: ["client.id": "weir-broker"], required: [:])
        client = try Client(producer: true, configuration, CallbackContext(log: log, statistics: nil))
        guard let cluster = rd_kafka_mock_cluster_new(client.raw, Int32(brokers)) else {
            throw KafkaError(code: KafkaError.Code.state, message: "the embedded broker did not start")
        }
        self.cluster = cluster
    }

    deinit { rd_kafka_mock_cluster_destroy(cluster) }

    /// What `bootstrap.servers` is set to.
    public var bootstrapServers: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

    public func createTopic(_ name: String, partitions: Int32, replicas: Int32 = 1) throws(KafkaError) {
        try KafkaError.check(rd_kafka_mock_topic_create(cluster, name, partitions, replicas))
    }

    // MARK: Faults

    /// The requests that errors are given to, by Kafka's API keys.
    public enum Request: Int16, Sendable, CaseIterable {
        case produce = 0, fetch = 1, listOffsets = 2, metadata = 3, offsetCommit = 8, offsetFetch = 9, findCoordinator = 10
        case initProducerID = 22, addPartitionsToTransaction = 24, addOffsetsToTransaction = 25, endTransaction = 26
        case transactionOffsetCommit = 28
    }

    /// The next requests of this kind are answered with these errors (`KafkaError.code`), one each; −195 closes the connection.
    public func fail(next request: Request, with codes: [Int32]) {
        var errors = codes.map { rd_kafka_resp_err_t(rawValue: $0) }
        rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, errors.count, &errors)
    }

    /// The next request of this kind that this broker (1 and up) gets is answered after `rttMillis`, with an error if `code` is not 0.
    public func delay(next request: Request, broker: Int32 = 1, byMillis rttMillis: Int, code: Int32 = 0) throws(KafkaError) {
        try KafkaError.check(
            weir_rd_kafka_mock_push_error_rtt(
                cluster, broker, request.rawValue, rd_kafka_resp_err_t(rawValue: code), Int32(clamping: rttMillis)))
    }

    /// How many of the errors and delays for one broker were not given yet.
    public func pending(_ request: Request, broker: Int32 = 1) throws(KafkaError) -> Int {
        var count = 0
        try KafkaError.check(rd_kafka_mock_broker_error_stack_cnt(cluster, broker, request.rawValue, &count))
        return count
    }

    /// Forgets the errors that were not given yet.
    public func clearFailures(of request: Request) { rd_kafka_mock_clear_request_errors(cluster, request.rawValue) }

    /// Every metadata answer for this topic has this error from now on; 0 ends it.
    public func setTopicError(_ topic: String, code: Int32) {
        rd_kafka_mock_topic_set_error(cluster, topic, rd_kafka_resp_err_t(rawValue: code))
    }

    /// Closes a broker's connections and refuses new ones.
    public func setDown(broker: Int32 = 1) throws(KafkaError) { try KafkaError.check(rd_kafka_mock_broker_set_down(cluster, broker)) }
    public func setUp(broker: Int32 = 1) throws(KafkaError) { try KafkaError.check(rd_kafka_mock_broker_set_up(cluster, broker)) }

    /// Every answer of a broker takes this long.
    public func setRTT(broker: Int32 = 1, millis: Int) throws(KafkaError) {
        try KafkaError.check(rd_kafka_mock_broker_set_rtt(cluster, broker, Int32(clamping: millis)))
    }

    /// Which broker leads a partition; −1: none.
    public func setLeader(topic: String, partition: Int32, broker: Int32) throws(KafkaError) {
        try KafkaError.check(rd_kafka_mock_partition_set_leader(cluster, topic, partition, broker))
    }

    /// Which broker is the coordinator of a transactional id.
    public func setTransactionCoordinator(_ transactionalID: String, broker: Int32) throws(KafkaError) {
        try KafkaError.check(rd_kafka_mock_coordinator_set(cluster, "transaction", transactionalID, broker))
    }

    /// Which broker keeps a group's offsets.
    public func setGroupCoordinator(_ group: String, broker: Int32) throws(KafkaError) {
        try KafkaError.check(rd_kafka_mock_coordinator_set(cluster, "group", group, broker))
    }
}
