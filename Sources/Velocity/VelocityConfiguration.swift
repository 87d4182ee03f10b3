/// What shapes the state: windows, lateness, retentions, feedback. Two states made under different ones cannot be compared.
///
/// All durations are milliseconds of event time.
public struct VelocityConfiguration: Sendable, Equatable {
    /// Lengths of the sliding windows, 1...8 of them, ascending, each in 1 s ... 90 d. A window at time t is (t − W, t].
    public var windows: [Int64]
    /// How late behind the watermark an event may be and still be scored as complete.
    public var allowedLateness: Int64
    /// How long an account's first and last times are remembered after its last transaction.
    public var accountRetention: Int64
    /// How long a pair (account, counterparty) is remembered after its last debit; never less than windows and lateness together.
    public var pairRetention: Int64
    /// Delay D of labels: `fraud_rate` looks at (t − D − W, t − D].
    public var feedbackDelay: Int64
    /// Whether labels are kept, and merchants' events `feedbackDelay` longer.
    public var feedbackEnabled: Bool

    public init(
        windows: [Int64] = [3_600_000, 86_400_000, 604_800_000], allowedLateness: Int64 = 86_400_000,
        accountRetention: Int64 = 400 * 86_400_000, pairRetention: Int64 = 90 * 86_400_000,
        feedbackDelay: Int64 = 7 * 86_400_000, feedbackEnabled: Bool = true
    ) {
        precondition((1...8).contains(windows.count) && windows == windows.sorted() && windows[0] > 0, "windows: 1 to 8, ascending")
        self.windows = windows
        self.allowedLateness = allowedLateness
        self.accountRetention = accountRetention
        self.pairRetention = max(pairRetention, windows.last! + allowedLateness)
        self.feedbackDelay = feedbackDelay
        self.feedbackEnabled = feedbackEnabled
    }
}
