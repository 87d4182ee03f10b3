/// How an event relates to what is retained (contract, section 4).
public enum Decision: Sendable {
    /// No retained event of the account has this transaction id.
    case new
    /// One has it, with the same time and amount.
    case duplicate
    /// One has it, with another time or amount.
    case conflict
}

/// What windows are kept for. `account` holds the account's own transactions, `inflow` what came in to an account (and to a counterparty: they are one).
public enum EntityKind: Int, CaseIterable, Sendable {
    case account, inflow, card, device, ip, merchant
}

/// What became of a label.
public enum LabelOutcome: Sendable {
    /// Taken in: it is the one that counts, or an earlier one than that which does.
    case applied
    /// The same label, of the same label time, was applied before.
    case duplicate
    /// Its transaction's time is no longer retained for `fraud_rate`, or feedback is switched off.
    case ignored
}

/// The state: all events inside windows and lateness, what is remembered of accounts and pairs, and labels.
///
/// One thread owns it. It knows no clock but event time: the state is a function of what was applied, in its order. Nothing is allocated from the heap for
/// an event: all memory is cut from an arena, entities are named by dense ids, and an entity's events lie in blocks shared by all its windows.
/// `docs/explanation/velocity.md` has the layout.
public final class VelocityStore {
    public let configuration: VelocityConfiguration
    /// The highest event time applied, Unix epoch milliseconds; `Int64.min` before the first event.
    public internal(set) var watermark: Int64 {
        get { moments.pointee.watermark }
        set { moments.pointee.watermark = newValue }
    }
    /// Events at or below it are gone, whatever the watermark says; only rises. `Int64.min`: none.
    public internal(set) var eventHorizon: Int64 {
        get { moments.pointee.eventHorizon }
        set { moments.pointee.eventHorizon = newValue }
    }
    /// Accounts and pairs last seen at or below it are forgotten, as far as the windows let them; only rises. `Int64.min`: none.
    public internal(set) var memoryHorizon: Int64 {
        get { moments.pointee.memoryHorizon }
        set { moments.pointee.memoryHorizon = newValue }
    }
    private struct Moments {
        var watermark = Int64.min
        var eventHorizon = Int64.min
        var memoryHorizon = Int64.min
    }
    /// Behind a pointer, so that nothing checks each access: every event asks a dozen times.
    private let moments: UnsafeMutablePointer<Moments>

    let arena: Arena
    let accounts: EntityTable
    let cards: EntityTable
    let devices: EntityTable
    let ips: EntityTable
    let merchants: EntityTable
    let countries: EntityTable
    let pairs: Pairs
    let labels: FlatTable<LabelEntry>

    let debits: Lists<Debits>
    let credits: Lists<Credits>
    let inflows: Lists<Inflow>
    /// Of cards, devices and ips.
    let plain: Lists<Plain>
    let sales: Lists<Sales>

    /// Number of windows, and their lengths in milliseconds, ascending.
    let windows: Int
    let lengths: UnsafeMutablePointer<Int64>
    /// Lower edges of the windows of the event being read, those of what lies a delay behind, and what is said of each.
    let lows: UnsafeMutablePointer<Int64>
    let delayedLows: UnsafeMutablePointer<Int64>
    let totals: UnsafeMutablePointer<Totals>
    /// Ids of what a prepared batch names, six an event: likely ones, not certain ones.
    let hints: UnsafeMutablePointer<UInt32>
    static let hintedEvents = 16
    /// Counts and sums by time: of events, and of accounts and pairs by their last.
    let eventRing: TimeRing
    let accountRing: TimeRing
    let pairRing: TimeRing
    /// Sums of labels by time, by bucket.
    var labelSums: [Int64: UInt64] = [:]

    /// While a snapshot is written or brought on, no id is given back: what was written names it.
    var holdsIDs = false
    /// As `tidy` found the state, and how many steps it has left.
    var tidied = TidyKey()
    var tidyingLeft = 0
    /// Where the sweep of each kind stands.
    var sweeps: (accounts: UInt32, cards: UInt32, devices: UInt32, ips: UInt32, merchants: UInt32, countries: UInt32) = (0, 0, 0, 0, 0, 0)

    public convenience init(_ configuration: VelocityConfiguration) { self.init(configuration, Limits()) }

