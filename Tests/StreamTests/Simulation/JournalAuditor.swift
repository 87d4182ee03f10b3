import Scoring

@testable import Stream

/// Knows only the inputs and what is committed, and says where they do not fit together.
///
/// It applies the journal's entries in their order with fresh engines, one for each way in which instances were set up: the writer's decides and
/// writes, the others follow. What it writes must be what was committed, byte for byte.
final class JournalAuditor {
    private let simulation: FaultSimulation
    private let broker: MemoryBroker
    private let coding: EntryCoding
    private var engines: [Engine]
    /// What the engines' state began from: an entry's number and process.
    private var base: BaseEntry?
    private var entries: [Entry] = []
    /// How many of the entries are applied.
    private var applied = 0
    private var places: [InputPartition: Int64] = [:]
    private var expected: [[[Expected]]]
    private var sum: [Int32: StreamCounts.Partition] = [:]

    private struct BaseEntry: Equatable {
        var n: Int64
        var process: UInt64
    }

    /// What a partition of an output must hold next.
    private struct Expected {
        var offset: Int64
        /// nil: a tombstone, or one that was too large.
        var value: [UInt8]?
        var reason: String?
    }

    init(_ simulation: FaultSimulation) {
        self.simulation = simulation
        broker = simulation.broker
        coding = EntryCoding(topics: simulation.topics)
        engines = Self.engines(simulation.plan)
        expected = (0..<3).map { _ in (0..<8).map { _ in [] } }
    }

    /// One for each way in which instances were set up.
    private static func engines(_ plan: FaultPlan) -> [Engine] { (plan.isMixed ? [0, 1] : [0]).map { Engine(plan.engine($0)) } }

    func audit() {
        var stored: [StoredRecord] = []
        var begins: Set<Int> = []
        for journal in broker.journals {
            begins.insert(stored.count)
            stored += journal.everCommitted
        }
        for record in stored {
            guard let entry = try? coding.decode(record.value!, group: "weir") else { return simulation.fail("no entry after \(entries.count) of the journal") }
            entries.append(entry)
        }
        checkTransactions(stored, entries)
        checkEpochs(entries, times: stored.map(\.time), begins: begins)
        for entry in entries {
            apply(entry)
            applied += 1
        }
        for (partition, log) in broker.inputs where places[partition] ?? 0 < log.lastReadable {
            simulation.fail("\(partition) is answered up to \(places[partition] ?? 0) of \(log.lastReadable)")
        }
        for (partition, place) in places where broker.offsets[partition] ?? 0 != place {
            simulation.fail("the group's offset of \(partition) is \(broker.offsets[partition] ?? 0), the journal's \(place)")
        }
        checkOutputs()
        checkCounts()
    }

    // MARK: - The journal itself

    /// Each committed transaction holds one entry, and the offsets that the entry says.
    private func checkTransactions(_ records: [StoredRecord], _ entries: [Entry]) {
        var offsets: [ObjectIdentifier: [InputPartition: Int64]] = [:]
        for (record, entry) in zip(records, entries) {
            var said = entry.full?.places.mapValues(\.offset) ?? [:]
            said.merge(entry.next) { $1 }
            let id = ObjectIdentifier(record.transaction!)
            if offsets.updateValue(said, forKey: id) != nil { simulation.fail("two entries in one transaction, the second \(entry.n)") }
        }
        for transaction in broker.transactions where transaction.isCommitted {
            guard let said = offsets[ObjectIdentifier(transaction)] else {
                simulation.fail("a transaction was committed without an entry")
                continue
            }
            if transaction.offsets != said { simulation.fail("offsets \(transaction.offsets) go with an entry that says \(said)") }
        }
    }

