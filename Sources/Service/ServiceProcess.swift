import Glibc
public import HTTP
public import Stream

/// The service from start to end: HTTP, the engine and what feeds it, and the signals that end it.
///
/// Who starts it blocks the signals first (`Signals.block`), before any thread.
public final class ServiceProcess: Sendable {
    /// A process that was told to end has ended by then.
    static let endMillis: Int64 = 10_000
    /// Of that, what is left for the last steps.
    static let lastStepsMillis: Int64 = 500

    public let settings: Settings
    public let log: Log
    public let metrics: Metrics
    public let desk: EngineDesk
    public let health: Health
    private let exit = Locked<StreamExit?>(nil)

    public init(_ settings: Settings, log: Log) {
        self.settings = settings
        self.log = log
        metrics = Metrics()
        desk = EngineDesk(applies: settings.isAlone, metrics: metrics)
        health = Health(settings, desk: desk)
    }

    /// Serves until a signal, or what feeds the engine, ends it.
    ///
    /// - Parameters:
    ///   - host: runs the engine.
    ///   - models: looks at the artefacts again and again; nil: those that the engine began with stay.
    /// - Throws: when HTTP cannot listen.
    /// - Returns: how it ended: `.stopped` after SIGTERM or SIGINT.
    public func run(_ host: any EngineHost, models: ModelKeeper? = nil) throws(ServerError) -> StreamExit {
        desk.onSubmit { [weak host] in host?.wake() }
        health.onSilence { [weak host] in host?.silenceMillis ?? 0 }
        let endpoints = Endpoints(settings, health: health, desk: desk, metrics: metrics)
        var configuration = ServerConfiguration(host: settings.http.host, port: settings.http.port)
        configuration.maxBodyBytes = settings.records.maxRecordBytes
        let server = try Server(configuration, observer: endpoints.observer, router: endpoints.router)
        Gauges.register(metrics, health, desk) { [weak server] in server?.connectionCount ?? 0 }
        log.info("listening", ["host": server.host, "port": Int(server.port)])

        host.start { [self] exit in
            self.exit.locked { $0 = exit }
            Signals.nudgeMain()
        }
        let modelTicker = models.map { models in
            Ticker(millis: settings.models.pollIntervalMillis) { [weak host] in if let changed = models.look() { host?.use(changed) } }
        }
        defer {
            models?.cancel()
            modelTicker?.stop()
        }
        let rest = Rest()
        let ticker = Ticker(millis: 250) { [desk] in
            desk.askFacts()
            rest.tick()
        }
        defer { ticker.stop() }
        let lines = settings.metricsFormat == .emf ? MetricsLines(settings, metrics: metrics, log: log) : nil
        lines?.start()
        let end = waitForEnd()
        let begun = Clock.nanos
        health.drain()
        if case .signal(let number) = end {
            log.info("ending", ["signal": number == SIGTERM ? "SIGTERM" : "SIGINT"])
            host.drain()
            waitForDrain(begun, delay: number == SIGTERM ? settings.http.drainDelayMillis : 0)
        }
        // From here on nobody but this thread may ask the server for anything.
        lines?.end()
        let left = Swift.max(1_000, Self.endMillis - Self.lastStepsMillis - Self.millis(since: begun))
        let isDone = server.stop(timeoutMillis: Int(left))
        host.stop()
        if !isDone { log.warning("requests were cut off", ["after_millis": left]) }
        lines?.report()
        let exit = exit.locked { $0 } ?? .stopped
        log.info("ended", ["millis": Self.millis(since: begun)])
        return exit
    }

    private enum End {
        case signal(Int32)
        case host
    }

    private func waitForEnd() -> End {
        while true {
            guard let number = Signals.wait() else { continue }
            if number != Signals.nudge { return .signal(number) }
            if exit.locked({ $0 }) != nil { return .host }
        }
    }

    /// Goes on answering for `delay`, and until what feeds the engine has handed over; a second signal cuts the delay short.
    private func waitForDrain(_ begun: UInt64, delay: Int64) {
        var delay = delay
        while true {
            let passed = Self.millis(since: begun)
            let isHandedOver = exit.locked { $0 } != nil
            let latest = Swift.max(delay, Self.endMillis - 3 * Self.lastStepsMillis)
            if passed >= latest || (isHandedOver && passed >= delay) { return }
            guard let number = Signals.wait(millis: (isHandedOver ? delay : latest) - passed) else { continue }
            if number != Signals.nudge { delay = 0 }
        }
    }

    private static func millis(since nanos: UInt64) -> Int64 { Int64((Clock.nanos - nanos) / 1_000_000) }
}
