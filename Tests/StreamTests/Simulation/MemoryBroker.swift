import Scoring

@testable import Stream

/// A seeded generator (SplitMix64): the same seed gives the same run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func chance(_ p: Double) -> Bool { Double.random(in: 0..<1, using: &self) < p }
    mutating func from(_ range: Range<Int64>) -> Int64 { Int64.random(in: range, using: &self) }
    mutating func one<T>(of values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &self)] }
}

/// A small Kafka in memory and in virtual time: logs with transactions, a coordinator that fences and times out, offsets of a group.
///
/// Each call is atomic; what is not atomic in Kafka is not atomic here: the end of a transaction is decided at once, and its markers
/// reach each partition, and the offsets, later, each at a time of its own.
final class MemoryBroker {
    struct StoredRecord {
        var key: [UInt8]?
        var value: [UInt8]?
        var headers: [(String, [UInt8])] = []
        var time: Int64
        /// nil: not transactional.
        var transaction: Transaction?
        var isMarker = false
    }

    final class Transaction {
        enum State { case ongoing, ended, complete }
        let epoch: Int
        var state = State.ongoing
        var isCommitted = false
        var logs: [Log] = []
        var offsets: [InputPartition: Int64] = [:]
        init(epoch: Int) { self.epoch = epoch }
    }

    final class Log {
        var records: [StoredRecord] = []
        /// First offset that is still there.
        var start: Int64 = 0
        /// Open transactions by where they begin.
        private var open: [(Transaction, Int64)] = []

        func append(_ record: StoredRecord) {
            if let transaction = record.transaction, !open.contains(where: { $0.0 === transaction }) {
                open.append((transaction, Int64(records.count)))
                transaction.logs.append(self)
            }
            records.append(record)
        }

        func mark(_ transaction: Transaction, at time: Int64) {
            records.append(.init(key: nil, value: nil, time: time, transaction: nil, isMarker: true))
            open.removeAll { $0.0 === transaction }
        }

        /// Last stable offset.
        var stable: Int64 { open.map(\.1).min() ?? Int64(records.count) }

        /// Committed records from `offset` on, at most `limit`, and the next offset to read.
        func read(from offset: Int64, limit: Int) -> (records: [(Int64, StoredRecord)], next: Int64) {
            var found: [(Int64, StoredRecord)] = []
            var at = max(offset, start)
            let end = stable
            while at < end, found.count < limit {
                let record = records[Int(at)]
                if !record.isMarker, record.transaction?.isCommitted ?? true { found.append((at, record)) }
                at += 1
            }
            return (found, at)
        }

        /// All committed records.
        var committed: [(Int64, StoredRecord)] { read(from: start, limit: .max).records }
    }

    var now: Int64 = 0
    private var events: [(time: Int64, order: Int, body: () -> Void)] = []
    private var order = 0
    var random: Seeded

    private(set) var inputs: [InputPartition: Log] = [:]
    let journal = Log()
    let fraud: [Log]
    let aml: [Log]
    let deadLetters: [Log]
    private var epoch = -1
    private var current: Transaction?
    private var offsets: [InputPartition: Int64] = [:]
    private var pendingOffsets = 0
    /// Told when something became readable.
    var changed: () -> Void = {}
    /// A coordinator ends a transaction after so long, ms.
    var transactionTimeout: Int64 = 2000
    /// How late markers may be, ms.
    var markerDelay: Int64

    init(seed: UInt64, partitions: Int32, feedback: Int32, markerDelay: Int64 = 8) {
        random = Seeded(state: seed)
        self.markerDelay = markerDelay
        fraud = (0..<8).map { _ in Log() }
        aml = (0..<8).map { _ in Log() }
        deadLetters = (0..<8).map { _ in Log() }
        for p in 0..<partitions { inputs[.init(.transactions, p)] = Log() }
        for p in 0..<feedback { inputs[.init(.feedback, p)] = Log() }
    }

    // MARK: - Time

    func at(_ delay: Int64, _ body: @escaping () -> Void) {
        order += 1
        let event = (time: now + delay, order: order, body: body)
        let index = events.firstIndex { ($0.time, $0.order) > (event.time, event.order) } ?? events.count
        events.insert(event, at: index)
    }

