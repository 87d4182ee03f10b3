public import Scoring

/// One partition of an input topic.
///
/// Feedback comes before transactions where record times tie, so that a label of a millisecond is known to its transactions.
public struct InputPartition: Hashable, Sendable, Comparable {
    public var topic: InputTopic
    public var number: Int32

    public init(_ topic: InputTopic, _ number: Int32) {
        self.topic = topic
        self.number = number
    }

    public static func < (a: Self, b: Self) -> Bool {
        a.topic == b.topic ? a.number < b.number : a.topic == .feedback
    }
}

/// The names of the topics that one group of instances reads and writes.
public struct TopicNames: Sendable, Equatable {
    public var transactions: String
    /// nil where feedback is switched off.
    public var feedback: String?
    public var fraudVerdicts: String
    public var amlVerdicts: String
    public var deadLetters: String
    public var journal: String

    public init(
        transactions: String, feedback: String?, fraudVerdicts: String, amlVerdicts: String, deadLetters: String, journal: String
    ) {
        self.transactions = transactions
        self.feedback = feedback
        self.fraudVerdicts = fraudVerdicts
        self.amlVerdicts = amlVerdicts
        self.deadLetters = deadLetters
        self.journal = journal
    }

    func name(_ topic: InputTopic) -> String? { topic == .transactions ? transactions : feedback }

    func topic(_ name: String) -> InputTopic? {
        if name == transactions { return .transactions }
        return name == feedback ? .feedback : nil
    }
}
