import CBeast
import Glibc
import Synchronization

/// An HTTP/1.1 server on one thread of its own, which reads, parses and writes, and calls the handler with each whole request.
///
/// `Sendable`: the C server is constant until `stop`, which takes it once, and cbeast.h lets each function used here be called from any thread but the http thread.
public final class Server: @unchecked Sendable {
    /// What is listened on.
    public let host: String
    public let port: UInt16

    private let server: OpaquePointer
    private let context: Unmanaged<ServerContext>
    private let isStopped = Atomic<Bool>(false)

    /// Listens and serves from now on.
    ///
    /// - Parameters:
    ///   - observer: told of each answer.
    ///   - handler: called on the http thread with each request; must not block.
    public init(
        _ configuration: ServerConfiguration, observer: Observer? = nil, handler: @escaping Handler
    ) throws(ServerError) {
        let context = Unmanaged.passRetained(ServerContext(configuration, observer, handler))
        do throws(ServerError) {
            (server, host) = try Self.start(configuration, context)
        } catch {
            context.release()
            throw error
        }
        self.context = context
        port = weir_beast_port(server)
    }

    public convenience init(_ configuration: ServerConfiguration, observer: Observer? = nil, router: Router) throws(ServerError) {
        try self.init(configuration, observer: observer, handler: { router.handle($0, $1) })
    }

    deinit { stop(timeoutMillis: 0) }

    /// The connections that are open now; 0 once it was stopped. Not while another thread stops it.
    public var connectionCount: Int { isStopped.load(ordering: .acquiring) ? 0 : weir_beast_connections(server) }

    /// Stops accepting, ends idle connections and streams; what is in flight is finished. Returns at once.
    public func drain() { weir_beast_drain(server) }

    /// Drains for at most `timeoutMillis`, closes what is still open and ends the thread. Afterwards the handler is not called; replies that are still held do nothing. Only the first call counts.
    /// Not on the http thread.
    ///
    /// - Returns: whether all that was in flight was finished.
    @discardableResult
    public func stop(timeoutMillis: Int) -> Bool {
        guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return true }
        weir_beast_drain(server)
        let isDone = weir_beast_wait(server, UInt32(clamping: timeoutMillis))
        weir_beast_stop(server)
        context.release()
        return isDone
    }

    private static func start(
        _ configuration: ServerConfiguration, _ context: Unmanaged<ServerContext>
    ) throws(ServerError) -> (OpaquePointer, String) {
        do throws(ServerError) {
            return (try start(configuration, host: configuration.host, context), configuration.host)
        } catch {
            // A machine without IPv6, as containers often are.
            guard configuration.host == "::", error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL else { throw error }
            return (try start(configuration, host: "0.0.0.0", context), "0.0.0.0")
        }
    }

    private static func start(
        _ configuration: ServerConfiguration, host: String, _ context: Unmanaged<ServerContext>
    ) throws(ServerError) -> OpaquePointer {
        var code: Int32 = 0
        var message = [CChar](repeating: 0, count: 256)
        let server = host.withCString { host in
            var settings = weir_beast_settings(
                host: host, port: configuration.port,
                max_connections: UInt32(clamping: configuration.maxConnections),
                max_header_bytes: UInt32(clamping: configuration.maxHeaderBytes),
                max_body_bytes: UInt32(clamping: configuration.maxBodyBytes),
                request_timeout_millis: UInt32(clamping: configuration.requestTimeoutMillis),
                idle_timeout_millis: UInt32(clamping: configuration.idleTimeoutMillis),
                linger_timeout_millis: UInt32(clamping: configuration.lingerTimeoutMillis),
                max_stream_bytes: UInt32(clamping: configuration.maxStreamBytes),
                handler: onRequest, context: context.toOpaque())
            return weir_beast_start(&settings, &code, &message, message.count)
        }
        guard let server else {
            let reason = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw ServerError(host: host, port: configuration.port, code: code, reason: reason)
        }
        return server
    }
}
