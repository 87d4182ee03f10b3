import Foundation
import Kafka
import TestSupport
import Testing

@Suite(.enabled(if: KafkaCluster.isAvailable, KafkaCluster.skipping))
struct ConsumerTests {
    let cluster: KafkaCluster
    let servers: String
    let admin: Admin

    init() throws {
        cluster = try KafkaCluster.shared()
        servers = cluster.bootstrapServers
        admin = try Admin(["bootstrap.servers": servers])
    }

    private func topic(_ partitions: Int32 = 1, _ configuration: [String: String] = [:]) throws -> String {
        let name = unique("topic")
        try admin.create(.init(name, partitions: partitions, configuration: configuration), timeoutMillis: 20_000)
        return name
    }

    @Test func `A topic that is not there is an error, and is not made by asking`() throws {
        let name = unique("absent")
        let consumer = try Consumer(["bootstrap.servers": servers], group: "g")
        for _ in 0..<2 {
            #expect(kafkaError { _ = try consumer.metadata(topic: name, timeoutMillis: 10_000) }?.code == KafkaError.Code.unknownTopicOrPartition)
        }
        #expect(try !consumer.topics(timeoutMillis: 10_000).contains { $0.name == name })
    }

    @Test func `Topics are made with the broker's defaults or as told, and say how they are configured`() throws {
        let name = unique("made")
        try admin.create(.init(name, configuration: ["message.timestamp.type": "LogAppendTime"]), timeoutMillis: 20_000)
        #expect(kafkaError { try admin.create(.init(name), timeoutMillis: 20_000) }?.code == KafkaError.Code.topicExists)
        #expect(try admin.metadata(topic: name, timeoutMillis: 10_000).partitionCount == 4)
        let configuration = try admin.configuration(ofTopic: name, timeoutMillis: 20_000)
        #expect(configuration["message.timestamp.type"] == "LogAppendTime" && configuration["cleanup.policy"] == "delete")
        #expect(configuration["max.message.bytes"] == "1048588" && configuration["retention.ms"] == "-1")
        let wrong = kafkaError { try admin.create(.init(unique("wrong"), configuration: ["cleanup.policy": "burn"]), timeoutMillis: 20_000) }
        #expect(wrong?.message.contains("cleanup.policy") == true)
        try write(servers, name, ["v"], times: [1_000])
        let reader = try Reader(servers, name)
        #expect(reader.readToEnd() == [Seen(0, "v")])
        #expect(reader.batch[0].timestampType == .logAppendTime && reader.batch[0].timestamp > 1_700_000_000_000)
    }

