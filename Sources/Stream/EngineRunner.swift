import Glibc
public import Scoring
import Velocity

/// Bounds of what may lie between the kafka thread and the engine's.
public struct StreamBounds: Sendable {
    /// Fetched records that wait for the engine, bytes.
    public var queuedBytes = 2 << 20
    /// Scored and not yet committed, bytes: at it the engine takes no more records.
    public var keptBytes = 32 << 20
    /// A buffer is closed at this size, bytes.
    public var bufferBytes = 8 << 20
    /// A buffer is closed when its entry has grown to this, bytes.
    public var entryBytes = 256 << 10
    /// Records that the engine takes in one go, between two looks at what else there is to do: a request waits for these, some 1 ms.
    public var sliceRecords = 64
    /// A snapshot's piece, bytes: less than a tenth of a millisecond.
    public var pieceBytes = 1 << 16
    public init() {}
}

/// Records to be applied as the journal says (outcomes nil: history, decided as they come), after what changed before them.
struct FollowPiece {
    var slice: Slice
    var outcomes: [Outcome]?
    var changes: [Change] = []
}

extension [FollowPiece] {
    var byteCount: Int { reduce(0) { $0 + $1.slice.byteCount } }
}

/// The engine's thread and what it shares with the kafka thread: work in, closed buffers out.
///
/// The engine belongs to this thread alone; what is shared lies behind `monitor`.
public final class EngineRunner: @unchecked Sendable {
    enum Work {
        /// Decide, score and write; whether another partition was behind when the slice was taken.
        case score(Slice, lagging: Bool, changes: [Change])
        /// Apply as the journal says.
        case follow([FollowPiece])
        /// All of this entry was put before.
        case mark(Int64)
        case perform((Engine) -> Void)
    }

    private let engine: Engine
    private let bounds: StreamBounds
    private let topics: TopicNames
    /// Serves what waits between two pieces of work (HTTP requests); returns whether more waits.
    private let serve: (Engine) -> Bool
    /// Tells the kafka thread that something changed.
    private let wakeOther: () -> Void
    private let monitor = Monitor()
    /// Has no thread of its own: whoever drives it calls `turn`, and the whole pipeline runs on one thread.
    private let isStepped: Bool
    /// Applies what the journal says instead of the engine's `follow`: an audit's way.
    private let recompute: ((FollowPiece, Engine) -> Void)?

    // Behind `monitor`.
    /// Those before `queueHead` were taken and are nil, so that nothing holds their records.
    private var queue: [Work?] = []
    private var queueHead = 0
    private var queuedBytes = 0
    private var isBusy = false
    private var requestsWait = false
    private var isStopping = false
    private var closeAsked: (asked: Bool, full: Bool) = (false, false)
    private var mayScore = false
    private var closed: [OutputBuffer] = []
    private var closedBytes = 0
    private var openBytes = 0
    private var openRecords = 0
    private var positions: [InputPartition: Place] = [:]
    private var marked = Int64.min
    private var beat = monotonicMillis()
    /// What of a snapshot that is being written is still to come.
    private var snapshotState = SnapshotState.none
    /// A snapshot is to be begun, or given up.
    private var snapshotOrder: SnapshotOrder?
    private var overfull = false
    private var misfit: (partition: InputPartition, offset: Int64)?

    // The engine thread's alone.
    private var open: OutputBuffer?
    private var lagging = false
    /// Artefacts that came into force, and that no record was scored under yet.
    private var newModels: [String: String]?
    /// The snapshot that is being written.
    private var snapshot: (writer: StateWriter, sink: any SnapshotSink)?
    /// Since when nothing was applied, and whether memory may be given back meanwhile.
    private var idle: (since: Int64, watermark: Int64, mayTidy: Bool) = (0, .min, false)

    public convenience init(
        engine: Engine, topics: TopicNames, bounds: StreamBounds = .init(), serve: @escaping (Engine) -> Bool = { _ in false },
        isStepped: Bool = false, wakeOther: @escaping () -> Void
    ) {
        self.init(engine: engine, topics: topics, bounds: bounds, serve: serve, isStepped: isStepped, recompute: nil, wakeOther: wakeOther)
    }

