internal import Scoring

/// How often each typology fired, and, where labels are given, how many of those and of all were laundering.
public struct TypologySummary {
    private let hasLabels: Bool
    /// By the typology's raw value, then the decisions `review` or more, and `report`.
    private var fired = [Int](repeating: 0, count: Typology.allCases.count + 3)
    private var right = [Int](repeating: 0, count: Typology.allCases.count + 3)
    private var transactions = 0
    private var labelled = 0
    private var positives = 0

    public init(hasLabels: Bool) { self.hasLabels = hasLabels }

    public mutating func add(_ scored: OfflineScorer.Scored) {
        transactions += 1
        if scored.isFraud != nil { labelled += 1 }
        let isPositive = scored.isFraud == true
        if isPositive { positives += 1 }
        func count(_ i: Int, _ fires: Bool) {
            guard fires else { return }
            fired[i] += 1
            if isPositive { right[i] += 1 }
        }
        let n = Typology.allCases.count
        for i in 0..<n { count(i, scored.typologies >> UInt32(i) & 1 == 1) }
        count(n, scored.typologies != 0)
        count(n + 1, scored.amlDecision != .clear)
        count(n + 2, scored.amlDecision == .report)
    }

    /// A table: a line a typology, in their order, then what was decided; shares with three decimals.
    public var text: String {
        var text = Self.row(["typology", "fired"] + (hasLabels ? ["laundering", "precision", "recall"] : []))
        for (i, name) in (Typology.allCases.map { "\($0.code)" } + ["any typology", "review or report", "report"]).enumerated() {
            var cells = [name, "\(fired[i])"]
            if hasLabels { cells += ["\(right[i])", Self.share(right[i], fired[i]), Self.share(right[i], positives)] }
            text += Self.row(cells)
        }
        return text + "\(transactions) transactions" + (hasLabels ? ", \(labelled) labelled, \(positives) laundering" : "") + "\n"
    }

    private static func row(_ cells: [String]) -> String {
        var line = cells[0] + String(repeating: " ", count: max(1, 20 - cells[0].utf8.count))
        for cell in cells.dropFirst() { line += String(repeating: " ", count: max(1, 11 - cell.utf8.count)) + cell }
        return line + "\n"
    }

    /// Three decimals; `-` of nothing.
    private static func share(_ part: Int, _ whole: Int) -> String {
        guard whole > 0 else { return "-" }
        let thousandths = (part * 2_000 + whole) / (2 * whole)
        let digits = String(thousandths % 1_000)
        return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - digits.utf8.count) + digits
    }
}
