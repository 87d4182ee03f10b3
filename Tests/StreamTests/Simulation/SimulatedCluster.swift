import Scoring

@testable import Stream

/// What one process sees of the broker: late, in pieces, and not at all while it is cut off.
final class SimulatedCluster: Cluster {
    let broker: MemoryBroker
    unowned var process: SimulatedProcess!
    private var readers: [Source: Reader] = [:]
    private var producer: Int?
    /// The partitions as they were last asked for.
    private var known: [InputPartition]?
    private var knownAt = Int64.min
    /// Time that passes for a killed process alone, so that every deadline of its is over.
    private var skipped: Int64 = 0

    /// Waits in a row for a time that is over.
    private var spins = 0

    /// Until when this process alone does not hear the journal: nothing comes, and no question about it is answered. All else goes on.
    var deafUntil = Int64.min
    private var journalReturns: Int

    /// Until when this process alone is cut off.
    var cutOffUntil = Int64.min
    /// How likely each call of a transaction ends in an error that asks for an abort.
    var abortChance = 0.0
    /// How likely a commit's result is never known.
    var unknownChance = 0.0
    /// How likely a fetch of an input brings nothing yet.
    var lateChance = 0.0
    /// Its producer breaks at its first call, again and again.
    var isSick = false

    private struct Reader {
        var position: Int64
        /// Nothing arrives before.
        var from: Int64
        var endTold: Int64?
        /// The partition's end as the last fetch saw it.
        var end: Int64 = -1
    }

    init(_ broker: MemoryBroker) {
        self.broker = broker
        journalReturns = broker.journalReturns
        proof = JournalProof(now: broker.now)
    }

    var now: Int64 { broker.now + skipped }
    func random(_ range: Range<Int64>) -> Int64 { broker.random.from(range) }
    private func isUnheard(_ source: Source) -> Bool { source == .journal && (deafUntil > broker.now || !broker.isJournalThere) }
    private var isCutOff: Bool { process.isDead || broker.isAway || cutOffUntil > broker.now }

    /// A call's way there and back.
    private func hop(_ range: Range<Int64>) {
        if process.isDead { skipped += 10_000 }
        process.block(until: broker.now + broker.random.from(range) + broker.slowness())
    }

    // MARK: - Reading

    func inputPartitions() -> [InputPartition]? {
        if !isCutOff, known == nil || broker.now - knownAt >= 2000 {
            known = broker.inputs.keys.sorted()
            knownAt = broker.now
        }
        return known
    }

    private func log(_ source: Source) -> MemoryLog? {
        switch source {
        case .input(let partition): broker.inputs[partition]
        case .journal: broker.journal
        }
    }

    func read(_ source: Source, from offset: Int64) {
        readers[source] = Reader(position: offset, from: broker.now + broker.random.from(0..<25))
    }

    func readJournalFromStart() { read(.journal, from: broker.journal.start) }

    func fetch(_ source: Source, limit: Int, _ body: (Fetched) -> Void) {
        guard var reader = readers[source], let log = log(source), !isCutOff, !isUnheard(source), broker.now >= reader.from else { return }
        if source == .journal, journalReturns != broker.journalReturns {
            journalReturns = broker.journalReturns
            return body(.outOfRange)
        }
        // The journal is looked at once before a candidacy: what is there long since has come by then.
        guard source == .journal || !broker.random.chance(lateChance) else { return }
        defer { readers[source] = reader }
        readers[source]!.end = log.end
        guard log.start <= reader.position, reader.position <= log.end else {
            reader.from = broker.now + 100
            return body(.outOfRange)
        }
        reader.end = log.end
        let most = min(limit, Int(broker.random.one(of: [1, 3, 20, 1000])))
        let (records, next) = log.read(from: reader.position, limit: most)
        if !records.isEmpty {
            reader.endTold = nil
            switch source {
            case .journal:
                for (offset, record) in records { body(.entry(offset, time: record.time, record.value!)) }
            case .input(let partition): body(.records(Self.batch(partition, records)))
            }
        }
        reader.position = next
        if next == log.stable, reader.endTold != next {
            reader.endTold = next
            body(.end(next))
        }
    }

    private static func batch(_ partition: InputPartition, _ found: [(offset: Int64, record: StoredRecord)]) -> RecordBatch {
        let records = UnsafeMutableBufferPointer<Record>.allocate(capacity: found.count)
        for (i, (offset, record)) in found.enumerated() {
            records.initializeElement(
                at: i,
                to: Record(
                    topic: partition.topic, partition: partition.number, offset: offset, time: record.time, key: record.key, value: record.value))
        }
        return RecordBatch(partition, records, owner: Owner(found.map(\.record)))
    }

