import CRdkafka
import Glibc

/// Makes, describes and changes topics, and looks at groups. Each call asks the brokers and blocks up to its time. The embedded broker answers none of them.
///
/// `@unchecked Sendable`: its only state is librdkafka's, of which "the API is completely thread-safe" (INTRODUCTION.md, "Threads and callbacks"); each call has a queue of its own.
public final class Admin: @unchecked Sendable {
    private let client: Client

    public init(_ properties: Properties, log: LogSink? = nil) throws(KafkaError) {
        let configuration = try properties.configuration(defaults: .anyClient, required: [:])
        client = try Client(producer: true, configuration, CallbackContext(log: log, statistics: nil, tokens: properties.tokens))
    }

    /// Whether the broker is librdkafka's mock, in this process or another: its cluster is called so. False where none answers in time.
    public func isEmbedded(timeoutMillis: Int) -> Bool {
        guard let id = rd_kafka_clusterid(client.raw, Int32(timeoutMillis)) else { return false }
        defer { rd_kafka_mem_free(client.raw, id) }
        return String(cString: id).hasPrefix("mockCluster")
    }

    // MARK: Topics

    /// What a topic is made with.
    public struct NewTopic: Sendable {
        public var name: String
        /// −1: the broker's default.
        public var partitions: Int32
        /// −1: the broker's default.
        public var replicas: Int32
        /// Topic configuration: `message.timestamp.type`, `cleanup.policy` …
        public var configuration: [String: String]

        public init(_ name: String, partitions: Int32 = -1, replicas: Int32 = -1, configuration: [String: String] = [:]) {
            self.name = name
            self.partitions = partitions
            self.replicas = replicas
            self.configuration = configuration
        }
    }

    /// Makes a topic, and waits until the broker that is asked knows it. Others of the cluster may need a moment more.
    ///
    /// - Throws: `TOPIC_ALREADY_EXISTS` (`KafkaError.Code.topicExists`); `TOPIC_AUTHORIZATION_FAILED`; what the broker says of a wrong configuration;
    ///   `UNKNOWN_TOPIC_OR_PART` if it was made and is still not known when the time is over.
    public func create(_ topic: NewTopic, timeoutMillis: Int) throws(KafkaError) { try create([topic], timeoutMillis: timeoutMillis) }