    init(
        engine: Engine, topics: TopicNames, bounds: StreamBounds, serve: @escaping (Engine) -> Bool = { _ in false }, isStepped: Bool = false,
        recompute: ((FollowPiece, Engine) -> Void)?, wakeOther: @escaping () -> Void
    ) {
        self.isStepped = isStepped
        self.recompute = recompute
        self.engine = engine
        self.topics = topics
        self.bounds = bounds
        self.serve = serve
        self.wakeOther = wakeOther
    }

    // MARK: - From any thread

    /// Says that requests wait for the engine.
    public func wake() {
        monitor.locked {
            requestsWait = true
            monitor.signal()
        }
    }

    /// Milliseconds since the engine's thread last went round.
    public var silence: Int64 { monotonicMillis() - monitor.locked { beat } }

    /// Puts artefacts in force, before the next record that the engine takes; a leader's journal says before which.
    public func use(_ models: EngineModels) {
        put(
            .perform { [self] engine in
                engine.apply(.models(models))
                newModels = models.journalled
            })
    }

    /// Ends the thread when it has done what it is doing; what is queued is dropped.
    public func stop() {
        monitor.locked {
            isStopping = true
            monitor.signal()
        }
    }

    // MARK: - From the kafka thread

    /// Whether another slice may be put in the queue.
    var hasRoom: Bool { monitor.locked { queuedBytes < bounds.queuedBytes && queue.count - queueHead < 4096 } }
    /// Whether what is kept is so much that the engine stands still.
    var isAtBound: Bool { monitor.locked { closedBytes + openBytes >= bounds.keptBytes } }
    /// Nothing is queued, and the engine is not at work.
    var isDrained: Bool { monitor.locked { queueHead == queue.count && !isBusy } }
    /// Records in the open buffer.
    var openCount: Int { monitor.locked { openRecords } }
    /// Something is scored and was not given out by `takeClosed`.
    var hasScored: Bool { monitor.locked { openRecords > 0 || !closed.isEmpty } }
    var keptBytes: Int { monitor.locked { closedBytes + openBytes } }
    var queueLength: Int { monitor.locked { queue.count - queueHead } }
    /// Next offsets applied, with the checksum of the record before each.
    var applied: [InputPartition: Place] { monitor.locked { positions } }

    /// The number of the last entry that is applied whole.
    var appliedEntry: Int64 { monitor.locked { marked } }

    /// The first record that the journal says was applied and that cannot be: it is another one. Nothing is applied after it.
    var unfit: (partition: InputPartition, offset: Int64)? { monitor.locked { misfit } }

    /// What was followed does not fit into memory: nothing more is to be followed.
    var isOverfull: Bool { monitor.locked { overfull } }

    func put(_ work: Work) {
        monitor.locked {
            if case .score(let slice, _, _) = work { queuedBytes += slice.byteCount }
            if case .follow(let pieces) = work { queuedBytes += pieces.byteCount }
            queue.append(work)
            monitor.signal()
        }
    }

    /// Runs `body` on the engine's thread, after all that was put before, and waits for it.
    func perform<T>(_ body: @escaping (Engine) -> T) -> T {
        let done = Monitor()
        nonisolated(unsafe) var result: T?  // written before `done` is signalled, read after
        put(.perform { engine in
            let value = body(engine)
            done.locked {
                result = value
                done.signal()
            }
        })
        if isStepped {
            while result == nil { precondition(turn(waiting: false), "work that was put is done") }
            return result!
        }
        return done.locked {
            while result == nil { done.wait(milliseconds: 1000) }
            return result!
        }
    }

    /// Lets the engine score, or holds it back: it then finishes its slice and leaves what is queued.
    func allowScoring(_ allowed: Bool) {
        monitor.locked {
            mayScore = allowed
            monitor.signal()
        }
    }

