/// Why a client has no answer. Its description is one line, without query, headers or body.
public struct TransportError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The library is not there, or the request can be sent by nobody.
        case impossible
        /// No connection: refused, no such host, a certificate that is not trusted.
        case unreachable
        /// The connection ended before the answer did.
        case broken
        case timeout
        /// The answer is larger than was allowed.
        case tooLarge
        /// The caller, or the taker of the body, wanted no more.
        case cancelled
    }

    public let kind: Kind
    public let description: String

    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// Whether the same request may fare better later.
    public var isPassing: Bool { kind == .unreachable || kind == .broken || kind == .timeout }
}
