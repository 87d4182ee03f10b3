/// The rules that score where no model does: each looks at one feature and adds log-odds to a score that begins at `bias`.
///
/// `docs/reference/rules.md` shows these tables. A change to them raises `version`.
struct RuleTable {
    /// Named in verdicts as the version of the model `rules`.
    static let version = "2"

    struct Rule {
        var name: Name
        /// From the feature's value to log-odds; flat beyond the ends.
        var points: [(x: Double, y: Double)]
    }

    /// A feature: by its name, or by entity and statistic for the window of a length, else the next longer one, else the longest.
    enum Name {
        case plain(String)
        case window(String, Int64, String)

        func index(in set: FeatureSet) -> Int? {
            switch self {
            case .plain(let name): set.index(of: name)
            case .window(let entity, let millis, let statistic): set.index(entity, atLeast: millis, statistic)
            }
        }
    }

    var bias: Double
    var rules: [Rule]

    /// The curves for the features that these windows give.
    func curves(_ set: FeatureSet) -> [PiecewiseTable.Curve] {
        rules.compactMap { rule in rule.name.index(in: set).map { .init(feature: $0, points: rule.points) } }
    }

    private static let hour: Int64 = 3_600_000
    private static let day: Int64 = 86_400_000

    /// Fraud: sudden bursts, amounts unlike the account's own, shared devices and cards, borders, nights, merchants with labelled fraud.
    static let fraud = RuleTable(
        bias: -4,
        rules: [
            Rule(name: .plain("amount"), points: [(200, 0), (1_000, 0.8), (5_000, 1.6), (20_000, 2.2)]),
            Rule(name: .plain("account_amount_zscore"), points: [(2, 0), (4, 1), (8, 2.2), (20, 3)]),
            Rule(name: .window("account", hour, "count"), points: [(3, 0), (6, 0.9), (12, 2.2), (30, 3)]),
            Rule(name: .window("account", day, "sum"), points: [(1_000, 0), (5_000, 0.6), (20_000, 1.3)]),
            Rule(name: .window("account", hour, "distinct_countries"), points: [(1, 0), (2, 1.2), (3, 2)]),
            Rule(name: .window("account", day, "distinct_devices"), points: [(2, 0), (4, 0.8), (8, 1.5)]),
            Rule(name: .window("account", day, "new_counterparties"), points: [(2, 0), (5, 0.8), (10, 1.6)]),
            Rule(name: .window("card", day, "distinct_accounts"), points: [(1, 0), (2, 0.8), (4, 2)]),
            Rule(name: .window("device", day, "distinct_accounts"), points: [(2, 0), (4, 1), (8, 2)]),
            Rule(name: .window("ip", hour, "distinct_accounts"), points: [(4, 0), (12, 0.8), (40, 1.6)]),
            Rule(name: .window("merchant", 7 * day, "fraud_rate"), points: [(0.02, 0), (0.1, 1.2), (0.3, 3), (0.6, 4.5)]),
            Rule(name: .plain("is_cross_border"), points: [(0, 0), (1, 0.8)]),
            Rule(name: .plain("is_night"), points: [(0, 0), (1, 0.4)]),
            Rule(name: .plain("account_age_seconds"), points: [(86_400, 0.4), (604_800, 0)]),
        ])

    /// Money laundering: sums near and over the suspicious amount, many partners, strangers, money from many, borders, cash.
    ///
    /// - Parameter suspicious: `AML_SUSPICIOUS_AMOUNT_THRESHOLD`, major units of the base currency, more than 0.
    static func aml(suspicious t: Double) -> RuleTable {
        RuleTable(
            bias: -4,
            rules: [
                Rule(name: .plain("amount"), points: [(0.3 * t, 0), (0.7 * t, 0.8), (t, 1.5), (5 * t, 2.5)]),
                Rule(name: .window("account", day, "sum"), points: [(0.7 * t, 0), (2 * t, 1), (10 * t, 2)]),
                Rule(name: .window("inflow", day, "sum"), points: [(0.7 * t, 0), (2 * t, 0.8), (10 * t, 1.6)]),
                Rule(name: .window("inflow", 7 * day, "distinct_accounts"), points: [(5, 0), (15, 0.6), (50, 1.2)]),
                Rule(name: .window("account", 7 * day, "distinct_counterparties"), points: [(10, 0), (30, 0.4), (80, 0.8)]),
                Rule(name: .window("account", 7 * day, "new_counterparties"), points: [(5, 0), (15, 0.8), (40, 1.2)]),
                Rule(name: .plain("is_cross_border"), points: [(0, 0), (1, 0.6)]),
                Rule(name: .plain("type_cash_in"), points: [(0, 0), (1, 0.3)]),
                Rule(name: .plain("type_cash_out"), points: [(0, 0), (1, 0.3)]),
                Rule(name: .plain("account_age_seconds"), points: [(86_400, 0.4), (604_800, 0)]),
            ])
    }
}