    /// Numbers, terms, and the first two entries of each term (rules 1, 2 and 8).
    ///
    /// - Parameter begins: where a journal begins: the first one, and each that was made when the one before was lost. Who goes on there may have missed an entry without runs.
    private func checkEpochs(_ entries: [Entry], times: [Int64], begins: Set<Int>) {
        var hadLed: Set<UInt64> = []
        for (i, entry) in entries.enumerated() {
            let before = i > 0 ? entries[i - 1] : nil
            if i > 0, begins.contains(i) || simulation.hasLostJournal && entry.n == 1 {
                hadLed.insert(entry.process)
                continue
            }
            if entry.n != (before?.n ?? 0) + 1 { simulation.fail("entry \(entry.n) follows \(before?.n ?? 0)") }
            if let before, entry.epoch == before.epoch {
                if entry.process != before.process { simulation.fail("two leaders in term \(entry.epoch), at entry \(entry.n)") }
                if before.handover { simulation.fail("entry \(entry.n) follows a hand-over in its own term") }
                continue
            }
            if entry.epoch != (before?.epoch ?? 0) + 1 { simulation.fail("term \(entry.epoch) follows \(before?.epoch ?? 0)") }
            if entry.full == nil || entry.head == nil || !entry.runs.isEmpty { simulation.fail("entry \(entry.n) begins a term and is not full, or has runs") }
            if i + 1 < entries.count, entries[i + 1].epoch == entry.epoch {
                let second = entries[i + 1]
                let keeps = hadLed.contains(entry.process)
                let isFirst = entry.full?.base == nil
                let wait: Int64 = isFirst ? 0 : before!.handover ? 100 : 600
                if !second.runs.isEmpty, !keeps { simulation.fail("entry \(second.n) is its term's second and has runs") }
                if second.runs.isEmpty, times[i + 1] - times[i] < wait { simulation.fail("entry \(second.n) comes \(times[i + 1] - times[i]) ms after its term's first") }
            }
            hadLed.insert(entry.process)
        }
        if let base = entries.first(where: { $0.full?.base != nil }), base.epoch == 1, base.n != 2 {
            simulation.fail("the first base stands in entry \(base.n)")
        }
    }

    // MARK: - The state

    private func apply(_ entry: Entry) {
        if let full = entry.full {
            if full.base == nil, applied == 0 || simulation.hasLostJournal {
                begin(entry, full)
            } else {
                adopt(full.base)
                for (partition, place) in full.places where place.offset != places[partition] ?? 0 {
                    simulation.fail("entry \(entry.n) stands at \(place.offset) of \(partition), the journal at \(places[partition] ?? 0)")
                }
                for partition in places.keys where full.places[partition] == nil { simulation.fail("entry \(entry.n) leaves out \(partition)") }
                for (partition, place) in full.places where place.checksum != 0 && place.checksum != checksum(partition, before: place.offset) {
                    simulation.fail("entry \(entry.n) has the checksum of another record before \(place.offset) of \(partition)")
                }
                checkState(entry, full)
            }
        }
        for run in entry.runs { apply(run, of: entry) }
        guard let said = entry.full?.digest else { return }
        let digest = engines[0].digest()
        if said.windows != digest.windows || said.memory != digest.memory { simulation.fail("the digest in entry \(entry.n) is not the audit's") }
    }

    /// What a full entry says of the state before its runs.
    private func checkState(_ entry: Entry, _ full: FullEntry) {
        let engine = engines[0]
        if full.eventHorizon != engine.eventHorizon || full.memoryHorizon != engine.memoryHorizon || full.since != engine.incomplete.since {
            simulation.fail("entry \(entry.n) has other horizons than the audit, or another beginning")
        }
        if full.base == nil { simulation.fail("entry \(entry.n) is full and has no base") }
    }

    private func checksum(_ partition: InputPartition, before offset: Int64) -> UInt32 {
        let log = broker.inputs[partition]!
        var at = offset - 1
        while at >= 0, !log.isReadable(at) { at -= 1 }
        return at < 0 ? 0 : CRC32C.of(log.record(partition, at))
    }

    /// Somebody begins without a base: in a new group, or where the journal was lost, and then at the group's offsets.
    private func begin(_ entry: Entry, _ full: FullEntry) {
        let begun = full.places.mapValues(\.offset)
        if applied > 0, places.contains(where: { begun[$0.key] ?? 0 != $0.value }) {
            simulation.fail("entry \(entry.n) begins at \(begun), and \(places) was answered")
        }
        places = begun
        engines = Self.engines(simulation.plan)
        base = BaseEntry(n: entry.n, process: entry.process)
        history(full)
    }

