public import Kafka
public import Scoring
public import Stream
import Velocity

extension Settings {
    /// The topics that the group's instances read and write.
    public var topics: TopicNames {
        TopicNames(
            transactions: kafka.transactions, feedback: velocity.feedbackEnabled ? kafka.feedback : nil, fraudVerdicts: kafka.fraudVerdicts,
            amlVerdicts: kafka.amlVerdicts, deadLetters: kafka.deadLetters, journal: kafka.journal)
    }

    /// What an instance of the group is told.
    ///
    /// - Parameter engine: what its engine is made with.
    public func streamConfiguration(_ engine: EngineConfiguration) -> StreamConfiguration {
        var configuration = StreamConfiguration(
            group: kafka.group, instance: stream.instance, topics: topics,
            longestReach: velocity.windows.last! + (velocity.feedbackEnabled ? velocity.feedbackDelay : 0), version: Build.version,
            settings: verdictSettings, rates: engine.rules.rates.canonicalCSV, form: form)
        configuration.leaderTimeout = stream.leaderTimeoutMillis
        configuration.commitInterval = stream.commitIntervalMillis
        configuration.startFrom = stream.startFrom == .now ? .now : .beginning
        configuration.restoreHorizon = stream.restoreHorizonMillis
        configuration.maxClockSkew = records.maxClockSkewMillis
        configuration.snapshotFolder = state.folder
        configuration.snapshotInterval = state.snapshotIntervalMillis
        configuration.bounds.keptBytes = state.keptBytes
        configuration.bounds.bufferBytes = state.keptBytes / 4
        return configuration
    }

    /// What the stream's clients are made with. A producer must give a record up before the broker ends its transaction, so that the same bytes can be brought again.
    public var streamProperties: Properties {
        let timeout = kafka.transactionTimeoutMillis
        let bounds: Properties = ["transaction.timeout.ms": "\(timeout)", "message.timeout.ms": "\(Swift.max(timeout / 2, 500))"]
        return bounds.with(kafka.properties)
    }
}

extension Settings {
    /// Makes the topics on an embedded broker and works with it from now on, whatever was set.
    ///
    /// - Parameter partitions: of all topics but the journal.
    public mutating func use(_ broker: EmbeddedBroker, partitions: Int32 = 4) throws(KafkaError) {
        let topics = topics
        for name in [topics.transactions, topics.feedback, topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters].compactMap({ $0 }) {
            try broker.createTopic(name, partitions: partitions)
        }
        try broker.createTopic(topics.journal, partitions: 1)
        kafka.bootstrapServers = broker.bootstrapServers
        kafka.properties = ["bootstrap.servers": broker.bootstrapServers]
    }
}
