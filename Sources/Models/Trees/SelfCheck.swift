/// Holds every way to predict an ensemble against the plain one, on rows that meet its thresholds.
public enum SelfCheck {
    /// - Parameter rows: how many to try.
    /// - Returns: what is wrong; nil: nothing.
    /// - Throws: `ModelRefusal` where it cannot be laid out at all.
    /// - Complexity: O(rows · trees · depth).
    public static func fault(_ ensemble: Ensemble, rows: Int = 200) throws(ModelRefusal) -> String? {
        let reference = ReferencePredictor(ensemble)
        let best = try FastPredictor(ensemble)
        let others = FastPredictor.Layout.allCases.filter { $0 != best.layout }.compactMap { try? FastPredictor(ensemble, layout: $0) }
        var thresholds = [[Double]](repeating: [], count: ensemble.featureCount)
        for tree in ensemble.trees { for node in tree.nodes { thresholds[Int(node.feature)].append(node.threshold) } }
        var state: UInt64 = 1
        func random(_ n: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(n))
        }
        var row = [Double](repeating: 0, count: ensemble.featureCount)
        var parts = row
        for r in 0..<rows {
            for f in row.indices {
                let near = thresholds[f].isEmpty ? 0 : thresholds[f][random(thresholds[f].count)]
                row[f] = [near, near.nextUp, near.nextDown, .nan, 0, Double(random(64)) - 8][random(6)]
            }
            let margin = reference.margin(row)
            for fast in [best] + others where fast.margin(row).bitPattern != margin.bitPattern {
                return "row \(r): \(fast.layout.rawValue) says \(fast.margin(row)), the plain walk \(margin)"
            }
            let logOdds = ensemble.logOdds(margin)
            let bias = best.contributions(row, logOdds: logOdds, into: &parts)
            let sum = parts.reduce(bias, +)
            guard abs(sum - logOdds) <= 1e-6 * max(1, logOdds.magnitude) else {
                return "row \(r): contributions add up to \(sum), log-odds are \(logOdds)"
            }
        }
        return nil
    }
}