    private final class Owner: RecordOwner {
        private let records: [StoredRecord]
        init(_ records: [StoredRecord]) { self.records = records }

        func traceHeaders(at index: Int, _ body: (TraceHeader, UnsafeRawBufferPointer) -> Void) {
            for (name, value) in records[index].headers {
                for known in TraceHeader.allCases where known.name.description == name { value.withUnsafeBytes { body(known, $0) } }
            }
        }
    }

    func wait(until time: Int64) {
        if process.isDead { skipped += 10_000 }
        spins = time > now ? 0 : spins + 1
        precondition(spins < 100, "a thread that waits lets time pass")
        process.block(until: max(time, broker.now), mayBeWoken: true)
    }

    func wake() { process.wake() }

    /// Asks; false when no answer came in time.
    private func ask(_ timeout: Int64, _ source: Source? = nil) -> Bool {
        func isLost() -> Bool { isCutOff || source.map(isUnheard) ?? false }
        if isLost() {
            process.block(until: min(broker.now + timeout, max(cutOffUntil, broker.awayUntil, broker.now + 50)))
            return false
        }
        hop(1..<6)
        return !isLost()
    }

    func bounds(_ source: Source, timeout: Int64) -> (first: Int64, next: Int64)? {
        guard ask(timeout, source), let log = log(source) else { return nil }
        return (log.start, log.stable)
    }

    func bounds(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: (first: Int64, next: Int64)]? {
        guard ask(timeout) else { return nil }
        return Dictionary(uniqueKeysWithValues: partitions.map { ($0, (broker.inputs[$0]!.start, broker.inputs[$0]!.stable)) })
    }

    func offsets(at time: Int64, _ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]? {
        guard ask(timeout) else { return nil }
        var offsets: [InputPartition: Int64] = [:]
        for partition in partitions {
            let log = broker.inputs[partition]!
            offsets[partition] = (log.start..<log.end).first { log.records[Int($0)].time >= time } ?? log.end
        }
        return offsets
    }

    func committed(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]? {
        guard ask(timeout) else { return nil }
        return broker.committedOffsets?.filter { partitions.contains($0.key) }
    }

    func cachedEnd(_ partition: InputPartition) -> Int64 { readers[.input(partition)]?.end ?? -1 }

    // MARK: - Writing

    func takeLead(timeout: Int64, _ stopped: () -> Bool) -> Bool {
        producer = nil
        let until = now + timeout
        hop(5..<25)
        while now < until, !stopped() {
            if !isCutOff, let epoch = broker.initTransactions() {
                hop(2..<10)
                producer = epoch
                return !process.isDead
            }
            hop(20..<100)
        }
        return false
    }

    func leaveLead() { producer = nil }

    func commit(_ outgoing: Outgoing, deadline: @escaping () -> Int64) -> CommitResult {
        guard let producer else { return .broken("no producer") }
        let result = SimulatedTransaction(self, producer, outgoing, deadline).commit()
        if case .broken = result { self.producer = nil }
        return result
    }

    /// A call of a transaction, tried until the deadline; nil: it was never answered.
    func call(_ deadline: () -> Int64, _ body: () -> MemoryBroker.Answer) -> MemoryBroker.Answer? {
        hop(1..<5)
        while isCutOff {
            if now >= deadline() || process.isDead { return nil }
            hop(10..<60)
        }
        return body()
    }

    var lastDoubt: Int64 { proof.lastDoubt(at: now) }
    var trouble: String? { isCutOff ? "the broker does not answer" : nil }

    /// What the timed queries prove; they are made by a thread of their own.
    private var proof: JournalProof
    /// Until when they fail.
    var doubtUntil = Int64.min

    /// Asks for the first time, and then again and again.
    func startWatch() {
        proof.ask(at: broker.now)
        let isLost = isCutOff || isUnheard(.journal)
        process.later(isLost ? 500 : broker.random.from(1..<6) + broker.slowness()) { [unowned self] in
            proof.answer(at: broker.now, isGood: !isLost && !isCutOff && !isUnheard(.journal) && broker.now >= doubtUntil)
            process.later(JournalProof.interval) { [unowned self] in startWatch() }
        }
    }
}

/// One transaction, as librdkafka would make it: outputs, entry, offsets, end, each call with its own chance to fail.
private final class SimulatedTransaction {
    let cluster: SimulatedCluster
    let producer: Int
    let outgoing: Outgoing
    let deadline: () -> Int64
    private var broker: MemoryBroker { cluster.broker }
    /// Whether the broker knows of it: until then there is nothing to end.
    private var isBegun = false

