public import Scoring

/// Records of a file, one after the other, in bounded memory: CSV with a header or JSON Lines, plain or gzip, from a path or stdin.
///
/// What a record points to is valid until the next one is read. One thread.
public final class RecordReader {
    /// A record as the file has it.
    public enum Content {
        /// A line of JSON, as it is, without its line end.
        case json(UnsafeRawBufferPointer)
        /// A row of CSV.
        case row(RawFields)
        /// A row that cannot be read, or a line over the limit.
        case unreadable(Refusal)
    }

    public struct Record {
        /// The line on which it begins, from 1.
        public var line: Int
        public var content: Content
        /// What the label column says; nil without such a column, and for an empty cell.
        public var label: Bool?
        /// The label column's cell is none of `1 0 true false fraud legitimate`.
        public var isLabelInvalid = false
    }

    /// As it was given.
    public var path: String { buffer.source.path }
    public let format: FileFormat
    /// Bytes of the file that were read, and its size where it has one: for progress.
    public var position: Int { buffer.source.position }
    public var size: Int? { buffer.source.size }

    private let content: FileContent
    private let buffer: LineBuffer
    private let fields = RawFields()
    private var csv: CSVReader?
    /// For each of the file's columns that is a field: (column, field's raw value).
    private var columns: [(column: Int, field: UInt8)] = []
    private var columnCount = 0
    private var labelColumn: Int?
    private var line = 0
    private var consumed = 0

    /// Longest line that is kept whole, unless told otherwise: 1 MiB.
    public static let defaultLineLimit = 1 << 20

    /// Opens a file and, for CSV, reads its header.
    ///
    /// - Parameters:
    ///   - path: `-` is stdin.
    ///   - format: nil: what the name says.
    ///   - mappings: for CSV; a mapped column counts as its field, whatever else its name would say.
    ///   - labelColumn: for CSV: the column that holds labels.
    ///   - lineLimit: bytes; longer lines are reported as unreadable (`TOO_LARGE`).
    /// - Throws: when the file cannot be read, and when it is CSV and lacks a column that is wanted or required.
    public init(
        _ path: String, _ content: FileContent = .transactions, format: FileFormat? = nil, mappings: [ColumnMapping] = [],
        labelColumn: String? = nil, lineLimit: Int = defaultLineLimit
    ) throws(FileError) {
        self.content = content
        self.format = format ?? FileFormat(path: path)
        buffer = LineBuffer(try ByteSource(path: path), limit: lineLimit)
        if self.format == .csv {
            let csv = CSVReader(buffer)
            self.csv = csv
            try readHeader(csv, mappings, labelColumn)
        } else if labelColumn != nil {
            throw FileError(path, "is not CSV, and has no label column", isUsage: true)
        }
    }

    /// The next record; nil at the end of the file.
    public func next() throws(FileError) -> Record? {
        guard let csv else { return try nextLine() }
        guard let row = try csv.next() else { return nil }
        var record = Record(line: csv.line, content: .row(fields))
        switch row {
        case .malformed(let message): record.content = .unreadable(Refusal("MALFORMED_CSV", message))
        case .tooLong: record.content = .unreadable(Refusal("TOO_LARGE", "the row is longer than \(buffer.limit) bytes"))
        case .cells:
            guard csv.cells.count == columnCount else {
                record.content = .unreadable(
                    Refusal("MALFORMED_CSV", "the row has \(csv.cells.count) cells, the header \(columnCount)"))
                break
            }
            set(csv)
            if let labelColumn, !csv.cells[labelColumn].isEmpty {
                record.label = LabelText.parse(csv.cells[labelColumn], inFile: true)
                record.isLabelInvalid = record.label == nil
            }
        }
        return record
    }

    @inline(__always)
    private func set(_ csv: CSVReader) {
        fields.reset()
        switch content {
        case .transactions: for (column, field) in columns { fields.set(TransactionField(rawValue: field)!, cell: csv.cells[column]) }
        case .feedback: for (column, field) in columns { fields.set(FeedbackField(rawValue: field)!, cell: csv.cells[column]) }
        }
    }

    private func nextLine() throws(FileError) -> Record? {
        buffer.consume(consumed)
        consumed = 0
        while let (text, length, isCut) = try buffer.line() {
            line += 1
            // Empty lines are no records.
            if text.isEmpty {
                buffer.consume(length)
                continue
            }
            consumed = length
            if isCut {
                return Record(line: line, content: .unreadable(Refusal("TOO_LARGE", "the line is longer than \(buffer.limit) bytes")))
            }
            return Record(line: line, content: .json(UnsafeRawBufferPointer(text)))
        }
        return nil
    }

    // MARK: The header

    private func readHeader(_ csv: CSVReader, _ mappings: [ColumnMapping], _ labelName: String?) throws(FileError) {
        guard let row = try csv.next() else { throw FileError(path, "is empty: CSV begins with a header", isUsage: true) }
        guard case .cells = row else { throw FileError(path, "has no CSV header that can be read", isUsage: true) }
        var names = csv.cells.map { String(decoding: $0, as: UTF8.self) }
        if names[0].hasPrefix("\u{FEFF}") { names[0].removeFirst() }
        columnCount = names.count
        for (i, name) in names.enumerated() where names[..<i].contains(name) {
            throw FileError(path, "has two columns named '\(name)'", isUsage: true)
        }
        var found: [UInt8: Int] = [:]
        for mapping in mappings {
            guard let column = names.firstIndex(of: mapping.column) else {
                throw FileError(path, "has no column '\(mapping.column)'; there are \(list(names))", isUsage: true)
            }
            if mapping.field.isEmpty { continue }
            guard let field = content.fields.firstIndex(of: mapping.field) else {
                throw FileError(path, "no field is named '\(mapping.field)'", isUsage: true)
            }
            guard found.updateValue(column, forKey: UInt8(field)) == nil else {
                throw FileError(path, "two columns are mapped to \(mapping.field)", isUsage: true)
            }
        }
        let mapped = Set(mappings.map(\.column))
        for (column, name) in names.enumerated() where !mapped.contains(name) {
            if let field = content.fields.firstIndex(of: name), found[UInt8(field)] == nil { found[UInt8(field)] = column }
        }
        for name in content.required where found[UInt8(content.fields.firstIndex(of: name)!)] == nil {
            throw FileError(path, "has no column for \(name); there are \(list(names)) (--map COLUMN=\(name))", isUsage: true)
        }
        if let labelName {
            labelColumn = names.firstIndex(of: labelName)
            if labelColumn == nil { throw FileError(path, "has no column '\(labelName)'; there are \(list(names))", isUsage: true) }
        }
        columns = found.map { ($0.value, $0.key) }.sorted { $0.1 < $1.1 }
    }

    private func list(_ names: [String]) -> String { names.joined(separator: ", ") }
}
