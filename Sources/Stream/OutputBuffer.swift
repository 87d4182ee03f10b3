import Scoring

/// What the engine scored between two closings: verdicts and dead letters as they will be produced, and what the entry says of them.
///
/// The engine's thread fills it; once closed, only the kafka thread reads it. That hand-over is why it may cross threads.
final class OutputBuffer: @unchecked Sendable {
    let sink = VerdictSink()
    /// Keys, headers and dead letters' values.
    let arena = ByteArena(capacity: 64 * 1024)
    private(set) var outputs: [Output] = []
    private(set) var runs: [Run] = []
    private(set) var outcomes: [OutcomeRange] = []
    var changes: [Change] = []
    private(set) var counts = StreamCounts()
    private(set) var recordTimes: [Int64] = []
    /// Where the state stood when the first record came, and its horizons.
    let start: [InputPartition: Place]
    let eventHorizon: Int64
    let memoryHorizon: Int64
    let since: Int64
    /// The artefacts in force at the first record.
    let models: [String: String]
    /// Set at closing where the entry is to be a full one.
    var digest: Digest?
    var isFull = false
    /// A snapshot ends with this buffer, and counts when it is committed.
    var cut: StateCut?
    private var slices: [Slice] = []
    private var sliceStarts: [Int] = []
    private var pinnedBytes = 0

    init(start: [InputPartition: Place], eventHorizon: Int64, memoryHorizon: Int64, since: Int64, models: [String: String]) {
        self.start = start
        self.eventHorizon = eventHorizon
        self.memoryHorizon = memoryHorizon
        self.since = since
        self.models = models
        sink.clock = monotonicNanos
    }

    var recordCount: Int { recordTimes.count }
    /// Memory that it holds, bytes: outputs, and input records kept in case one must be diverted.
    var byteCount: Int { sink.count + arena.count + pinnedBytes + outputs.count * MemoryLayout<Output>.stride }
    /// About how long its entry will be, bytes.
    var entryBytes: Int { 512 + 48 * (runs.count + outcomes.count + changes.count) }

    /// Scores a slice into this buffer.
    func score(_ slice: Slice, with engine: Engine) {
        let firstResult = sink.results.count
        engine.score(slice.records, into: sink)
        precondition(sink.results.count == firstResult + slice.range.count, "one result a record")
        sliceStarts.append(recordCount)
        slices.append(slice)
        pinnedBytes += slice.byteCount
        append(slice.run)
        for i in 0..<slice.range.count {
            let record = slice.records[i]
            let result = sink.results[firstResult + i]
            let ordinal = recordCount
            recordTimes.append(record.time)
            counts.add(result, record, slice.batch.partition)
            switch result.outcome {
            case .scored: addVerdicts(result, record, ordinal, slice, index: slice.range.lowerBound + i)
            case .applied: break
            case .duplicate: note(.duplicate, slice.batch.partition, record.offset)
            case .deadLettered(let reason):
                note(result.outcome, slice.batch.partition, record.offset)
                addDeadLetter(reason, result.message ?? "", record, ordinal, slice, index: slice.range.lowerBound + i)
            }
        }
    }

    private func append(_ run: Run) {
        if let last = runs.last, last.partition == run.partition {
            runs[runs.count - 1].last = run.last
        } else {
            runs.append(run)
        }
    }

    /// Adds an outcome, in the order of offsets; consecutive equal ones make one range.
    private func note(_ outcome: Outcome, _ partition: InputPartition, _ offset: Int64) {
        if let last = outcomes.last, last.partition == partition, last.outcome == outcome, last.last + 1 == offset {
            outcomes[outcomes.count - 1].last = offset
        } else {
            outcomes.append(.init(partition: partition, first: offset, last: offset, outcome: outcome))
        }
    }

