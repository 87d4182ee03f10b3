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

/// Verdicts that were given one by one.
final class VerdictFile: CommittedVerdicts {
    private var verdicts: [VerdictKey: CommittedVerdict] = [:]
    private var number = 0
    let isWhole = false

    /// - Throws: `.refused` at what is no verdict, or the second of its record and kind with other bytes.
    func add(_ bytes: [UInt8]) throws(StreamExit) {
        number += 1
        guard let verdict = bytes.withUnsafeBytes({ CommittedVerdict($0) }) else { throw .refused("verdict \(number) is none") }
        if let earlier = verdicts.updateValue(verdict, forKey: verdict.key), earlier.bytes != verdict.bytes {
            throw .refused("verdict \(number) is the second \(verdict.key.kind) verdict of its record, and another")
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
    private let inputs: Int
    /// One a kind.
    private let readers: [Bool: TopicReader]
    /// By kind and partition of the verdicts' topic: highest offset seen of each input partition.
    private var reached: [Bool: [[Int32: Int64]]] = [:]
    private var pending: [VerdictKey: CommittedVerdict] = [:]

    /// - Parameter inputs: partitions of the transactions' topic.
    /// - Throws: `.refused` where the topics cannot be read.
    init(_ properties: Properties, topics: TopicNames, group: String, inputs: Int) throws(StreamExit) {
        self.inputs = inputs
        readers = [
            true: try TopicReader(properties, topic: topics.fraudVerdicts, group: group),
            false: try TopicReader(properties, topic: topics.amlVerdicts, group: group),
        ]
        for (isFraud, reader) in readers { reached[isFraud] = reader.parts.map { _ in [:] } }
    }

    var isWhole: Bool { readers.values.allSatisfy(\.isWhole) }

    func take(_ key: VerdictKey, recordKey: UnsafeRawBufferPointer?) throws(StreamExit) -> CommittedVerdict? {
        let count = readers[key.isFraud]!.parts.count
        let expected = count == inputs ? Int(key.partition) : recordKey.map { Int(Murmur2.partition($0, Int32(count))) } ?? Int(key.partition) % count
        // Topics may have grown since: where it is not found at its place, all others are looked through.
        if let found = try find(key, [min(expected, count - 1)]) { return found }
        return try find(key, Array(0..<count))
    }

    private func find(_ key: VerdictKey, _ partitions: [Int]) throws(StreamExit) -> CommittedVerdict? {
        let reader = readers[key.isFraud]!
        while true {
            if let found = pending.removeValue(forKey: key) { return found }
            let behind = partitions.filter { !reader.parts[$0].isAtEnd && reached[key.isFraud]![$0][key.partition] ?? -1 < key.offset }
            guard !behind.isEmpty else { return nil }
            try read(key.isFraud, behind.map { reader.parts[$0] })
        }
    }

    func takeRest(_ body: (CommittedVerdict) -> Void) throws(StreamExit) {
        for (isFraud, reader) in readers {
            repeat {
                for verdict in pending.values { body(verdict) }
                pending.removeAll()
                try read(isFraud, reader.parts)
            } while !pending.isEmpty || !reader.parts.allSatisfy(\.isAtEnd)
        }
    }

    private func read(_ isFraud: Bool, _ parts: [TopicReader.Part]) throws(StreamExit) {
        try readers[isFraud]!.read(parts) { (partition, message) throws(StreamExit) in
            // What is no verdict is somebody else's record.
            guard let verdict = CommittedVerdict(message.value ?? .init(start: nil, count: 0)) else { return }
            let before = reached[isFraud]![partition][verdict.key.partition] ?? -1
            reached[isFraud]![partition][verdict.key.partition] = max(before, verdict.key.offset)
            pending[verdict.key] = verdict
        }
    }
}
