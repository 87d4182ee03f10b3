import Foundation
import HTTP
import Scoring
import Stream
import Testing

@testable import Service

/// A service without sockets: the real endpoints, the real engine on its thread.
private final class Rig {
    let metrics = Metrics()
    let desk: EngineDesk
    let health: Health
    let router: Router
    private let host: AloneHost

    /// - Parameter isRunning: whether the engine's thread goes round.
    init(_ environment: [String: String] = [:], queueLimit: Int = 256, isRunning: Bool = true, applies: Bool = true) throws {
        let settings = try Settings(environment: environment)
        desk = EngineDesk(applies: applies, queueLimit: queueLimit, metrics: metrics)
        health = Health(settings, desk: desk)
        router = Endpoints(settings, health: health, desk: desk, metrics: metrics).router
        host = AloneHost(engine: Engine(try settings.engineConfiguration()), desk: desk)
        desk.onSubmit { [host] in host.wake() }
        if isRunning { host.start { _ in } }
    }

    deinit { host.stop() }

    func post(_ path: String, _ body: String, _ headers: [Header] = [Header("Content-Type", "application/json")]) throws -> Answer {
        try #require(router.call("POST", path, headers: headers, body: Array(body.utf8)))
    }

    func get(_ path: String) throws -> Answer { try #require(router.call("GET", path)) }

    func json(_ path: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(get(path).body)) as? [String: Any])
    }
}

private func transaction(_ id: String = "t", amount: String = "5", time: String = #""2026-11-25T12:00:00Z""#, extra: String = "") -> String {
    #"{"transaction_id":"\#(id)","account_id":"a","timestamp":\#(time),"amount":\#(amount)\#(extra)}"#
}

private func object(_ answer: Answer) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
}

@Suite struct EndpointsTests {
    @Test func `answers a transaction with a verdict of the kind that was asked for`() throws {
        let rig = try Rig()
        for (path, kind) in [("/predict", "fraud"), ("/aml_check", "aml")] {
            let answer = try rig.post(path, transaction(kind))
            #expect(answer.status == 200 && answer.header("Content-Type") == "application/json")
            let verdict = try object(answer)
            #expect(verdict["kind"] as? String == kind && verdict["transaction_id"] as? String == kind)
            #expect(verdict["source"] == nil)
            let timing = try #require(answer.header("Server-Timing"))
            #expect(timing.wholeMatch(of: /queue;dur=\d+\.\d{3}, score;dur=\d+\.\d{3}/) != nil, "\(timing)")
        }
    }

    @Test func `feeds the state where nothing else does`() throws {
        let rig = try Rig()
        for id in ["1", "2", "2"] { _ = try rig.post("/predict", transaction(id)) }
        let third = try object(rig.post("/predict", transaction("3")))
        let windows = try #require((third["velocity"] as? [String: [String: [String: Any]]])?["account"])
        #expect(windows["1h"]?["count"] as? Int == 3)
        let again = try object(rig.post("/aml_check", transaction("3")))
        #expect(again["duplicate"] as? Bool == true)
        #expect(try rig.post("/predict", transaction("3", amount: "6")).text.contains(#""code":"CONFLICTING_ID""#))
    }

    @Test func `changes nothing where a stream feeds the state`() throws {
        let rig = try Rig(applies: false)
        for _ in 0..<3 {
            let verdict = try object(rig.post("/predict", transaction("1")))
            #expect(verdict["duplicate"] == nil)
            #expect((verdict["velocity"] as? [String: [String: [String: Any]]])?["account"]?["1h"]?["count"] as? Int == 1)
        }
    }

