public import Scoring

/// What became of the records of a buffer: the counters move together, when its transaction is committed.
public struct StreamCounts: Sendable, Equatable {
    public struct Partition: Sendable, Equatable {
        public var consumed = 0
        public var scored = 0
        public var duplicates = 0
        public var deadLettered = 0

        /// Every record ended in exactly one outcome.
        public var isBalanced: Bool { consumed == scored + duplicates + deadLettered }
    }

    /// Of transactions, by partition.
    public private(set) var partitions: [Int32: Partition] = [:]
    public private(set) var deadLetters: [Reason: Int] = [:]
    public private(set) var fraudDecisions: [FraudDecision: Int] = [:]
    public private(set) var amlDecisions: [AMLDecision: Int] = [:]
    public private(set) var feedbackApplied = 0
    public private(set) var feedbackDuplicates = 0
    public private(set) var feedbackDeadLettered = 0
    public private(set) var late = 0
    public private(set) var incomplete: [IncompleteCause: Int] = [:]
    public private(set) var keyMismatches = 0

    public init() {}

    mutating func add(_ result: RecordResult, _ record: Record, _ partition: InputPartition) {
        if case .deadLettered(let reason) = result.outcome { deadLetters[reason, default: 0] += 1 }
        guard partition.topic == .transactions else {
            switch result.outcome {
            case .applied, .scored: feedbackApplied += 1
            case .duplicate: feedbackDuplicates += 1
            case .deadLettered: feedbackDeadLettered += 1
            }
            return
        }
        var counts = partitions[partition.number, default: .init()]
        counts.consumed += 1
        switch result.outcome {
        case .scored, .applied:
            counts.scored += 1
            fraudDecisions[result.fraudDecision, default: 0] += 1
            amlDecisions[result.amlDecision, default: 0] += 1
            if result.isLate { late += 1 }
            if let cause = result.incompleteCause { incomplete[cause, default: 0] += 1 }
            if result.keyMismatch { keyMismatches += 1 }
        case .duplicate: counts.duplicates += 1
        case .deadLettered: counts.deadLettered += 1
        }
        partitions[partition.number] = counts
    }

    /// A scored record whose verdict its topic does not take counts as dead-lettered.
    mutating func divert(_ result: RecordResult, _ partition: InputPartition) {
        partitions[partition.number]?.scored -= 1
        partitions[partition.number]?.deadLettered += 1
        deadLetters[.verdictTooLarge, default: 0] += 1
        fraudDecisions[result.fraudDecision]? -= 1
        amlDecisions[result.amlDecision]? -= 1
    }

    /// `consumed = scored + duplicates + dead_lettered`, for each partition.
    public var isBalanced: Bool { partitions.values.allSatisfy(\.isBalanced) }
}
