/// The built-in quantiles behind `velocity_risk`: what at most one transaction in ten, in a hundred, in a thousand exceeds.
///
/// They are round numbers for a retail payment account, not measured on anybody's customers; a velocity artefact brings measured ones.
/// They are given for five lengths of window; for a length between two of them each quantile lies on the straight line between, below the
/// first it is the first's. Sums are in base currency, of the size of dollars or euros.
struct VelocityQuantiles {
    struct Row {
        var entity: String
        var statistic: String
        /// For each of `lengths`, the 90th, 99th and 99.9th percentile.
        var quantiles: [(Double, Double, Double)]
    }

    static let lengths: [Int64] = [3_600_000, 86_400_000, 7 * 86_400_000, 30 * 86_400_000, 90 * 86_400_000]

    static let rows: [Row] = [
        .init(entity: "account", statistic: "count", quantiles: [(3, 6, 10), (8, 15, 25), (35, 60, 100), (120, 200, 320), (330, 550, 900)]),
        .init(
            entity: "account", statistic: "sum",
            quantiles: [(500, 2_500, 10_000), (1_000, 5_000, 20_000), (3_000, 12_000, 50_000), (8_000, 30_000, 120_000), (20_000, 75_000, 300_000)]),
        .init(
            entity: "account", statistic: "distinct_merchants",
            quantiles: [(3, 5, 9), (6, 11, 18), (18, 30, 50), (45, 75, 120), (90, 150, 240)]),
        .init(
            entity: "account", statistic: "distinct_counterparties",
            quantiles: [(3, 5, 9), (5, 9, 16), (12, 22, 40), (25, 45, 80), (45, 80, 150)]),
        .init(entity: "account", statistic: "distinct_devices", quantiles: [(1, 2, 4), (2, 3, 5), (2, 4, 7), (3, 5, 9), (4, 7, 12)]),
        .init(entity: "account", statistic: "distinct_countries", quantiles: [(1, 2, 3), (1, 2, 4), (2, 4, 6), (3, 6, 9), (5, 9, 14)]),
        .init(
            entity: "account", statistic: "new_counterparties",
            quantiles: [(2, 4, 7), (3, 6, 11), (7, 14, 25), (15, 28, 50), (30, 55, 100)]),
        .init(entity: "inflow", statistic: "count", quantiles: [(2, 6, 15), (5, 15, 40), (15, 50, 150), (45, 150, 450), (120, 400, 1_200)]),
        .init(
            entity: "inflow", statistic: "sum",
            quantiles: [
                (1_000, 5_000, 20_000), (2_000, 10_000, 40_000), (5_000, 20_000, 80_000), (12_000, 45_000, 180_000),
                (35_000, 120_000, 500_000),
            ]),
        .init(
            entity: "inflow", statistic: "distinct_accounts",
            quantiles: [(2, 5, 10), (4, 10, 22), (10, 25, 60), (25, 60, 150), (50, 120, 300)]),
        .init(entity: "card", statistic: "count", quantiles: [(3, 6, 10), (8, 15, 25), (35, 60, 100), (120, 200, 320), (330, 550, 900)]),
        .init(entity: "card", statistic: "distinct_accounts", quantiles: [(1, 2, 3), (1, 2, 4), (1, 2, 4), (1, 2, 5), (1, 3, 6)]),
        .init(entity: "device", statistic: "count", quantiles: [(4, 8, 15), (10, 20, 40), (45, 80, 150), (150, 270, 500), (420, 750, 1_400)]),
        .init(entity: "device", statistic: "distinct_accounts", quantiles: [(1, 2, 4), (2, 3, 6), (2, 4, 8), (3, 5, 10), (3, 6, 12)]),
        .init(entity: "ip", statistic: "distinct_accounts", quantiles: [(3, 8, 25), (6, 20, 60), (15, 50, 150), (30, 100, 300), (50, 170, 500)]),
    ]

    /// Of the z-score, in standard deviations.
    static let zscore = (2.0, 4.0, 8.0)

    /// The three quantiles of a row at a window's length.
    static func quantiles(_ row: Row, millis: Int64) -> (Double, Double, Double) {
        let last = lengths.count - 1
        if millis <= lengths[0] { return row.quantiles[0] }
        if millis >= lengths[last] { return row.quantiles[last] }
        let i = lengths.lastIndex { $0 <= millis }!
        let share = Double(millis - lengths[i]) / Double(lengths[i + 1] - lengths[i])
        let (a, b) = (row.quantiles[i], row.quantiles[i + 1])
        return (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share, a.2 + (b.2 - a.2) * share)
    }

    /// Risk over a feature's value: 0 up to the 90th percentile, 0.5 at the 99th, 0.8 at the 99.9th, 1 at ten times that, linear between.
    static func curve(_ feature: Int, _ q: (Double, Double, Double)) -> PiecewiseTable.Curve {
        .init(feature: feature, points: [(q.0, 0), (q.1, 0.5), (q.2, 0.8), (10 * q.2, 1)])
    }

    /// The curves for every listed feature that these windows give.
    static func curves(_ set: FeatureSet) -> [PiecewiseTable.Curve] {
        var curves: [PiecewiseTable.Curve] = []
        for row in rows {
            for window in set.windows {
                if let feature = set.index(of: "\(row.entity)_\(window.name)_\(row.statistic)") {
                    curves.append(curve(feature, quantiles(row, millis: window.millis)))
                }
            }
        }
        curves.append(curve(set.index(of: "account_amount_zscore")!, zscore))
        return curves
    }
}
