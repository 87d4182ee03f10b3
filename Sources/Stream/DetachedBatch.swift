package import Scoring

/// A record that came by another way than a consumer: its bytes are its own.
package struct DetachedRecord: Sendable {
    package var partition: InputPartition
    package var offset: Int64
    /// Unix epoch milliseconds; −1 where it has none.
    package var time: Int64
    package var key: [UInt8]?
    package var value: [UInt8]?
    package var headers: [(name: String, value: [UInt8])]

    package init(
        partition: InputPartition, offset: Int64, time: Int64, key: [UInt8]?, value: [UInt8]?, headers: [(name: String, value: [UInt8])] = []
    ) {
        self.partition = partition
        self.offset = offset
        self.time = time
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// What is to be produced for a record: a verdict or a dead letter, as the stream would write it.
package struct DetachedOutput: Sendable {
    package enum Kind: Int, Sendable, CaseIterable { case fraud, aml, deadLetter }
    package var kind: Kind
    /// The record's place in its batch.
    package var record: Int
    /// Of the record.
    package var partition: InputPartition
    /// Record time, ms; −1 where the input had none.
    package var time: Int64
    package var key: [UInt8]?
    package var value: [UInt8]?
    package var headers: [(name: String, value: [UInt8])]
}

/// Records that are scored outside of a journal: where somebody else reads the topic and hands over what he read (a function of AWS Lambda). The same verdicts, dead letters and headers as the stream's.
///
/// One thread at a time.
package final class DetachedBatch {
    /// What became of each record, in order.
    package struct Result: Sendable {
        package var outcome: Outcome
        package var fraud: FraudDecision
        package var aml: AMLDecision
    }

    private let buffer: OutputBuffer
    package private(set) var results: [Result] = []

    /// Scores and applies the records, in their order.
    package init(_ records: [DetachedRecord], topics: TopicNames, with engine: Engine) {
        buffer = OutputBuffer(
            start: [:], eventHorizon: engine.eventHorizon, memoryHorizon: engine.memoryHorizon, since: engine.wholeSince, models: engine.models.journalled)
        buffer.topicName = { topics.name($0) ?? "" }
        var begin = 0
        while begin < records.count {
            let end = records[begin...].firstIndex { $0.partition != records[begin].partition } ?? records.count
            let lent = LentRecords(Array(records[begin..<end]))
            buffer.score(Slice(batch: RecordBatch(records[begin].partition, lent.records, owner: lent), range: 0..<(end - begin)), with: engine)
            begin = end
        }
        results = buffer.sink.results.map { Result(outcome: $0.outcome, fraud: $0.fraudDecision, aml: $0.amlDecision) }
    }

    /// Copies of what is to be produced, in order.
    package var outputs: [DetachedOutput] {
        buffer.outputs.map { output in
            var headers: [(name: String, value: [UInt8])] = []
            HeaderCoding.forEach(buffer.arena[output.headers]) { headers.append((String(decoding: $0, as: UTF8.self), Array($1))) }
            return DetachedOutput(
                kind: [.fraud, .aml, .deadLetter][Int(output.kind.rawValue)], record: Int(output.record), partition: output.partition, time: output.time,
                key: output.key.map { Array(buffer.arena[$0]) }, value: buffer.value(output).map { Array($0) }, headers: headers)
        }
    }

    /// For outputs that their topic does not take: verdicts become a dead letter of their record, dead letters lose their value.
    ///
    /// - Parameter indices: among `outputs`, which is another list afterwards.
    /// - Returns: the records whose outputs are others now.
    package func divert(_ indices: [Int]) -> Set<Int> {
        let records = Set(indices.map { Int(buffer.outputs[$0].record) })
        buffer.divert(indices)
        return records
    }
}

/// Keeps the records' bytes in one piece of memory while they are scored.
private final class LentRecords: RecordOwner {
    let records: UnsafeMutableBufferPointer<Record>
    private let bytes: UnsafeMutableRawBufferPointer
    private let headers: [[(name: String, value: [UInt8])]]

    init(_ all: [DetachedRecord]) {
        bytes = .allocate(byteCount: max(all.reduce(0) { $0 + ($1.key?.count ?? 0) + ($1.value?.count ?? 0) }, 1), alignment: 16)
        records = .allocate(capacity: all.count)
        headers = all.map(\.headers)
        var end = 0
        let bytes = bytes
        func lend(_ text: [UInt8]?) -> UnsafeRawBufferPointer? {
            guard let text else { return nil }
            let place = UnsafeMutableRawBufferPointer(rebasing: bytes[end..<(end + text.count)])
            place.copyBytes(from: text)
            end += text.count
            return UnsafeRawBufferPointer(place)
        }
        for (index, record) in all.enumerated() {
            records.initializeElement(
                at: index,
                to: Record(
                    topic: record.partition.topic, partition: record.partition.number, offset: record.offset, time: record.time, key: lend(record.key),
                    value: lend(record.value)))
        }
    }

    // The batch that took the records over gives them back; only their bytes are ours.
    deinit { bytes.deallocate() }

    func traceHeaders(at index: Int, _ body: (TraceHeader, UnsafeRawBufferPointer) -> Void) {
        for (name, value) in headers[index] {
            guard let header = TraceHeader.allCases.first(where: { $0.name.description == name }) else { continue }
            value.withUnsafeBytes { body(header, $0) }
        }
    }
}
