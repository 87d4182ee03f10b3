/// One transaction as the windows see it: times, minor units and 64-bit keys of the entities it names.
///
/// A key is `EntityKey.hash` of the id's bytes, never 0; 0 says that the transaction does not name that entity.
public struct Event: Sendable {
    /// Event time, Unix epoch milliseconds.
    public var time: Int64 = 0
    /// Amount in minor units of the base currency, 0 ..< 10^14.
    public var amount: Int64 = 0
    public var account: UInt64 = 0
    /// Key of `transaction_id`; unique within the account.
    public var transaction: UInt64 = 0
    public var counterparty: UInt64 = 0
    public var merchant: UInt64 = 0
    public var card: UInt64 = 0
    public var device: UInt64 = 0
    public var ip: UInt64 = 0
    /// Key of the transaction's `country`.
    public var country: UInt64 = 0
    /// Debits take money from the account and bring it to the counterparty; credits bring it to the account.
    public var isDebit = true
    /// Place in the input; orders events of one millisecond where order must be.
    public var partition: Int32 = 0
    public var offset: Int64 = 0

    public init() {}
}

/// A label for a transaction: confirmed fraud or confirmed legitimate.
public struct Label: Sendable {
    public var account: UInt64 = 0
    public var transaction: UInt64 = 0
    public var merchant: UInt64 = 0
    /// Event time of the labelled transaction, Unix epoch milliseconds.
    public var transactionTime: Int64 = 0
    /// When the label became known, Unix epoch milliseconds.
    public var labelTime: Int64 = 0
    public var isFraud = false

    public init() {}
}
