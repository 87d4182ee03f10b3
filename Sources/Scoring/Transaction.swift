/// Bytes that somebody else owns, valid until the decoder's slot is used again. Not present: `base` is nil.
public struct Text {
    public var base: UnsafePointer<UInt8>?
    public var count: Int

    public init(base: UnsafePointer<UInt8>? = nil, count: Int = 0) {
        self.base = base
        self.count = count
    }

    public var isPresent: Bool { base != nil }
    public var bytes: UnsafeBufferPointer<UInt8> { .init(start: base, count: count) }
}

public enum TransactionType: UInt8, CaseIterable, Sendable {
    case purchase, transfer, cashIn, cashOut, payment, refund

    /// Debits take money from the account; `cash_in` and `refund` bring it.
    public var isDebit: Bool { self != .cashIn && self != .refund }
    public var name: StaticString {
        switch self {
        case .purchase: "purchase"
        case .transfer: "transfer"
        case .cashIn: "cash_in"
        case .cashOut: "cash_out"
        case .payment: "payment"
        case .refund: "refund"
        }
    }
}

/// A transaction whose texts borrow the decoder's memory.
public struct Transaction {
    public var id = Text()
    public var account = Text()
    /// Event time, Unix epoch milliseconds.
    public var time: Int64 = 0
    /// Minor units of the base currency.
    public var amount: Int64 = 0
    /// When the account was opened, Unix epoch milliseconds; nil when the record does not say.
    public var accountOpenedAt: Int64?
    public var type = TransactionType.purchase
    public var merchant = Text()
    public var merchantCategory = Text()
    public var card = Text()
    public var device = Text()
    public var ip = Text()
    public var counterparty = Text()
    public var counterpartyCountry = Text()
    public var country = Text()
    public var channel = Text()

    public init() {}
}

/// A label record whose texts borrow the decoder's memory.
public struct Feedback {
    public var transactionID = Text()
    public var account = Text()
    public var merchant = Text()
    public var labelTime: Int64 = 0
    public var transactionTime: Int64 = 0
    public var isFraud = false

    public init() {}
}

/// Why a record cannot be scored: the stable code of the contract.
public enum Reason: UInt8, CaseIterable, Sendable {
    case malformedJSON, missingField, invalidField, tombstone, tooLarge, schemaRegistryFraming, futureTimestamp, conflictingID
    case verdictTooLarge

    public var code: StaticString {
        switch self {
        case .malformedJSON: "MALFORMED_JSON"
        case .missingField: "MISSING_FIELD"
        case .invalidField: "INVALID_FIELD"
        case .tombstone: "TOMBSTONE"
        case .tooLarge: "TOO_LARGE"
        case .schemaRegistryFraming: "SCHEMA_REGISTRY_FRAMING"
        case .futureTimestamp: "FUTURE_TIMESTAMP"
        case .conflictingID: "CONFLICTING_ID"
        case .verdictTooLarge: "VERDICT_TOO_LARGE"
        }
    }
}

/// A record that was refused: its reason, the field at fault where there is one, and a message without any of its content.
public struct Rejection: Error, Sendable {
    public var reason: Reason
    public var field: String?
    public var message: String

    public init(_ reason: Reason, field: String? = nil, _ message: String) {
        self.reason = reason
        self.field = field
        self.message = message
    }
}
