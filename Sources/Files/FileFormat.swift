internal import Scoring

/// How records stand in a file.
public enum FileFormat: String, CaseIterable, Sendable {
    /// A header, then one record a row.
    case csv
    /// One JSON object a line.
    case json

    /// What the name says: `.csv` and `.csv.gz` are CSV, anything else (stdin too) is JSON Lines.
    public init(path: String) {
        var name = path.lowercased()
        if name.hasSuffix(".gz") { name = String(name.dropLast(3)) }
        self = name.hasSuffix(".csv") ? .csv : .json
    }
}

/// What a file's records are.
public enum FileContent: Sendable {
    case transactions, feedback

    /// Names of the fields, by their raw values.
    var fields: [String] {
        switch self {
        case .transactions: TransactionField.allCases.map(\.name)
        case .feedback: FeedbackField.allCases.map(\.name)
        }
    }

    var required: [String] {
        switch self {
        case .transactions: [.transactionID, .accountID, .timestamp, .amount].map { (field: TransactionField) in field.name }
        case .feedback: fields
        }
    }
}

/// `--map COLUMN=FIELD`: which of Weir's fields a foreign column is; `COLUMN=` leaves a column out whose name is a field's by chance.
public struct ColumnMapping: Equatable, Sendable {
    public var column: String
    /// The name of one of Weir's fields; empty: the column is none.
    public var field: String

    /// Reads `COLUMN=FIELD` or `COLUMN=`; the last `=` counts. nil when it has another form.
    public init?(_ text: String) {
        guard let at = text.lastIndex(of: "="), at > text.startIndex else { return nil }
        column = String(text[..<at])
        field = String(text[text.index(after: at)...])
    }

    /// Whether the field is one of a transaction's, or none.
    public var isOfTransaction: Bool { field.isEmpty || TransactionField(name: field) != nil }
}

