import Glibc
import Kafka

/// A thread that asks the broker again and again: is the journal readable (rule 7), and how many partitions does each topic have.
///
/// Watermark queries do not keep their time in librdkafka 2.0.2, so they are never made on the kafka thread, and are timed here.
/// What it finds lies behind a monitor; `Consumer`'s queries may be called from any thread (librdkafka: "all functions are thread-safe").
final class KafkaWatch: @unchecked Sendable {
    private let consumer: Consumer
    private let topics: TopicNames
    private let wakeup: Wakeup
    private let monitor = Monitor()
    private var isStopping = false
    private var thread: Thread?
    private var proof = JournalProof(now: monotonicMillis())
    private var lastAnswer = monotonicMillis()
    private var counts: [String: Int32] = [:]
    /// Since when the broker says again and again that there is no such topic.
    private var unknownSince: [String: Int64] = [:]
    private var said: String?
    private var makeJournal: (@Sendable () -> Void)?
    private var returns = 0

    init(_ consumer: Consumer, _ topics: TopicNames, _ wakeup: Wakeup) {
        self.consumer = consumer
        self.topics = topics
        self.wakeup = wakeup
    }

    /// Partitions of each topic that is there.
    var partitionCounts: [String: Int32] { monitor.locked { counts } }

    /// The last time at which it was not sure that the journal can be read.
    var lastDoubt: Int64 {
        let now = monotonicMillis()
        return monitor.locked { proof.lastDoubt(at: now) }
    }

    var trouble: String? {
        monitor.locked {
            if let name = unknownSince.keys.filter(isGone).min() { return "there is no topic \(name)" }
            if monotonicMillis() - lastAnswer > 2000 { return said ?? "the broker does not answer" }
            return nil
        }
    }

    /// How often the journal was there again after it had been deleted: what is there now is another one.
    var journalReturns: Int { monitor.locked { returns } }

    /// For three seconds the broker has said so, and nothing else.
    private func isGone(_ name: String) -> Bool { unknownSince[name].map { monotonicMillis() - $0 > 3000 } ?? false }

    /// Remembers why something failed, for `trouble`.
    func say(_ text: String) { monitor.locked { said = text } }

    func start(_ makeJournal: @escaping @Sendable () -> Void) {
        self.makeJournal = makeJournal
        let thread = Thread("watch") { [self] in run() }
        monitor.locked { self.thread = thread }
    }

    func stop() {
        let thread = monitor.locked {
            isStopping = true
            monitor.signal()
            return self.thread
        }
        thread?.join()
        makeJournal = nil
    }

    private func run() {
        var metadataAt = Int64.min
        var makeAt = Int64.min
        while !monitor.locked({ isStopping }) {
            askJournal()
            if monotonicMillis() >= metadataAt {
                let found = askPartitions()
                metadataAt = monotonicMillis() + (found ? 2000 : 300)
            }
            if monitor.locked({ isGone(topics.journal) }), monotonicMillis() >= makeAt {
                makeJournal?()
                (makeAt, metadataAt) = (monotonicMillis() + 3000, Int64.min)
            }
            monitor.locked { if !isStopping { monitor.wait(milliseconds: JournalProof.interval) } }
        }
    }

    private func askJournal() {
        monitor.locked { proof.ask(at: monotonicMillis()) }
        var failure: String?
        do throws(KafkaError) {
            _ = try consumer.watermarks(topic: topics.journal, partition: 0, timeoutMillis: 500)
        } catch {
            failure = error.description
        }
        let now = monotonicMillis()
        monitor.locked {
            proof.answer(at: now, isGood: failure == nil)
            if failure == nil {
                lastAnswer = now
                said = nil
            } else {
                said = failure
            }
        }
        wakeup.signal()
    }

    private func askPartitions() -> Bool {
        let names = [topics.transactions, topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters, topics.journal] + [topics.feedback].compactMap { $0 }
        var all = true
        for name in names {
            if monitor.locked({ isStopping }) { return false }
            do throws(KafkaError) {
                let count = try consumer.metadata(topic: name, timeoutMillis: 1000).partitionCount
                monitor.locked {
                    counts[name] = count
                    if name == topics.journal, isGone(name) { returns += 1 }
                    unknownSince[name] = nil
                }
            } catch {
                let isUnknown = error.code == KafkaError.Code.unknownTopicOrPartition
                monitor.locked { unknownSince[name] = isUnknown ? unknownSince[name] ?? monotonicMillis() : nil }
                all = false
            }
        }
        wakeup.signal()
        return all
    }
}
