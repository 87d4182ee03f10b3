import Kafka
import TestSupport
import Testing

@Suite(.enabled(if: KafkaCluster.isAvailable, KafkaCluster.skipping))
struct TransactionTests {
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

    @Test func `What is committed is read once, what is aborted never, and the end lies behind both with their markers`() throws {
        let out = try topic()
        let producer = try transactional(servers, unique("id"), [out])
        try producer.begin()
        try producer.put(out, "a")
        try producer.put(out, "b")
        try producer.commit(timeoutMillis: 20_000)
        try producer.begin()
        try producer.put(out, "dropped")
        try producer.flush(timeoutMillis: 20_000)
        try producer.abort(timeoutMillis: 20_000)
        try producer.begin()
        try producer.put(out, "c")
        try producer.commit(timeoutMillis: 20_000)

        let reader = try Reader(servers, out)
        // 0 a, 1 b, 2 marker, 3 dropped, 4 marker, 5 c, 6 marker
        #expect(reader.readToEnd(at: 7) == [Seen(0, "a"), Seen(1, "b"), Seen(5, "c")])
        #expect(reader.queue.position == 7)
        #expect(try reader.consumer.watermarks(topic: out, partition: 0, timeoutMillis: 10_000) == 0..<7)
        #expect(reader.consumer.knownWatermarks(topic: out, partition: 0) == 0..<7)
        let other = try topic(3)
        try write(servers, other, ["d", "e"])
        #expect(try reader.consumer.watermarks([(out, 0), (other, 2), (other, 0)], timeoutMillis: 10_000) == [0..<7, 0..<0, 0..<2])
    }

    @Test func `An open transaction holds the end back, for readers and for watermarks, until it is committed`() throws {
        let out = try topic()
        let producer = try transactional(servers, unique("id"), [out])
        try producer.begin()
        try producer.put(out, "open")
        try producer.flush(timeoutMillis: 20_000)
        try write(servers, out, ["behind"])
        let reader = try Reader(servers, out)
        #expect(reader.readToEnd() == [])
        #expect(reader.queue.position == 0)
        #expect(try reader.consumer.watermarks(topic: out, partition: 0, timeoutMillis: 10_000) == 0..<0)
        #expect(try reader.consumer.watermarks([(out, 0)], timeoutMillis: 10_000) == [0..<0])
        try producer.commit(timeoutMillis: 20_000)
        #expect(reader.poll { $0.queue.position == 3 && $0.queue.isAtEnd })
        #expect(reader.batch.seen == [Seen(0, "open"), Seen(1, "behind")])
    }

    @Test func `Offsets of a group without members are committed with the transaction, and only with it`() throws {
        let (out, group) = (try topic(), unique("group"))
        let input = try topic(2)
        let producer = try transactional(servers, group, [out])
        let consumer = try Consumer(["bootstrap.servers": servers], group: group)
        let places = [0, 1].map { TopicPartition(topic: input, partition: $0, offset: TopicPartition.none) }
        #expect(try consumer.committed(places, timeoutMillis: 20_000) == places)
        for (round, ends) in [true, false].enumerated() {
            try producer.begin()
            try producer.put(out, "v")
            try producer.sendOffsets(
                group: group, [.init(topic: input, partition: 0, offset: Int64(10 + round)), .init(topic: input, partition: 1, offset: 7)],
                timeoutMillis: 20_000)
            if ends { try producer.commit(timeoutMillis: 20_000) } else { try producer.abort(timeoutMillis: 20_000) }
        }
        #expect(try consumer.committed(places, timeoutMillis: 20_000).map(\.offset) == [10, 7])
        let known = try admin.group(group, timeoutMillis: 20_000)
        #expect(known.members.isEmpty && known.state == "Empty")
        #expect(try admin.groups(timeoutMillis: 20_000).contains { $0.id == group })
    }

    @Test func `A second holder of the id ends the first one's transaction and fences it`() throws {
        let (out, id) = (try topic(), unique("id"))
        let first = try transactional(servers, id, [out])
        try first.begin()
        try first.put(out, "lost")
        try first.flush(timeoutMillis: 20_000)
        let second = try transactional(servers, id, [out])
        let error = kafkaError { try first.commit(timeoutMillis: 20_000) }
        #expect(error?.isFatal == true)
        #expect(first.fatalError?.code == KafkaError.Code.fenced)
        #expect(kafkaError { try first.abort(timeoutMillis: 1_000) }?.isFatal == true)
        try second.begin()
        try second.put(out, "kept")
        try second.commit(timeoutMillis: 20_000)
        #expect(try Reader(servers, out).readToEnd().map(\.value) == ["kept"])
    }

