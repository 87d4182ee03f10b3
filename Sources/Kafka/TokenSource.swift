import CRdkafka

/// A token for SASL's OAUTHBEARER.
public struct OAuthToken: Sendable, Equatable {
    public var text: String
    /// Whom it stands for, for brokers' logs.
    public var principal: String
    /// When it ends, Unix epoch milliseconds. librdkafka asks for the next one after four fifths of the time till then.
    public var endMillis: Int64

    public init(text: String, principal: String, endMillis: Int64) {
        self.text = text
        self.principal = principal
        self.endMillis = endMillis
    }
}

/// Why there is no token, in one line without secrets. librdkafka says it in its log and asks again in ten seconds.
public struct TokenError: Error, Sendable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// Gives a token that is good now. Called on a thread of librdkafka's, one for each client: it may block for some seconds, and several may call at once.
public typealias TokenSource = @Sendable () -> Result<OAuthToken, TokenError>

/// Has the client ask for tokens by itself, on its background thread: whoever waits in another call (an administrator's request, a transaction) polls nothing meanwhile.
///
/// Before `rd_kafka_new`; afterwards `startTokens`.
func prepareTokens(_ configuration: OpaquePointer) {
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(configuration, refresh)
    rd_kafka_conf_enable_sasl_queue(configuration, 1)
}

func startTokens(_ client: OpaquePointer) throws(KafkaError) {
    guard let error = rd_kafka_sasl_background_callbacks_enable(client) else { return }
    defer { rd_kafka_error_destroy(error) }
    throw KafkaError(rd_kafka_error_code(error), String(cString: rd_kafka_error_string(error)))
}

private func refresh(_ client: OpaquePointer?, _ configuration: UnsafePointer<CChar>?, _ opaque: UnsafeMutableRawPointer?) {
    guard let client, let tokens = CallbackContext.of(opaque)?.tokens else { return }
    switch tokens() {
    case .success(let token):
        var text = [CChar](repeating: 0, count: 512)
        let err = rd_kafka_oauthbearer_set_token(client, token.text, token.endMillis, token.principal, nil, 0, &text, text.count)
        if err != RD_KAFKA_RESP_ERR_NO_ERROR { rd_kafka_oauthbearer_set_token_failure(client, string(text)) }
    case .failure(let error): rd_kafka_oauthbearer_set_token_failure(client, error.description)
    }
}
