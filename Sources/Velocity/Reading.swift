/// Debits of an account in one window. Sums are minor units of the base currency.
public struct AccountWindow: Equatable, Sendable {
    public var count: Int64 = 0
    public var sum: Int128 = 0
    public var max: Int64 = 0
    public var distinctMerchants: Int64 = 0
    public var distinctCounterparties: Int64 = 0
    public var distinctDevices: Int64 = 0
    public var distinctCountries: Int64 = 0
    public var newCounterparties: Int64 = 0
    public init() {}
}

/// What came in to an account (or to the counterparty's account) in one window.
public struct FlowWindow: Equatable, Sendable {
    public var count: Int64 = 0
    public var sum: Int128 = 0
    public var max: Int64 = 0
    public var distinctAccounts: Int64 = 0
    public init() {}
}

/// Transactions of a card, device, ip or merchant in one window.
public struct EntityWindow: Equatable, Sendable {
    public var count: Int64 = 0
    public var sum: Int128 = 0
    public var distinctAccounts: Int64 = 0
    /// Merchant only: transactions in (t − D − W, t − D], and those of them whose label says fraud.
    public var delayedCount: Int64 = 0
    public var delayedFrauds: Int64 = 0
    public init() {}
}

/// What the state says of one event apart from windows.
public struct EventReading: Sendable {
    /// Below the watermark before it, less the allowed lateness.
    public var isLate = false
    /// Whether the event is itself retained, and so joined its windows.
    public var isRetained = true
    /// t − highest earlier time of the account, not below 0, in ms; −1 when there is none.
    public var accountMillisSinceLast: Int64 = -1
    /// Lowest time among the account's transactions, this one included.
    public var accountFirstTime: Int64 = 0
    /// Number, sum and sum of squares of the account's earlier debits inside the longest window, in minor units.
    public var earlierCount: Int64 = 0
    public var earlierSum: Int128 = 0
    public var earlierSquares: UInt128 = 0
    /// The account's earlier debits to this counterparty, of any time; 0 for credits and without a counterparty.
    public var pairCount: Int64 = 0
    public var pairSum: Int128 = 0
    public var pairMillisSinceLast: Int64 = -1
    /// t − time of the account's newest earlier debit that was its first to a counterparty, inside the longest window, in ms; −1 without one.
    public var strangerMillisSinceLast: Int64 = -1

    public init() {}
}

/// What the state says of one event: every window's statistics as of the event's time, the event included.
///
/// One instance is made at start and filled again for each event; arrays hold one element a configured window.
public final class Reading {
    public let windowCount: Int
    public let account: UnsafeMutablePointer<AccountWindow>
    public let inflow: UnsafeMutablePointer<FlowWindow>
    public let counterparty: UnsafeMutablePointer<FlowWindow>
    public let card: UnsafeMutablePointer<EntityWindow>
    public let device: UnsafeMutablePointer<EntityWindow>
    public let ip: UnsafeMutablePointer<EntityWindow>
    public let merchant: UnsafeMutablePointer<EntityWindow>

    /// All that is not a window's. It lies behind a pointer so that nothing checks each access to it.
    public let event: UnsafeMutablePointer<EventReading>

    /// Below the watermark before it, less the allowed lateness.
    @inlinable public var isLate: Bool {
        get { event.pointee.isLate }
        set { event.pointee.isLate = newValue }
    }
    /// Whether the event is itself retained, and so joined its windows.
    @inlinable public var isRetained: Bool {
        get { event.pointee.isRetained }
        set { event.pointee.isRetained = newValue }
    }
    /// t − highest earlier time of the account, not below 0, in ms; −1 when there is none.
    @inlinable public var accountMillisSinceLast: Int64 {
        get { event.pointee.accountMillisSinceLast }
        set { event.pointee.accountMillisSinceLast = newValue }
    }
    /// Lowest time among the account's transactions, this one included.
    @inlinable public var accountFirstTime: Int64 {
        get { event.pointee.accountFirstTime }
        set { event.pointee.accountFirstTime = newValue }
    }
    /// Number, sum and sum of squares of the account's earlier debits inside the longest window, in minor units.
    @inlinable public var earlierCount: Int64 {
        get { event.pointee.earlierCount }
        set { event.pointee.earlierCount = newValue }
    }
    @inlinable public var earlierSum: Int128 {
        get { event.pointee.earlierSum }
        set { event.pointee.earlierSum = newValue }
    }
    @inlinable public var earlierSquares: UInt128 {
        get { event.pointee.earlierSquares }
        set { event.pointee.earlierSquares = newValue }
    }
    /// The account's earlier debits to this counterparty, of any time; 0 for credits and without a counterparty.
    @inlinable public var pairCount: Int64 {
        get { event.pointee.pairCount }
        set { event.pointee.pairCount = newValue }
    }
    @inlinable public var pairSum: Int128 {
        get { event.pointee.pairSum }
        set { event.pointee.pairSum = newValue }
    }
    @inlinable public var pairMillisSinceLast: Int64 {
        get { event.pointee.pairMillisSinceLast }
        set { event.pointee.pairMillisSinceLast = newValue }
    }

    @inlinable public var strangerMillisSinceLast: Int64 { event.pointee.strangerMillisSinceLast }

    public init(windowCount: Int) {
        self.windowCount = windowCount
        func make<T>(_ value: T) -> UnsafeMutablePointer<T> {
            let p = UnsafeMutablePointer<T>.allocate(capacity: windowCount)
            p.initialize(repeating: value, count: windowCount)
            return p
        }
        event = .allocate(capacity: 1)
        event.initialize(to: .init())
        account = make(.init())
        inflow = make(.init())
        counterparty = make(.init())
        card = make(.init())
        device = make(.init())
        ip = make(.init())
        merchant = make(.init())
    }

    deinit {
        event.deallocate()
        account.deallocate()
        inflow.deallocate()
        counterparty.deallocate()
        card.deallocate()
        device.deallocate()
        ip.deallocate()
        merchant.deallocate()
    }
}