    /// Throws away what was queued for scoring; the caller reads it again from `applied`.
    func discardQueued() {
        monitor.locked {
            queue = queue[queueHead...].filter { work in
                switch work {
                case .score, .follow, nil: false
                case .mark, .perform: true
                }
            }
            queueHead = 0
            queuedBytes = 0
            while isBusy { monitor.wait(milliseconds: 100) }
        }
    }

    /// Asks for the open buffer; it appears in `takeClosed` soon. An empty one is left open.
    func askClose(full: Bool) {
        monitor.locked {
            closeAsked = (true, full)
            monitor.signal()
        }
    }

    /// Buffers closed since the last call, oldest first. Their bytes count as kept until `release`.
    func takeClosed() -> [OutputBuffer] {
        monitor.locked {
            defer { closed.removeAll() }
            return closed
        }
    }

    /// A kept buffer was committed, or is given up.
    func release(_ buffer: OutputBuffer, bytes: Int) {
        monitor.locked {
            closedBytes -= bytes
            monitor.signal()
        }
    }

    /// Sets where the state stands: at the beginning, or where records are gone.
    func setPosition(_ partition: InputPartition, _ place: Place) {
        monitor.locked { positions[partition] = place }
    }

    // MARK: - The engine's thread

    /// The thread's body: returns after `stop`.
    public func run() {
        while turn(waiting: true) {}
    }

    /// Does one thing: a piece of work, a closing, or what waits to be served.
    ///
    /// - Returns: false when it was told to stop or, not `waiting`, when there is nothing to do.
    func turn(waiting: Bool) -> Bool {
        guard let turn = next(waiting: waiting) else { return false }
        if let work = turn.work { perform(work) }
        if turn.tidies { idle.mayTidy = engine.tidy() }
        writePiece()
        // What is asked over HTTP changes nothing that the kafka thread waits for, and does not wake it.
        if !turn.servesAlone || snapshot != nil { finish(turn.full) }
        while serve(engine) {}
        return true
    }

    private struct Turn {
        var work: Work?
        /// Whether to close, and as a full entry.
        var full: Bool?
        /// Whether to give memory back, since nothing else is to be done.
        var tidies = false
        /// Whether there is nothing but requests.
        var servesAlone = false
    }

    /// What is to be done next; nil at the end or, not `waiting`, when there is nothing.
    private func next(waiting: Bool) -> Turn? {
        monitor.locked {
            while true {
                beat = monotonicMillis()
                if isStopping { return nil }
                if let work = takeQueued() {
                    isBusy = true
                    return Turn(work: work, full: closeWanted())
                }
                if let full = closeWanted() {
                    isBusy = true
                    return Turn(work: nil, full: full)
                }
                if requestsWait {
                    requestsWait = false
                    return Turn(servesAlone: true)
                }
                if snapshotOrder != nil || snapshotState == .pieces && snapshot?.sink.hasRoom == true {
                    isBusy = true
                    return Turn()
                }
                guard waiting else { return nil }
                // Not in the gaps of a stream: after a second in which nothing was applied.
                if engine.watermark != idle.watermark { idle = (beat, engine.watermark, true) }
                if idle.mayTidy, beat - idle.since >= 1000 {
                    isBusy = true
                    return Turn(tidies: true)
                }
                monitor.wait(milliseconds: snapshotState == .pieces ? 2 : 1000)
            }
        }
    }

    private func takeQueued() -> Work? {
        guard queueHead < queue.count, let work = queue[queueHead] else { return nil }
        switch work {
        case .score(let slice, _, _):
            guard mayScore, closedBytes + openBytes < bounds.keptBytes else { return nil }
            queuedBytes -= slice.byteCount
        case .follow(let pieces): queuedBytes -= pieces.byteCount
        case .mark, .perform: break
        }
        queue[queueHead] = nil
        queueHead += 1
        if queueHead == queue.count {
            queue.removeAll(keepingCapacity: true)
            queueHead = 0
        } else if queueHead > 1024 {
            queue.removeFirst(queueHead)
            queueHead = 0
        }
        return work
    }

    private func closeWanted() -> Bool? {
        guard closeAsked.asked else { return nil }
        closeAsked.asked = false
        return closeAsked.full
    }

