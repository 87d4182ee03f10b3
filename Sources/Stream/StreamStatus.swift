public import Scoring

/// What an instance is doing.
public enum Role: String, Sendable {
    case restoring, follower, candidate, leader
}

/// A look at an instance, for health and gauges.
public struct StreamStatus: Sendable {
    public struct Partition: Sendable {
        public var topic: String
        public var number: Int32
        /// Next offset applied here.
        public var position: Int64
        /// Records behind it that are not yet applied; 0 when it is at its end.
        public var lag: Int64
    }

    public var role = Role.restoring
    /// Has reached the journal's end as it was at the start, history included.
    public var isReady = false
    public var partitions: [Partition] = []
    /// Age of the oldest entry known and not applied, ms.
    public var followLag: Int64 = 0
    /// Records applied of those to be restored, and how many there are.
    public var restored: (done: Int64, of: Int64) = (0, 0)
    /// Records restored a second, over the time so far.
    public var restoreRate: Double = 0
    /// Why the broker cannot be used now; nil while it can.
    public var trouble: String?
    public var isAtBound = false
    /// What was followed does not fit into memory.
    public var isOverfull = false
    public var keptBytes = 0
    public var queuedSlices = 0
    public var lastCommit: Int64?
    public var diverged = false
    /// The input or the journal is kept for less time than a restore needs.
    public var isRetentionShort = false
    /// The instance's own table of exchange rates changes rows that are in force, and is not used.
    public var areRatesRefused = false
    public init() {}

    /// Records behind, of all partitions.
    public var lag: Int64 { partitions.reduce(0) { $0 + $1.lag } }
}

/// What happened in a transaction that is committed.
public struct CommitReport: Sendable {
    public var counts: StreamCounts
    /// Record times, ms; −1 where there is none.
    public var recordTimes: [Int64]
    /// How long stages of the scoring took, of some of the transactions.
    public var samples: [StageSample]
    public var commitMillis: Int64
    /// Wall clock at the commit, ms.
    public var at: Int64
}

/// Told of what happens, on the kafka thread, and notes also on the one that watches the broker. Implementations are quick and safe to call from there.
public protocol StreamObserver: AnyObject, Sendable {
    func note(_ level: NoteLevel, _ event: String, _ fields: [(String, String)])
    func committed(_ report: CommitReport)
    func aborted()
    func broke()
    func followed(_ partition: InputPartition, records: Int)
    func recordsLost(_ partition: InputPartition, count: Int64)
    /// The group's offsets of so many partitions were not what the journal says, and are overwritten.
    func offsetsOverwritten(_ partitions: Int)
    func becameLeader()
    func diverged()
    /// A snapshot counts from now on, or could not be written.
    func snapshot(written: Bool)
    func status(_ status: StreamStatus)
}

public enum NoteLevel: Sendable { case debug, info, warning, error }

extension StreamObserver {
    public func offsetsOverwritten(_ partitions: Int) {}
    public func snapshot(written: Bool) {}
}