    init(_ configuration: VelocityConfiguration, _ limits: Limits) {
        self.configuration = configuration
        moments = .allocate(capacity: 1)
        moments.initialize(to: Moments())
        let reach = configuration.windows.last! + configuration.allowedLateness + (configuration.feedbackEnabled ? configuration.feedbackDelay : 0)
        let isWide = reach >= 1 << 32
        windows = configuration.windows.count
        span = configuration.windows.last! + configuration.allowedLateness
        // Times of four bytes are compared across twice the longest window there.
        let lateness = reach + configuration.windows.last! < 1 << 31 ? configuration.allowedLateness : 0
        arena = Arena()
        accounts = EntityTable(arena, stride: AccountRecord.stride)
        cards = EntityTable(arena, stride: 12)
        devices = EntityTable(arena, stride: 12)
        ips = EntityTable(arena, stride: 12)
        merchants = EntityTable(arena, stride: 12)
        countries = EntityTable(arena, stride: 12)
        pairs = Pairs(arena)
        labels = FlatTable(arena)
        debits = Lists(arena, windows: windows, isWide: isWide, hasDelayed: false, lateness: lateness, limits: limits)
        credits = Lists(arena, windows: windows, isWide: isWide, hasDelayed: false, lateness: lateness, limits: limits)
        inflows = Lists(arena, windows: windows, isWide: isWide, hasDelayed: false, lateness: lateness, limits: limits)
        plain = Lists(arena, windows: windows, isWide: isWide, hasDelayed: false, lateness: lateness, limits: limits)
        sales = Lists(arena, windows: windows, isWide: isWide, hasDelayed: configuration.feedbackEnabled, lateness: lateness, limits: limits)
        eventRing = TimeRing(retention: configuration.windows.last! + configuration.allowedLateness)
        accountRing = TimeRing(retention: configuration.accountRetention)
        pairRing = TimeRing(retention: configuration.pairRetention)
        lengths = .allocate(capacity: windows)
        lengths.initialize(from: configuration.windows, count: windows)
        lows = .allocate(capacity: windows)
        delayedLows = .allocate(capacity: windows)
        totals = .allocate(capacity: windows)
        totals.initialize(repeating: Totals(), count: windows)
        hints = .allocate(capacity: 6 * Self.hintedEvents)
    }

    deinit {
        moments.deallocate()
        lengths.deallocate()
        lows.deallocate()
        delayedLows.deallocate()
        totals.deallocate()
        hints.deallocate()
    }

    // MARK: What is retained

    /// How long an event is retained, in milliseconds of event time.
    private let span: Int64

    @inline(__always)
    func minus(_ time: Int64, _ span: Int64) -> Int64 {
        let (value, overflow) = time.subtractingReportingOverflow(span)
        return overflow ? Int64.min : value
    }

    /// Events above it are retained at this watermark.
    @inline(__always)
    func eventFloor(_ watermark: Int64) -> Int64 { max(minus(watermark, span), eventHorizon) }

    /// Merchants' events and labels above it are retained for `fraud_rate`.
    func delayedFloor(_ watermark: Int64) -> Int64 {
        configuration.feedbackEnabled ? max(minus(watermark, span + configuration.feedbackDelay), eventHorizon) : eventFloor(watermark)
    }

    func accountFloor(_ watermark: Int64) -> Int64 {
        max(minus(watermark, configuration.accountRetention), min(memoryHorizon, eventFloor(watermark)))
    }

    func pairFloor(_ watermark: Int64) -> Int64 {
        max(minus(watermark, configuration.pairRetention), min(memoryHorizon, eventFloor(watermark)))
    }

    /// Moves the horizons up (never down): what lies at or below them is gone at once, whether or not its memory has been given back yet.
    public func raise(eventHorizon: Int64, memoryHorizon: Int64) {
        self.eventHorizon = max(self.eventHorizon, eventHorizon)
        self.memoryHorizon = max(self.memoryHorizon, memoryHorizon)
    }

    // MARK: Counting

    /// Transactions held for the accounts' windows and duplicates, those not swept yet included.
    ///
    /// - Complexity: O(1), as are the counts below.
    public var eventCount: Int { debits.events + credits.events }

    /// Entities of a kind held, those not swept yet included.
    public func entityCount(_ kind: EntityKind) -> Int {
        switch kind {
        case .account: accounts.count
        case .inflow: inflows.lists
        case .card: cards.count
        case .device: devices.count
        case .ip: ips.count
        case .merchant: merchants.count
        }
    }

    /// Pairs (account, counterparty) remembered, those not swept yet included.
    public var pairCount: Int { pairs.count }
    /// Labels held, those not swept yet included.
    public var labelCount: Int { labels.count }

    /// Bytes that the state holds, spare ones included.
    ///
    /// A function of what was applied, and when memory was given back; never what the system says.
    public var stateBytes: Int {
        let tables = [accounts, cards, devices, ips, merchants, countries]
        return arena.heldBytes + tables.reduce(0) { $0 + $1.recordBytes }
    }

    /// A part of the state and what it takes.
    public struct Part: Sendable {
        public var name: StaticString
        public var bytes: Int
        /// Events, entities, pairs or labels.
        public var count: Int
    }

    /// Where the bytes are; together they are `stateBytes`.
    public var parts: [Part] {
        let others = [cards, devices, ips, merchants, countries]
        var parts = [
            Part(name: "account_events", bytes: debits.bytes + credits.bytes, count: eventCount),
            Part(name: "inflow_events", bytes: inflows.bytes, count: inflows.events),
            Part(name: "entity_events", bytes: plain.bytes, count: plain.events),
            Part(name: "merchant_events", bytes: sales.bytes, count: sales.events),
            Part(name: "accounts", bytes: accounts.bytes, count: accounts.count),
            Part(name: "entities", bytes: others.reduce(0) { $0 + $1.bytes }, count: others.reduce(0) { $0 + $1.count }),
            Part(name: "pairs", bytes: pairs.bytes, count: pairs.count),
            Part(name: "labels", bytes: labels.bytes, count: labels.count),
        ]
        parts.append(Part(name: "spare", bytes: stateBytes - parts.reduce(0) { $0 + $1.bytes }, count: 0))
        return parts
    }
}

extension VelocityStore: CustomStringConvertible {
    /// Counts, for logs and failed tests.
    public var description: String { "\(eventCount) events, \(accounts.count) accounts, \(pairCount) pairs, \(labelCount) labels" }
}
