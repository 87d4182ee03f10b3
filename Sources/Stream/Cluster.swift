import Scoring

/// Something that can be read.
public enum Source: Hashable, Sendable {
    case input(InputPartition)
    case journal
}

/// What a look at a source brought.
public enum Fetched {
    case records(RecordBatch)
    /// A record of the journal: offset, record time (−1: not known) and value.
    case entry(Int64, time: Int64, UnsafeRawBufferPointer)
    /// The reader stands at the end of what can be read; the next offset.
    case end(Int64)
    /// The wanted offset is not there: below the log's start, or beyond its end.
    case outOfRange
    /// The source cannot be read now: a text without payload.
    case failed(String)
}

/// How a transaction ended.
public enum CommitResult: Equatable, Sendable {
    case committed
    /// It is aborted and may be tried again with the same bytes; these outputs are too large for their topic.
    case aborted(tooLarge: [Int])
    /// The producer is of no use any more (fenced, timed out, fatal): whether it was committed, the journal says.
    case broken(String)
}

/// One output record of a transaction. Its bytes lie in the buffer's memory.
struct Output {
    enum Kind: UInt8, Sendable { case fraud, aml, deadLetter }
    var kind: Kind
    /// Index of the input record in its buffer.
    var record: Int32
    var partition: InputPartition
    var offset: Int64
    /// Record time that it carries, ms; −1 when the input had none.
    var time: Int64
    var key: Range<Int>?
    var value: Range<Int>?
    /// Its headers, one after the other in the buffer: count-prefixed names and values.
    var headers: Range<Int>
}

/// A transaction to be committed: outputs, offsets and the entry, all or nothing.
struct Outgoing {
    var buffer: OutputBuffer?
    var entry: [UInt8]
    /// Next offsets to be committed in the group's name.
    var offsets: [InputPartition: Int64]
}

/// What the stream asks of the log. `KafkaCluster` is Kafka; the protocol above stays free of it.
///
/// All calls come from the kafka thread but those marked otherwise.
protocol Cluster: AnyObject {
    /// Monotonic milliseconds.
    var now: Int64 { get }
    /// A random number, for waits.
    func random(_ range: Range<Int64>) -> Int64

    /// The input partitions that there are now; nil while the broker cannot be asked.
    func inputPartitions() -> [InputPartition]?
    /// Reads `source` from `offset` on; what was fetched before is dropped.
    func read(_ source: Source, from offset: Int64)
    /// Reads the journal from its start.
    func readJournalFromStart()
    /// Hands out what has arrived for `source`, at most about `limit` records, without waiting.
    func fetch(_ source: Source, limit: Int, _ body: (Fetched) -> Void)
    /// Sleeps until something arrives, `wake` is called, or the time comes.
    func wait(until time: Int64)
    /// Ends a `wait`. From any thread.
    func wake()
    /// First and next offset that can be read; nil when the broker does not answer in time.
    func bounds(_ source: Source, timeout: Int64) -> (first: Int64, next: Int64)?
    /// The same of several partitions, by as few questions as there can be.
    func bounds(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: (first: Int64, next: Int64)]?
    /// Offsets at which records of `time` or later begin; the end where there are none.
    func offsets(at time: Int64, _ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]?
    /// The group's committed offsets, 0 or more; those without one are left out. nil while they cannot be known.
    func committed(_ partitions: [InputPartition], timeout: Int64) -> [InputPartition: Int64]?
    /// Cached next offset of a source, −1 when it is not known; for lag.
    func cachedEnd(_ partition: InputPartition) -> Int64

    /// Makes a new producer and takes the transactional id: fences every earlier one. False when it did not come to be in time, or `stopped`, which is asked again and again.
    func takeLead(timeout: Int64, _ stopped: () -> Bool) -> Bool
    /// Lets the producer go.
    func leaveLead()
    /// Commits one transaction. Each call inside is bounded, and none is repeated after `deadline`, which may come nearer meanwhile.
    func commit(_ outgoing: Outgoing, deadline: @escaping () -> Int64) -> CommitResult

    /// What a timed query of the journal, made again and again by a thread of its own, proves: the time of the last doubt, ms.
    ///
    /// A query that failed, came late, or is still out after 0.7 s casts doubt.
    var lastDoubt: Int64 { get }
    /// Why reading or writing fails now, nil while all is well.
    var trouble: String? { get }
}
