/// Why a table of exchange rates was refused.
public struct RateTableError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line at fault, from 1.
    public var line: Int
    public var message: String
    public var description: String { "line \(line): \(message)" }
}

/// Exchange rates into the base currency: CSV with the header `currency,rate` or `currency,rate,from`.
///
/// `rate` is how many units of the base currency one unit is worth: plain digits, above 0, at most 18 significant ones.
/// A rate is valid from the beginning of its UTC date on, by event time, until the next one of its currency; without a
/// date, from the beginning of time.
public struct RateTable: Equatable, Sendable {
    struct Row: Equatable, Sendable {
        var currency: Currency
        /// First day, counted from 1970-01-01; `Int.min` without a date.
        var from: Int
        var rate: Decimals.Rate
    }

    /// Ascending by (currency, from).
    private(set) var rows: [Row] = []

    /// No rates: only the base currency is taken.
    public init() {}

    /// Reads a table. Refused: a wrong header, an unknown currency, a rate that is not a positive decimal, a date that is
    /// none, two rows of one currency and date, and a rate for the base currency other than 1.
    public init(csv: [UInt8], base: Currency) throws(RateTableError) {
        var hasDates: Bool?
        var number = 0
        var rest = csv[...]
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        var lines: [Row: Int] = [:]
        while !rest.isEmpty {
            number += 1
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            var line = rest[rest.startIndex..<end]
            rest = end < rest.endIndex ? rest[(end + 1)...] : []
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            if line.isEmpty { continue }
            let cells = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            guard let dated = hasDates else {
                switch String(decoding: line, as: UTF8.self) {
                case "currency,rate": hasDates = false
                case "currency,rate,from": hasDates = true
                default: throw .init(line: number, message: "the header must be currency,rate or currency,rate,from")
                }
                continue
            }
            guard cells.count == (dated ? 3 : 2) else { throw .init(line: number, message: "\(dated ? 3 : 2) cells are wanted") }
            let row = Row(
                currency: try Self.currency(cells[0], line: number), from: dated ? try Self.day(cells[2], line: number) : .min,
                rate: try Self.rate(cells[1], line: number))
            if row.currency == base {
                guard row.rate == Decimals.Rate(mantissa: 1, scale: 0) else {
                    throw .init(line: number, message: "\(base) is the base currency: its rate is 1")
                }
                continue
            }
            let place = Row(currency: row.currency, from: row.from, rate: .init(mantissa: 1, scale: 0))
            if let earlier = lines.updateValue(number, forKey: place) {
                throw .init(line: number, message: "line \(earlier) has this currency and date already")
            }
            rows.append(row)
        }
        if hasDates == nil { throw .init(line: 1, message: "the header must be currency,rate or currency,rate,from") }
        rows.sort { ($0.currency.code, $0.from) < ($1.currency.code, $1.from) }
    }

    /// The rate of a currency at a time (ms since the epoch), or nil. Logarithmic in the number of rows.
    func rate(of currency: Currency, at time: Int64) -> Decimals.Rate? {
        // Rounded down, before 1970 too.
        let day = Int(time >= 0 ? time / Timestamps.dayMillis : (time + 1) / Timestamps.dayMillis - 1)
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if (rows[middle].currency.code, rows[middle].from) <= (currency.code, day) { low = middle + 1 } else { high = middle }
        }
        guard low > 0, rows[low - 1].currency == currency else { return nil }
        return rows[low - 1].rate
    }

    /// Whether this table holds every row of an earlier one unchanged. Only such a table may take its place while running.
    public func isExtension(of earlier: RateTable) -> Bool { firstChange(from: earlier) == nil }

    /// The first row of an earlier table that this one lacks or changes, as text for a message.
    public func firstChange(from earlier: RateTable) -> String? {
        for row in earlier.rows {
            let mine = rows.first { $0.currency == row.currency && $0.from == row.from }
            if mine == nil { return "\(Self.name(row)) is gone" }
            if mine != row { return "\(Self.name(row)) has another rate" }
        }
        return nil
    }

    /// Currencies that have a rate, and from when, for the log: `EUR from 2024-01-01, GBP`.
    public var summary: String {
        var parts: [String] = []
        for (index, row) in rows.enumerated() where index == 0 || rows[index - 1].currency != row.currency { parts.append(Self.name(row)) }
        return parts.joined(separator: ", ")
    }

    /// The currencies that there are rates for, ascending.
    public var currencies: [String] {
        rows.reduce(into: []) { codes, row in
            let code = "\(row.currency)"
            if codes.last != code { codes.append(code) }
        }
    }

    /// The table in one spelling, whatever file it came from: to be journaled and hashed. Reading it gives an equal table.
    public var canonicalCSV: String {
        rows.isEmpty
            ? "" : rows.reduce(into: "currency,rate,from\n") { $0 += "\($1.currency),\(Self.text($1.rate)),\(Self.date($1.from))\n" }
    }

    private static func name(_ row: Row) -> String { row.from == .min ? "\(row.currency)" : "\(row.currency) from \(date(row.from))" }

    private static func text(_ rate: Decimals.Rate) -> String {
        var digits = String(rate.mantissa)
        guard rate.scale > 0 else { return digits }
        if digits.count <= rate.scale { digits = String(repeating: "0", count: rate.scale - digits.count + 1) + digits }
        return "\(digits.dropLast(rate.scale)).\(digits.suffix(rate.scale))"
    }

    private static func date(_ day: Int) -> String {
        guard day != .min else { return "" }
        func padded(_ value: Int, _ width: Int) -> String { String(repeating: "0", count: width - String(value).count) + String(value) }
        let (year, month, day) = Timestamps.civil(days: day)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }

    private static func currency(_ cell: ArraySlice<UInt8>, line: Int) throws(RateTableError) -> Currency {
        guard let currency = cell.withUnsafeBufferPointer({ Currency($0) }) else {
            throw .init(line: line, message: "the currency is not a code of ISO 4217")
        }
        return currency
    }

    private static func day(_ cell: ArraySlice<UInt8>, line: Int) throws(RateTableError) -> Int {
        if cell.isEmpty { return .min }
        guard cell.count == 10, let day = cell.withUnsafeBufferPointer({ Timestamps.date($0.baseAddress!) }) else {
            throw .init(line: line, message: "from must be a date, YYYY-MM-DD")
        }
        return day
    }

    private static func rate(_ cell: ArraySlice<UInt8>, line: Int) throws(RateTableError) -> Decimals.Rate {
        let refusal = RateTableError(line: line, message: "the rate must be plain digits above 0, at most 18 significant ones")
        let parts = cell.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 &- 48 <= 9 } }), cell.count <= 40 else { throw refusal }
        var fraction = parts.count == 2 ? parts[1] : []
        while fraction.last == 48 { fraction = fraction.dropLast() }
        let digits = (parts[0] + fraction).drop { $0 == 48 }
        guard !digits.isEmpty, digits.count <= 18 else { throw refusal }
        return Decimals.Rate(mantissa: digits.reduce(0) { $0 * 10 + UInt64($1 - 48) }, scale: fraction.count)
    }
}

extension RateTable.Row: Hashable {}
