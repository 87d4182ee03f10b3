public import HTTP
import Scoring
import Stream

/// What the service answers over HTTP, as plain functions of a router: `docs/reference/http.md`.
public struct Endpoints: Sendable {
    let settings: Settings
    let health: Health
    let desk: EngineDesk
    let metrics: Metrics
    private let keys: [[UInt8]]

    public init(_ settings: Settings, health: Health, desk: EngineDesk, metrics: Metrics) {
        self.settings = settings
        self.health = health
        self.desk = desk
        self.metrics = metrics
        keys = settings.http.apiKeys.map { Array($0.utf8) }
    }

    public var router: Router {
        var router = Router()
        router.get(Endpoint.health.rawValue) { _, reply in
            let report = health.report
            reply.send(Response(status: report.status.isServing ? 200 : 503, report.json))
        }
        router.get(Endpoint.livez.rawValue) { _, reply in
            let isAlive = health.isAlive
            reply.send(Self.state(isAlive ? .ok : .unhealthy, isAlive))
        }
        router.get(Endpoint.readyz.rawValue) { _, reply in
            let status = health.status
            reply.send(Self.state(status, status.isServing))
        }
        router.post(Endpoint.predict.rawValue) { request, reply in ask(.fraud, request, reply) }
        router.post(Endpoint.amlCheck.rawValue) { request, reply in ask(.aml, request, reply) }
        router.get(Endpoint.metrics.rawValue) { _, reply in
            reply.send(Response(contentType: ContentType.prometheus, body: metrics.text()))
        }
        router.get(Endpoint.version.rawValue) { _, reply in reply.send(Response(Self.version)) }
        return router
    }

    /// Counts what was answered. A path that is none of ours is `other`.
    public var observer: Observer {
        let known = Dictionary(uniqueKeysWithValues: Endpoint.allCases.map { ($0.rawValue, $0.rawValue) })
        let cells = Dictionary(
            uniqueKeysWithValues: Endpoint.allCases.map { endpoint in
                (
                    endpoint.rawValue,
                    Dictionary(
                        uniqueKeysWithValues: endpoint.codes.map { ($0, metrics.histogram("weir_http_request_seconds", endpoint.rawValue, "\($0)")) })
                )
            })
        return { [metrics] observation in
            let path = known[observation.route ?? ""] ?? Endpoint.other.rawValue
            let cell = cells[path]?[observation.status] ?? metrics.histogram("weir_http_request_seconds", path, "\(observation.status)")
            cell.observe(Int(observation.nanos))
        }
    }

    // MARK: - Verdicts

    private func ask(_ kind: VerdictKind, _ request: Request, _ reply: Reply) {
        guard isAllowed(request) else {
            reply.send(
                .error(401, code: "UNAUTHORIZED", "an API key is wanted: Authorization: Bearer KEY", headers: [Header("WWW-Authenticate", "Bearer")]))
            return
        }
        // Without a type the body itself shows what it is.
        guard request.hasJSONContentType || request.header("Content-Type") == nil else {
            reply.send(.error(415, code: "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json"))
            return
        }
        guard health.canAnswer else {
            reply.send(.error(503, code: "RESTORING", "the state is being restored", headers: [Header("Retry-After", "5")]))
            return
        }
        let arrived = Clock.nanos
        let item = RequestQueue.Item(
            kind: kind, body: Array(request.body), arrival: Clock.wallMillis, arrivalNanos: arrived,
            complete: { answer in Self.complete(reply, answer, arrived) })
        if !desk.queue.submit(item) {
            reply.send(
                .error(429, code: "TOO_MANY_REQUESTS", "\(desk.queue.limit) requests wait for the engine", headers: [Header("Retry-After", "1")]))
        }
    }

    private static func complete(_ reply: Reply, _ answer: RequestQueue.Answer, _ arrived: UInt64) {
        switch answer {
        case .verdict(let json, let nanos):
            let timing = "queue;dur=\(millis(Clock.nanos - arrived - nanos)), score;dur=\(millis(nanos))"
            reply.send(status: 200, headers: [Header("Server-Timing", timing)], body: json)
        case .rejected(let rejection):
            let status = rejection.reason == .tooLarge ? 413 : 400
            reply.send(.error(status, code: "\(rejection.reason.code)", field: rejection.field, rejection.message))
        }
    }

    /// Milliseconds with microseconds, as `Server-Timing` has them.
    private static func millis(_ nanos: UInt64) -> String {
        let micros = nanos / 1000
        let fraction = String(micros % 1000)
        return "\(micros / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    /// All keys are compared, whichever fits: how long it takes says nothing.
    private func isAllowed(_ request: Request) -> Bool {
        if keys.isEmpty { return true }
        guard let token = request.bearerToken else { return false }
        return keys.reduce(false) { isAllowed, key in
            let isEqual = key.withUnsafeBytes { constantTimeEquals(token, $0) }
            return isEqual || isAllowed
        }
    }

    // MARK: - Small bodies

    private static func state(_ status: HealthStatus, _ isGood: Bool) -> Response {
        Response(status: isGood ? 200 : 503, #"{"status":"\#(status.rawValue)"}"#)
    }

    private static var version: String {
        var json = JSONWriter()
        json.beginObject()
        json.add("version", Build.version)
        json.add("commit", Build.commit)
        json.add("librdkafka", Build.librdkafka)
        json.endObject()
        return json.text
    }
}
