/// A label as it becomes known to the bank: a chargeback, or an investigator's answer.
public struct SimulatedFeedback: Sendable {
    /// The transaction's number, account, merchant and event time.
    public var number: UInt64
    public var account: Party
    public var merchant: Int32
    public var transactionTime: Int64
    /// When the label became known, Unix epoch milliseconds.
    public var time: Int64
    public var isFraud: Bool
}

extension Simulator {
    /// Nineteen in twenty frauds at merchants are reported, and one in five hundred of the rest is looked into and found to be right. A
    /// feedback record names a merchant, so what has none stays without a label; and nobody tells a bank of laundering.
    func planLabel(_ transaction: SimulatedTransaction) {
        let isFraud = transaction.scenario.kind == .fraud
        // Drawn for each transaction, whatever comes of it, so that labels do not move what is delivered.
        let drawn = delivery.unit()
        let share = delivery.unit()
        guard transaction.merchant >= 0, transaction.scenario.kind != .laundering, drawn < (isFraud ? 0.95 : 0.002) else { return }
        let delay = 1 + Int64(share * Double(configuration.feedbackDelay - 1))
        let label = SimulatedFeedback(
            number: transaction.number, account: transaction.account, merchant: transaction.merchant,
            transactionTime: transaction.time, time: transaction.time + delay, isFraud: isFraud)
        labels.add(label, at: label.time)
    }

    /// The next label that is known by then, in the order in which they become known; nil when there is none (yet).
    public func nextFeedback(until time: Int64) -> SimulatedFeedback? { labels.nextTime <= time ? labels.take() : nil }
}
