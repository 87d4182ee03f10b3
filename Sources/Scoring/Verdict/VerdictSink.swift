/// What one scored transaction took, in nanoseconds.
public struct StageSample: Equatable, Sendable {
    /// From its bytes to its verdicts, with its share of its batch's decoding.
    public var scoring: UInt64 = 0
    /// Duplicate check, windows and their reading; part of `scoring`.
    public var velocity: UInt64 = 0
    /// The AML score; part of `scoring`.
    public var aml: UInt64 = 0

    public init(scoring: UInt64 = 0, velocity: UInt64 = 0, aml: UInt64 = 0) {
        self.scoring = scoring
        self.velocity = velocity
        self.aml = aml
    }
}

/// Where the engine writes: the bytes of verdicts, one after the other, and one result a record.
///
/// A sink is used again: `reset` keeps its memory, so that a warm one allocates nothing. One thread at a time.
public final class VerdictSink {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes written since the last reset.
    public private(set) var count = 0
    /// One for each record given, in order, since the last reset.
    public internal(set) var results: [RecordResult] = []
    /// Whether verdicts are written at all; without, only results and features are.
    public let keepsVerdicts: Bool
    /// Whether each scored record's features are kept.
    public let keepsFeatures: Bool
    /// Whether each scored record's AML features are kept; they begin with the others.
    public let keepsAMLFeatures: Bool
    /// Reads a clock in nanoseconds, for metrics alone; nil: nothing is measured. What is said of records does not depend on it.
    public var clock: (() -> UInt64)?
    /// One transaction in sixteen, or one a call where calls are shorter, measured since the last reset.
    public internal(set) var samples: [StageSample] = []
    /// Features of the scored records, one row each in the order of `Engine.features` or `Engine.amlFeatures`, when they are kept.
    public internal(set) var features: [Double] = []

    public init(capacity: Int = 64 * 1024, keepsVerdicts: Bool = true, keepsFeatures: Bool = false, keepsAMLFeatures: Bool = false) {
        precondition(!keepsFeatures || !keepsAMLFeatures, "one kind of features")
        self.capacity = max(capacity, 1024)
        self.keepsVerdicts = keepsVerdicts
        self.keepsFeatures = keepsFeatures
        self.keepsAMLFeatures = keepsAMLFeatures
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// All that was written. Valid until the sink is written to or reset.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// One verdict's bytes, by a range of a result. Valid until the sink is written to or reset.
    public subscript(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }

    /// Forgets what was written and keeps the memory.
    ///
    /// - Complexity: O(results).
    public func reset() {
        count = 0
        results.removeAll(keepingCapacity: true)
        features.removeAll(keepingCapacity: true)
        samples.removeAll(keepingCapacity: true)
    }

    /// A cursor at the end, with room for `byteCount` bytes; `commit` says where it came to.
    func reserve(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
        if count + byteCount > capacity { grow(to: count + byteCount) }
        return (base + count).assumingMemoryBound(to: UInt8.self)
    }

    /// Takes what was written up to `end` and says where it lies.
    func commit(_ end: UnsafeMutablePointer<UInt8>) -> Range<Int> {
        let begin = count
        count = UnsafeRawPointer(end) - UnsafeRawPointer(base)
        precondition(begin <= count && count <= capacity, "a verdict is never longer than was reserved")
        return begin..<count
    }

    private func grow(to needed: Int) {
        let larger = max(needed, capacity * 2)
        let new = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        new.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = new
        capacity = larger
    }
}