    private func addVerdicts(_ result: RecordResult, _ record: Record, _ ordinal: Int, _ slice: Slice, index: Int) {
        let key = record.key.map { arena.append($0) }
        for (kind, value, decision) in [
            (Output.Kind.fraud, result.fraud, result.fraudDecision.name), (.aml, result.aml, result.amlDecision.name),
        ] {
            let begin = arena.count
            appendTraceHeaders(slice, index)
            HeaderCoding.append(
                UnsafeRawBufferPointer(start: decisionHeader.utf8Start, count: decisionHeader.utf8CodeUnitCount),
                UnsafeRawBufferPointer(start: decision.utf8Start, count: decision.utf8CodeUnitCount), to: arena)
            outputs.append(
                Output(
                    kind: kind, record: Int32(ordinal), partition: slice.batch.partition, offset: record.offset, time: record.time,
                    key: key, value: value, headers: begin..<arena.count))
        }
    }

    private func appendTraceHeaders(_ slice: Slice, _ index: Int) {
        slice.batch.owner.traceHeaders(at: index) { header, value in
            let name = header.name
            HeaderCoding.append(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value, to: arena)
        }
    }

    private func addDeadLetter(_ reason: Reason, _ message: String, _ record: Record, _ ordinal: Int, _ slice: Slice, index: Int) {
        let key = record.key.map { arena.append($0) }
        let value = record.value.map { arena.append($0) }
        let begin = arena.count
        appendTraceHeaders(slice, index)
        let partition = slice.batch.partition
        HeaderCoding.append("__weir.errors.topic", topicName(partition.topic), to: arena)
        HeaderCoding.append("__weir.errors.partition", String(partition.number), to: arena)
        HeaderCoding.append("__weir.errors.offset", String(record.offset), to: arena)
        HeaderCoding.append("__weir.errors.reason", reason.code.description, to: arena)
        HeaderCoding.append("__weir.errors.message", message, to: arena)
        HeaderCoding.append("__weir.errors.timestamp", String(record.time), to: arena)
        outputs.append(
            Output(
                kind: .deadLetter, record: Int32(ordinal), partition: partition, offset: record.offset, time: record.time, key: key,
                value: value, headers: begin..<arena.count))
    }

    /// Names of the topics, for the headers of dead letters.
    var topicName: (InputTopic) -> String = { _ in "" }

    /// The bytes of an output's value; nil for a tombstone.
    func value(_ output: Output) -> UnsafeRawBufferPointer? {
        output.value.map { output.kind == .deadLetter ? arena[$0] : sink[$0] }
    }

    /// Takes the verdicts of these outputs' records out and dead-letters the records, or empties dead letters that are too large.
    ///
    /// The records stay scored, in the windows; the entry says `VERDICT_TOO_LARGE`.
    func divert(_ tooLarge: [Int]) {
        var records = Set<Int32>()
        for index in tooLarge {
            if outputs[index].kind == .deadLetter {
                empty(index)
            } else {
                records.insert(outputs[index].record)
            }
        }
        guard !records.isEmpty else { return }
        for record in records.sorted() {
            let ordinal = Int(record)
            let at = sliceStarts.lastIndex { $0 <= ordinal }!
            let slice = slices[at]
            let index = slice.range.lowerBound + ordinal - sliceStarts[at]
            let input = slice.batch.records[index]
            let position = outputs.firstIndex { $0.record == record }!
            outputs.removeAll { $0.record == record }
            counts.divert(sink.results[ordinal], slice.batch.partition)
            addDeadLetter(.verdictTooLarge, "a verdict exceeds the largest record that its topic takes", input, ordinal, slice, index: index)
            outputs.insert(outputs.removeLast(), at: position)
            note(.deadLettered(.verdictTooLarge), slice.batch.partition, input.offset)
        }
    }

    /// Replaces a dead letter's value by none, and says how large it was.
    private func empty(_ index: Int) {
        var output = outputs[index]
        guard let value = output.value else { return }
        let begin = arena.count
        let headers = [UInt8](arena[output.headers])
        headers.withUnsafeBytes { _ = arena.append($0) }
        HeaderCoding.append("__weir.errors.value_bytes", String(value.count), to: arena)
        output.headers = begin..<arena.count
        output.value = begin..<begin
        outputs[index] = output
    }
}

private let decisionHeader: StaticString = "weir-decision"
