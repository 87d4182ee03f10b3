import CRdkafka
import Synchronization

/// One line of librdkafka's own log. `level` as syslog's: 3 error, 4 warning, 6 information.
public struct LogLine: Sendable {
    public let level: Int
    /// librdkafka's short name for what it is about: `FAIL`, `GETPID`.
    public let facility: String
    public let message: String
}

/// Where librdkafka's log goes. Called from librdkafka's threads: it must be quick, must not block and must not call Kafka.
public typealias LogSink = @Sendable (LogLine) -> Void

/// Where librdkafka's statistics go (one JSON object, librdkafka's `STATISTICS.md`), every `statistics.interval.ms` if that property is set. Called from
/// within polls, on the thread that polls.
public typealias StatisticsSink = @Sendable (UnsafeRawBufferPointer) -> Void

/// What callbacks need, and what they leave behind.
final class CallbackContext: Sendable {
    let log: LogSink?
    let statistics: StatisticsSink?
    let tokens: TokenSource?
    /// Errors of the instance as a whole. Bounded: the oldest go.
    let errors = Mutex<[KafkaError]>([])
    /// Only touched within polls of the producer that it belongs to, which has one owner.
    let deliveries: Deliveries?

    init(log: LogSink?, statistics: StatisticsSink?, tokens: TokenSource? = nil, deliveries: Deliveries? = nil) {
        self.log = log
        self.tokens = tokens
        self.statistics = statistics
        self.deliveries = deliveries
    }

    static func of(_ opaque: UnsafeMutableRawPointer?) -> CallbackContext? {
        opaque.map { Unmanaged<CallbackContext>.fromOpaque($0).takeUnretainedValue() }
    }
}

private func logged(_ client: OpaquePointer?, _ level: Int32, _ facility: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?) {
    guard let client, let facility, let text, let log = CallbackContext.of(rd_kafka_opaque(client))?.log else { return }
    log(LogLine(level: Int(level), facility: String(cString: facility), message: String(cString: text)))
}

private func counted(
    _ client: OpaquePointer?, _ json: UnsafeMutablePointer<CChar>?, _ length: Int, _ opaque: UnsafeMutableRawPointer?
) -> Int32 {
    if let json { CallbackContext.of(opaque)?.statistics?(UnsafeRawBufferPointer(start: json, count: length)) }
    return 0  // librdkafka frees the text
}

private func failed(_ client: OpaquePointer?, _ code: Int32, _ reason: UnsafePointer<CChar>?, _ opaque: UnsafeMutableRawPointer?) {
    guard let client, let context = CallbackContext.of(opaque) else { return }
    var error = KafkaError(code: code, message: reason.map { String(cString: $0) })
    if code == KafkaError.Code.fatal, let fatal = fatalError(of: client) { error = fatal }
    context.errors.withLock {
        if $0.count >= 32 { $0.removeFirst() }
        $0.append(error)
    }
}

/// The error that made an instance unusable, if one did.
func fatalError(of client: OpaquePointer) -> KafkaError? {
    var text = [CChar](repeating: 0, count: 512)
    let err = rd_kafka_fatal_error(client, &text, text.count)
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(code: err.rawValue, message: string(text), isFatal: true)
}

/// The one owner of an `rd_kafka_t`. Everything made from it keeps it alive, since librdkafka asks that all of that be gone before
/// `rd_kafka_destroy()` ("Termination" in its INTRODUCTION.md).
///
/// `@unchecked Sendable`: "The API is completely thread-safe and the calling application may call any of the API functions from any of its own threads
/// at any time" (INTRODUCTION.md, "Threads and callbacks").
final class Client: @unchecked Sendable {
    let raw: OpaquePointer
    let context: CallbackContext
    private let opaque: Unmanaged<CallbackContext>
    private let isProducer: Bool

    /// Takes the configuration over.
    init(
        producer isProducer: Bool, _ configuration: OpaquePointer, _ context: CallbackContext, deliveryReports: Bool = false
    ) throws(KafkaError) {
        let opaque = Unmanaged.passRetained(context)
        rd_kafka_conf_set_opaque(configuration, opaque.toOpaque())
        rd_kafka_conf_set_log_cb(configuration, logged)
        rd_kafka_conf_set_error_cb(configuration, failed)
        if context.statistics != nil { rd_kafka_conf_set_stats_cb(configuration, counted) }
        if context.tokens != nil { prepareTokens(configuration) }
        if deliveryReports { rd_kafka_conf_set_dr_msg_cb(configuration, delivered) }
        var text = [CChar](repeating: 0, count: 512)
        guard let raw = rd_kafka_new(isProducer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, configuration, &text, text.count) else {
            let error = KafkaError(rd_kafka_last_error(), string(text))
            rd_kafka_conf_destroy(configuration)  // only a success takes it
            opaque.release()
            throw error
        }
        self.raw = raw
        self.context = context
        self.opaque = opaque
        self.isProducer = isProducer
        if context.tokens != nil { try startTokens(raw) }
    }

    /// Bounded also with the brokers away: nothing is waited for. Leaving the group is left out (there is none), and what was not delivered is
    /// thrown away first; else librdkafka would wait for it.
    deinit {
        if isProducer {
            rd_kafka_purge(raw, weir_purge_queue_and_inflight)
            rd_kafka_poll(raw, 0)
        }
        rd_kafka_destroy_flags(raw, Int32(RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE))
        opaque.release()
    }

    func takeErrors() -> [KafkaError] {
        context.errors.withLock { errors in
            defer { errors.removeAll() }
            return errors
        }
    }
}