    @Test func `A record too large for its topic is the only one found guilty, and without it the rest goes through`() throws {
        let out = try topic(1, ["max.message.bytes": "4000"])
        let producer = try transactional(servers, unique("id"), [out], ["batch.size": "4000", "compression.type": "none", "linger.ms": "50"])
        func all(_ skipped: UInt?) throws {
            for tag in 1...200 as ClosedRange<UInt> where tag != skipped {
                try producer.put(out, String(repeating: "x", count: tag == 100 ? 5_000 : 50), tag: tag)
            }
        }
        try producer.begin()
        try all(nil)
        let error = kafkaError { try producer.commit(timeoutMillis: 20_000) }
        #expect(error?.requiresAbort == true && error?.isFatal == false)
        try producer.abort(timeoutMillis: 20_000)
        let failures = producer.takeFailures()
        #expect(failures.filter(\.isTooLarge).map(\.tag) == [100])
        #expect(try producer.attempts { try all(100) } <= 2)
        #expect(try Reader(servers, out).readToEnd().count == 199)
    }

    @Test func `After a refused record with nothing behind it the next transaction needs one more abort at most`() throws {
        let out = try topic(1, ["max.message.bytes": "4000"])
        let producer = try transactional(servers, unique("id"), [out], ["compression.type": "none"])
        #expect(try producer.attempts { try producer.put(out, "before") } == 1)
        try producer.begin()
        try producer.put(out, String(repeating: "x", count: 5_000), tag: 1)
        #expect(kafkaError { try producer.commit(timeoutMillis: 20_000) }?.requiresAbort == true)
        try producer.abort(timeoutMillis: 20_000)
        #expect(producer.takeFailures().map(\.isTooLarge) == [true])
        #expect(try producer.attempts { try producer.put(out, "after") } <= 2)
        #expect(producer.fatalError == nil)
        #expect(try producer.attempts { try producer.put(out, "later") } == 1)
        #expect(try Reader(servers, out).readToEnd().map(\.value) == ["before", "after", "later"])
    }

    @Test func `A record over message.max.bytes is refused at once, and harms nothing`() throws {
        let out = try topic()
        let producer = try transactional(servers, unique("id"), [out], ["message.max.bytes": "2000"])
        try producer.begin()
        try producer.put(out, "a")
        let error = kafkaError { try producer.put(out, String(repeating: "x", count: 3_000)) }
        #expect(error?.code == KafkaError.Code.messageTooLarge && error?.requiresAbort == false)
        try producer.put(out, "b")
        try producer.commit(timeoutMillis: 20_000)
        #expect(try Reader(servers, out).readToEnd().map(\.value) == ["a", "b"])
    }

    @Test(arguments: [ValueMemory.copied, .borrowed])
    func `A borrowed value is sent from where it lies, a copied one as it was`(memory: ValueMemory) throws {
        let out = try topic()
        let producer = try transactional(servers, unique("id"), [out], ["linger.ms": "4000"])
        let value = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
        defer { value.deallocate() }
        value.copyBytes(from: "then".utf8)
        try producer.begin()
        try producer.produce(try producer.topic(out), partition: 0, key: nil, value: UnsafeRawBufferPointer(value), memory: memory)
        #expect(producer.outstanding == 1)
        value.copyBytes(from: "now!".utf8)
        try producer.commit(timeoutMillis: 20_000)
        #expect(producer.outstanding == 0)
        #expect(try Reader(servers, out).readToEnd().map(\.value) == [memory == .borrowed ? "now!" : "then"])
    }

    @Test func `A commit with the broker gone ends in time, and what happened to it the topic says`() throws {
        let own = try KafkaCluster()
        let admin = try Admin(["bootstrap.servers": own.bootstrapServers])
        try admin.create(.init("out", partitions: 1), timeoutMillis: 20_000)
        let producer = try transactional(own.bootstrapServers, "id", ["out"], ["log_level": "0"])
        try producer.begin()
        try producer.put("out", "a")
        try producer.flush(timeoutMillis: 20_000)
        try own.kill()
        let started = nowMillis()
        let error = kafkaError { try producer.commit(timeoutMillis: 1_000) }
        #expect(error != nil && nowMillis() - started < 3_000)
        try own.start()
        // Whatever became of it, a new holder of the id finds all settled.
        let next = try transactional(own.bootstrapServers, "id", ["out"])
        try next.begin()
        try next.put("out", "b")
        try next.commit(timeoutMillis: 20_000)
        let seen = try Reader(own.bootstrapServers, "out").readToEnd().map(\.value)
        #expect(seen == ["a", "b"] || seen == ["b"])
    }
}
