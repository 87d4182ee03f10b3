import CRdkafka

/// An error of Kafka's or of librdkafka's own, with what may be done about it.
///
/// Look at the three flags in this order, as librdkafka's documentation of `rd_kafka_commit_transaction()` has it:
/// `requiresAbort` → abort the transaction and bring the same outputs again; `isRetriable` → the same call again with the same
/// arguments; else the producer is lost (`isFatal`), or the call can never succeed.
public struct KafkaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `rd_kafka_resp_err_t`: negative for librdkafka's own, positive as the broker sent it. Some have a name in `Code`.
    public let code: Int32
    /// The code's name as librdkafka writes it: `_TIMED_OUT`, `UNKNOWN_TOPIC_OR_PART`.
    public let name: String
    /// What went wrong, for people. Holds no payload.
    public let message: String
    /// The instance that gave it can do no more and has to be made anew.
    public let isFatal: Bool
    /// The same call with the same arguments may succeed.
    public let isRetriable: Bool
    /// The transaction has to be aborted; then the producer goes on.
    public let requiresAbort: Bool

    public init(
        code: Int32, message: String? = nil, isFatal: Bool = false, isRetriable: Bool = false, requiresAbort: Bool = false
    ) {
        let err = rd_kafka_resp_err_t(rawValue: code)
        self.code = code
        self.name = String(cString: rd_kafka_err2name(err))
        self.message = message ?? String(cString: rd_kafka_err2str(err))
        self.isFatal = isFatal || code == Code.fatal
        self.isRetriable = isRetriable
        self.requiresAbort = requiresAbort
    }

    public var description: String {
        let flags = [isFatal ? "fatal" : nil, isRetriable ? "retriable" : nil, requiresAbort ? "requires abort" : nil].compactMap { $0 }
        return flags.isEmpty ? "\(name): \(message)" : "\(name) (\(flags.joined(separator: ", "))): \(message)"
    }

    /// The codes that Weir tells apart.
    public enum Code {
        public static let destroyed: Int32 = -197
        public static let transport: Int32 = -195
        public static let allBrokersDown: Int32 = -187
        public static let invalidArgument: Int32 = -186
        public static let timedOut: Int32 = -185
        public static let queueFull: Int32 = -184
        public static let endOfPartition: Int32 = -191
        public static let unknownPartition: Int32 = -190
        public static let unknownTopic: Int32 = -188
        public static let state: Int32 = -172
        public static let authentication: Int32 = -169
        public static let purgedFromQueue: Int32 = -152
        public static let purgedInFlight: Int32 = -151
        public static let fatal: Int32 = -150
        public static let fenced: Int32 = -144
        /// An offset that the partition does not have (any more, or yet), since `auto.offset.reset` is `error`.
        public static let offsetReset: Int32 = -140
        public static let offsetOutOfRange: Int32 = 1
        public static let unknownTopicOrPartition: Int32 = 3
        public static let messageTooLarge: Int32 = 10
        public static let topicAuthorization: Int32 = 29
        public static let groupAuthorization: Int32 = 30
        public static let clusterAuthorization: Int32 = 31
        public static let topicExists: Int32 = 36
        public static let invalidTransactionState: Int32 = 48
        public static let transactionalIDAuthorization: Int32 = 53
    }
}

extension KafkaError {
    init(_ err: rd_kafka_resp_err_t, _ message: String? = nil) {
        self.init(code: err.rawValue, message: message)
    }

    /// Takes the error over, and frees it.
    init(consuming error: OpaquePointer) {
        self.init(
            code: rd_kafka_error_code(error).rawValue,
            message: String(cString: rd_kafka_error_string(error)),
            isFatal: rd_kafka_error_is_fatal(error) != 0,
            isRetriable: rd_kafka_error_is_retriable(error) != 0,
            requiresAbort: rd_kafka_error_txn_requires_abort(error) != 0)
        rd_kafka_error_destroy(error)
    }

    static func check(_ err: rd_kafka_resp_err_t) throws(KafkaError) {
        if err != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(err) }
    }

    /// Throws the error that a function returned, if it did.
    static func check(_ error: OpaquePointer?) throws(KafkaError) {
        if let error { throw KafkaError(consuming: error) }
    }
}

/// librdkafka's version as it runs, for instance `2.0.2`.
public var librdkafkaVersion: String { String(cString: rd_kafka_version_str()) }
