public import Kafka
import Scoring

/// A group's topics as JSON Lines: one record a line, as `kcat -J` writes it, so that either may have written them.
///
///     {"topic": "transactions", "partition": 3, "offset": 4711, "ts": 1795521600123, "key": "A-1", "payload": "{…}"}
///
/// What is not UTF-8 stands under `key_base64` and `payload_base64`. Other members are passed over, as are records of other topics. All of it is held in memory.
public final class LogDump {
    struct Stored {
        var offset: Int64
        var time: Int64
        var key: Range<Int>?
        var value: Range<Int>?
    }

    private let topics: TopicNames
    private let arena = ByteArena(capacity: 1 << 20)
    private(set) var inputs: [InputPartition: [Stored]] = [:]
    private(set) var journal: [Stored] = []
    let verdicts = VerdictFile()
    private var lineNumber = 0

    public init(topics: TopicNames) { self.topics = topics }

    /// Adds a line. Records may come in any order.
    ///
    /// - Throws: `.refused` at one that is no record.
    public func add(_ line: UnsafeRawBufferPointer) throws(StreamExit) {
        lineNumber += 1
        guard !line.isEmpty else { return }
        guard let json = JSON.parse(line), let topic = json["topic"]?.string, let partition = json["partition"]?.integer.flatMap(Int32.init(exactly:)),
            let offset = json["offset"]?.integer, partition >= 0, offset >= 0
        else { throw .refused("line \(lineNumber) is no record: topic, partition and offset are wanted") }
        let value = try bytes(json, "payload")
        if topic == topics.fraudVerdicts || topic == topics.amlVerdicts {
            try verdicts.add(value ?? [])
            return
        }
        let isJournal = topic == topics.journal
        guard isJournal || topics.topic(topic) != nil else { return }
        func keep(_ bytes: [UInt8]?) -> Range<Int>? { bytes.map { $0.withUnsafeBytes { arena.append($0) } } }
        let stored = Stored(offset: offset, time: json["ts"]?.integer ?? -1, key: keep(try bytes(json, "key")), value: keep(value))
        if isJournal {
            journal.append(stored)
        } else {
            inputs[InputPartition(topics.topic(topic)!, partition), default: []].append(stored)
        }
    }

    private func bytes(_ json: JSON, _ name: String) throws(StreamExit) -> [UInt8]? {
        if let text = json[name]?.string { return Array(text.utf8) }
        guard let text = json[name + "_base64"]?.string else { return nil }
        guard let bytes = Base64.decode(text) else { throw .refused("line \(lineNumber): \(name)_base64 is not base64") }
        return bytes
    }

    /// Puts all in the order of offsets, and drops what came twice. To be called when all is there.
    func settle() {
        func settled(_ records: [Stored]) -> [Stored] {
            var last = Int64(-1)
            return records.sorted { $0.offset < $1.offset }.filter { record in
                defer { last = record.offset }
                return record.offset != last
            }
        }
        inputs = inputs.mapValues(settled)
        journal = settled(journal)
    }

    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer { arena[range] }

    // MARK: - Writing

    /// Reads the group's topics up to their ends as they are now. Verdicts are read first, so that the journal speaks of each.
    ///
    /// - Parameter write: is given one line after the other.
    public static func write(
        _ kafka: Properties, topics: TopicNames, group: String, _ write: ([UInt8]) throws(StreamExit) -> Void
    ) throws(StreamExit) {
        for name in [topics.fraudVerdicts, topics.amlVerdicts, topics.journal, topics.transactions] + [topics.feedback].compactMap({ $0 }) {
            try TopicReader(kafka, topic: name, group: group).readAll { (message) throws(StreamExit) in
                var json = JSONWriter()
                json.object { json in
                    json.key("topic"); json.string(name)
                    json.key("partition"); json.integer(message.partition)
                    json.key("offset"); json.integer(message.offset)
                    json.key("ts"); json.integer(message.timestamp)
                    for (name, bytes) in [("key", message.key), ("payload", message.value)] {
                        guard let bytes else { continue }
                        if let text = String(validating: bytes, as: UTF8.self) {
                            json.key(name); json.string(text)
                        } else {
                            json.key(name + "_base64"); json.string(Base64.encode(bytes))
                        }
                    }
                }
                try write(json.bytes)
            }
        }
    }
}

