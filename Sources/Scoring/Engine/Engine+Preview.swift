import Velocity

extension Engine {
    /// Says of a transaction what the stream would if it were the next record, and changes nothing. One result is added to the sink, with one verdict.
    ///
    /// A transaction that is retained already is answered from what is held, as of its own time.
    /// - Parameters:
    ///   - arrival: when the request came, Unix epoch milliseconds: what clock skew is measured from.
    /// - Returns: whether it is such a duplicate; or why it is refused, as a dead letter would be.
    public func preview(
        _ kind: VerdictKind, _ body: UnsafeRawBufferPointer, arrival: Int64, into sink: VerdictSink
    ) -> Result<Bool, Rejection> {
        answer(kind, body, arrival: arrival, applies: false, into: sink)
    }

    /// The same, and applies the transaction unless it is a duplicate: where nothing else feeds the state.
    ///
    /// The first transaction says from when on the windows are whole.
    public func applyOne(
        _ kind: VerdictKind, _ body: UnsafeRawBufferPointer, arrival: Int64, into sink: VerdictSink
    ) -> Result<Bool, Rejection> {
        answer(kind, body, arrival: arrival, applies: true, into: sink)
    }

    private func answer(
        _ kind: VerdictKind, _ body: UnsafeRawBufferPointer, arrival: Int64, applies: Bool, into sink: VerdictSink
    ) -> Result<Bool, Rejection> {
        let transaction: Transaction
        do throws(Rejection) {
            transaction = try decoder.transaction(body, recordTime: arrival, slot: 0)
        } catch {
            return .failure(error)
        }
        // What is asked for stands behind all records, as the next one would; what is applied here is numbered here.
        let event = applies ? Self.event(transaction, partition: 0, offset: appliedHere) : Self.event(transaction, partition: .max, offset: .max)
        let decision: Decision
        let isApplied = applies && store.decide(event) == .new
        if isApplied {
            if store.watermark == .min { incomplete.since = max(incomplete.since, event.time) }
            appliedHere += 1
            if let relief = relief() { raise(eventHorizon: relief.eventHorizon, memoryHorizon: relief.memoryHorizon) }
            store.apply(event, into: reading)
            store.expire(budget: Self.expiryBudgetOfOne)
            decision = .new
        } else {
            decision = store.preview(event, into: reading)
        }
        if decision == .conflict { return .failure(.conflictingID) }
        let movement = Self.movement(transaction, event)
        let held = decision == .duplicate ? movement.flatMap(graph.moment(of:)) : nil
        let moment = held ?? Moment(time: event.time, partition: event.partition, offset: event.offset)

        var context = context(transaction, event)
        let cause = incompleteCause(event.time, isLate: context.isLate)
        context.isComplete = cause == nil
        context.isDuplicate = decision == .duplicate
        var result = RecordResult(outcome: context.isDuplicate ? .duplicate : .scored)
        switch kind {
        case .fraud:
            assessFraud(context)
            result.fraudDecision = FraudDecision(rawValue: fraud.decision)!
            result.fraud = writer.write(.fraud, transaction, event, reading, context, fraud, into: sink)
        case .aml:
            assessAML(transaction, event, moment)
            result.amlDecision = AMLDecision(rawValue: aml.decision)!
            result.aml = writer.write(.aml, transaction, event, reading, context, aml, into: sink)
        }
        if isApplied { graph.apply(time: event.time, movement) }
        result.isLate = context.isLate
        result.incompleteCause = cause
        sink.results.append(result)
        return .success(context.isDuplicate)
    }
}
