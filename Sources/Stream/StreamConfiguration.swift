/// Where a group without offsets and without a journal begins to answer.
public enum StartFrom: Sendable, Equatable {
    case beginning
    /// What is there already fills the windows, unanswered.
    case now
}

/// What an instance of a group is told. Times are milliseconds.
public struct StreamConfiguration: Sendable {
    public var group: String
    public var instance: String
    public var topics: TopicNames
    public var leaderTimeout: Int64 = 3000
    public var commitInterval: Int64 = 100
    public var startFrom = StartFrom.beginning
    /// How much record time a restore reads; nil: all of the log.
    public var restoreHorizon: Int64?
    /// How far an event may be ahead of its record.
    public var maxClockSkew: Int64 = 300_000
    /// Oldest age that still counts in a window or in a delayed rate: longest window, and the label delay where labels are kept.
    public var longestReach: Int64
    public var version: String
    /// Every setting that reaches a verdict.
    public var settings: [String: String]
    /// The table of rates as CSV text.
    public var rates: String
    /// Folder of the snapshots; nil: none are written or read.
    public var snapshotFolder: String?
    /// Between the beginnings of two snapshots.
    public var snapshotInterval: Int64 = 300_000
    /// What digests hang on.
    public var form: String
    public var bounds = StreamBounds()

    public init(
        group: String, instance: String, topics: TopicNames, longestReach: Int64, version: String, settings: [String: String],
        rates: String, form: String
    ) {
        self.group = group
        self.instance = instance
        self.topics = topics
        self.longestReach = longestReach
        self.version = version
        self.settings = settings
        self.rates = rates
        self.form = form
    }

    /// At least so often a leader writes an entry.
    var heartbeat: Int64 { max(1, leaderTimeout / 6) }
    /// Between two full entries.
    var fullInterval: Int64 = 60_000
}

/// How an instance's work ended.
public enum StreamExit: Error, Equatable, Sendable {
    /// As asked.
    case stopped
    /// It must not go on: exit code 1.
    case refused(String)
    /// Its state went another way, and only a restart builds it anew: exit code 75.
    case rebuild(String)
}
