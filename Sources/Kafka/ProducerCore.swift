import CRdkafka

/// What both kinds of producer do.
final class ProducerCore {
    let client: Client
    private let deliveries: Deliveries
    private let mainQueue: OpaquePointer
    private let wakeup: Wakeup?
    private var topics: [String: Topic] = [:]

    init(
        _ properties: Properties, defaults: Properties, required: Properties, wakeup: Wakeup?, log: LogSink?, statistics: StatisticsSink?
    ) throws(KafkaError) {
        // Reports of success are left out: what was delivered shows in `outstanding`, at a third of the work.
        let configuration = try properties.configuration(
            defaults: defaults, required: required.with(["delivery.report.only.error": "true"]))
        deliveries = Deliveries()
        client = try Client(
            producer: true, configuration, CallbackContext(log: log, statistics: statistics, tokens: properties.tokens, deliveries: deliveries),
            deliveryReports: true)
        mainQueue = rd_kafka_queue_get_main(client.raw)
        self.wakeup = wakeup
        if wakeup != nil { enableWakeup(mainQueue, wakeup) }
    }

    deinit {
        enableWakeup(mainQueue, nil)
        rd_kafka_queue_destroy(mainQueue)
    }

    func topic(_ name: String) throws(KafkaError) -> Topic {
        if let known = topics[name] { return known }
        let topic = try Topic(client, name)
        topics[name] = topic
        return topic
    }

    func produce(
        _ topic: Topic, _ partition: Int32, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, _ memory: ValueMemory,
        headers: UnsafeBufferPointer<Header>, timestamp: Int64, tag: UInt
    ) throws(KafkaError) {
        let list = try Self.list(headers)
        let err = weir_rd_kafka_produce(
            client.raw, topic.raw, partition, memory == .copied ? RD_KAFKA_MSG_F_COPY : 0, key.map(Self.address) ?? nil, key?.count ?? 0,
            value.map(Self.address) ?? nil, value?.count ?? 0, max(timestamp, 0), list, UnsafeMutableRawPointer(bitPattern: tag))
        if err == RD_KAFKA_RESP_ERR_NO_ERROR { return }
        if let list { rd_kafka_headers_destroy(list) }
        if err == RD_KAFKA_RESP_ERR__FATAL, let fatal = fatalError { throw fatal }
        throw KafkaError(code: err.rawValue, isRetriable: err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
    }

    /// Null and empty are not the same, and an empty buffer's address may be null.
    private static func address(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawPointer? {
        bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)
    }

    private static func list(_ headers: UnsafeBufferPointer<Header>) throws(KafkaError) -> OpaquePointer? {
        if headers.isEmpty { return nil }
        guard let list = rd_kafka_headers_new(headers.count) else { return nil }
        for header in headers {
            let err = rd_kafka_header_add(
                list, header.name.baseAddress?.assumingMemoryBound(to: CChar.self), header.name.count, header.value.map(address) ?? nil,
                header.value?.count ?? 0)
            if err != RD_KAFKA_RESP_ERR_NO_ERROR {
                rd_kafka_headers_destroy(list)
                throw KafkaError(err)
            }
        }
        return list
    }

    @discardableResult
    func poll(timeoutMillis: Int) -> Int { Int(rd_kafka_poll(client.raw, Int32(clamping: timeoutMillis))) }

    func flush(timeoutMillis: Int) throws(KafkaError) {
        try KafkaError.check(rd_kafka_flush(client.raw, Int32(clamping: timeoutMillis)))
    }

    func purge() {
        rd_kafka_purge(client.raw, weir_purge_queue_and_inflight)
        rd_kafka_poll(client.raw, 0)
    }

    var outstanding: Int { Int(rd_kafka_outq_len(client.raw)) }
    var fatalError: KafkaError? { Kafka.fatalError(of: client.raw) }
    var failureCount: Int { deliveries.failed }

    func takeFailures() -> [DeliveryFailure] {
        deliveries.failed = 0
        if deliveries.failures.isEmpty { return [] }
        defer { deliveries.failures.removeAll() }
        return deliveries.failures
    }
}