    /// Makes topics by one request, which costs hardly more than one topic, and waits as `create` of one does.
    ///
    /// - Throws: as `create` of one does, for the first of them that could not be made; the others may have been.
    public func create(_ topics: [NewTopic], timeoutMillis: Int) throws(KafkaError) {
        var text = [CChar](repeating: 0, count: 512)
        var made: [OpaquePointer?] = []
        defer { for pointer in made { rd_kafka_NewTopic_destroy(pointer) } }
        for topic in topics {
            guard let new = rd_kafka_NewTopic_new(topic.name, topic.partitions, topic.replicas, &text, text.count) else {
                throw KafkaError(code: KafkaError.Code.invalidArgument, message: string(text))
            }
            made.append(new)
            for (name, value) in topic.configuration { try KafkaError.check(rd_kafka_NewTopic_set_config(new, name, value)) }
        }
        try request(RD_KAFKA_ADMIN_OP_CREATETOPICS, timeoutMillis) { options, queue in
            rd_kafka_CreateTopics(client.raw, &made, made.count, options, queue)
        } read: { event throws(KafkaError) in
            var count = 0
            try Self.check(rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count), count)
        }
        // The controller makes it; a broker hears of that a little later, and until then says that there is no such topic.
        for topic in topics {
            try patiently(timeoutMillis, [KafkaError.Code.unknownTopicOrPartition]) { (left) throws(KafkaError) in
                _ = try client.metadata(topic: topic.name, timeoutMillis: left)
            }
        }
    }

    /// Deletes a topic with all its records.
    public func deleteTopic(_ name: String, timeoutMillis: Int) throws(KafkaError) {
        let doomed = rd_kafka_DeleteTopic_new(name)
        defer { rd_kafka_DeleteTopic_destroy(doomed) }
        try request(RD_KAFKA_ADMIN_OP_DELETETOPICS, timeoutMillis) { options, queue in
            var pointer = doomed
            rd_kafka_DeleteTopics(client.raw, &pointer, 1, options, queue)
        } read: { event throws(KafkaError) in
            var count = 0
            try Self.check(rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count), count)
        }
    }

    /// Lets a topic grow to so many partitions.
    public func growTopic(_ name: String, partitions: Int, timeoutMillis: Int) throws(KafkaError) {
        var text = [CChar](repeating: 0, count: 512)
        guard let growth = rd_kafka_NewPartitions_new(name, partitions, &text, text.count) else {
            throw KafkaError(code: KafkaError.Code.invalidArgument, message: string(text))
        }
        defer { rd_kafka_NewPartitions_destroy(growth) }
        try request(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, timeoutMillis) { options, queue in
            var pointer: OpaquePointer? = growth
            rd_kafka_CreatePartitions(client.raw, &pointer, 1, options, queue)
        } read: { event throws(KafkaError) in
            var count = 0
            try Self.check(rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count), count)
        }
    }

    /// Deletes the records before these offsets.
    public func deleteRecords(before offsets: [TopicPartition], timeoutMillis: Int) throws(KafkaError) {
        let list = TopicPartitionList(offsets)
        let doomed = rd_kafka_DeleteRecords_new(list.raw)
        defer { rd_kafka_DeleteRecords_destroy(doomed) }
        try request(RD_KAFKA_ADMIN_OP_DELETERECORDS, timeoutMillis) { options, queue in
            var pointer = doomed
            rd_kafka_DeleteRecords(client.raw, &pointer, 1, options, queue)
        } read: { event throws(KafkaError) in
            guard let results = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event)) else { return }
            for element in UnsafeBufferPointer(start: results.pointee.elems, count: Int(results.pointee.cnt)) {
                try KafkaError.check(element.err)
            }
        }
    }

    /// A topic's configuration as it is in force, defaults included. What is secret is left out.
    public func configuration(ofTopic name: String, timeoutMillis: Int) throws(KafkaError) -> [String: String] {
        let resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name)
        defer { rd_kafka_ConfigResource_destroy(resource) }
        return try request(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeoutMillis) { options, queue in
            var pointer = resource
            rd_kafka_DescribeConfigs(client.raw, &pointer, 1, options, queue)
        } read: { event throws(KafkaError) in
            var count = 0
            let resources = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count)
            var all: [String: String] = [:]
            for resource in UnsafeBufferPointer(start: resources, count: count) {
                let err = rd_kafka_ConfigResource_error(resource)
                if err != RD_KAFKA_RESP_ERR_NO_ERROR {
                    throw KafkaError(err, rd_kafka_ConfigResource_error_string(resource).map { String(cString: $0) })
                }
                var entries = 0
                let first = rd_kafka_ConfigResource_configs(resource, &entries)
                for entry in UnsafeBufferPointer(start: first, count: entries) {
                    if let name = rd_kafka_ConfigEntry_name(entry), let value = rd_kafka_ConfigEntry_value(entry) {
                        all[String(cString: name)] = String(cString: value)
                    }
                }
            }
            return all
        }
    }

    /// As `Consumer.metadata`.
    public func metadata(topic: String, timeoutMillis: Int) throws(KafkaError) -> TopicMetadata {
        try client.metadata(topic: topic, timeoutMillis: timeoutMillis)
    }

    /// As `Consumer.topics`.
    public func topics(timeoutMillis: Int) throws(KafkaError) -> [TopicMetadata] { try client.topics(timeoutMillis: timeoutMillis) }

    // MARK: Groups

    public struct Group: Sendable, Hashable {
        public struct Member: Sendable, Hashable {
            public let id: String
            public let clientID: String
            public let host: String
        }

        public let id: String
        /// As librdkafka names it: `Empty`, `Stable`, `Dead` (there is none) …
        public let state: String
        public let members: [Member]
    }

    /// A group and its members. One that nobody has heard of is `Dead` and has none.
    ///
    /// librdkafka 2.0.2 asks by the classic protocol, to which a group of KIP-848's is not visible.
    public func group(_ id: String, timeoutMillis: Int) throws(KafkaError) -> Group {
        try patiently(timeoutMillis, Self.coordinatorBusy) { (left) throws(KafkaError) in try describe(id, left) }
    }

    private func describe(_ id: String, _ timeoutMillis: Int) throws(KafkaError) -> Group {
        try request(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeoutMillis) { options, queue in
            id.withCString { name in
                var pointer: UnsafePointer<CChar>? = name
                rd_kafka_DescribeConsumerGroups(client.raw, &pointer, 1, options, queue)
            }
        } read: { event throws(KafkaError) in
            var count = 0
            let groups = rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event), &count)
            guard count == 1, let group = groups?[0] else { throw KafkaError(code: KafkaError.Code.state, message: "no answer about the group") }
            if let error = rd_kafka_ConsumerGroupDescription_error(group) {
                throw KafkaError(rd_kafka_error_code(error), String(cString: rd_kafka_error_string(error)))
            }
            let members = (0..<rd_kafka_ConsumerGroupDescription_member_count(group)).map { index in
                let member = rd_kafka_ConsumerGroupDescription_member(group, index)
                return Group.Member(
                    id: text(rd_kafka_MemberDescription_consumer_id(member)), clientID: text(rd_kafka_MemberDescription_client_id(member)),
                    host: text(rd_kafka_MemberDescription_host(member)))
            }
            return Group(
                id: id, state: text(rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(group))), members: members)
        }
    }

    /// The ids and states of all groups that the brokers show us.
    public func groups(timeoutMillis: Int) throws(KafkaError) -> [(id: String, state: String)] {
        try patiently(timeoutMillis, Self.coordinatorBusy) { (left) throws(KafkaError) in try list(left) }
    }

    private func list(_ timeoutMillis: Int) throws(KafkaError) -> [(id: String, state: String)] {
        try request(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, timeoutMillis) { options, queue in
            rd_kafka_ListConsumerGroups(client.raw, options, queue)
        } read: { event throws(KafkaError) in
            var count = 0
            let result = rd_kafka_event_ListConsumerGroups_result(event)
            let groups = rd_kafka_ListConsumerGroups_result_valid(result, &count)
            return UnsafeBufferPointer(start: groups, count: count).map { group in
                (text(rd_kafka_ConsumerGroupListing_group_id(group)),
                 text(rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(group))))
            }
        }
    }

    // MARK: Requests

    /// What a coordinator says while it starts or moves: librdkafka gives these to whoever asks, once.
    private static let coordinatorBusy = [
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    ].map(\.rawValue)

    /// Makes a call again while it fails by one of these codes, within the time, which it is given in what is left.
    private func patiently<Result>(
        _ timeoutMillis: Int, _ codes: [Int32], _ call: (Int) throws(KafkaError) -> Result
    ) throws(KafkaError) -> Result {
        let clock = ContinuousClock()
        let end = clock.now + .milliseconds(timeoutMillis)
        var pause: UInt32 = 1000
        while true {
            do throws(KafkaError) {
                return try call(max(1, Int((end - clock.now) / .milliseconds(1))))
            } catch {
                guard codes.contains(error.code), clock.now < end else { throw error }
            }
            usleep(pause)
            pause = min(pause * 2, 100_000)
        }
    }

    private func request<Result>(
        _ operation: rd_kafka_admin_op_t, _ timeoutMillis: Int, send: (OpaquePointer?, OpaquePointer) -> Void,
        read: (OpaquePointer) throws(KafkaError) -> Result
    ) throws(KafkaError) -> Result {
        let millis = Int32(clamping: max(timeoutMillis, 1))
        let options = rd_kafka_AdminOptions_new(client.raw, operation)
        defer { rd_kafka_AdminOptions_destroy(options) }
        var text = [CChar](repeating: 0, count: 512)
        try KafkaError.check(rd_kafka_AdminOptions_set_request_timeout(options, millis, &text, text.count))
        guard let queue = rd_kafka_queue_new(client.raw) else { throw KafkaError(code: KafkaError.Code.state) }
        defer { rd_kafka_queue_destroy(queue) }
        send(options, queue)
        // The request's own time ends it; a little more, so that its answer is the one that is given.
        guard let event = rd_kafka_queue_poll(queue, Int32(clamping: Int(millis) + 1_000)) else {
            throw KafkaError(code: KafkaError.Code.timedOut, isRetriable: true)
        }
        defer { rd_kafka_event_destroy(event) }
        let err = rd_kafka_event_error(event)
        if err != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(err, rd_kafka_event_error_string(event).map { String(cString: $0) }) }
        return try read(event)
    }

    private static func check(_ results: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int) throws(KafkaError) {
        for result in UnsafeBufferPointer(start: results, count: count) {
            let err = rd_kafka_topic_result_error(result)
            if err != RD_KAFKA_RESP_ERR_NO_ERROR {
                throw KafkaError(err, rd_kafka_topic_result_error_string(result).map { String(cString: $0) })
            }
        }
    }
}

private func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
