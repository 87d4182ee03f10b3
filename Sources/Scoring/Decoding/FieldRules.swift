internal import CSimdjson
internal import Glibc

/// The rules for a record's fields, the same for JSON and for a row of a file: presence, then each field in its order.
///
/// Messages name the field and the rule, never what was found.
struct FieldRules {
    /// Longest id, code or name, bytes.
    static let longestText: UInt32 = 128

    let rules: RecordRules
    let minorDigits: Int

    init(_ rules: RecordRules) {
        self.rules = rules
        minorDigits = rules.baseCurrency.minorDigits
    }

    @inline(__always)
    static func bit(_ field: TransactionField) -> UInt64 { 1 << UInt64(field.rawValue) }

    private static let required =
        bit(.transactionID) | bit(.accountID) | bit(.timestamp) | bit(.amount)

    @inline(__always)
    func transaction(_ values: UnsafePointer<csj_field>, _ present: UInt64) throws(Rejection) -> Transaction {
        let required = Self.required
        if present & required != required { throw Self.missing(present, required, TransactionField.allCases.map(\.name)) }
        var t = Transaction()
        t.id = try Self.requiredText(values, .transactionID)
        t.account = try Self.requiredText(values, .accountID)
        t.time = try Self.time(values[Int(TransactionField.timestamp.rawValue)], "timestamp")
        // Without conversion first: what is wrong with the amount alone is said of the amount.
        let amount = values[Int(TransactionField.amount.rawValue)]
        let currency = values[Int(TransactionField.currency.rawValue)]
        t.amount = try minorUnits(amount, rate: nil)
        if currency.kind > CSJ_NULL.rawValue { try convert(&t, amount, currency) }
        let optional = present & ~(required | Self.bit(.currency))
        if optional == 0 { return t }
        if optional & Self.bit(.accountOpenedAt) != 0 {
            t.accountOpenedAt = try Self.time(values[Int(TransactionField.accountOpenedAt.rawValue)], "account_opened_at")
        }
        if optional & Self.bit(.type) != 0 { t.type = try Self.type(values[Int(TransactionField.type.rawValue)]) }
        t.merchant = try Self.text(values, .merchantID)
        t.merchantCategory = try Self.text(values, .merchantCategory)
        t.card = try Self.text(values, .cardID)
        t.device = try Self.text(values, .deviceID)
        t.ip = try Self.text(values, .ip)
        t.counterparty = try Self.text(values, .counterpartyID)
        t.counterpartyCountry = try Self.text(values, .counterpartyCountry)
        t.country = try Self.text(values, .country)
        t.channel = try Self.text(values, .channel)
        return t
    }

    func feedback(_ values: UnsafePointer<csj_field>, _ present: UInt64) throws(Rejection) -> Feedback {
        let all = (UInt64(1) << UInt64(FeedbackField.allCases.count)) - 1
        if present & all != all { throw Self.missing(present, all, FeedbackField.allCases.map(\.name)) }
        func value(_ field: FeedbackField) -> csj_field { values[Int(field.rawValue)] }
        var f = Feedback()
        f.transactionID = try Self.requiredText(value(.transactionID), FeedbackField.transactionID.name)
        f.account = try Self.requiredText(value(.accountID), FeedbackField.accountID.name)
        f.merchant = try Self.requiredText(value(.merchantID), FeedbackField.merchantID.name)
        f.labelTime = try Self.time(value(.timestamp), FeedbackField.timestamp.name)
        f.transactionTime = try Self.time(value(.transactionTimestamp), FeedbackField.transactionTimestamp.name)
        let label = value(.label)
        guard label.isText, let isFraud = LabelText.parse(label.bytes, inFile: label.kind == RawFields.cell) else {
            throw Rejection(.invalidField, field: "label", "label must be \"fraud\" or \"legitimate\"")
        }
        f.isFraud = isFraud
        return f
    }

    private static func missing(_ present: UInt64, _ required: UInt64, _ names: [String]) -> Rejection {
        let name = names[(required & ~present).trailingZeroBitCount]
        return Rejection(.missingField, field: name, "\(name) is required")
    }

    @inline(__always)
    private static func requiredText(_ values: UnsafePointer<csj_field>, _ field: TransactionField) throws(Rejection) -> Text {
        let value = values[Int(field.rawValue)]
        guard value.isText, value.length &- 1 < longestText else {
            throw Rejection(.invalidField, field: field.name, "\(field.name) must be a string of 1 to 128 bytes")
        }
        return Text(base: value.base, count: Int(value.length))
    }

    private static func requiredText(_ value: csj_field, _ name: String) throws(Rejection) -> Text {
        guard value.isText, value.length &- 1 < longestText else {
            throw Rejection(.invalidField, field: name, "\(name) must be a string of 1 to 128 bytes")
        }
        return Text(base: value.base, count: Int(value.length))
    }