    private func perform(_ work: Work) {
        switch work {
        case .score(let slice, let lagging, let changes): score(slice, lagging: lagging, changes)
        case .follow(let pieces): follow(pieces)
        case .mark(let entry): monitor.locked { marked = entry }
        case .perform(let body): body(engine)
        }
    }

    private func score(_ slice: Slice, lagging: Bool, _ changes: [Change]) {
        let buffer = open ?? makeBuffer()
        open = buffer
        var changes = changes
        if let models = newModels {
            changes.append(Change(partition: slice.batch.partition, offset: slice.run.first, kind: .models(models)))
            newModels = nil
        }
        if lagging != engine.incomplete.isLagging {
            changes.append(Change(partition: slice.batch.partition, offset: slice.run.first, kind: .lagging(lagging)))
        }
        if let relief = engine.relief() {
            if relief.memoryHorizon > engine.memoryHorizon {
                changes.append(Change(partition: slice.batch.partition, offset: slice.run.first, kind: .memoryHorizon(relief.memoryHorizon)))
            }
            if relief.eventHorizon > engine.eventHorizon {
                changes.append(Change(partition: slice.batch.partition, offset: slice.run.first, kind: .eventHorizon(relief.eventHorizon)))
            }
        }
        for change in changes {
            buffer.changes.append(change)
            apply(change)
        }
        buffer.score(slice, with: engine)
        advance([slice])
    }

    private func makeBuffer() -> OutputBuffer {
        let buffer = OutputBuffer(
            start: monitor.locked { positions }, eventHorizon: engine.eventHorizon, memoryHorizon: engine.memoryHorizon,
            since: engine.wholeSince, models: engine.models.journalled)
        buffer.topicName = { [topics] in topics.name($0) ?? "" }
        return buffer
    }

    private func follow(_ pieces: [FollowPiece]) {
        if misfit != nil { return }  // written by this thread alone
        for piece in pieces {
            for change in piece.changes { apply(change) }
            if let recompute, piece.outcomes != nil {
                recompute(piece, engine)
                continue
            }
            do throws(FollowError) {
                try engine.follow(piece.slice.records, outcomes: followed(piece.outcomes))
            } catch {
                // A state that lacks what the journal says was applied would part from the others': nothing here can mend it.
                monitor.locked { misfit = misfit ?? (InputPartition(error.topic, error.partition), error.offset) }
                return
            }
        }
        advance(pieces.map(\.slice))
        if engine.isOverfull { monitor.locked { overfull = true } }
    }

    /// A verdict too large for its topic changes nothing of its record's being scored.
    private func followed(_ outcomes: [Outcome]?) -> [Outcome]? {
        outcomes?.map { $0 == .deadLettered(.verdictTooLarge) ? .scored : $0 }
    }

    private func apply(_ change: Change) {
        switch change.kind {
        case .since(let time): engine.incomplete.since = max(engine.incomplete.since, time)
        case .lagging(let value): engine.incomplete.isLagging = value
        case .eventHorizon(let time): engine.raise(eventHorizon: time)
        case .memoryHorizon(let time): engine.raise(memoryHorizon: time)
        // A leader's is in force here already; a follower answers by its own; an audit puts them in force itself.
        case .models: break
        }
    }

    /// Moves the positions behind what was applied.
    private func advance(_ slices: [Slice]) {
        var last: [InputPartition: Slice] = [:]
        for slice in slices { last[slice.batch.partition] = slice }
        var places: [InputPartition: Place] = [:]
        for (partition, slice) in last {
            let record = slice.records[slice.records.count - 1]
            places[partition] = Place(offset: record.offset + 1, checksum: CRC32C.of(record))
        }
        monitor.locked { positions.merge(places) { $1 } }
    }