    /// The state of a process that began from `base`, at the journal's end.
    func engine(of base: Base?) -> Engine {
        adopt(base)
        return engines[0]
    }

    /// Has the engines hold what this base gives: the history before its entry, and the runs from there on.
    private func adopt(_ wanted: Base?) {
        guard let wanted else { return }
        let key = BaseEntry(n: wanted.n, process: wanted.process)
        guard key != base else { return }
        guard let at = entries[..<applied].lastIndex(where: { $0.n == key.n && $0.process == key.process }), let full = entries[at].full else {
            return simulation.fail("a state began from \(key), which is no full entry before this one")
        }
        base = key
        engines = Self.engines(simulation.plan)
        history(full)
        for engine in engines {
            engine.raise(eventHorizon: full.eventHorizon)
            engine.raise(memoryHorizon: full.memoryHorizon)
        }
        for entry in entries[at..<applied] {
            for run in entry.runs { follow(run, of: entry) }
        }
    }

    /// As who follows applies a run.
    private func follow(_ run: Run, of entry: Entry) {
        let log = broker.inputs[run.partition]!
        for offset in run.first...run.last where log.isReadable(offset) {
            change(entry, run.partition, offset)
            let outcome = entry.outcomes.first { $0.partition == run.partition && $0.first <= offset && offset <= $0.last }?.outcome
            let record = log.record(run.partition, offset)
            withUnsafePointer(to: record) { pointer in
                for engine in engines {
                    follow(engine, UnsafeBufferPointer(start: pointer, count: 1), [outcome ?? (run.partition.topic == .transactions ? .scored : .applied)])
                }
            }
        }
    }

    /// What lies before a full entry's places, strictly by (record time, partition).
    private func history(_ full: FullEntry) {
        let places = full.places.mapValues(\.offset)
        var lanes: [InputPartition: [Record]] = [:]
        for (partition, end) in places {
            let log = broker.inputs[partition]!
            lanes[partition] = (0..<end).filter { log.isReadable($0) }.map { log.record(partition, $0) }
        }
        while let next = lanes.filter({ !$0.value.isEmpty }).min(by: { ($0.value[0].time, $0.key) < ($1.value[0].time, $1.key) })?.key {
            let record = lanes[next]!.removeFirst()
            for engine in engines { withUnsafePointer(to: record) { follow(engine, UnsafeBufferPointer(start: $0, count: 1), nil) } }
        }
    }

    private func follow(_ engine: Engine, _ records: UnsafeBufferPointer<Record>, _ outcomes: [Outcome]?) {
        do throws(FollowError) {
            try engine.follow(records, outcomes: outcomes)
        } catch {
            simulation.fail("\(error)")
        }
    }

    private func apply(_ run: Run, of entry: Entry) {
        let log = broker.inputs[run.partition]!
        let place = places[run.partition] ?? 0
        if run.first < place { simulation.fail("entry \(entry.n) applies \(run.partition) from \(run.first) again, the journal is at \(place)") }
        if (place..<max(place, run.first)).contains(where: { log.isReadable($0) }) { simulation.fail("entry \(entry.n) leaves records of \(run.partition) before \(run.first) out") }
        if !log.isReadable(run.first) || !log.isReadable(run.last) { simulation.fail("a run of entry \(entry.n) begins or ends with no record") }
        for offset in run.first...run.last where log.isReadable(offset) { apply(log.record(run.partition, offset), run.partition, of: entry) }
        places[run.partition] = run.last + 1
    }

    /// What changed before a record took its turn.
    private func change(_ entry: Entry, _ partition: InputPartition, _ offset: Int64) {
        for change in entry.changes where change.partition == partition && change.offset == offset {
            for engine in engines {
                switch change.kind {
                case .since(let time): engine.incomplete.since = max(engine.incomplete.since, time)
                case .lagging(let value): engine.incomplete.isLagging = value
                case .eventHorizon(let time): engine.raise(eventHorizon: time)
                case .memoryHorizon(let time): engine.raise(memoryHorizon: time)
                case .models: simulation.fail("nobody has models here")
                }
            }
        }
    }