/// A dump, read as a log is. Nobody leads on it.
final class DumpedCluster: Cluster {
    private let dump: LogDump
    /// Index of the next record.
    private var next: [Source: Int] = [:]
    private var endTold: [Source: Int] = [:]
    private let monitor = Monitor()

    /// How far the journal speaks of each partition: what lies below and is not in the dump was gone when it was written.
    private var reach: [InputPartition: Int64] = [:]

    init(_ dump: LogDump, _ coding: EntryCoding, group: String) {
        self.dump = dump
        for stored in dump.journal {
            // What is no entry is refused where it is read.
            guard let value = stored.value, let entry = try? coding.decode(dump.bytes(value), group: group) else { continue }
            reach.merge(entry.full?.places.mapValues(\.offset) ?? [:]) { max($0, $1) }
            reach.merge(entry.next) { max($0, $1) }
        }
    }

    var now: Int64 { monotonicMillis() }
    func random(_ range: Range<Int64>) -> Int64 { range.lowerBound }
    func inputPartitions() -> [InputPartition]? { Set(dump.inputs.keys).union(reach.keys).sorted() }

    private func records(_ source: Source) -> [LogDump.Stored] {
        switch source {
        case .input(let partition): dump.inputs[partition] ?? []
        case .journal: dump.journal
        }
    }

    func read(_ source: Source, from offset: Int64) {
        next[source] = records(source).firstIndex { $0.offset >= offset } ?? records(source).count
        endTold[source] = nil
    }

    func readJournalFromStart() { read(.journal, from: 0) }

    func fetch(_ source: Source, limit: Int, _ body: (Fetched) -> Void) {
        guard let from = next[source] else { return }
        let all = records(source)
        let range = from..<min(from + limit, all.count)
        next[source] = range.upperBound
        if case .input(let partition) = source, !range.isEmpty {
            let batch = UnsafeMutableBufferPointer<Record>.allocate(capacity: range.count)
            for (i, stored) in all[range].enumerated() {
                batch.initializeElement(
                    at: i,
                    to: Record(
                        topic: partition.topic, partition: partition.number, offset: stored.offset, time: stored.time,
                        key: stored.key.map { dump.bytes($0) }, value: stored.value.map { dump.bytes($0) }))
            }
            body(.records(RecordBatch(partition, batch, owner: Owner(dump))))
        } else {
            for stored in all[range] { body(.entry(stored.offset, time: stored.time, stored.value.map { dump.bytes($0) } ?? .init(start: nil, count: 0))) }
        }
        guard range.upperBound == all.count, endTold[source] != all.count else { return }
        endTold[source] = all.count
        body(.end(bounds(source, timeout: 0)!.next))
    }

    /// Keeps the dump alive; a dump has no headers, which reach no verdict.
    private final class Owner: RecordOwner {
        private let dump: LogDump
        init(_ dump: LogDump) { self.dump = dump }
        func traceHeaders(at index: Int, _ body: (TraceHeader, UnsafeRawBufferPointer) -> Void) {}
    }

    func wait(until time: Int64) { monitor.locked { monitor.wait(milliseconds: max(0, time - now)) } }
    func wake() { monitor.locked { monitor.signal() } }
    func bounds(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: (first: Int64, next: Int64)]? {
        Dictionary(uniqueKeysWithValues: partitions.map { ($0, bounds(.input($0), timeout: timeout)!) })
    }

    func bounds(_ source: Source, timeout: Int64) -> (first: Int64, next: Int64)? {
        let all = records(source)
        let reach = if case .input(let partition) = source { reach[partition] ?? 0 } else { Int64(0) }
        return (all.first?.offset ?? reach, max(all.last.map { $0.offset + 1 } ?? 0, reach))
    }
    func offsets(at time: Int64, _ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]? {
        Dictionary(uniqueKeysWithValues: partitions.map { partition in
            (partition, records(.input(partition)).first { $0.time >= time }?.offset ?? bounds(.input(partition), timeout: 0)!.next)
        })
    }
    func committed(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]? { [:] }
    func cachedEnd(_ partition: InputPartition) -> Int64 { bounds(.input(partition), timeout: 0)!.next }
    func takeLead(timeout: Int64, _ stopped: () -> Bool) -> Bool { false }
    func leaveLead() {}
    func commit(_ outgoing: Outgoing, deadline: @escaping () -> Int64) -> CommitResult { .broken("a dump cannot be written to") }
    var lastDoubt: Int64 { now }
    var trouble: String? { nil }
}