    init(_ cluster: SimulatedCluster, _ producer: Int, _ outgoing: Outgoing, _ deadline: @escaping () -> Int64) {
        self.cluster = cluster
        self.producer = producer
        self.outgoing = outgoing
        self.deadline = deadline
    }

    private enum Step: Error {
        case abort(tooLarge: [Int])
        case broken(String)
    }

    func commit() -> CommitResult {
        do throws(Step) {
            if cluster.isSick { throw .broken("fatal") }
            try produce()
            if !outgoing.offsets.isEmpty { try send { broker.sendOffsets(producer, outgoing.offsets) } }
            return try end()
        } catch {
            switch error {
            case .broken(let why): return .broken(why)
            case .abort(let tooLarge): return abort(tooLarge)
            }
        }
    }

    private func call(_ body: () -> MemoryBroker.Answer) throws(Step) {
        guard let answer = cluster.call(deadline, body) else { throw .broken("timed out") }
        guard answer == .done else { throw .broken("fenced") }
        isBegun = isBegun || broker.isOpen(producer)
    }

    /// A call before the end: it may also end in an error that asks for an abort.
    private func send(_ body: () -> MemoryBroker.Answer) throws(Step) {
        try call(body)
        if broker.random.chance(cluster.abortChance) { throw .abort(tooLarge: []) }
    }

    /// Verdicts and dead letters first, the entry last; every few of them a request of its own.
    private func produce() throws(Step) {
        var tooLarge: [Int] = []
        if let buffer = outgoing.buffer {
            var next = 0
            let outputs = buffer.outputs
            while next < outputs.count {
                let upTo = min(outputs.count, next + Int(broker.random.from(1..<200)))
                try send {
                    for index in next..<upTo {
                        let output = outputs[index]
                        let value = buffer.value(output)
                        if output.kind != .deadLetter, value!.count > broker.largestVerdict {
                            tooLarge.append(index)
                            continue
                        }
                        var headers: [(name: String, value: [UInt8])] = []
                        HeaderCoding.forEach(buffer.arena[output.headers]) { headers.append((String(decoding: $0, as: UTF8.self), Array($1))) }
                        let answer = broker.produce(producer, broker.outputs[Int(output.kind.rawValue)][Int(output.partition.number)]) {
                            StoredRecord(
                                key: output.key.map { Array(buffer.arena[$0]) }, value: value.map { Array($0) }, headers: headers,
                                time: output.time, in: $0)
                        }
                        guard answer == .done else { return answer }
                    }
                    return .done
                }
                next = upTo
            }
        }
        if !tooLarge.isEmpty { throw .abort(tooLarge: tooLarge) }
        // A record for a topic that is not there is given up.
        guard broker.isJournalThere else { throw .abort(tooLarge: []) }
        try send { broker.produce(producer, broker.journal) { StoredRecord(key: nil, value: outgoing.entry, time: broker.now, in: $0) } }
    }

    private func end() throws(Step) -> CommitResult {
        let producer = producer
        if broker.random.chance(cluster.unknownChance / 2) {
            // The request arrives late, or never; the client gives up.
            if broker.random.chance(0.7) {
                broker.at(broker.random.one(of: [5, 30, 200, 900, 5000])) { [broker] in _ = broker.end(producer, commit: true) }
            }
            waitInVain()
            throw .broken("no answer to the commit")
        }
        try call { broker.end(producer, commit: true) == .done ? .done : .fenced }
        if broker.random.chance(cluster.unknownChance / 2) {
            waitInVain()
            throw .broken("the commit's answer is lost")
        }
        try settle()
        return .committed
    }

    /// Waits for an answer that does not come: for a while, or up to the deadline.
    private func waitInVain() {
        let end = broker.now + broker.random.one(of: [20, 400, 10_000])
        while broker.now < min(end, deadline()), !cluster.process.isDead { cluster.process.block(until: min(end, broker.now + 500)) }
    }

    private func abort(_ tooLarge: [Int]) -> CommitResult {
        guard isBegun else { return .aborted(tooLarge: tooLarge) }
        do throws(Step) {
            guard let answer = cluster.call(deadline, { [self] in broker.end(producer, commit: false) }) else { throw .broken("timed out") }
            guard answer == .done else { throw .broken("fenced") }
            try settle()
            return .aborted(tooLarge: tooLarge)
        } catch {
            return .broken("the abort did not end")
        }
    }

    private func settle() throws(Step) {
        while !broker.isSettled(producer) {
            guard cluster.call(deadline, { .done }) != nil else { throw .broken("timed out") }
        }
    }
}
