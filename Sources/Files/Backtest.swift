import Scoring

/// What decisions were worth, by the labels that became known: for the champion, and for the challenger where there is one.
public struct Backtest {
    /// Transactions by decision, then by label: fraud, legitimate, none.
    struct Confusion {
        var counts = [[Int]](repeating: [0, 0, 0], count: FraudDecision.allCases.count)

        mutating func add(_ decision: FraudDecision, _ isFraud: Bool?) {
            counts[Int(decision.rawValue)][isFraud.map { $0 ? 0 : 1 } ?? 2] += 1
        }
    }

    private(set) var champion = Confusion()
    private(set) var challenger: Confusion?
    private var differ = 0

    public init() {}

    public mutating func add(_ scored: OfflineScorer.Scored) {
        champion.add(scored.fraudDecision, scored.isFraud)
        guard let decision = scored.challengerDecision else { return }
        challenger = challenger ?? Confusion()
        challenger!.add(decision, scored.isFraud)
        if decision != scored.fraudDecision { differ += 1 }
    }

    /// Lines for people; empty where there are neither labels nor a challenger.
    public var summary: [String] {
        let labelled = champion.counts.reduce(0) { $0 + $1[0] + $1[1] }
        var lines: [String] = []
        if labelled > 0 || challenger != nil { lines += describe("champion", champion, hasLabels: labelled > 0) }
        if let challenger {
            lines += describe("challenger", challenger, hasLabels: labelled > 0)
            lines.append("they differ on \(differ) transactions")
        }
        return lines
    }

    private func describe(_ name: String, _ confusion: Confusion, hasLabels: Bool) -> [String] {
        let total = confusion.counts.reduce(0) { $0 + $1.reduce(0, +) }
        let flagged = confusion.counts.dropFirst().reduce(0) { $0 + $1.reduce(0, +) }
        var lines = ["\(name): \(flagged) of \(total) flagged (\(percent(flagged, total)))"]
        for decision in FraudDecision.allCases.reversed() {
            let row = confusion.counts[Int(decision.rawValue)]
            lines.append("  \(decision.name): \(row.reduce(0, +))" + (hasLabels ? ", of them fraud \(row[0]), legitimate \(row[1]), without label \(row[2])" : ""))
        }
        guard hasLabels else { return lines }
        let frauds = confusion.counts.reduce(0) { $0 + $1[0] }
        let caught = confusion.counts.dropFirst().reduce(0) { $0 + $1[0] }
        // Banks hear of frauds; what nobody spoke of counts as legitimate.
        lines.append("  recall \(percent(caught, frauds)), precision \(percent(caught, flagged))")
        return lines
    }

    private func percent(_ part: Int, _ whole: Int) -> String {
        guard whole > 0 else { return "-" }
        let hundredths = (part * 10_000 + whole / 2) / whole
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) %"
    }
}
