import Velocity

/// A record that the journal says was applied cannot be read here: the state would part from the others', so the process must stop.
public struct FollowError: Error, Sendable, CustomStringConvertible {
    public var topic: InputTopic
    public var partition: Int32
    public var offset: Int64
    public var rejection: Rejection

    public var description: String {
        "record \(offset) of \(topic) partition \(partition) was applied, by the journal, and cannot be read here: \(rejection.reason.code): \(rejection.message)"
    }
}

extension Engine {
    /// Applies records as the journal says, and writes nothing: the way of followers, restores and audits.
    ///
    /// What the journal has decided is not decided again: clock skew and size are not looked at, nor are duplicates. Rates must be those that were in force.
    /// - Parameter outcomes: one a record, from the journal; nil for history, which nobody has answered: it is decided here, by the rules in force.
    /// - Throws: at a record that was applied and cannot be decoded. Those before it have been applied.
    /// - Complexity: O(records).
    public func follow(_ records: UnsafeBufferPointer<Record>, outcomes: [Outcome]?) throws(FollowError) {
        try follow(records, outcomes, nil)
    }

    /// As `follow`, and writes the verdicts of what was scored, as its leader did: the way of an audit. One result a record is added to the sink; its outcome is the journal's.
    public func recompute(_ records: UnsafeBufferPointer<Record>, outcomes: [Outcome], into sink: VerdictSink) throws(FollowError) {
        try follow(records, outcomes, sink)
    }

    private func follow(_ records: UnsafeBufferPointer<Record>, _ outcomes: [Outcome]?, _ sink: VerdictSink?) throws(FollowError) {
        precondition(outcomes == nil || outcomes!.count == records.count, "an outcome for every record")
        var begin = 0
        while begin < records.count {
            let end = min(begin + Self.batch, records.count)
            let chunk = UnsafeBufferPointer(rebasing: records[begin..<end])
            try decode(chunk, outcomes.map { $0[begin..<end] })
            for i in chunk.indices {
                let outcome = outcomes?[begin + i]
                if let sink, outcome == .scored, case .transaction = slots[i].content {
                    answer(slots[i].transaction, events[slots[i].event], sink)
                    continue
                }
                switch slots[i].content {
                case .transaction:
                    let event = events[slots[i].event]
                    if outcome != nil || store.decide(event) == .new {
                        store.apply(event)
                        let movement = Self.movement(slots[i].transaction, event)
                        graph.apply(time: event.time, movement)
                        recorder?.note(event, movement)
                    }
                case .feedback: _ = apply(slots[i].label)
                case .refused, .skipped: break
                }
                if let sink, let outcome { sink.results.append(RecordResult(outcome: outcome)) }
            }
            store.expire(budget: Self.expiryBudget)
            begin = end
        }
    }

    private func decode(_ records: UnsafeBufferPointer<Record>, _ outcomes: ArraySlice<Outcome>?) throws(FollowError) {
        var count = 0
        let limit = decoder.rules.maxRecordBytes
        if outcomes != nil { decoder.rules.maxRecordBytes = .max }
        defer { decoder.rules.maxRecordBytes = limit }
        for i in records.indices {
            let record = records[i]
            if let outcomes, !outcomes[outcomes.startIndex + i].isApplied {
                slots[i].content = .skipped
                continue
            }
            do throws(Rejection) {
                try decode(record, time: outcomes != nil || record.time < 0 ? nil : record.time, into: i, &count)
            } catch {
                if outcomes != nil {
                    throw FollowError(topic: record.topic, partition: record.partition, offset: record.offset, rejection: error)
                }
                slots[i].content = .refused(error)
            }
        }
        store.prepare(UnsafeBufferPointer(start: events, count: count))
    }
}

extension Outcome {
    /// Whether the record changed the state.
    var isApplied: Bool {
        switch self {
        case .scored, .applied: true
        case .deadLettered(let reason): reason == .verdictTooLarge
        case .duplicate: false
        }
    }
}
