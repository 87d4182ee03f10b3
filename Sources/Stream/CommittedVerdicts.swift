import Kafka

/// Of which record a verdict speaks, and which of its two it is.
struct VerdictKey: Hashable {
    var isFraud: Bool
    /// Of the input.
    var partition: Int32
    var offset: Int64

    var kind: String { isFraud ? "fraud" : "aml" }
}

/// A verdict as it was committed.
struct CommittedVerdict {
    var key: VerdictKey
    var transactionID: String
    var bytes: [UInt8]

    /// nil for what is no verdict.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let json = JSON.parse(bytes), let id = json["transaction_id"]?.string, let kind = json["kind"]?.string, let source = json["source"],
            let partition = source["partition"]?.integer.flatMap(Int32.init(exactly:)), let offset = source["offset"]?.integer,
            kind == "fraud" || kind == "aml"
        else { return nil }
        key = VerdictKey(isFraud: kind == "fraud", partition: partition, offset: offset)
        transactionID = id
        self.bytes = Array(bytes)
    }
}

/// Committed verdicts, asked for in the journal's order.
protocol CommittedVerdicts: AnyObject {
    /// Whether one that is not there is missing, rather than not asked about.
    var isWhole: Bool { get }
    /// Takes a record's verdict out; nil where there is none.
    ///
    /// - Parameter recordKey: of the record, which says where to look.
    func take(_ key: VerdictKey, recordKey: UnsafeRawBufferPointer?) throws(StreamExit) -> CommittedVerdict?
    /// Takes what nobody asked for, in no order.
    func takeRest(_ body: (CommittedVerdict) -> Void) throws(StreamExit)
}

/// Verdicts of a file of JSON Lines.
final class VerdictFile: CommittedVerdicts {
    private var verdicts: [VerdictKey: CommittedVerdict] = [:]
    let isWhole = false

    /// - Parameter next: the next line, nil at the end. Empty lines are passed over.
    /// - Throws: `.refused` at a line that is no verdict, or the second of its record and kind with other bytes.
    init(_ next: () throws(StreamExit) -> [UInt8]?) throws(StreamExit) {
        var number = 0
        while let line = try next() {
            number += 1
            guard !line.isEmpty else { continue }
            guard let verdict = line.withUnsafeBytes({ CommittedVerdict($0) }) else { throw .refused("line \(number) is no verdict") }
            if let earlier = verdicts.updateValue(verdict, forKey: verdict.key), earlier.bytes != verdict.bytes {
                throw .refused("line \(number) is the second \(verdict.key.kind) verdict of its record, and another")
            }
        }
    }

    func take(_ key: VerdictKey, recordKey: UnsafeRawBufferPointer?) -> CommittedVerdict? { verdicts.removeValue(forKey: key) }

    func takeRest(_ body: (CommittedVerdict) -> Void) {
        for verdict in verdicts.values { body(verdict) }
        verdicts.removeAll()
    }
}

/// Verdicts of the two topics, read only as far ahead as they are asked for.
final class VerdictTopics: CommittedVerdicts {
    private final class Reader {
        let queue: PartitionQueue
        /// Where the partition ended when the reading began.
        let end: Int64
        /// Highest offset seen of each input partition.
        var reached: [Int32: Int64] = [:]
        var isAtEnd: Bool { queue.isAtEnd || queue.position >= end }

        init(_ queue: PartitionQueue, _ end: Int64) {
            self.queue = queue
            self.end = end
        }
    }

    private let consumer: Consumer
    private let wakeup = Wakeup()
    private let inputs: Int32
    private var readers: [Bool: [Reader]] = [:]
    private var pending: [VerdictKey: CommittedVerdict] = [:]
    private let batch = MessageBatch()
    let isWhole: Bool

    /// - Throws: `.refused` where the topics cannot be read.
    init(_ properties: Properties, topics: TopicNames, group: String) throws(StreamExit) {
        do throws(KafkaError) {
            consumer = try Consumer(properties, group: group, wakeup: wakeup)
            inputs = try consumer.metadata(topic: topics.transactions, timeoutMillis: 20_000).partitionCount
            var isWhole = true
            for (isFraud, name) in [(true, topics.fraudVerdicts), (false, topics.amlVerdicts)] {
                var readers: [Reader] = []
                for partition in 0..<(try consumer.metadata(topic: name, timeoutMillis: 20_000).partitionCount) {
                    let range = try consumer.watermarks(topic: name, partition: partition, timeoutMillis: 20_000)
                    isWhole = isWhole && range.lowerBound == 0
                    readers.append(Reader(try consumer.assign(topic: name, partition: partition, offset: range.lowerBound), range.upperBound))
                }
                self.readers[isFraud] = readers
            }
            self.isWhole = isWhole
        } catch {
            throw .refused("\(error)")
        }
    }

    func take(_ key: VerdictKey, recordKey: UnsafeRawBufferPointer?) throws(StreamExit) -> CommittedVerdict? {
        let all = readers[key.isFraud]!
        let count = Int32(all.count)
        let expected = count == inputs ? key.partition : recordKey.map { Murmur2.partition($0, count) } ?? key.partition % count
        // Topics may have grown since: where it is not found at its place, all others are looked through.
        if let found = try find(key, [all[Int(min(expected, count - 1))]]) { return found }
        return try find(key, all)
    }

    private func find(_ key: VerdictKey, _ readers: [Reader]) throws(StreamExit) -> CommittedVerdict? {
        while true {
            if let found = pending.removeValue(forKey: key) { return found }
            let behind = readers.filter { !$0.isAtEnd && $0.reached[key.partition] ?? -1 < key.offset }
            guard !behind.isEmpty else { return nil }
            try read(behind)
        }
    }

    func takeRest(_ body: (CommittedVerdict) -> Void) throws(StreamExit) {
        while true {
            for verdict in pending.values { body(verdict) }
            pending.removeAll()
            let behind = readers.values.flatMap { $0 }.filter { !$0.isAtEnd }
            guard !behind.isEmpty else { return }
            try read(behind)
        }
    }

    /// Reads on, and waits for something to come, a minute at most.
    private func read(_ readers: [Reader]) throws(StreamExit) {
        let end = monotonicMillis() + 60_000
        while true {
            var isSomething = false
            for reader in readers where !reader.isAtEnd {
                if reader.queue.poll(max: 512, into: batch) > 0 { isSomething = true }
                for i in 0..<batch.count {
                    // What is no verdict is somebody else's record.
                    guard let verdict = CommittedVerdict(batch[i].value ?? .init(start: nil, count: 0)) else { continue }
                    reader.reached[verdict.key.partition] = max(reader.reached[verdict.key.partition] ?? -1, verdict.key.offset)
                    pending[verdict.key] = verdict
                }
                batch.removeAll()
                isSomething = isSomething || reader.isAtEnd
                for event in reader.queue.takeEvents() {
                    if case .failed = event { continue }  // librdkafka goes on by itself
                    throw .refused("\(reader.queue.topic) partition \(reader.queue.partition) cannot be read: \(event)")
                }
            }
            if isSomething { return }
            _ = consumer.poll()
            guard monotonicMillis() < end else { throw .refused("the topics of verdicts cannot be read: the broker does not answer") }
            wakeup.wait(timeoutMillis: 200)
        }
    }
}
