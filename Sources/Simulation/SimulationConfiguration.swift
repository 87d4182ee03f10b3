/// What world is simulated, for how long and how it is delivered. Plain values; equal configurations give equal transactions.
public struct SimulationConfiguration: Sendable {
    public var seed: UInt64 = 1
    /// Customers of the bank, 1 … 10,000,000. Some 300 bytes are held for each.
    public var customers = 5_000
    /// Merchants, 1 … 10,000,000.
    public var merchants = 1_000
    /// First event time, Unix epoch milliseconds. 2026-01-01 by default.
    public var start: Int64 = 1_767_225_600_000
    /// Length in event time, milliseconds; nil: it never ends.
    public var duration: Int64?
    /// Everyday transactions a second of event time, averaged over a week; nil: two a customer a day. Salaries, rents and bills come on top
    /// (about a tenth of one a customer a day), as do incidents.
    public var rate: Double?
    /// Whether that rate is the same at every hour; otherwise nights are quiet and evenings busy.
    public var isSteady = false
    /// Share of fraudulent transactions in all, 0 … 0.5. Incidents are started so that it holds in the long run.
    public var fraudShare = 0.005
    /// The same for laundering.
    public var launderingShare = 0.001
    /// Share of what looks like laundering and is none: salaries, marketplaces, shared rents, families, deposits. 0 … 0.5
    public var lookAlikeShare = 0.001
    /// Whether customers pay in their country's currency; otherwise all is in US dollars.
    public var localCurrencies = false
    /// Share of transactions that are delivered late, 0 … 0.5, by up to `maxDelay`.
    public var lateShare = 0.0
    /// Milliseconds, at least 1.
    public var maxDelay: Int64 = 6 * CivilDate.millisPerHour
    /// Share of transactions that are delivered a second time, 0 … 0.5, within a minute.
    public var duplicateShare = 0.0
    /// When a label becomes known, milliseconds after its transaction at the latest; most are known earlier.
    public var feedbackDelay: Int64 = 7 * CivilDate.millisPerDay

    public init() {}

    /// What is wrong with these values, naming the first; nil when nothing is.
    public var fault: String? {
        if !(1...10_000_000).contains(customers) { return "the number of customers must be 1 to 10,000,000" }
        if !(1...10_000_000).contains(merchants) { return "the number of merchants must be 1 to 10,000,000" }
        // The contract takes event times from 10^11 up to 10^14 milliseconds.
        if !(100_000_000_000..<90_000_000_000_000).contains(start) { return "the start must lie between 1973-03-03 and 4821" }
        if let duration, !(1...3_200_000_000_000).contains(duration) { return "the duration must be from one millisecond to a century" }
        if let rate, !(rate > 0 && rate <= 1_000_000) { return "the rate must be above 0 and at most 1,000,000 a second" }
        let shares = [
            ("fraud", fraudShare), ("laundering", launderingShare), ("look-alike", lookAlikeShare), ("late", lateShare), ("duplicate", duplicateShare),
        ]
        for (name, share) in shares where !(share >= 0 && share <= 0.5) { return "the \(name) share must be 0 to 0.5" }
        if maxDelay < 1 || feedbackDelay < 1 { return "delays must be at least a millisecond" }
        return nil
    }
}
