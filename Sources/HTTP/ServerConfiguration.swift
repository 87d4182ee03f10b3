/// Where to listen, limits and deadlines. What they mean to a client is in `docs/reference/http-server.md`.
public struct ServerConfiguration: Sendable {
    /// A numeric address or a name. `::` serves IPv4 too, and is `0.0.0.0` where there is no IPv6.
    public var host = "::"
    /// 0 takes any that is free; see `Server.port`.
    public var port: UInt16 = 8080
    /// 1 or more. Over it a connection is answered 503 and closed.
    public var maxConnections = 1024
    /// Request line and fields together (431).
    public var maxHeaderBytes = 16 * 1024
    /// Chunks joined (413).
    public var maxBodyBytes = 64 * 1024
    /// From a request's first byte to its last (408), and for an answer to be taken (closed). Kept to 100 ms, as all of them.
    public var requestTimeoutMillis = 10_000
    /// Without a byte between two requests.
    public var idleTimeoutMillis = 60_000
    /// How long a connection is still read after its last answer.
    public var lingerTimeoutMillis = 1_000
    /// What an event stream's reader may be behind.
    public var maxStreamBytes = 256 * 1024

    public init(host: String = "::", port: UInt16 = 8080) {
        self.host = host
        self.port = port
    }
}

/// What became of a request, for metrics. A refused connection or request has one too.
public struct Observation: Sendable {
    /// The path of the route that it went to; nil if there was none.
    public let route: String?
    public let status: Int
    /// From the whole request to its answer.
    public let nanos: Int64
}

/// Called on the thread that answers, before the bytes go out; must not block.
public typealias Observer = @Sendable (Observation) -> Void

/// Why a server cannot listen. Its description is one line.
public struct ServerError: Error, CustomStringConvertible {
    public let host: String
    public let port: UInt16
    /// The number of `errno`; 0 for a host name that cannot be resolved.
    public let code: Int32
    public let reason: String

    public var description: String {
        let shown = host.contains(":") ? "[\(host)]" : host
        return "cannot listen on \(shown):\(port): \(reason)"
    }
}
