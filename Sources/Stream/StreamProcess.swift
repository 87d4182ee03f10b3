public import Kafka
public import Scoring
import Synchronization

/// An instance with its threads: `engine` (the state), `kafka` (reading, journal, transactions) and `watch`.
public final class StreamProcess: Sendable {
    private let runner: EngineRunner
    private let life = Mutex(Life())
    /// Signalled when following on has ended.
    private let followed = Monitor()
    private let cluster: KafkaCluster
    private let configuration: StreamConfiguration
    private let observer: any StreamObserver
    private let kafka: Properties

    private struct Life {
        /// Told to hand over and to end.
        var isTold = false
        /// Its work has ended; it only follows on.
        var isDone = false
        /// Told to end for good.
        var isOver = false
        var isFollowingOn = false
    }

    /// - Parameter serve: Answers what waits for the engine, between two batches; returns whether more waits.
    /// - Throws: `KafkaError` for a property that librdkafka does not take.
    public init(
        _ configuration: StreamConfiguration, engine: sending Engine, kafka: Properties,
        observer: any StreamObserver, log: LogSink? = nil, serve: @escaping @Sendable (Engine) -> Bool = { _ in false }
    ) throws(KafkaError) {
        self.configuration = configuration
        self.observer = observer
        self.kafka = kafka
        let cluster = try KafkaCluster(kafka, topics: configuration.topics, group: configuration.group, log: log)
        self.cluster = cluster
        runner = EngineRunner(
            engine: engine, topics: configuration.topics, bounds: configuration.bounds, serve: serve, wakeOther: { cluster.wake() })
    }

    /// Starts the threads. `ended` is called once, on the kafka thread, when the instance's work has ended.
    public func start(ended: @escaping @Sendable (StreamExit) -> Void) {
        let runner = runner
        Thread("engine") { runner.run() }
        Thread("kafka") { [self] in run(ended) }
    }

    private func run(_ ended: (StreamExit) -> Void) {
        let facts: TopicFacts
        do throws(StreamExit) { facts = try prepareTopics() } catch { return ended(error) }
        cluster.largestOutputs = facts.largestOutputs
        cluster.startWatch { [self] in if !facts.isEmbedded { makeJournal() } }
        defer { cluster.stopWatch() }
        let instance = Instance(
            configuration, cluster: cluster, runner: runner, observer: observer, isRetentionShort: facts.isRetentionShort, snapshots: snapshotPlace
        ) { [self] in isStopping }
        let exit = instance.run()
        life.withLock {
            $0.isDone = true
            $0.isFollowingOn = exit == .stopped
        }
        ended(exit)
        guard exit == .stopped else { return }
        instance.followOn()
        followed.locked {
            life.withLock { $0.isFollowingOn = false }
            followed.signal()
        }
    }

    /// Where snapshots go; nil where none are wanted, or none can be written.
    private var snapshotPlace: SnapshotFolder? {
        guard let path = configuration.snapshotFolder else { return nil }
        let folder = SnapshotFolder(path)
        guard let problem = folder.prepare() else { return folder }
        observer.snapshot(written: false)
        observer.note(.error, "no snapshots", [("folder", path), ("why", problem)])
        return nil
    }

    private var isStopping: Bool { life.withLock { $0.isOver || $0.isTold && !$0.isDone } }

    private var kafkaTopics: KafkaTopics {
        KafkaTopics(topics: configuration.topics, group: configuration.group, longestReach: configuration.longestReach, note: observer.note)
    }

    /// The journal was deleted. Until it is there again nothing is committed, and that is said; who made it matters to nobody.
    private func makeJournal() {
        guard let admin = try? Admin(kafka) else { return }
        do throws(KafkaTopics.Failure) {
            try kafkaTopics.makeJournal(admin)
        } catch {
            observer.note(.debug, "journal not made anew", [("why", "\(error)")])
        }
    }

    /// Makes what is missing and looks at what is there; tries on for as long as the broker is away.
    private func prepareTopics() throws(StreamExit) -> TopicFacts {
        let topics = kafkaTopics
        let admin: Admin
        do throws(KafkaError) { admin = try Admin(kafka) } catch { throw .refused("\(error)") }
        var status = StreamStatus()
        while true {
            // Its topics were made with it, and it answers none of the questions to come.
            if admin.isEmbedded(timeoutMillis: 2000) { return TopicFacts(isEmbedded: true) }
            do throws(KafkaTopics.Failure) {
                let facts = try topics.prepare(admin)
                if facts.isCompacted { runner.perform { $0.incomplete.isUnknown = true } }
                return facts
            } catch {
                switch error {
                case .refused(let why): throw .refused(why)
                case .later(let why):
                    observer.note(.debug, "topics not ready", [("why", why)])
                    status.trouble = why
                    observer.status(status)
                }
            }
            if isStopping { throw .stopped }
            cluster.wait(until: monotonicMillis() + 200)
        }
    }

    /// Asks the instance to end: a leader commits what it has scored and hands over. It then follows on, until `stopEngine`.
    public func stop() {
        life.withLock { $0.isTold = true }
        cluster.wake()
    }

    /// Ends following and the engine's thread, which serves requests until then.
    public func stopEngine() {
        life.withLock { $0.isOver = true }
        cluster.wake()
        // Following on waits for little but the engine; a query of the broker that is out is not waited for.
        let end = monotonicMillis() + 300
        followed.locked {
            while life.withLock({ $0.isFollowingOn }), monotonicMillis() < end { followed.wait(milliseconds: 50) }
        }
        runner.stop()
    }

    /// Puts artefacts in force, before the next record that the engine takes.
    public func use(_ models: EngineModels) { runner.use(models) }

    /// Says that requests wait for the engine.
    public func wakeEngine() { runner.wake() }

    /// Milliseconds since the engine's thread last went round.
    public var engineSilence: Int64 { runner.silence }
}
