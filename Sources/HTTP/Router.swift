/// Takes a request and answers it, now or later. Called on the http thread: it must not block.
public typealias Handler = @Sendable (Request, Reply) -> Void

/// Which function answers which method and path. Paths are compared byte by byte, as they were sent.
///
/// HEAD is answered where GET is (the server leaves the body out). An unknown path is 404, a known one with another method 405 with `Allow`.
public struct Router: Sendable {
    private struct Route {
        var method: Method
        var path: String
        var handler: Handler
    }

    private var routes: [Route] = []

    public init() {}

    /// The paths, each once, in the order in which they were added: the labels of metrics.
    public var paths: [String] {
        routes.reduce(into: []) { paths, route in if !paths.contains(route.path) { paths.append(route.path) } }
    }

    public mutating func get(_ path: String, _ handler: @escaping Handler) { on(.get, path, handler) }

    public mutating func post(_ path: String, _ handler: @escaping Handler) { on(.post, path, handler) }

    public mutating func on(_ method: Method, _ path: String, _ handler: @escaping Handler) {
        precondition(!routes.contains { $0.method == method && $0.path == path }, "\(method) \(path) is routed twice")
        routes.append(Route(method: method, path: path, handler: handler))
    }

    /// - Complexity: O(number of routes), of which there are few.
    public func handle(_ request: Request, _ reply: Reply) {
        let path = request.path
        let method = request.method == .head ? .get : request.method
        var isKnown = false
        for route in routes where path.equals(route.path) {
            isKnown = true
            reply.exchange.route = route.path
            if route.method == method { return route.handler(request, reply) }
        }
        if isKnown {
            let allowed = allow(path)
            reply.send(
                .error(405, code: "METHOD_NOT_ALLOWED", "this path answers \(allowed)", headers: [Header("Allow", allowed)]))
        } else {
            reply.send(.error(404, code: "NOT_FOUND", "no such path"))
        }
    }

    private func allow(_ path: UnsafeRawBufferPointer) -> String {
        routes.filter { path.equals($0.path) }.map { $0.method == .get ? "GET, HEAD" : $0.method.rawValue }.joined(separator: ", ")
    }
}
