import Stream

/// What an event is.
public enum LambdaEvent: Sendable {
    case proxy(ProxyEvent)
    case kafka(KafkaEvent)
    /// Anything else: the transaction itself, by a direct invocation.
    case direct

    /// - Throws: for an event that cannot be told apart.
    public init(_ bytes: [UInt8]) throws(InvocationError) {
        guard let json = bytes.withUnsafeBytes({ JSON.parse($0) }) else {
            self = .direct
            return
        }
        if let proxy = ProxyEvent(json) {
            self = .proxy(proxy)
        } else if let kafka = try KafkaEvent(json) {
            self = .kafka(kafka)
        } else {
            self = .direct
        }
    }
}
