/// How far what comes differs from what a model was trained on: Σ (actual − expected) · ln (actual / expected) over bins. Below 0.1 little, above 0.25 much.
public enum PopulationStability {
    /// Rows below which nothing is said: chance alone would move the index by some (bins − 1) / rows, and an hour of a small bank is no sample of its year.
    public static let fewest = 10_000

    /// - Parameters:
    ///   - expected: shares by bin in training.
    ///   - counts: rows by bin now.
    /// - Returns: nil below `fewest` rows. An empty bin counts as half a row, on either side.
    public static func index(expected: [Double], counts: [Int]) -> Double? {
        let total = counts.reduce(0, +)
        guard total >= fewest, expected.count == counts.count else { return nil }
        let least = 0.5 / Double(total)
        var sum = 0.0
        for (share, count) in zip(expected, counts) {
            let expected = max(share, least)
            let actual = max(Double(count) / Double(total), least)
            sum += (actual - expected) * naturalLogarithm(actual / expected)
        }
        return sum
    }
}
