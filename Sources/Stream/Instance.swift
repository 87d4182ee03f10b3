import Scoring

/// One instance of a group: follows the journal, takes over when its leader is gone, leads. The protocol is `docs/reference/journal.md`.
///
/// All of it runs on the kafka thread; the state is the engine thread's, reached through `EngineRunner`.
final class Instance {
    let configuration: StreamConfiguration
    let cluster: any Cluster
    let runner: EngineRunner
    let observer: any StreamObserver
    let coding: EntryCoding
    /// Tells this process from every other, whatever its name.
    let process: UInt64
    /// Set from another thread when the process is told to end.
    let isStopping: () -> Bool
    /// The input or the journal is kept for less time than a restore needs.
    let isRetentionShort: Bool

    var role = Role.restoring
    var isReady = false
    /// The last entry that this state stands behind.
    var last: Entry?
    /// No entry is applied in part.
    var isWhole = true
    /// Committed next offsets, by the journal.
    var places: [InputPartition: Int64] = [:]
    var base: Base?
    var lanes: [InputPartition: Lane] = [:]
    /// Sorted keys of `lanes`.
    var partitions: [InputPartition] = []

    /// Told of each entry before its runs are applied.
    var heed: (Entry, Base?) throws(StreamExit) -> Void = { _, _ in }
    /// Told before records are applied that follow on others that are gone.
    var miss: () -> Void = {}
    /// It judges what others answered: what windows hold is complete where the journal says so, and nothing is lost to anybody but what a run names.
    var isAudit = false

    // The journal's reader.
    var journalNext: Int64 = 0
    var journalAtEnd = false
    var entries: [Entry] = []
    /// What comes after the last entry is gone from the journal, and no entry has followed it since (rule 12).
    var isJournalLost = false
    /// How often that was found.
    var journalLosses = 0

    // Taking over.
    var backoff: Int64 = 1
    var heard: Int64 = 0
    var inflight: Entry?
    var kept: [KeptBuffer] = []
    var recentTimes: [Int64] = []

    /// The group's offsets as they were when this instance made up its mind to stand, and the last entry then.
    var offsetsSeen: (n: Int64, offsets: [InputPartition: Int64])?

    // Leading.
    var term: Int64 = 0
    var commitBegan: Int64 = 0
    var stopSeen: Int64?
    var lastFull: Int64 = 0
    var lastCommit: Int64?
    /// Partitions whose next record is the first after a gap.
    var gapPending: Set<InputPartition> = []
    /// Record times up to which records of such partitions are lost that others applied, as far as that is known, ms.
    var lostUpTo: [InputPartition: Int64] = [:]
    /// Records that were gone when they were to be read, as far as no run that was applied says what was done with them.
    var lostRuns: [Run] = []
    /// Changes whose records are gone.
    var carried: [Change] = []
    var diverged = false

    /// The table of rates that records are converted with: the journal's, and this instance's own where it leads.
    var rates: String
    /// This instance's own would have changed what is in force, and was left out.
    var areRatesRefused = false

    /// nil where none are written.
    var snapshots: Snapshotting?

    // Telling.
    var restored: (done: Int64, of: Int64) = (0, 0)
    var restoreBegan: Int64 = 0
    /// Entries that were read and are not applied yet, and since when.
    var unapplied: [(n: Int64, since: Int64)] = []
    var statusAt: Int64 = 0

    /// A closed buffer that is not committed yet.
    struct KeptBuffer {
        var buffer: OutputBuffer
        /// What it counted as when it was closed.
        var bytes: Int
    }

    init(
        _ configuration: StreamConfiguration, cluster: any Cluster, runner: EngineRunner, observer: any StreamObserver,
        isRetentionShort: Bool = false, snapshots: (any SnapshotPlace)? = nil, isStopping: @escaping () -> Bool
    ) {
        self.configuration = configuration
        self.cluster = cluster
        self.runner = runner
        self.observer = observer
        self.isRetentionShort = isRetentionShort
        self.isStopping = isStopping
        coding = EntryCoding(topics: configuration.topics)
        rates = configuration.rates
        process = UInt64(bitPattern: cluster.random(Int64.min..<Int64.max))
        self.snapshots = snapshots.map { Snapshotting(place: $0, begun: cluster.now) }
    }

    /// Follows, stands and leads until the process is told to end, or must.
    func run() -> StreamExit {
        restoreBegan = cluster.now
        do {
            try waitForBroker()
            if try !beginFromSnapshot() { cluster.readJournalFromStart() }
            while true {
                try follow()
                guard try stand() else { continue }
                backoff = 1
                try lead()
            }
        } catch {
            tell(force: true)
            cluster.leaveLead()
            if error == .stopped { lastSnapshot() }
            // Told to end, it need not be started again for the sake of its state.
            if case .rebuild(let why) = error, isStopping() {
                note(.warning, "state given up", [("why", why)])
                return .stopped
            }
            return error
        }
    }