    /// Lets the next thing happen; false when nothing is left.
    func step() -> Bool {
        guard !events.isEmpty else { return false }
        let event = events.removeFirst()
        now = event.time
        event.body()
        return true
    }

    // MARK: - Inputs

    func grow() { inputs[.init(.transactions, Int32(inputs.keys.filter { $0.topic == .transactions }.count))] = Log() }

    func produce(_ partition: InputPartition, key: String?, value: [UInt8]?) {
        inputs[partition]!.append(.init(key: key.map { Array($0.utf8) }, value: value, time: now))
        changed()
    }

    /// A marker of some other producer, which takes an offset and is no record.
    func addMarker(_ partition: InputPartition) {
        inputs[partition]!.records.append(.init(key: nil, value: nil, time: now, isMarker: true))
        changed()
    }

    // MARK: - The coordinator

    /// The new epoch; nil: an older transaction is still being ended.
    func initTransactions() -> Int? {
        if let current, current.state != .complete {
            if current.state == .ongoing {
                epoch += 1
                end(current, commit: false)
            }
            return nil
        }
        epoch += 1
        return epoch
    }

    enum Answer { case done, fenced, invalid }

    private func transaction(of producer: Int) -> Transaction? {
        guard producer == epoch else { return nil }
        if current == nil || current!.state == .complete {
            let transaction = Transaction(epoch: producer)
            current = transaction
            at(transactionTimeout + random.from(0..<transactionTimeout)) { [self] in
                guard transaction.state == .ongoing else { return }
                epoch += 1
                end(transaction, commit: false)
            }
        }
        return current!.state == .ongoing ? current : nil
    }

    func produce(_ producer: Int, _ log: Log, _ records: [StoredRecord]) -> Answer {
        guard let transaction = transaction(of: producer) else { return .fenced }
        for var record in records {
            record.transaction = transaction
            log.append(record)
        }
        return .done
    }

    func sendOffsets(_ producer: Int, _ offsets: [InputPartition: Int64]) -> Answer {
        guard let transaction = transaction(of: producer) else { return .fenced }
        if transaction.offsets.isEmpty, !offsets.isEmpty { pendingOffsets += 1 }
        transaction.offsets.merge(offsets) { $1 }
        return .done
    }

    func end(_ producer: Int, commit: Bool) -> Answer {
        guard producer == epoch else { return .fenced }
        guard let current else { return .done }
        if current.state == .ongoing {
            end(current, commit: commit)
            return .done
        }
        return current.isCommitted == commit ? .done : .invalid
    }

    var isSettled: Bool { current == nil || current!.state == .complete }

    private func end(_ transaction: Transaction, commit: Bool) {
        transaction.state = .ended
        transaction.isCommitted = commit
        var left = transaction.logs.count + 1
        func finished() {
            left -= 1
            if left == 0 { transaction.state = .complete }
            changed()
        }
        for log in transaction.logs {
            at(random.from(1..<markerDelay)) { [self] in
                log.mark(transaction, at: now)
                finished()
            }
        }
        at(random.from(1..<markerDelay)) { [self] in
            if !transaction.offsets.isEmpty {
                pendingOffsets -= 1
                if commit { offsets.merge(transaction.offsets) { $1 } }
            }
            finished()
        }
    }

    /// The group's offsets; nil while one is unstable.
    var committedOffsets: [InputPartition: Int64]? { pendingOffsets > 0 ? nil : offsets }

    func loseOffsets() { offsets.removeAll() }
    func setOffsets(_ changed: [InputPartition: Int64]) { offsets.merge(changed) { $1 } }

    /// Deletes the head of an input.
    func truncate(_ partition: InputPartition, to offset: Int64) {
        let log = inputs[partition]!
        log.start = min(max(log.start, offset), Int64(log.records.count))
        changed()
    }

    func truncateJournal(to offset: Int64) {
        journal.start = min(max(journal.start, offset), Int64(journal.records.count))
    }
}
