import CPlatform
import Kafka
import Scoring
import Service
import Stream

/// `weir serve`: the service.
enum Serve: Command {
    static let spec = Spec(
        "serve", "runs the service: scores the stream, answers HTTP",
        options: [.flag("embedded-broker", nil, "with a broker of its own, inside the process: for trying out, nothing is kept")],
        examples: [
            .init("weir serve", "without a broker: HTTP alone, on port 8080"),
            .init("KAFKA_BOOTSTRAP_SERVERS=localhost:9092 weir serve", "scores the topic transactions"),
            .init("weir serve --embedded-broker", "scores a stream without installing anything"),
            .init("PORT=9000 LOG_FORMAT=text weir serve", "on another port, with log lines for people"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        Signals.block()
        weir_set_up_memory(2)
        var settings = try Settings(environment: ProcessFacts.environment)
        let broker = arguments.has("embedded-broker") ? try EmbeddedBroker() : nil
        if let broker { try settings.use(broker) }
        return try withExtendedLifetime(broker) { try serve(settings, isEmbedded: broker != nil) }
    }

    /// Serves until a signal, or what feeds the engine, ends it.
    static func serve(_ settings: Settings, isEmbedded: Bool) throws -> ExitCode {
        let log = Log(level: settings.log.level, format: settings.log.format, instance: settings.stream.instance)
        for warning in settings.warnings { log.warning("setting", ["why": warning]) }
        if isEmbedded { log.info("embedded broker", ["servers": settings.kafka.bootstrapServers ?? ""]) }
        let process = ServiceProcess(settings, log: log)
        var configuration = try settings.engineConfiguration()
        let models = ModelKeeper(settings, features: configuration.features, health: process.health, metrics: process.metrics, log: log)
        configuration.models = models.look() ?? EngineModels()
        log.info("starting", ["version": Build.version, "commit": Build.commit, "is_alone": settings.isAlone])
        if settings.records.ratesFile != nil {
            log.info("exchange rates", ["currencies": configuration.rules.rates.currencies.joined(separator: " ")])
        }
        let exit = try process.run(host(process, configuration), models: models)
        switch exit {
        case .stopped: return .done
        case .refused(let why):
            log.error("refused", ["why": why])
            return .failed
        case .rebuild(let why):
            log.error("start again", ["why": why])
            return .startAgain
        }
    }

    private static func host(_ process: ServiceProcess, _ configuration: EngineConfiguration) throws -> any EngineHost {
        let engine = Engine(configuration)
        engine.stateBudget = process.settings.state.budgetBytes
        // Who follows may use half of the reserve besides.
        engine.stateLimit = process.settings.state.budgetBytes + process.settings.state.reserveBytes / 2
        if process.settings.isAlone { return AloneHost(engine: engine, desk: process.desk) }
        let reporter = StreamReporter(process.settings, log: process.log, metrics: process.metrics, health: process.health)
        return try StreamHost(process.settings, engine: engine, desk: process.desk, reporter: reporter)
    }
}