    @Test func `Partitions are added one by one, and those that are read go on undisturbed`() throws {
        let name = try topic(3)
        for partition in 0..<3 as Range<Int32> { try write(servers, name, partition: partition, (0..<200).map { "\(partition)-\($0)" }) }
        let wakeup = Wakeup()
        let consumer = try Consumer(["bootstrap.servers": servers], group: "g", wakeup: wakeup)
        let batch = MessageBatch()
        var queues: [PartitionQueue] = []
        for partition in 0..<3 as Range<Int32> {
            queues.append(try consumer.assign(topic: name, partition: partition, offset: 100))
            #expect(until {
                for queue in queues { queue.poll(max: 50, into: batch) }
                if queues.allSatisfy({ $0.isAtEnd && !$0.mayHaveMore }) { return true }
                wakeup.wait(timeoutMillis: 50)
                return false
            })
        }
        let values = Set((0..<batch.count).map { text(batch[$0].value)! })
        #expect(batch.count == 300 && values.count == 300)
        let twice = kafkaError { _ = try consumer.assign(topic: name, partition: 1, offset: 0) }
        #expect(twice?.name == "_CONFLICT")
    }

    @Test func `An offset that is gone is said, and the partition goes on from where it is restarted`() throws {
        let name = try topic()
        try write(servers, name, (0..<10).map { "\($0)" })
        try admin.deleteRecords(before: [.init(topic: name, partition: 0, offset: 6)], timeoutMillis: 20_000)
        let reader = try Reader(servers, name, at: 2)
        var events: [PartitionQueue.Event] = []
        #expect(reader.poll { events += $0.queue.takeEvents(); return !events.isEmpty })
        guard case .outOfRange(offset: 2, _) = events.first else { Issue.record("\(events)"); return }
        #expect(reader.batch.isEmpty && !reader.queue.isAtEnd)
        try reader.consumer.restart(reader.queue, at: 6)
        #expect(reader.readToEnd().map(\.offset) == [6, 7, 8, 9])
        // Beyond the end is out of range as well.
        try reader.consumer.restart(reader.queue, at: 50)
        events = []
        #expect(reader.poll { events += $0.queue.takeEvents(); return !events.isEmpty })
        guard case .outOfRange(offset: 50, _) = events.first else { Issue.record("\(events)"); return }
        try reader.consumer.restart(reader.queue, at: TopicPartition.beginning)
        #expect(reader.poll { $0.batch.count == 8 })
    }

    @Test func `A restart drops what was fetched and repeats what it is asked to`() throws {
        let name = try topic()
        try write(servers, name, (0..<1_000).map { "\($0)" })
        let reader = try Reader(servers, name)
        #expect(until { reader.queue.poll(max: 10, into: reader.batch); return reader.batch.count >= 10 })
        reader.batch.removeAll()
        try reader.consumer.restart(reader.queue, at: 990)
        #expect(reader.readToEnd().map(\.offset) == Array(990..<1_000))
        try reader.consumer.unassign(reader.queue)
        let again = try reader.consumer.assign(topic: name, partition: 0, offset: 995)
        reader.batch.removeAll()
        #expect(until { again.poll(max: 100, into: reader.batch); reader.wakeup.wait(timeoutMillis: 50); return again.isAtEnd })
        #expect(reader.batch.seen.map(\.offset) == Array(995..<1_000))
    }

    @Test func `A partition that does not exist yet is read once it does`() throws {
        let name = try topic(1)
        let reader = try Reader(servers, name, 3)
        #expect(try reader.consumer.metadata(topic: name, timeoutMillis: 10_000).partitionCount == 1)
        try admin.growTopic(name, partitions: 4, timeoutMillis: 20_000)
        try write(servers, name, partition: 3, ["new"])
        #expect(try until { try reader.consumer.metadata(topic: name, timeoutMillis: 10_000).partitionCount == 4 })
        #expect(reader.readToEnd() == [Seen(0, "new")])
    }

    @Test func `The end is said again after each record, and a record takes it back`() throws {
        let name = try topic()
        let reader = try Reader(servers, name)
        for round in 0..<5 as Range<Int64> {
            #expect(reader.readToEnd().count == Int(round))
            #expect(reader.queue.isAtEnd && reader.queue.position == round)
            try write(servers, name, ["\(round)"])
            #expect(reader.poll { $0.batch.count == Int(round) + 1 })
        }
    }

    @Test func `Offsets are found by record time`() throws {
        let name = try topic(2)
        try write(servers, name, ["a", "b", "c"], times: [1_000, 2_000, 3_000])
        let consumer = try Consumer(["bootstrap.servers": servers], group: "g")
        let found = try consumer.offsets(
            forTimes: [.init(topic: name, partition: 0, offset: 1_500), .init(topic: name, partition: 1, offset: 1_500)], timeoutMillis: 20_000)
        #expect(found.map(\.offset) == [1, TopicPartition.end])
    }

    @Test func `A record of ten megabytes comes through`() throws {
        let name = try topic(1, ["max.message.bytes": "20000000"])
        let producer = try Producer(["bootstrap.servers": servers, "message.max.bytes": "20000000", "compression.type": "none"])
        let value = [UInt8](repeating: 120, count: 10 << 20)
        try value.withUnsafeBytes { try producer.produce(try producer.topic(name), partition: 0, key: nil, value: $0) }
        try write(servers, name, ["small"])
        try producer.flush(timeoutMillis: 30_000)
        #expect(producer.takeFailures().isEmpty)
        let reader = try Reader(servers, name)
        #expect(reader.readToEnd().count == 2)
        #expect(Set((0..<2).map { reader.batch[$0].value!.count }) == [10 << 20, 5])
    }

    @Test func `Keys go to the partitions that Java's producer puts them in`() throws {
        let name = try topic(7)
        let keys = (0..<200).map { "account-\($0)" } + ["", "ä", "日本語", "a", "ab", "abc", "abcd"]
        try cluster.tool(
            "console-producer", ["--topic", name, "--property", "parse.key=true", "--property", "key.separator=|"],
            input: keys.map { "\($0)|\($0)\n" }.joined())
        let reader = try Reader(servers, name)
        let queues = [reader.queue] + (try (1..<7).map { try reader.consumer.assign(topic: name, partition: $0, offset: 0) })
        #expect(until {
            for queue in queues { queue.poll(max: 100, into: reader.batch) }
            if queues.allSatisfy({ $0.isAtEnd && !$0.mayHaveMore }) { return true }
            reader.wakeup.wait(timeoutMillis: 50)
            return false
        })
        #expect(reader.batch.count == keys.count)
        for i in 0..<reader.batch.count {
            let message = reader.batch[i]
            #expect(Murmur2.partition(message.key!, 7) == message.partition, "\(text(message.key)!)")
        }
    }

    @Test func `A foreign consumer in the group is seen`() throws {
        let (name, group) = (try topic(), unique("group"))
        let foreign = try cluster.startTool("console-consumer", ["--topic", name, "--group", group])
        defer { foreign.terminate() }
        var members: [Admin.Group.Member] = []
        #expect(try until(30_000) {
            members = try admin.group(group, timeoutMillis: 20_000).members
            return !members.isEmpty
        })
        #expect(members.allSatisfy { !$0.id.isEmpty && !$0.clientID.isEmpty && $0.host.contains("127.0.0.1") })
    }
}
