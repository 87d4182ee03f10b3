import Kafka

/// The topics as they were found or made at the start, and what of them must be said.
struct TopicFacts {
    /// The input keeps only the newest record of a key: windows are never whole.
    var isCompacted = false
    /// The input is kept for less time than the windows need, or the journal for less than the input.
    var isRetentionShort = false
    /// What each topic of verdicts and dead letters takes in one batch, bytes; empty where that is not known of all.
    var largestOutputs: [String: Int] = [:]
    /// Producers set the record time of the input.
    var isCreateTime = false
}

/// Makes the topics that are missing and looks at those that are there.
struct KafkaTopics {
    let topics: TopicNames
    let group: String
    let longestReach: Int64
    let note: (NoteLevel, String, [(String, String)]) -> Void

    enum Failure: Error {
        /// Not now: the broker does not answer, or a topic is not known everywhere yet.
        case later(String)
        case refused(String)
    }

    /// One try; to be repeated after `later`.
    func prepare(_ admin: Admin) throws(Failure) -> TopicFacts {
        // All topics are asked for: naming one that is missing would have a broker make it, in its own way.
        let present: [String: Int32]
        do throws(KafkaError) {
            present = Dictionary(try admin.topics(timeoutMillis: 2000).map { ($0.name, $0.partitionCount) }) { $1 }
        } catch {
            throw .later("\(error)")
        }
        func make(_ name: String, partitions: Int32, _ configuration: [String: String]) throws(Failure) -> Int32 {
            if let count = present[name] { return count }
            return try create(name, partitions, configuration, admin)
        }
        let input = try make(topics.transactions, partitions: -1, ["message.timestamp.type": "LogAppendTime"])
        for name in [topics.feedback, topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters].compactMap({ $0 }) {
            _ = try make(name, partitions: input, [:])
        }
        let inputConfiguration = configuration(topics.transactions, admin)
        let retention = inputConfiguration?["retention.ms"].flatMap { Int64($0) } ?? -1
        let journal = try make(
            topics.journal, partitions: 1, ["cleanup.policy": "delete", "retention.ms": String(retention), "retention.bytes": "-1"])
        guard journal == 1 else {
            throw .refused("the journal \(topics.journal) has \(journal) partitions and must have one; take another (JOURNAL_TOPIC)")
        }
        var facts = look(at: inputConfiguration)
        if try lookAtJournal(admin, inputRetention: retention) { facts.isRetentionShort = true }
        lookAtGroup(admin)
        let outputs = [topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters]
        for name in outputs { facts.largestOutputs[name] = configuration(name, admin)?["max.message.bytes"].flatMap { Int($0) } }
        if facts.largestOutputs.count < outputs.count { facts.largestOutputs = [:] }
        return facts
    }

    /// Makes a topic; what it then has is asked anew.
    private func create(_ name: String, _ partitions: Int32, _ configuration: [String: String], _ admin: Admin) throws(Failure) -> Int32 {
        do throws(KafkaError) {
            try admin.create(.init(name, partitions: partitions, configuration: configuration), timeoutMillis: 5000)
            note(.info, "topic made", [("topic", name)])
        } catch {
            guard error.code == KafkaError.Code.topicExists else { throw .later("making \(name): \(error)") }
        }
        throw .later("\(name) is being made")
    }

    private func configuration(_ name: String, _ admin: Admin) -> [String: String]? {
        do throws(KafkaError) {
            return try admin.configuration(ofTopic: name, timeoutMillis: 5000)
        } catch {
            note(.warning, "topic configuration unknown", [("topic", name), ("error", error.name)])
            return nil
        }
    }

    private func look(at configuration: [String: String]?) -> TopicFacts {
        var facts = TopicFacts()
        guard let configuration else { return facts }
        if configuration["message.timestamp.type"] == "CreateTime" {
            facts.isCreateTime = true
            note(.warning, "input has CreateTime: a producer can move time for the others", [("topic", topics.transactions)])
        }
        if configuration["cleanup.policy"]?.contains("compact") == true {
            facts.isCompacted = true
            note(.warning, "input is compacted: windows are never complete", [("topic", topics.transactions)])
        } else if let retention = configuration["retention.ms"].flatMap({ Int64($0) }), retention >= 0, retention < longestReach {
            facts.isRetentionShort = true
            note(.warning, "input's retention is shorter than the windows: a restore without a snapshot lacks what they hold", [
                ("topic", topics.transactions), ("retention_ms", "\(retention)"), ("needed_ms", "\(longestReach)"),
            ])
        }
        return facts
    }

    /// - Returns: whether it is kept for less time than the input.
    private func lookAtJournal(_ admin: Admin, inputRetention: Int64) throws(Failure) -> Bool {
        guard let configuration = configuration(topics.journal, admin) else { return false }
        if configuration["cleanup.policy"]?.contains("compact") == true {
            throw .refused("the journal \(topics.journal) is compacted, and must only be deleted from (cleanup.policy=delete)")
        }
        let retention = configuration["retention.ms"].flatMap { Int64($0) } ?? -1
        let isShort = retention >= 0 && (inputRetention < 0 || retention < inputRetention)
        if isShort {
            note(.warning, "journal's retention is shorter than the input's", [
                ("topic", topics.journal), ("retention_ms", "\(retention)"), ("input_retention_ms", "\(inputRetention)"),
            ])
        }
        return isShort
    }

    private func lookAtGroup(_ admin: Admin) {
        guard let members = try? admin.group(group, timeoutMillis: 2000).members, !members.isEmpty else { return }
        note(.warning, "foreign consumers have this group's name", [
            ("group", group), ("members", members.map(\.clientID).joined(separator: ",")),
        ])
    }
}
