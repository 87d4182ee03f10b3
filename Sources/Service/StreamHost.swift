public import Kafka
public import Scoring
public import Stream

/// The engine's thread where Kafka feeds it: an instance of the group, which follows or leads.
public final class StreamHost: EngineHost {
    private let process: StreamProcess

    /// - Parameters:
    ///   - desk: answers requests between two batches.
    ///   - reporter: is told what happens.
    /// - Throws: `KafkaError` for a property that librdkafka does not take.
    public init(
        _ settings: Settings, engine: sending Engine, desk: EngineDesk, reporter: StreamReporter
    ) throws(KafkaError) {
        let configuration = settings.streamConfiguration(engine.configuration)
        process = try StreamProcess(
            configuration, engine: engine, kafka: settings.streamProperties, observer: reporter,
            log: reporter.librdkafka, serve: { desk.serve($0) })
    }

    public func start(ended: @escaping @Sendable (StreamExit) -> Void) {
        process.start(ended: ended)
    }

    public func wake() { process.wakeEngine() }
    public func use(_ models: EngineModels) { process.use(models) }
    public func drain() { process.stop() }
    public func stop() { process.stopEngine() }
    public var silenceMillis: Int64 { process.engineSilence }
}