    /// Ends a turn: closes the buffer where that is asked for or due, and gives the engine free.
    private func finish(_ full: Bool?) {
        var due: OutputBuffer?
        if let buffer = open {
            let isFull = buffer.byteCount >= bounds.bufferBytes || buffer.entryBytes >= bounds.entryBytes
            if buffer.recordCount > 0, full != nil || isFull {
                precondition(buffer.counts.isBalanced, "consumed = scored + duplicates + dead_lettered")
                if full == true {
                    buffer.isFull = true
                    buffer.digest = engine.stateDigest
                }
                if isSnapshotNearEnd { buffer.cut = cut() }
                due = buffer
                open = nil
            }
        }
        let isWantingMore = monitor.locked {
            if let due {
                closed.append(due)
                closedBytes += due.byteCount
            }
            openBytes = open?.byteCount ?? 0
            openRecords = open?.recordCount ?? 0
            isBusy = false
            beat = monotonicMillis()
            monitor.signal()
            return queuedBytes < bounds.queuedBytes / 2
        }
        // While much is queued still, there is nothing that the kafka thread could do.
        if isWantingMore || due != nil { wakeOther() }
    }
}

// MARK: - Snapshots

extension EngineRunner {
    /// What of a snapshot is still to come.
    enum SnapshotState { case none, pieces, end }

    enum SnapshotOrder {
        case begin(any SnapshotSink)
        case cancel
    }

    /// Begins a snapshot of the state as it is at the engine's next turn, in place of one that is being written, or gives that up. From the kafka thread.
    func order(_ order: SnapshotOrder) {
        monitor.locked {
            snapshotOrder = order
            snapshotState = .none
            monitor.signal()
        }
    }

    /// Pieces of a snapshot wait for being written.
    var isSnapshotBegun: Bool { monitor.locked { snapshotOrder != nil || snapshotState == .pieces } }

    /// All but the last piece is written.
    var isSnapshotNearEnd: Bool { monitor.locked { snapshotState == .end } }

    /// Ends the snapshot with the state as it is now, behind all that was put before; nil where it ended with a buffer. From the kafka thread.
    func cutSnapshot() -> StateCut? { perform { [self] _ in isSnapshotNearEnd ? cut() : nil } }

    private func writePiece() {
        if let order = takeSnapshotOrder() {
            snapshot?.writer.cancel()
            snapshot = nil
            if case .begin(let sink) = order { snapshot = (StateWriter(engine) { sink.write($0) }, sink) }
            monitor.locked { if snapshotOrder == nil, snapshot != nil { snapshotState = .pieces } }
        }
        guard let snapshot, !snapshot.writer.isLastNext, snapshot.sink.hasRoom else { return }
        snapshot.writer.step(budget: bounds.pieceBytes)
        guard snapshot.writer.isLastNext else { return }
        monitor.locked { if snapshotOrder == nil { snapshotState = .end } }
    }

    private func takeSnapshotOrder() -> SnapshotOrder? {
        monitor.locked {
            defer { snapshotOrder = nil }
            return snapshotOrder
        }
    }

    private func cut() -> StateCut {
        let (writer, sink) = snapshot!
        writer.finish()
        snapshot = nil
        let applied = monitor.locked {
            snapshotState = .none
            return positions
        }
        return StateCut(
            digest: engine.stateDigest, eventHorizon: engine.eventHorizon, memoryHorizon: engine.memoryHorizon, since: engine.wholeSince,
            isLagging: engine.incomplete.isLagging, applied: applied, sink: sink)
    }
}

extension Engine {
    /// Since when windows are whole, as the journal says it: `Int64.max` where no verdict is ever complete.
    var wholeSince: Int64 {
        get { incomplete.isUnknown ? Int64.max : incomplete.since }
        set {
            incomplete.isUnknown = newValue == Int64.max
            if newValue < Int64.max { incomplete.since = newValue }
        }
    }

    /// Event time above which events are retained for their windows, and labels for theirs.
    var oldestRetained: Int64 {
        let velocity = store.configuration
        guard watermark > Int64.min else { return Int64.min }
        let delay = velocity.feedbackEnabled ? velocity.feedbackDelay : 0
        return max(watermark - velocity.windows.last! - velocity.allowedLateness - delay, eventHorizon)
    }

    var stateDigest: Digest {
        let digest = digest()
        return Digest(windows: digest.windows, memory: digest.memory)
    }
}
