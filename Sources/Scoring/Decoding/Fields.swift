internal import CSimdjson

/// The fields of a transaction record, in the order in which they are checked.
public enum TransactionField: UInt8, CaseIterable, Sendable {
    case transactionID, accountID, timestamp, amount, currency, accountOpenedAt, type
    case merchantID, merchantCategory, cardID, deviceID, ip, counterpartyID, counterpartyCountry, country, channel

    /// The field's name in JSON and in a CSV header.
    public var name: String {
        switch self {
        case .transactionID: "transaction_id"
        case .accountID: "account_id"
        case .timestamp: "timestamp"
        case .amount: "amount"
        case .currency: "currency"
        case .accountOpenedAt: "account_opened_at"
        case .type: "type"
        case .merchantID: "merchant_id"
        case .merchantCategory: "merchant_category"
        case .cardID: "card_id"
        case .deviceID: "device_id"
        case .ip: "ip"
        case .counterpartyID: "counterparty_id"
        case .counterpartyCountry: "counterparty_country"
        case .country: "country"
        case .channel: "channel"
        }
    }

    /// The field of that name, if there is one.
    public init?(name: String) {
        guard let field = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = field
    }
}

/// The fields of a feedback record, all required, in the order in which they are checked.
public enum FeedbackField: UInt8, CaseIterable, Sendable {
    case transactionID, accountID, merchantID, timestamp, transactionTimestamp, label

    /// The field's name in JSON and in a CSV header.
    public var name: String {
        switch self {
        case .transactionID: "transaction_id"
        case .accountID: "account_id"
        case .merchantID: "merchant_id"
        case .timestamp: "timestamp"
        case .transactionTimestamp: "transaction_timestamp"
        case .label: "label"
        }
    }

    /// The field of that name, if there is one.
    public init?(name: String) {
        guard let field = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = field
    }
}

/// A record's fields before they are checked: what a parser, or a row of a file, says of each.
///
/// The bytes are borrowed. A row of a file sets cells; they go through the same rules as JSON's values, except that a
/// cell has no type: it may hold what a JSON string or a JSON number would hold, and a time without an offset is UTC.
public final class RawFields {
    /// Beside `csj_kind`: text from a cell of a file.
    static let cell: UInt32 = 5

    let values: UnsafeMutablePointer<csj_field>
    /// A bit for each field that is there and not null.
    var present: UInt64 = 0

    /// No field is set.
    public init() {
        values = .allocate(capacity: 64)
        values.initialize(repeating: csj_field(), count: 64)
    }

    deinit { values.deallocate() }

    /// Forgets all fields.
    public func reset() {
        values.update(repeating: csj_field(), count: TransactionField.allCases.count)
        present = 0
    }

    /// Sets a transaction's field to a cell's text; an empty cell is absent.
    public func set(_ field: TransactionField, cell: UnsafeBufferPointer<UInt8>) { set(index: Int(field.rawValue), cell) }

    /// Sets a feedback record's field to a cell's text; an empty cell is absent.
    public func set(_ field: FeedbackField, cell: UnsafeBufferPointer<UInt8>) { set(index: Int(field.rawValue), cell) }

    /// A transaction's field as it was set; nil when it is absent.
    public func cell(_ field: TransactionField) -> UnsafeBufferPointer<UInt8>? {
        let value = values[Int(field.rawValue)]
        return value.kind == Self.cell ? value.bytes : nil
    }

    private func set(index: Int, _ cell: UnsafeBufferPointer<UInt8>) {
        if cell.isEmpty {
            values[index] = csj_field()
            present &= ~(1 << UInt64(index))
        } else {
            values[index] = csj_field(base: cell.baseAddress, length: UInt32(clamping: cell.count), kind: Self.cell)
            present |= 1 << UInt64(index)
        }
    }
}