    private func apply(_ record: Record, _ partition: InputPartition, of entry: Entry) {
        change(entry, partition, record.offset)
        let writer = engines.count == 1 ? 0 : simulation.variants[entry.process]!
        let sink = VerdictSink()
        withUnsafePointer(to: record) { pointer in
            let one = UnsafeBufferPointer(start: pointer, count: 1)
            engines[writer].score(one, into: sink)
            for (i, engine) in engines.enumerated() where i != writer { follow(engine, one, [sink.results[0].outcome]) }
        }
        let result = sink.results[0]
        var outcome = result.outcome
        if outcome == .scored, max(result.fraud.count, result.aml.count) > broker.largestVerdict { outcome = .deadLettered(.verdictTooLarge) }
        let said = entry.outcomes.first { $0.partition == partition && $0.first <= record.offset && record.offset <= $0.last }?.outcome
        if said ?? (partition.topic == .transactions ? .scored : .applied) != outcome {
            simulation.fail("entry \(entry.n) says \(said?.code ?? "scored") of \(partition)@\(record.offset), the audit \(outcome.code)")
        }
        let number = Int(partition.number)
        switch outcome {
        case .scored:
            expected[0][number].append(Expected(offset: record.offset, value: Array(sink[result.fraud])))
            expected[1][number].append(Expected(offset: record.offset, value: Array(sink[result.aml])))
        case .deadLettered(let reason):
            expected[2][number].append(Expected(offset: record.offset, value: record.value.map { Array($0) }, reason: reason.code.description))
        case .duplicate, .applied: break
        }
        guard partition.topic == .transactions else { return }
        sum[partition.number, default: .init()].consumed += 1
        switch outcome {
        case .scored, .applied: sum[partition.number]!.scored += 1
        case .duplicate: sum[partition.number]!.duplicates += 1
        case .deadLettered: sum[partition.number]!.deadLettered += 1
        }
    }

    // MARK: - What came out

    private func checkOutputs() {
        for (kind, partitions) in expected.enumerated() {
            for (number, wanted) in partitions.enumerated() {
                let found = broker.outputs[kind][number].committed.map(\.record)
                if found.count != wanted.count { simulation.fail("\(found.count) outputs of kind \(kind) in partition \(number), not \(wanted.count)") }
                // Dead letters of both inputs share their topic: each input's come in its own order.
                for (record, one) in zip(found, wanted) {
                    if record.value.map({ Array($0) }) != one.value || record.header("__weir.errors.reason") != one.reason {
                        simulation.fail("output of kind \(kind) for \(number)@\(one.offset) is \(record.text ?? "nil"), not \(one.value.map { String(decoding: $0, as: UTF8.self) } ?? "nil")")
                        break
                    }
                }
            }
        }
    }

    /// What the processes counted is what was committed: nothing twice, and all of it where none died before it knew.
    private func checkCounts() {
        var counted: [Int32: StreamCounts.Partition] = [:]
        for report in simulation.processes.flatMap(\.watcher.reports) {
            if !report.counts.isBalanced { simulation.fail("a report is not balanced") }
            for (partition, counts) in report.counts.partitions {
                counted[partition, default: .init()].consumed += counts.consumed
                counted[partition]!.scored += counts.scored
                counted[partition]!.duplicates += counts.duplicates
                counted[partition]!.deadLettered += counts.deadLettered
            }
        }
        let isWhole = simulation.ends["killed"] == nil && simulation.ends["75"] == nil && simulation.ends["stopped"] == nil
        for (partition, sum) in sum {
            let counted = counted[partition] ?? .init()
            if counted.consumed > sum.consumed || isWhole && counted != sum { simulation.fail("counted \(counted), committed \(sum)") }
        }
    }
}

extension MemoryLog {
    func record(_ partition: InputPartition, _ offset: Int64) -> Record {
        let stored = records[Int(offset)]
        return Record(topic: partition.topic, partition: partition.number, offset: offset, time: stored.time, key: stored.key, value: stored.value)
    }
}
