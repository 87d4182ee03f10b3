import Kafka

/// The topics as they were found or made at the start, and what of them must be said.
struct TopicFacts {
    /// The broker is librdkafka's mock, in this process or another.
    var isEmbedded = false
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
        if present[topics.transactions] == nil {
            try create([.init(topics.transactions, configuration: ["message.timestamp.type": "LogAppendTime"])], admin)
        }
        let input = try count(topics.transactions, present, admin)
        let inputConfiguration = configuration(topics.transactions, admin)
        let retention = self.retention(inputConfiguration)
        var wanted = [topics.feedback, topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters].compactMap { $0 }.map {
            Admin.NewTopic($0, partitions: input)
        }
        wanted.append(journalTopic(keptFor: retention))
        let missing = wanted.filter { present[$0.name] == nil }
        if !missing.isEmpty { try create(missing, admin) }
        let journal = try count(topics.journal, present, admin)
        guard journal == 1 else {
            throw .refused("the journal \(topics.journal) has \(journal) partitions and must have one; take another (JOURNAL_TOPIC)")
        }
        var facts = look(at: inputConfiguration)
        if try lookAtJournal(admin, inputRetention: retention) { facts.isRetentionShort = true }
        // Where no group has ever committed anything, to ask after one would wait for the broker to make the topic of their offsets.
        if present[topics.journal] != nil || present["__consumer_offsets"] != nil { lookAtGroup(admin) }
        let outputs = [topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters]
        for name in outputs { facts.largestOutputs[name] = configuration(name, admin)?["max.message.bytes"].flatMap { Int($0) } }
        if facts.largestOutputs.count < outputs.count { facts.largestOutputs = [:] }
        return facts
    }

    /// Makes the journal's topic, which was deleted, anew. Where another instance was quicker, nothing happens.
    func makeJournal(_ admin: Admin) throws(Failure) {
        try create([journalTopic(keptFor: retention(configuration(topics.transactions, admin)))], admin)
    }

    private func journalTopic(keptFor retention: Int64) -> Admin.NewTopic {
        .init(topics.journal, partitions: 1, configuration: ["cleanup.policy": "delete", "retention.ms": String(retention), "retention.bytes": "-1"])
    }

    /// How long a topic of such a configuration is kept, ms; −1: for good, or it is not known.
    private func retention(_ configuration: [String: String]?) -> Int64 { configuration?["retention.ms"].flatMap { Int64($0) } ?? -1 }

    /// Makes topics by one request. Where another instance was quicker, all are asked for anew.
    private func create(_ missing: [Admin.NewTopic], _ admin: Admin) throws(Failure) {
        let names = missing.map(\.name).joined(separator: " ")
        do throws(KafkaError) {
            try admin.create(missing, timeoutMillis: 5000)
        } catch {
            throw .later("making \(names): \(error)")
        }
        for topic in missing { note(.info, "topic made", [("topic", topic.name)]) }
    }

    /// The partitions of a topic that was found, or made just now.
    private func count(_ name: String, _ present: [String: Int32], _ admin: Admin) throws(Failure) -> Int32 {
        if let count = present[name] { return count }
        do throws(KafkaError) {
            return try admin.metadata(topic: name, timeoutMillis: 2000).partitionCount
        } catch {
            throw .later("\(name): \(error)")
        }
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
            note(
                .warning, "input's retention is shorter than the windows: a restore without a snapshot lacks what they hold",
                [
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
            note(
                .warning, "journal's retention is shorter than the input's",
                [
                    ("topic", topics.journal), ("retention_ms", "\(retention)"), ("input_retention_ms", "\(inputRetention)"),
                ])
        }
        return isShort
    }

    private func lookAtGroup(_ admin: Admin) {
        guard let members = try? admin.group(group, timeoutMillis: 2000).members, !members.isEmpty else { return }
        note(
            .warning, "foreign consumers have this group's name",
            [
                ("group", group), ("members", members.map(\.clientID).joined(separator: ",")),
            ])
    }
}