    /// After the hand-over: follows on, so that whoever still asks is answered from a state that is not behind; never stands, and ends when it is told to.
    func followOn() {
        guard base != nil, isWhole, !hasKept else { return }
        runner.allowScoring(false)
        role = .follower
        do {
            while true {
                try fetchJournal()
                while !entries.isEmpty { try take(entries.removeFirst()) }
                try fetchInputs()
                try pause(20)
            }
        } catch {
            // Its work has ended already; what it met now says nothing more.
        }
    }

    /// Waits until the input's partitions are known: with the broker away at the start, a process tries on and never ends.
    private func waitForBroker() throws(StreamExit) {
        while true {
            if let found = cluster.inputPartitions(), !found.isEmpty { return }
            try pause(200)
        }
    }

    // MARK: - Waiting

    /// Sleeps until something happens, for `milliseconds` at most.
    ///
    /// - Throws: `.stopped` when the process is told to end.
    func pause(_ milliseconds: Int64) throws(StreamExit) {
        if isStopping() { throw .stopped }
        if let unfit = runner.unfit { throw anotherRecord(unfit.partition, unfit.offset) }
        tell()
        cluster.wait(until: cluster.now + milliseconds)
    }

    /// Sleeps for all of `milliseconds`, whatever happens meanwhile.
    ///
    /// - Throws: `.stopped` when the process is told to end.
    func sleep(_ milliseconds: Int64) throws(StreamExit) {
        let end = cluster.now + milliseconds
        while cluster.now < end { try pause(min(50, end - cluster.now)) }
    }

    func note(_ level: NoteLevel, _ event: String, _ fields: [(String, String)] = []) {
        observer.note(level, event, fields)
    }

    /// Publishes the status, ten times a second at most.
    func tell(force: Bool = false) {
        let now = cluster.now
        guard force || now - statusAt >= 100 else { return }
        statusAt = now
        var status = StreamStatus()
        status.role = role
        status.isReady = isReady
        let applied = runner.applied
        for partition in partitions {
            let position = max(applied[partition]?.offset ?? 0, 0)
            let lane = lanes[partition]!
            let end = cluster.cachedEnd(partition)
            let lag = lane.isAtEnd && lane.isEmpty && runner.isDrained ? 0 : max(0, end - position)
            status.partitions.append(
                .init(topic: configuration.topics.name(partition.topic) ?? "", number: partition.number, position: position, lag: lag))
        }
        status.followLag = followLag
        status.isRetentionShort = isRetentionShort
        status.restored = restored
        status.restoreRate = Double(restored.done) * 1000 / Double(max(1, now - restoreBegan))
        status.trouble = cluster.trouble
        status.isAtBound = runner.isAtBound
        status.isOverfull = runner.isOverfull
        status.keptBytes = runner.keptBytes
        status.queuedSlices = runner.queueLength
        status.lastCommit = lastCommit
        status.diverged = diverged
        status.areRatesRefused = areRatesRefused
        observer.status(status)
    }

    /// Age of the oldest entry that is known and not applied, ms.
    private var followLag: Int64 {
        let applied = role == .leader ? Int64.max : runner.appliedEntry
        unapplied.removeFirst(unapplied.prefix { $0.n <= applied }.count)
        return unapplied.first.map { cluster.now - $0.since } ?? 0
    }

    /// How long the journal may be silent before its writer counts as gone.
    var patience: Int64 { max(configuration.leaderTimeout, last?.silence ?? 0) }

    /// Remembers how long an `init` or a commit took: what this instance may take, others must wait.
    func took(since began: Int64) {
        recentTimes.append(cluster.now - began)
        if recentTimes.count > 30 { recentTimes.removeFirst() }
    }

    /// Told to end, and so long ago that what is left must be given up.
    var stopDeadlinePassed: Bool { toldToStop.map { cluster.now - $0 > 6000 } ?? false }

    /// Until when the calls of a transaction are tried that was begun then; sooner once it is told to end, so that it does within 10 s.
    func commitDeadline(_ began: Int64) -> Int64 { min(began + 10_000, toldToStop.map { $0 + 4000 } ?? .max) }

    /// When it was seen that it is told to end; nil before.
    private var toldToStop: Int64? {
        if stopSeen == nil, isStopping() { stopSeen = cluster.now }
        return stopSeen
    }

    var hasKept: Bool { !kept.isEmpty || runner.hasScored }
}
