/// Countries that FATF lists, with the date of the list: a data file, `Data/high-risk-countries.csv`, which is embedded when the program is built.
public struct HighRiskCountries: Sendable, Equatable {
    /// How a country is listed. The raw value is what evidence says.
    public enum Level: UInt8, Sendable {
        case none = 0
        case increasedMonitoring = 1
        case callForAction = 2
    }

    /// Of the list, as a number: 20251024.
    public let date: Int64
    /// One a code of two letters.
    private var levels = [UInt8](repeating: 0, count: 26 * 26)

    /// The list that the program was built with.
    public static let bundled = HighRiskCountries(csv: PackageResources.high_risk_countries_csv)!

    /// Reads a list: `# date: YYYY-MM-DD` in a comment, a header, then `country,list,name` a line; nil when it is none.
    public init?(csv: [UInt8]) {
        var date: Int64?
        var isHeader = true
        for line in csv.split(separator: 10) {
            if line.first == UInt8(ascii: "#") {
                let text = String(decoding: line, as: UTF8.self)
                if text.hasPrefix("# date: ") { date = Int64(text.dropFirst(8).filter { $0 != "-" }) }
                continue
            }
            let cells = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            guard cells.count == 3 else { return nil }
            if isHeader {
                isHeader = false
                guard String(decoding: cells[0], as: UTF8.self) == "country" else { return nil }
                continue
            }
            let level: Level
            switch String(decoding: cells[1], as: UTF8.self) {
            case "call_for_action": level = .callForAction
            case "increased_monitoring": level = .increasedMonitoring
            default: return nil
            }
            let place = cells[0].withUnsafeBufferPointer { Self.place(Text(base: $0.baseAddress, count: $0.count)) }
            guard let place else { return nil }
            levels[place] = level.rawValue
        }
        guard let date, !isHeader else { return nil }
        self.date = date
    }

    /// How a country is listed, by its ISO 3166-1 code of two letters; anything else is not listed.
    @inline(__always)
    func level(_ country: Text) -> Int64 { Self.place(country).map { Int64(levels[$0]) } ?? 0 }

    @inline(__always)
    private static func place(_ country: Text) -> Int? {
        guard country.count == 2, let p = country.base else { return nil }
        let a = Int(p[0] & 0xdf) - 65
        let b = Int(p[1] & 0xdf) - 65
        return a >= 0 && a < 26 && b >= 0 && b < 26 ? a * 26 + b : nil
    }
}