    @Test func `refuses bad input with the codes of dead letters`() throws {
        let rig = try Rig()
        let future = #"{"transaction_id":"t","account_id":"a","timestamp":"2999-01-01T00:00:00Z","amount":5}"#
        let cases: [(body: String, status: Int, code: String, field: String?)] = [
            ("", 400, "MALFORMED_JSON", nil), ("{", 400, "MALFORMED_JSON", nil), ("[]", 400, "MALFORMED_JSON", nil),
            (#"{"a":1,"a":2}"#, 400, "MALFORMED_JSON", nil), ("{}", 400, "MISSING_FIELD", "transaction_id"),
            (transaction(amount: "-1"), 400, "INVALID_FIELD", "amount"), (transaction(time: "1"), 400, "INVALID_FIELD", "timestamp"),
            (transaction(extra: #","type":"theft""#), 400, "INVALID_FIELD", "type"), (future, 400, "FUTURE_TIMESTAMP", "timestamp"),
            ("\u{0}\u{0}\u{0}\u{0}\u{1}{}", 400, "SCHEMA_REGISTRY_FRAMING", nil),
        ]
        for expected in cases {
            let answer = try rig.post("/predict", expected.body)
            let error = try #require(object(answer)["error"] as? [String: Any], "\(expected)")
            #expect(answer.status == expected.status && error["code"] as? String == expected.code, "\(expected): \(answer.text)")
            if let field = expected.field { #expect(error["field"] as? String == field, "\(answer.text)") }
            #expect((error["message"] as? String)?.isEmpty == false)
        }
    }

    @Test func `takes JSON, or what names no type, and nothing else`() throws {
        let rig = try Rig()
        let cases: [([Header], Int)] = [
            ([], 200), ([Header("Content-Type", "application/json; charset=utf-8")], 200),
            ([Header("content-type", "application/cloudevents+json")], 200),
            ([Header("Content-Type", "text/plain")], 415), ([Header("Content-Type", "application/x-www-form-urlencoded")], 415),
            ([Header("Content-Type", "")], 415),
        ]
        for (headers, status) in cases { #expect(try rig.post("/predict", transaction(), headers).status == status, "\(headers)") }
    }

    @Test func `asks for a key only where keys are set, and only at verdicts`() throws {
        let type = Header("Content-Type", "application/json")
        let rig = try Rig(["API_KEYS": "first-key, second-key"])
        let cases: [(String?, Int)] = [
            (nil, 401), ("Bearer first-key", 200), ("bearer second-key", 200), ("Bearer first-ke", 401), ("Bearer first-key2", 401), ("Bearer ", 401),
            ("Bearer", 401), ("Basic first-key", 401), ("Bearer first-key, second-key", 401), ("first-key", 401),
        ]
        for (value, status) in cases {
            for path in ["/predict", "/aml_check"] {
                let answer = try rig.post(path, transaction(), [type] + (value.map { [Header("Authorization", $0)] } ?? []))
                #expect(answer.status == status, "\(value ?? "none")")
                #expect((answer.header("WWW-Authenticate") == "Bearer") == (status == 401))
            }
        }
        for path in ["/health", "/livez", "/readyz", "/metrics", "/version"] { #expect(try rig.get(path).status == 200) }
        #expect(try Rig().post("/predict", transaction()).status == 200)
    }

    @Test func `refuses at once what would wait too long`() throws {
        let rig = try Rig(queueLimit: 2, isRunning: false)
        let body = Array(transaction().utf8)
        for _ in 0..<2 { #expect(rig.router.call("POST", "/predict", body: body, timeoutMillis: 1) == nil) }
        let answer = try #require(rig.router.call("POST", "/predict", body: body))
        #expect(answer.status == 429 && answer.header("Retry-After") == "1")
        #expect(try object(answer)["error"] != nil)
    }

    @Test func `answers 503 with Retry-After until the state is whole`() throws {
        let rig = try Rig(["KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"])
        var stream = StreamHealth()
        stream.isConnected = true
        stream.toldMillis = Int64(Clock.nanos / 1_000_000)
        for isReady in [false, true] {
            stream.isReady = isReady
            rig.health.update(stream: stream)
            let answer = try rig.post("/predict", transaction())
            #expect(answer.status == (isReady ? 200 : 503))
            #expect((answer.header("Retry-After") != nil) == !isReady)
            #expect(try rig.get("/readyz").status == (isReady ? 200 : 503))
            #expect(try rig.get("/livez").status == 200)
        }
    }

    @Test func `tells health with all fields`() throws {
        let rig = try Rig(["MEMORY_LIMIT_MB": "256", "AML_ROLLOUT_PERCENT": "50", "INSTANCE_ID": "one"])
        _ = try rig.post("/predict", transaction(extra: #","merchant_id":"m","counterparty_id":"b""#))
        let health = try rig.json("/health")
        #expect(health["status"] as? String == "ok" && health["role"] as? String == "alone" && health["instance"] as? String == "one")
        #expect(health["version"] as? String == Build.version && (health["uptime_seconds"] as? Double ?? -1) >= 0)
        #expect((health["kafka"] as? [String: Any])?["enabled"] as? Bool == false)
        let models = try #require(health["models"] as? [String: [String: Any]])
        for name in ["fraud", "aml", "velocity"] { #expect(models[name]?.keys.sorted() == ["error", "loaded", "memory_bytes", "sha256", "version"]) }
        let memory = try #require(health["memory"] as? [String: Any])
        #expect(memory["limit_bytes"] as? Int == 256 << 20 && (memory["rss_bytes"] as? Int ?? 0) > 1 << 20 && (memory["used"] as? Double ?? 0) > 0)
        let parts = try #require(memory["parts"] as? [String: Int])
        #expect(Set(parts.keys) == Set(EngineFacts.partNames + ["models", "kept"]) && (parts["account_events"] ?? 0) > 0)
        #expect(EngineFacts.partNames.reduce(0) { $0 + (parts[$1] ?? 0) } == memory["state_bytes"] as? Int)
        let velocity = try #require(health["velocity"] as? [String: Any])
        #expect(velocity["events"] as? Int == 1 && velocity["restored"] as? Int == 0)
        #expect((velocity["entities"] as? [String: Int])?["merchant"] == 1 && velocity["watermark"] as? String == "2026-11-25T12:00:00.000Z")
        #expect((health["flags"] as? [String: Any])?["aml_rollout_percent"] as? Double == 50)
    }

    @Test func `tells what is built in`() throws {
        let version = try Rig().json("/version")
        #expect(version["version"] as? String == Build.version && version["librdkafka"] as? String != nil && version["commit"] as? String != nil)
    }

    @Test func `counts its answers by path and code`() throws {
        let metrics = Metrics()
        let settings = try Settings(environment: [:])
        let desk = EngineDesk(applies: true, metrics: metrics)
        let endpoints = Endpoints(settings, health: Health(settings, desk: desk), desk: desk, metrics: metrics)
        let server = try Server(ServerConfiguration(host: "127.0.0.1", port: 0), observer: endpoints.observer, router: endpoints.router)
        defer { server.stop(timeoutMillis: 1_000) }
        for (method, path) in [("GET", "/livez"), ("GET", "/livez"), ("POST", "/livez"), ("GET", "/nothing"), ("GET", "/metrics")] {
            _ = try fetch(method, host: "127.0.0.1", port: server.port, target: path)
        }
        _ = try fetch("POST", host: "127.0.0.1", port: server.port, target: "/predict", headers: [Header("Content-Type", "text/plain")])
        let text = String(decoding: metrics.text(), as: UTF8.self)
        for (labels, count) in [
            (#"path="/livez",code="200""#, 2), (#"path="/livez",code="405""#, 1), (#"path="other",code="404""#, 1),
            (#"path="/metrics",code="200""#, 1),
            (#"path="/predict",code="415""#, 1), (#"path="/predict",code="200""#, 0),
        ] {
            #expect(text.contains("weir_http_request_seconds_count{\(labels)} \(count)\n"), "\(labels)")
        }
    }

    @Test func `routes what metrics have labels for`() throws {
        #expect(try Set(Rig().router.paths) == Set(Endpoint.allCases.map(\.rawValue)).subtracting(["other"]))
    }

    @Test func `exports gauges of how it is`() throws {
        let rig = try Rig(["MEMORY_LIMIT_MB": "256"])
        Gauges.register(rig.metrics, rig.health, rig.desk) { 7 }
        _ = try rig.post("/predict", transaction())
        let text = try rig.get("/metrics").text
        for line in [
            "weir_http_connections 7", "weir_memory_limit_bytes 268435456", #"weir_entities{kind="account"} 1"#, "weir_events 1", "weir_leader 0",
            "weir_ready 1",
            #"weir_degraded{part="kafka"} 0"#, "weir_scoring_seconds_count 1",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
    }
}
