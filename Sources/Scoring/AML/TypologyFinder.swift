import Velocity

/// Searches of the payment graph for one transaction, all together.
public struct Searches: Sendable, Equatable {
    public var count = 0
    /// Movements that they looked at.
    public var edges = 0
    /// Searches that met the bound on movements.
    public var cut = 0
    /// Searches that met the bound on degree, and none on movements.
    public var sampled = 0

    public init() {}

    func adding(_ cost: SearchCost) -> Searches {
        var sum = self
        sum.count += 1
        sum.edges += cost.edges
        if cost.isCut { sum.cut += 1 } else if cost.hubs > 0 { sum.sampled += 1 }
        return sum
    }
}

/// Finds the typologies that one transaction completes, with the numbers that show each.
///
/// It looks at what the windows say of the transaction (`Reading`) and at the payment graph as it was before it. Both legs of a payment count:
/// what leaves the account, and what comes to the counterparty.
final class TypologyFinder {
    private(set) var settings: TypologySettings
    var graph: PaymentGraph
    let findings = TypologyFindings()
    /// What the searches for this transaction took.
    private(set) var searches = Searches()
    /// What `isNewPair` found for this transaction.
    var pairIsNew: Bool?
    /// What `layering` found for this transaction, where it looked.
    var chainHops: Int?

    let countries: HighRiskCountries
    let windows: [Int64]
    /// Of the configured windows, by index: a day's, a week's.
    let dayWindow: Int
    let weekWindow: Int
    let span: Int64
    /// Minor units in a major one.
    let minorUnits: Int64
    /// The suspicious amount in minor units: `T`.
    var suspicious: Int64 = 0
    var t = 0.0

    init(_ configuration: EngineConfiguration, _ graph: PaymentGraph, minorUnits: Int64, settings: TypologySettings = .init()) {
        self.settings = settings
        self.graph = graph
        self.minorUnits = minorUnits
        countries = configuration.countries
        let windows = configuration.velocity.windows
        self.windows = windows
        dayWindow = windows.firstIndex { $0 >= settings.day } ?? windows.count - 1
        weekWindow = windows.firstIndex { $0 >= settings.week } ?? windows.count - 1
        span = windows[windows.count - 1] + configuration.velocity.allowedLateness
    }

    /// Puts other thresholds in force. Which windows are a day's and a week's stays.
    func take(_ settings: TypologySettings) { self.settings = settings }

    /// Puts another suspicious amount in force, minor units.
    func take(suspicious: Int64) {
        self.suspicious = suspicious
        t = Double(suspicious)
    }

    /// The length of the window that stands for a day, and for a week, ms.
    var dayMillis: Int64 { windows[dayWindow] }
    var weekMillis: Int64 { windows[weekWindow] }

    /// A transaction, what is known of it, and when.
    struct Subject {
        var transaction: Transaction
        var event: Event
        var reading: Reading
        var moment: Moment
        /// Whether money goes from account to another account that is named.
        var isPayment: Bool
        var isCashOrTransfer: Bool

        init(_ transaction: Transaction, _ event: Event, _ reading: Reading, _ moment: Moment) {
            self.transaction = transaction
            self.event = event
            self.reading = reading
            self.moment = moment
            isPayment = event.isDebit && event.counterparty != 0 && event.counterparty != event.account
            isCashOrTransfer = transaction.type.isCashOrTransfer
        }
    }

    /// Fills `findings`.
    ///
    /// - Complexity: O(1) where nothing is searched, else bounded by `settings.limits`.
    func find(_ subject: Subject) {
        let event = subject.event
        findings.clear()
        searches = Searches()
        pairIsNew = nil
        chainHops = nil
        largeAmount(subject)
        structuring(subject)
        smurfing(subject)
        if subject.isPayment {
            fanIn(subject)
            fanOut(subject)
            gatherScatter(subject)
            scatterGather(subject)
            cycle(subject)
            sets(subject)
        }
        if event.isDebit {
            passThrough(subject)
            layering(subject)
        }
        dormant(subject)
        newAccount(subject)
        roundAmounts(subject)
        geography(subject)
        rapidMovement(subject)
    }

    // MARK: Saying how

    /// A search was made.
    func begin(_ found: SearchCost) { searches = searches.adding(found) }

    /// An account's movements were looked at one by one, the newest alone where there were more than the bound on degree.
    func begin(isSampled: Bool) {
        var cost = SearchCost()
        cost.hubs = isSampled ? 1 : 0
        begin(cost)
    }

    /// The numbers are the counterparty's, not the account's.
    func leg(_ isCounterparty: Bool) { if isCounterparty { findings.integer("of_counterparty", 1) } }

    /// Only the newest movements were looked at: the numbers are lower bounds.
    func cut(_ isCut: Bool) { if isCut { findings.integer("sampled", 1) } }

    func say(_ cost: SearchCost) {
        if cost.hubs > 0 { findings.integer("hubs_skipped", Int64(cost.hubs)) }
        if cost.isCut { findings.integer("search_cut", 1) }
    }
}

/// 0 up to `from`, 1 from `to` on, straight between.
@inline(__always)
func rise(_ x: Double, _ from: Double, _ to: Double) -> Double { x <= from ? 0 : x >= to ? 1 : (x - from) / (to - from) }

extension TransactionType {
    /// Cash in or out, or a transfer, as against a payment for something.
    var isCashOrTransfer: Bool { self == .transfer || self == .cashIn || self == .cashOut }

    /// Whether the payment graph keeps it: refunds and purchases that name no counterparty are nobody's money on its way.
    func isMovement(hasCounterparty: Bool) -> Bool { self == .purchase ? hasCounterparty : self != .refund }
}

extension Engine {
    /// The transaction as the payment graph sees it; nil when it moves no money between accounts, or over the edge of what is seen.
    static func movement(_ transaction: Transaction, _ event: Event) -> Movement? {
        guard transaction.type.isMovement(hasCounterparty: event.counterparty != 0) else { return nil }
        let isIn = transaction.type == .cashIn
        return Movement(
            time: event.time, amount: event.amount, from: isIn ? 0 : event.account, to: isIn ? event.account : event.counterparty,
            isCashOrTransfer: transaction.type.isCashOrTransfer, partition: event.partition, offset: event.offset)
    }
}
