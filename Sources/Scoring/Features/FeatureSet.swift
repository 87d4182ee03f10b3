/// The features that a configuration of windows gives: their names, in a fixed order.
///
/// The order is that of the contract: entities (account, inflow, counterparty, card, device, ip, merchant), each by window and then by
/// statistic; then the account's and the pair's features without a window; then those of the transaction itself.
public struct FeatureSet: Sendable, Equatable {
    /// Raised when the meaning or the order of a feature changes.
    public static let version = 1

    public let windows: [WindowLabel]
    /// Whether labels are kept, and so `merchant_<W>_fraud_rate` is given.
    public let hasFraudRate: Bool
    /// `<entity>_<window>_<statistic>` and the others, in order; their count is a vector's length.
    public let names: [String]
    private let indices: [String: Int]

    static let accountStatistics = [
        "count", "sum", "mean", "max", "distinct_merchants", "distinct_counterparties", "distinct_devices", "distinct_countries",
        "new_counterparties",
    ]
    static let flowStatistics = ["count", "sum", "mean", "max", "distinct_accounts"]
    static let entityStatistics = ["count", "sum", "distinct_accounts"]
    static let merchantStatistics = ["count", "sum", "mean", "distinct_accounts"]
    static let withoutWindow = [
        "account_seconds_since_last", "account_age_seconds", "account_amount_zscore", "account_amount_ratio", "pair_count",
        "pair_seconds_since_last", "pair_amount_ratio",
    ]
    static let ofTransaction = ["amount", "hour_of_day", "day_of_week", "is_night", "is_weekend"]
    static let channels = ["online", "pos", "atm", "mobile", "branch", "other"]

    public init(windows: [WindowLabel], hasFraudRate: Bool) {
        precondition((1...8).contains(windows.count), "windows: 1 to 8")
        self.windows = windows
        self.hasFraudRate = hasFraudRate
        var names: [String] = []
        func add(_ entity: String, _ statistics: [String]) {
            for window in windows { for statistic in statistics { names.append("\(entity)_\(window.name)_\(statistic)") } }
        }
        add("account", Self.accountStatistics)
        add("inflow", Self.flowStatistics)
        add("counterparty", Self.flowStatistics)
        add("card", Self.entityStatistics)
        add("device", Self.entityStatistics)
        add("ip", Self.entityStatistics)
        add("merchant", Self.merchantStatistics + (hasFraudRate ? ["fraud_rate"] : []))
        names += Self.withoutWindow
        names += Self.ofTransaction
        for type in TransactionType.allCases { names.append("type_\(type.name)") }
        for channel in Self.channels { names.append("channel_\(channel)") }
        names.append("is_cross_border")
        self.names = names
        indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    public var count: Int { names.count }

    /// Where a feature stands in a vector; nil when these windows do not give it.
    ///
    /// - Complexity: O(1).
    public func index(of name: String) -> Int? { indices[name] }

    /// The window of this length, else the next longer one, else the longest.
    public func window(atLeast millis: Int64) -> WindowLabel {
        windows.first { $0.millis >= millis } ?? windows[windows.count - 1]
    }

    /// The index of `<entity>_<W>_<statistic>` for the window that `window(atLeast:)` gives; nil when there is no such statistic.
    public func index(_ entity: String, atLeast millis: Int64, _ statistic: String) -> Int? {
        index(of: "\(entity)_\(window(atLeast: millis).name)_\(statistic)")
    }
}
