import CRdkafka

/// librdkafka's configuration properties (its `CONFIGURATION.md`), in the order in which they are set: a later one of the same name wins.
public struct Properties: Sendable, ExpressibleByDictionaryLiteral {
    public private(set) var pairs: [(name: String, value: String)] = []
    /// Where tokens of `sasl.mechanism` OAUTHBEARER come from, if not from librdkafka itself.
    public var tokens: TokenSource?

    public init() {}

    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { self[name] = value }
    }

    /// - Complexity: O(*n*), for some dozens of properties.
    public subscript(name: String) -> String? {
        get { pairs.last { $0.name == name }?.value }
        set {
            pairs.removeAll { $0.name == name }
            if let newValue { pairs.append((name, newValue)) }
        }
    }

    /// These, with `others` set after them.
    public func with(_ others: Properties) -> Properties {
        var all = self
        for (name, value) in others.pairs { all[name] = value }
        if let tokens = others.tokens { all.tokens = tokens }
        return all
    }
}

extension Properties {
    /// A configuration of: `defaults`, then these, then what must hold. Who sets one of the last to something else is told.
    ///
    /// - Throws: `_INVALID_ARG` with the property's name in its message.
    /// - Returns: an `rd_kafka_conf_t` that the caller owns.
    func configuration(defaults: Properties, required: Properties) throws(KafkaError) -> OpaquePointer {
        for (name, value) in required.pairs {
            if let own = self[name], own != value {
                throw KafkaError(
                    code: KafkaError.Code.invalidArgument, message: "property \"\(name)\" is always \"\(value)\" here and cannot be set")
            }
        }
        guard let configuration = rd_kafka_conf_new() else {
            throw KafkaError(code: KafkaError.Code.invalidArgument, message: "no memory for a configuration")
        }
        do throws(KafkaError) {
            for (name, value) in defaults.with(self).with(required).pairs { try Self.set(configuration, name, value) }
        } catch {
            rd_kafka_conf_destroy(configuration)
            throw error
        }
        return configuration
    }

    private static func set(_ configuration: OpaquePointer, _ name: String, _ value: String) throws(KafkaError) {
        var text = [CChar](repeating: 0, count: 512)
        let result = rd_kafka_conf_set(configuration, name, value, &text, text.count)
        if result != RD_KAFKA_CONF_OK {
            throw KafkaError(code: KafkaError.Code.invalidArgument, message: "property \"\(name)\": \(string(text))")
        }
    }

    // MARK: What Weir sets differently from librdkafka, and why

    static let anyClient: Properties = [
        "client.id": "weir",
        "reconnect.backoff.max.ms": "500",
        "socket.keepalive.enable": "true",
        "socket.nagle.disable": "true",
        "log.connection.close": "false",
    ]

    static let consumer = anyClient.with([
        "fetch.wait.max.ms": "20",
        "fetch.error.backoff.ms": "100",
        "fetch.max.bytes": "4194304",
        "queued.max.messages.kbytes": "3072",
        "queued.min.messages": "100000",
        "receive.message.max.bytes": "1000000000",
    ])

    static let consumerRequired: Properties = [
        "enable.auto.commit": "false",
        "enable.auto.offset.store": "false",
        "enable.partition.eof": "true",
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "check.crcs": "true",
        "allow.auto.create.topics": "false",
    ]

    static let producer = anyClient.with([
        "linger.ms": "2",
        "retry.backoff.ms": "10",
        "queue.buffering.max.kbytes": "65536",
        "queue.buffering.max.messages": "500000",
        "compression.type": "lz4",
        "message.max.bytes": "16777216",
    ])

    static let producerRequired: Properties = ["enable.idempotence": "true"]

    /// What is in a transaction is sent when all of it is there, and needs no lingering: see `BatchRoom`.
    static let transactional = producer.with([
        "linger.ms": "1000",
        "transaction.timeout.ms": "10000",
        "message.timeout.ms": "5000",
    ])
}

/// The text of a buffer that C wrote a terminated string into.
func string(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
