import Glibc
public import Velocity

extension Engine {
    /// Decides and applies records in their order and writes their verdicts: the leader's way. One result a record is added to the sink.
    ///
    /// How the records are cut into calls changes nothing in what is said of them.
    /// - Complexity: O(records); nothing is allocated for a scored transaction once the sink is warm.
    public func score(_ records: UnsafeBufferPointer<Record>, into sink: VerdictSink) {
        var begin = 0
        while begin < records.count {
            let chunk = UnsafeBufferPointer(rebasing: records[begin..<min(begin + Self.batch, records.count)])
            let start = sink.clock?() ?? 0
            decode(chunk)
            // The first transaction of the batch is measured, with its share of the decoding.
            var decoding = sink.clock.map { ($0() - start) / UInt64(chunk.count) }
            for i in chunk.indices {
                switch slots[i].content {
                case .transaction:
                    score(chunk[i], slots + i, decoding, sink)
                    decoding = nil
                case .feedback: sink.results.append(RecordResult(outcome: apply(slots[i].label)))
                case .refused(let rejection): sink.refuse(rejection)
                case .skipped: preconditionFailure("every record is decoded")
                }
            }
            store.expire(budget: Self.expiryBudget)
            begin += chunk.count
        }
    }

    /// Decodes a batch into the slots and tells the state what comes.
    private func decode(_ records: UnsafeBufferPointer<Record>) {
        var count = 0
        for i in records.indices {
            let record = records[i]
            do throws(Rejection) {
                try decode(record, time: record.time < 0 ? nil : record.time, into: i, &count)
            } catch {
                slots[i].content = .refused(error)
            }
        }
        store.prepare(UnsafeBufferPointer(start: events, count: count))
    }

    /// Decodes one record into its slot, and a transaction's event behind the `count` that there are.
    ///
    /// - Parameter time: what the event's time is held against; nil: nothing.
    @inline(__always)
    func decode(_ record: Record, time: Int64?, into i: Int, _ count: inout Int) throws(Rejection) {
        switch record.topic {
        case .transactions:
            slots[i].transaction = try decoder.transaction(record.value, recordTime: time, slot: i)
            slots[i].content = .transaction
            slots[i].event = count
            events[count] = Self.event(slots[i].transaction, partition: record.partition, offset: record.offset)
            count += 1
        case .feedback:
            slots[i].label = Self.label(try decoder.feedback(record.value, recordTime: time, slot: i))
            slots[i].content = .feedback
        }
    }

    private func score(_ record: Record, _ slot: UnsafeMutablePointer<Slot>, _ decoding: UInt64?, _ sink: VerdictSink) {
        score(slot.pointee.transaction, events[slot.pointee.event], decoding, sink)
        sink.results[sink.results.count - 1].keyMismatch = !Self.isKey(record.key, of: slot.pointee.transaction.account)
    }

    /// Decides and applies one transaction that was decoded elsewhere, from a row of a file for example, and writes its verdicts.
    ///
    /// One result is added to the sink. Partition and offset are its place in the input, as the verdict's `source` says it.
    public func score(_ transaction: Transaction, partition: Int32, offset: Int64, into sink: VerdictSink) {
        score(transaction, Self.event(transaction, partition: partition, offset: offset), sink.clock == nil ? nil : 0, sink)
        store.expire(budget: Self.expiryBudgetOfOne)
    }

    /// Applies a label that was decoded elsewhere: `applied` or `duplicate`.
    public func apply(_ feedback: Feedback) -> Outcome { apply(Self.label(feedback)) }

    /// Applies a label that was made by `label`, perhaps long before: it borrows nothing.
    public func apply(_ label: Label) -> Outcome {
        recorder?.note(label)
        return store.apply(label) == .duplicate ? .duplicate : .applied
    }

    /// - Parameter decoding: what its decoding took, where it is to be measured; nil where not.
    private func score(_ transaction: Transaction, _ event: Event, _ decoding: UInt64?, _ sink: VerdictSink) {
        let clock = decoding == nil ? nil : sink.clock
        let start = clock?() ?? 0
        switch store.decide(event) {
        case .new: answer(transaction, event, sink, decoding, clock, start)
        case .duplicate: sink.results.append(RecordResult(outcome: .duplicate))
        case .conflict: sink.refuse(.conflictingID)
        }
    }

    /// Applies a transaction that is new, and writes its verdicts.
    func answer(
        _ transaction: Transaction, _ event: Event, _ sink: VerdictSink, _ decoding: UInt64? = nil, _ clock: (() -> UInt64)? = nil, _ start: UInt64 = 0
    ) {
        store.apply(event, into: reading)
        let applied = clock?() ?? 0
        var context = context(transaction, event)
        let cause = incompleteCause(event.time, isLate: context.isLate)
        context.isComplete = cause == nil
        context.source = (event.partition, event.offset)
        assessFraud(context)
        let fraudDone = clock?() ?? 0
        assessAML(transaction, event, Moment(time: event.time, partition: event.partition, offset: event.offset), fillsAML: sink.keepsAMLFeatures)
        let movement = Self.movement(transaction, event)
        graph.apply(time: event.time, movement)
        recorder?.note(event, movement)
        let amlDone = clock?() ?? 0

        let challenger = scorer.scoreShadow(vector.values)
        if let challenger { tally.compare(fraud.score, fraud.decision, challenger.score, challenger.decision) }
        var result = RecordResult(outcome: .scored)
        if sink.keepsVerdicts {
            (result.fraud, result.aml) = writer.write(transaction, event, reading, context, fraud: fraud, aml: aml, into: sink)
        }
        if sink.keepsFeatures { sink.features.append(contentsOf: vector.features) }
        if sink.keepsAMLFeatures { sink.features.append(contentsOf: amlVector.features) }
        result.fraudDecision = FraudDecision(rawValue: fraud.decision)!
        result.challengerDecision = challenger.flatMap { FraudDecision(rawValue: $0.decision) }
        result.amlDecision = AMLDecision(rawValue: aml.decision)!
        if let found = aml.typologies { for i in 0..<found.count { result.typologies |= 1 << UInt32(found.typologies[i].rawValue) } }
        result.isLate = context.isLate
        result.incompleteCause = cause
        sink.results.append(result)
        // One in sixteen is enough to know a population by.
        if decoding != nil { tally.meet(vector.values) }
        if let clock, let decoding {
            sink.samples.append(StageSample(scoring: decoding + clock() - start, velocity: applied - start, aml: amlDone - fraudDone))
        }
    }

    private static func isKey(_ key: UnsafeRawBufferPointer?, of account: Text) -> Bool {
        guard let key, key.count == account.count, let base = key.baseAddress else { return false }
        return memcmp(base, account.base!, key.count) == 0
    }
}

extension VerdictSink {
    func refuse(_ rejection: Rejection) {
        var result = RecordResult(outcome: .deadLettered(rejection.reason))
        result.message = rejection.message
        result.field = rejection.field
        results.append(result)
    }
}

extension Rejection {
    /// An id that is retained for its account, with another time or amount.
    static let conflictingID = Rejection(
        .conflictingID, field: "transaction_id", "the account has a transaction of this id with another time or amount")
}
