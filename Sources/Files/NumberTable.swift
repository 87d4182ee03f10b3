/// A CSV file of numbers with a header: the columns that are asked for, in their order; an empty cell is not-a-number. Other columns are passed over.
public final class NumberTable {
    private let reader: CSVReader
    private let path: String
    private let places: [Int]
    private let names: [String]
    private let width: Int

    /// - Throws: where the file cannot be read, or lacks a column.
    public init(_ path: String, columns: [String]) throws(FileError) {
        self.path = path
        names = columns
        reader = CSVReader(LineBuffer(try ByteSource(path: path), limit: 16 << 20))
        guard let first = try reader.next(), case .cells = first else { throw FileError(path, "has no header") }
        let header = reader.cells.map { String(decoding: $0, as: UTF8.self) }
        width = header.count
        var placeOf: [String: Int] = [:]
        for (i, name) in header.enumerated() where placeOf.updateValue(i, forKey: name) != nil {
            throw FileError(path, "has the column \(name) twice", isUsage: true)
        }
        var places: [Int] = []
        for name in columns {
            guard let place = placeOf[name] else { throw FileError(path, "has no column \(name)", isUsage: true) }
            places.append(place)
        }
        self.places = places
    }

    /// Fills the next row in; false at the end.
    ///
    /// - Throws: at a cell that is not a number, or a row of another width, with its line.
    public func next(into row: UnsafeMutablePointer<Double>) throws(FileError) -> Bool {
        guard let next = try reader.next() else { return false }
        switch next {
        case .malformed(let why): throw FileError(path, "line \(reader.line): \(why)")
        case .tooLong: throw FileError(path, "line \(reader.line): is longer than 16 MB")
        case .cells: break
        }
        let cells = reader.cells
        guard cells.count == width else { throw FileError(path, "line \(reader.line): \(cells.count) cells under \(width) columns") }
        for (i, place) in places.enumerated() {
            let text = String(decoding: cells[place], as: UTF8.self)
            guard let number = text.isEmpty ? .nan : Double(text) else {
                throw FileError(path, "line \(reader.line): \(names[i]) is not a number")
            }
            row[i] = number
        }
        return true
    }
}
