import HTTP
import Lambda
import Scoring
import Service
import Stream

/// The function behind `weir lambda`: one engine, fed by what it is asked. One thread calls it, one event at a time.
///
/// What came before this environment, or goes to others, it has not seen: no verdict claims to be complete.
final class LambdaFunction {
    let log: Log
    private let settings: Settings
    /// Of direct invocations: `fraudDetection` or `amlCheck`.
    private let kind: VerdictKind
    private let engine: OneThread<Engine>
    private let desk: EngineDesk
    private let router: Router
    private let batches: LambdaBatches

    /// What is answered; the rest of the service's paths has no sense here.
    private static let paths = ["/predict", "/aml_check", "/health", "/livez", "/readyz", "/version"]

    init(_ environment: [String: String]) throws {
        kind = try Self.kind(environment["_HANDLER"] ?? "")
        settings = try Settings(environment: environment)
        let log = Log(level: settings.log.level, format: settings.log.format, instance: settings.stream.instance)
        self.log = log
        for warning in settings.warnings { log.warning("setting", ["why": warning]) }
        // There may be a broker to produce to, but no stream.
        var alone = settings
        alone.kafka.bootstrapServers = nil
        let metrics = Metrics()
        let desk = EngineDesk(applies: true, metrics: metrics)
        let health = Health(alone, desk: desk)
        var configuration = try settings.engineConfiguration()
        // Once: an environment lives shorter than an artefact.
        let models = ModelKeeper(settings, features: configuration.features, health: health, metrics: metrics, log: log)
        configuration.models = models.look() ?? EngineModels()
        let engine = OneThread(Engine(configuration))
        engine.value.incomplete.isUnknown = true
        engine.value.stateBudget = settings.state.budgetBytes
        self.engine = engine
        desk.onSubmit { [unowned desk] in _ = desk.serve(engine.value) }
        self.desk = desk
        router = Endpoints(alone, health: health, desk: desk, metrics: metrics).router
        batches = LambdaBatches(settings, log: log)
        log.info("starting", ["version": Build.version, "commit": Build.commit, "handler": environment["_HANDLER"] ?? ""])
    }

    /// The last part of `name`, `file.name` or `folder/file.name`.
    private static func kind(_ handler: String) throws -> VerdictKind {
        switch handler.split(whereSeparator: { $0 == "." || $0 == "/" }).last {
        case "fraudDetection": return .fraud
        case "amlCheck": return .aml
        default: throw SettingError("_HANDLER", "must be fraudDetection or amlCheck")
        }
    }

    func answer(_ invocation: Invocation) -> Result<[UInt8], InvocationError> {
        do throws(InvocationError) {
            switch try LambdaEvent(invocation.event) {
            case .proxy(let event): return .success(ProxyEvent.encode(answer(event)))
            case .kafka(let event): return .success(batches.answer(event, invocation, engine.value))
            case .direct: return .success(direct(invocation.event))
            }
        } catch {
            return .failure(error)
        }
    }

    private func answer(_ event: ProxyEvent) -> Answer {
        guard let path = event.paths.first(where: { Self.paths.contains($0) }) else {
            let response = Response.error(404, code: "NOT_FOUND", "no such path")
            return Answer(status: response.status, headers: [Header("Content-Type", ContentType.json)], body: response.body)
        }
        // What it says of the state is what it holds now.
        desk.askFacts()
        return call(event.method, path, event.headers, event.body)
    }

    /// Whoever may invoke the function needs no key besides.
    private func direct(_ event: [UInt8]) -> [UInt8] {
        let key = settings.http.apiKeys.first.map { [Header("Authorization", "Bearer \($0)")] } ?? []
        return call("POST", kind == .fraud ? "/predict" : "/aml_check", key, event).body
    }

    private func call(_ method: String, _ path: String, _ headers: [Header], _ body: [UInt8]) -> Answer {
        let limit = settings.records.maxRecordBytes
        if body.count > limit {
            let response = Response.error(413, code: "TOO_LARGE", "the body is over \(limit) bytes")
            return Answer(status: response.status, headers: [Header("Content-Type", ContentType.json)], body: response.body)
        }
        guard let answer = router.call(method, path, headers: headers, body: body) else { preconditionFailure("a request is answered while it is made") }
        return answer
    }
}

/// What one thread alone touches.
///
/// `@unchecked Sendable`: it is handed to closures that the same thread calls.
final class OneThread<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
