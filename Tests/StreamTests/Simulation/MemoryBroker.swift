import Scoring

@testable import Stream

/// A small Kafka in memory and in virtual time: logs with transactions, a coordinator that fences and times out, offsets of a group.
///
/// Each call is atomic; what is not atomic in Kafka is not atomic here: the end of a transaction is decided at once, and its markers
/// reach each partition, and the offsets, later, each at a time of its own.
final class MemoryBroker {
    /// Virtual time, ms: of the clocks and of the records.
    private(set) var now: Int64 = 1_795_521_600_000
    private var events: [Event] = []
    private var order = 0
    var random: Seeded

    private(set) var inputs: [InputPartition: MemoryLog] = [:]
    /// The last one is there; those before were lost.
    private(set) var journals = [MemoryLog()]
    var journal: MemoryLog { journals.last! }
    /// Until when there is no journal.
    private(set) var journalBack = Int64.min
    /// How often the journal was away so long that who asks for it again and again has seen that it is gone.
    private(set) var journalReturns = 0
    /// By kind of output and number of the partition.
    let outputs: [[MemoryLog]]
    private var epoch = -1
    private var current: MemoryTransaction?
    private(set) var offsets: [InputPartition: Int64] = [:]
    private var pendingOffsets = 0
    /// Every transaction of the group's producers.
    private(set) var transactions: [MemoryTransaction] = []
    /// Told when something may have become readable.
    var changed: () -> Void = {}
    /// The coordinator ends a transaction after so long, and at most as long again, ms.
    var transactionTimeout: Int64 = 10_000
    /// How late markers may be, ms.
    var markerDelay: Int64 = 8
    /// Until when no call is answered.
    var awayUntil = Int64.min
    /// Until when calls take longer, and by how much at most, ms.
    var slow: (until: Int64, by: Int64) = (.min, 0)
    /// Verdicts longer than this are refused, bytes.
    var largestVerdict = Int.max
    var trace: ((String) -> Void)?

    init(seed: UInt64, partitions: Int32, feedback: Int32) {
        random = Seeded(state: seed)
        outputs = (0..<3).map { _ in (0..<8).map { _ in MemoryLog() } }
        for p in 0..<partitions { inputs[.init(.transactions, p)] = MemoryLog() }
        for p in 0..<feedback { inputs[.init(.feedback, p)] = MemoryLog() }
    }

    // MARK: - Time

    private struct Event {
        var time: Int64
        var order: Int
        var body: () -> Void
        static func < (a: Event, b: Event) -> Bool { (a.time, a.order) < (b.time, b.order) }
    }

    /// Lets `body` happen `delay` ms from now; of one time, in the order of the calls.
    ///
    /// - Complexity: O(log n), a binary heap.
    func at(_ delay: Int64, _ body: @escaping () -> Void) {
        order += 1
        events.append(Event(time: now + max(0, delay), order: order, body: body))
        var i = events.count - 1
        while i > 0, events[i] < events[(i - 1) / 2] {
            events.swapAt(i, (i - 1) / 2)
            i = (i - 1) / 2
        }
    }

    /// Lets the next thing happen; false when nothing is left.
    func step() -> Bool {
        guard let event = events.first else { return false }
        let last = events.removeLast()
        if !events.isEmpty {
            events[0] = last
            var i = 0
            while true {
                var least = i
                for child in [2 * i + 1, 2 * i + 2] where child < events.count && events[child] < events[least] { least = child }
                if least == i { break }
                events.swapAt(i, least)
                i = least
            }
        }
        now = event.time
        event.body()
        return true
    }

    /// Lets all happen up to `time`.
    func run(until time: Int64) {
        while let next = events.first?.time, next <= time { _ = step() }
        now = max(now, time)
    }

    var isAway: Bool { now < awayUntil }
    /// What a call takes longer now.
    func slowness() -> Int64 { now < slow.until ? random.from(0..<slow.by + 1) : 0 }

    // MARK: - Inputs

    /// The partitions of `topic`.
    func count(_ topic: InputTopic) -> Int32 { Int32(inputs.keys.filter { $0.topic == topic }.count) }

    func grow() { inputs[.init(.transactions, count(.transactions))] = MemoryLog() }

    func produce(_ partition: InputPartition, key: String?, value: [UInt8]?, headers: [(name: String, value: [UInt8])] = [], time: Int64? = nil) {
        inputs[partition]!.append(StoredRecord(key: key.map { Array($0.utf8) }, value: value, headers: headers, time: time ?? now))
        changed()
    }

    /// A marker of some other producer.
    func addMarker(_ partition: InputPartition) {
        inputs[partition]!.mark(nil, at: now)
        changed()
    }

    /// Records of another producer's transaction, which ends after `delay`.
    func produce(_ partition: InputPartition, _ records: [(key: String?, value: [UInt8]?)], commit: Bool, after delay: Int64) {
        let transaction = MemoryTransaction(epoch: -1)
        let log = inputs[partition]!
        for record in records {
            log.append(StoredRecord(key: record.key.map { Array($0.utf8) }, value: record.value, time: now, in: transaction))
        }
        at(delay) { [self] in
            transaction.isCommitted = commit
            log.mark(transaction, at: now)
            changed()
        }
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

    private func transaction(of producer: Int) -> MemoryTransaction? {
        guard producer == epoch else { return nil }
        if current == nil || current!.state == .complete {
            let transaction = MemoryTransaction(epoch: producer)
            transactions.append(transaction)
            current = transaction
            at(transactionTimeout + random.from(0..<transactionTimeout)) { [self] in expire(transaction) }
        }
        return current!.state == .ongoing ? current : nil
    }

    /// Ends the transaction that is open, as a coordinator does whose patience is over.
    func expire() { if let current { expire(current) } }

    private func expire(_ transaction: MemoryTransaction) {
        guard transaction.state == .ongoing else { return }
        epoch += 1
        end(transaction, commit: false)
    }

    func produce(_ producer: Int, _ log: MemoryLog, _ make: (MemoryTransaction) -> StoredRecord) -> Answer {
        guard let transaction = transaction(of: producer) else { return .fenced }
        log.append(make(transaction))
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

    /// Whether this producer has an open transaction.
    func isOpen(_ producer: Int) -> Bool { producer == epoch && current?.state == .ongoing }

    /// Whether all markers of this producer's last transaction are written.
    func isSettled(_ producer: Int) -> Bool { producer != epoch || current == nil || current!.state == .complete }

    private func end(_ transaction: MemoryTransaction, commit: Bool) {
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

    var isJournalThere: Bool { now >= journalBack }

    /// The journal's topic is deleted, and made anew after so long.
    func loseJournal(for milliseconds: Int64) {
        journals.append(MemoryLog())
        journalBack = now + milliseconds
        at(milliseconds) { [self] in
            if milliseconds > 3000 { journalReturns += 1 }
            changed()
        }
    }
}
