/// The inputs that the engine knows. The names of their topics are the caller's.
public enum InputTopic: UInt8, CaseIterable, Sendable {
    case transactions, feedback
}

/// One input record as Kafka delivered it. Key and value are borrowed: valid while the call that takes the record runs.
public struct Record {
    public var topic: InputTopic
    public var partition: Int32
    public var offset: Int64
    /// The record's own timestamp, Unix epoch milliseconds; −1 when it has none (clock skew is then not checked).
    public var time: Int64
    public var key: UnsafeRawBufferPointer?
    /// nil is a tombstone.
    public var value: UnsafeRawBufferPointer?

    public init(
        topic: InputTopic = .transactions, partition: Int32 = 0, offset: Int64 = 0, time: Int64 = -1, key: UnsafeRawBufferPointer? = nil,
        value: UnsafeRawBufferPointer?
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.time = time
        self.key = key
        self.value = value
    }
}

/// What becomes of a record; each record has exactly one.
public enum Outcome: Hashable, Sendable {
    /// A transaction: it is in its windows, and two verdicts were written.
    case scored
    /// A transaction whose first is still retained, or a label that was there already: nothing changed.
    case duplicate
    /// Refused. It changed nothing, except with `VERDICT_TOO_LARGE`, where it was scored and stays in the windows.
    case deadLettered(Reason)
    /// A feedback record: its label holds, or came too late to matter.
    case applied
}

/// The two verdicts that every scored transaction gets.
public enum VerdictKind: UInt8, CaseIterable, Sendable {
    case fraud, aml

    public var name: StaticString { self == .fraud ? "fraud" : "aml" }
}

public enum FraudDecision: UInt8, CaseIterable, Sendable {
    case approve, review, decline

    public var name: StaticString {
        switch self {
        case .approve: "approve"
        case .review: "review"
        case .decline: "decline"
        }
    }
}

public enum AMLDecision: UInt8, CaseIterable, Sendable {
    case clear, review, report

    public var name: StaticString {
        switch self {
        case .clear: "clear"
        case .review: "review"
        case .report: "report"
        }
    }
}

/// What the engine says of one record. Ranges lie in the sink's bytes.
public struct RecordResult {
    public var outcome: Outcome
    /// The fraud verdict's JSON; empty unless scored.
    public var fraud: Range<Int> = 0..<0
    /// The AML verdict's JSON; empty unless scored.
    public var aml: Range<Int> = 0..<0
    public var fraudDecision = FraudDecision.approve
    public var amlDecision = AMLDecision.clear
    /// What the challenger would have said; nil without one.
    public var challengerDecision: FraudDecision?
    /// The typologies that fired, a bit for each by its raw value.
    public var typologies: UInt32 = 0
    /// Why it was refused, without any of its content; nil unless dead-lettered.
    public var message: String?
    /// The field at fault, where there is one.
    public var field: String?
    public var isLate = false
    /// Why the verdict says `"complete": false`; nil when it is complete, or there is none.
    public var incompleteCause: IncompleteCause?
    /// The record's key is not its `account_id`: the account's order is then not its topic's.
    public var keyMismatch = false

    public init(outcome: Outcome) { self.outcome = outcome }
}
