import CPlatform
import Scoring
import Service

/// `weir serve`: the service.
enum Serve: Command {
    static let spec = Spec(
        "serve", "runs the service: scores the stream, answers HTTP",
        examples: [
            .init("weir serve", "without a broker: HTTP alone, on port 8080"),
            .init("PORT=9000 LOG_FORMAT=text weir serve", "on another port, with log lines for people"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        Signals.block()
        weir_bound_arenas(2)
        let settings = try Settings(environment: ProcessFacts.environment)
        let log = Log(level: settings.log.level, format: settings.log.format, instance: settings.stream.instance)
        for warning in settings.warnings { log.warning("setting", ["why": warning]) }
        let process = ServiceProcess(settings, log: log)
        let engine = Engine(try settings.engineConfiguration())
        log.info("starting", ["version": Build.version, "commit": Build.commit, "is_alone": settings.isAlone])
        let exit = try process.run(AloneHost(engine: engine, desk: process.desk))
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
}