    /// An optional string; an empty one is as good as none.
    @inline(__always)
    private static func text(_ values: UnsafePointer<csj_field>, _ field: TransactionField) throws(Rejection) -> Text {
        let value = values[Int(field.rawValue)]
        if value.kind <= CSJ_NULL.rawValue { return Text() }
        guard value.isText, value.length <= longestText else {
            throw Rejection(.invalidField, field: field.name, "\(field.name) must be a string of at most 128 bytes")
        }
        return value.length == 0 ? Text() : Text(base: value.base, count: Int(value.length))
    }

    private static func type(_ value: csj_field) throws(Rejection) -> TransactionType {
        if value.isText {
            for type in TransactionType.allCases {
                let name = type.name
                let count = Int(value.length)
                if name.utf8CodeUnitCount == count, memcmp(value.base!, name.utf8Start, count) == 0 { return type }
            }
        }
        throw Rejection(.invalidField, field: "type", "type must be purchase, transfer, cash_in, cash_out, payment or refund")
    }

    private static func time(_ value: csj_field, _ name: String) throws(Rejection) -> Int64 {
        let isCell = value.kind == RawFields.cell
        if let base = value.base {
            let count = Int(value.length)
            if value.kind == CSJ_STRING.rawValue || isCell, let time = Timestamps.parse(base, count, inFile: isCell) { return time }
            if value.kind == CSJ_NUMBER.rawValue || isCell, let time = try epochMillis(base, count, name) { return time }
        }
        throw Rejection(
            .invalidField, field: name,
            isCell
                ? "\(name) must be a date and time, or integer milliseconds since 1970"
                : "\(name) must be a time of RFC 3339 with its offset, or integer milliseconds since 1970")
    }

    /// An integer in milliseconds; nil when the text is no integer.
    private static func epochMillis(_ p: UnsafePointer<UInt8>, _ count: Int, _ name: String) throws(Rejection) -> Int64? {
        let isNegative = p[0] == UInt8(ascii: "-")
        let first = isNegative ? 1 : 0
        guard count > first else { return nil }
        var value: Int64 = 0
        for i in first..<count {
            let d = p[i] &- 48
            guard d <= 9 else { return nil }
            value = min(value &* 10 &+ Int64(d), 1_000_000_000_000_000)
        }
        if isNegative || value < 100_000_000_000 {
            throw Rejection(.invalidField, field: name, "\(name) is in seconds: milliseconds since 1970 are wanted")
        }
        if value >= 100_000_000_000_000 {
            throw Rejection(.invalidField, field: name, "\(name) is in microseconds or finer: milliseconds since 1970 are wanted")
        }
        return value
    }

    @inline(__always)
    private func minorUnits(_ value: csj_field, rate: Decimals.Rate?) throws(Rejection) -> Int64 {
        let form: Decimals.Form
        switch value.kind {
        case CSJ_NUMBER.rawValue: form = .number
        case CSJ_STRING.rawValue: form = .plain
        case RawFields.cell: form = .cell
        default: throw Self.amountRejection(.malformed)
        }
        do {
            return try Decimals.minorUnits(value.base!, Int(value.length), form, minorDigits: minorDigits, rate: rate)
        } catch {
            throw Self.amountRejection(error)
        }
    }

    private static func amountRejection(_ failure: Decimals.Failure) -> Rejection {
        let message =
            switch failure {
            case .malformed: "amount must be a number, or a string of plain digits with at most 9 fractional ones"
            case .negative: "amount must not have a minus sign"
            case .tooLarge: "amount must be below 10^11"
            case .tooLargeConverted: "amount must be below 10^11 in the base currency"
            }
        return Rejection(.invalidField, field: "amount", message)
    }

    private func convert(_ t: inout Transaction, _ amount: csj_field, _ value: csj_field) throws(Rejection) {
        if value.isText, rules.baseCurrency.isNamed(by: value.bytes) { return }
        guard value.isText, let currency = Currency(value.bytes) else {
            throw Rejection(.invalidField, field: "currency", "currency must be a code of ISO 4217")
        }
        guard rules.isConverting else { return }
        guard let rate = rules.rates.rate(of: currency, at: t.time) else {
            throw Rejection(.invalidField, field: "currency", "there is no exchange rate for the currency at that time")
        }
        t.amount = try minorUnits(amount, rate: rate)
    }
}

extension csj_field {
    @inline(__always)
    var isText: Bool { kind == CSJ_STRING.rawValue || kind == RawFields.cell }

    @inline(__always)
    var bytes: UnsafeBufferPointer<UInt8> { .init(start: base, count: Int(length)) }
}

/// Reading labels.
public enum LabelText {
    /// Whether the text says fraud; nil when it is no label. In a file also 1/0 and true/false, capital letters or not.
    public static func parse(_ bytes: UnsafeBufferPointer<UInt8>, inFile: Bool) -> Bool? {
        if bytes.elementsEqual("fraud".utf8) { return true }
        if bytes.elementsEqual("legitimate".utf8) { return false }
        guard inFile else { return nil }
        if bytes.elementsEqual("1".utf8) { return true }
        if bytes.elementsEqual("0".utf8) { return false }
        let small = bytes.lazy.map { $0 | 0x20 }
        if small.elementsEqual("true".utf8) { return true }
        if small.elementsEqual("false".utf8) { return false }
        return nil
    }
}
