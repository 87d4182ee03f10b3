import Kafka
import Synchronization

@testable import Stream

/// What was committed in a mock cluster.
///
/// librdkafka's mock keeps no transactions: it shows what was aborted, and stores no offsets. But the one producer there is knows how each of its transactions ended (an error that is injected into an
/// `EndTxn` comes in place of the end), and who asks after each of them where the topics end knows which records were its. So this says what Kafka itself would show under `read_committed`.
final class Ledger: Sendable {
    struct Pages {
        /// Offsets of committed records, by topic.
        var committed: [String: [Range<Int64>]] = [:]
        /// The group's offsets.
        var offsets: [InputPartition: Int64] = [:]
        /// Where topics ended after the last transaction.
        var ends: [String: Int64] = [:]
        var answered: Int64 = 0
        /// Committed transactions of which records are missing.
        var impossibilities: [String] = []
    }
    let pages = Mutex(Pages())
    let topics: TopicNames
    private let ruler: Consumer

    init(_ servers: String, _ topics: TopicNames) throws(KafkaError) {
        self.topics = topics
        ruler = try Consumer(["bootstrap.servers": servers], group: "ruler")
    }

    /// Records that are answered, all from the first on.
    var answered: Int64 { pages.withLock { $0.answered } }

    var impossibilities: [String] { pages.withLock { $0.impossibilities } }

    func isCommitted(_ topic: String, _ offset: Int64) -> Bool { pages.withLock { $0.committed[topic]?.contains { $0.contains(offset) } ?? false } }

    /// A transaction has ended.
    func note(_ outgoing: Outgoing, _ result: CommitResult) {
        var counts = [topics.fraudVerdicts: Int64(0), topics.amlVerdicts: 0, topics.journal: 1]
        for output in outgoing.buffer?.outputs ?? [] where output.kind != .deadLetter {
            counts[output.kind == .fraud ? topics.fraudVerdicts : topics.amlVerdicts]! += 1
        }
        let names = counts.keys.sorted()
        var found: [Range<Int64>]?
        while found == nil { found = try? ruler.watermarks(names.map { ($0, 0) }, timeoutMillis: 5000) }
        pages.withLock { pages in
            for (name, range) in zip(names, found!) {
                let (end, count) = (range.upperBound, counts[name]!)
                if result == .committed {
                    // Whatever came late of one that was aborted lies before.
                    if end - count < pages.ends[name, default: 0] { pages.impossibilities.append("\(name) ends at \(end) with \(count) records committed after \(pages.ends[name, default: 0])") }
                    if count > 0 { pages.committed[name, default: []].append(end - count..<end) }
                }
                pages.ends[name] = end
            }
            guard result == .committed else { return }
            pages.offsets.merge(outgoing.offsets) { $1 }
            pages.answered = pages.offsets.values.max() ?? 0
        }
    }
}

/// A mock cluster as one instance would see it if it were Kafka: the journal and the group's offsets as far as they are committed. All else is `KafkaCluster`'s.
final class CommittedView: Cluster {
    private let inner: KafkaCluster
    private let ledger: Ledger
    /// Called before a transaction begins that has verdicts.
    private let prepare: () -> Void

    init(_ inner: KafkaCluster, _ ledger: Ledger, prepare: @escaping () -> Void) {
        self.inner = inner
        self.ledger = ledger
        self.prepare = prepare
    }

    var now: Int64 { inner.now }
    func random(_ range: Range<Int64>) -> Int64 { inner.random(range) }
    func inputPartitions() -> [InputPartition]? { inner.inputPartitions() }
    func read(_ source: Source, from offset: Int64) { inner.read(source, from: offset) }
    func readJournalFromStart() { inner.readJournalFromStart() }
    func wait(until time: Int64) { inner.wait(until: time) }
    func wake() { inner.wake() }
    func bounds(_ source: Source, timeout: Int64) -> (first: Int64, next: Int64)? { inner.bounds(source, timeout: timeout) }
    func bounds(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: (first: Int64, next: Int64)]? { inner.bounds(partitions, timeout: timeout) }
    func offsets(at time: Int64, _ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]? { inner.offsets(at: time, partitions, timeout: timeout) }
    func cachedEnd(_ partition: InputPartition) -> Int64 { inner.cachedEnd(partition) }
    func takeLead(timeout: Int64, _ stopped: () -> Bool) -> Bool { inner.takeLead(timeout: timeout, stopped) }
    func leaveLead() { inner.leaveLead() }
    var lastDoubt: Int64 { inner.lastDoubt }
    var trouble: String? { inner.trouble }

    func fetch(_ source: Source, limit: Int, _ body: (Fetched) -> Void) {
        inner.fetch(source, limit: limit) { fetched in
            if case .entry(let offset, _, _) = fetched, !ledger.isCommitted(ledger.topics.journal, offset) { return }
            body(fetched)
        }
    }

    /// It is asked all the same, so that what is injected there is met.
    func committed(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]? {
        guard inner.committed(partitions, timeout: timeout) != nil else { return nil }
        return ledger.pages.withLock { $0.offsets.filter { partitions.contains($0.key) } }
    }

    func commit(_ outgoing: Outgoing, deadline: @escaping () -> Int64) -> CommitResult {
        if outgoing.buffer != nil { prepare() }
        let result = inner.commit(outgoing, deadline: deadline)
        ledger.note(outgoing, result)
        return result
    }
}
