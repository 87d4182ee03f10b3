public import Scoring

/// Headers of an input record that its verdicts carry on.
public enum TraceHeader: Int, CaseIterable, Sendable {
    case traceparent, tracestate, baggage

    public var name: StaticString {
        switch self {
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .baggage: "baggage"
        }
    }
}

/// What keeps the bytes of a batch of records alive.
public protocol RecordOwner: AnyObject {
    /// Calls `body` with each trace header of the record at `index` of its batch.
    func traceHeaders(at index: Int, _ body: (TraceHeader, UnsafeRawBufferPointer) -> Void)
}

/// Consecutive records of one partition, in the order of offsets, whose bytes `owner` keeps alive.
///
/// Handed from the kafka thread to the engine's and never used by two at once; that is why it may cross threads.
public final class RecordBatch: @unchecked Sendable {
    public let partition: InputPartition
    let records: UnsafeMutableBufferPointer<Record>
    let owner: any RecordOwner
    /// Memory that the records hold, bytes: keys, values, and what the client keeps of each besides.
    let byteCount: Int
    /// librdkafka's own of each record (2.0.2: an operation of 200 bytes).
    private static let overhead = 200

    /// Takes `records` over, allocated by `UnsafeMutableBufferPointer.allocate` and initialised; they borrow `owner`'s bytes.
    public init(_ partition: InputPartition, _ records: UnsafeMutableBufferPointer<Record>, owner: any RecordOwner) {
        precondition(!records.isEmpty, "a batch holds records")
        self.partition = partition
        self.records = records
        self.owner = owner
        var bytes = 0
        for record in records { bytes += (record.key?.count ?? 0) + (record.value?.count ?? 0) + Self.overhead }
        byteCount = bytes
    }

    deinit {
        records.deinitialize()
        records.deallocate()
    }
}

/// A part of a batch.
struct Slice {
    let batch: RecordBatch
    let range: Range<Int>

    var records: UnsafeBufferPointer<Record> { UnsafeBufferPointer(rebasing: batch.records[range]) }
    var run: Run {
        Run(partition: batch.partition, first: batch.records[range.lowerBound].offset, last: batch.records[range.upperBound - 1].offset)
    }
    /// Its share of the batch's bytes.
    var byteCount: Int { batch.byteCount * range.count / batch.records.count }
}

/// Records of one partition that were fetched and not yet given to the engine: first in, first out.
struct Lane {
    /// Those before `head` were taken and are nil, so that nothing holds their batches.
    private var slices: [Slice?] = []
    private var head = 0
    private(set) var byteCount = 0
    private(set) var recordCount = 0
    /// Its reader stands at the end of what can be read; false again with the next record.
    var isAtEnd = false
    /// Where that was: of what lies below, all has come. −1: it is not known.
    var end: Int64 = -1
    /// Since when it is behind its end with nothing fetched, ms; nil while there is something.
    var emptySince: Int64?
    /// Passed by after having been waited for.
    var isPassedBy = false
    /// Next offset to be taken.
    var next: Int64

    init(next: Int64) { self.next = next }

    var isEmpty: Bool { head == slices.count }
    var first: Record? { isEmpty ? nil : slices[head].map { $0.batch.records[$0.range.lowerBound] } }

    mutating func append(_ batch: RecordBatch) {
        slices.append(Slice(batch: batch, range: 0..<batch.records.count))
        byteCount += batch.byteCount
        recordCount += batch.records.count
        isAtEnd = false
        isPassedBy = false
        emptySince = nil
    }

    /// Takes records from the head while `wanted` says so: at most `limit` and never over a batch's edge; nil when there is none.
    ///
    /// - Complexity: O(records taken).
    mutating func take(limit: Int, while wanted: (Record) -> Bool) -> Slice? {
        guard !isEmpty, let slice = slices[head] else { return nil }
        var end = slice.range.lowerBound
        let stop = min(slice.range.upperBound, end + limit)
        while end < stop, wanted(slice.batch.records[end]) { end += 1 }
        guard end > slice.range.lowerBound else { return nil }
        let taken = Slice(batch: slice.batch, range: slice.range.lowerBound..<end)
        next = slice.batch.records[end - 1].offset + 1
        recordCount -= taken.range.count
        if end == slice.range.upperBound {
            slices[head] = nil
            head += 1
            byteCount -= slice.batch.byteCount - slice.batch.byteCount * (slice.range.lowerBound) / slice.batch.records.count
            if isEmpty {
                slices.removeAll(keepingCapacity: true)
                head = 0
                byteCount = 0
            } else if head > 64 {
                slices.removeFirst(head)
                head = 0
            }
        } else {
            byteCount -= taken.byteCount
            slices[head] = Slice(batch: slice.batch, range: end..<slice.range.upperBound)
        }
        return taken
    }
}
