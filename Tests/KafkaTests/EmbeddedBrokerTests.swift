import Kafka
import TestSupport
import Testing

@Suite struct EmbeddedBrokerTests {
    @Test func `Records come back as they were written, with key, headers and time, and then the partition's end`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("in", partitions: 2)
        let producer = try transactional(broker.bootstrapServers, "t", ["in"])
        try producer.begin()
        let topic = try producer.topic("in")
        for i in 0..<10 {
            try withBytes(of: "key\(i)") { key in
                try withBytes(of: "value\(i)") { value in
                    let headers = [Header("weir-decision", value), Header("none", nil)]
                    try headers.withUnsafeBufferPointer {
                        try producer.produce(
                            topic, partition: 1, key: key, value: i == 5 ? nil : value, headers: $0, timestamp: 1_700_000_000_000 + Int64(i))
                    }
                }
            }
        }
        try producer.commit(timeoutMillis: 10_000)
        #expect(producer.outstanding == 0)
        #expect(producer.takeFailures().isEmpty)

        let reader = try Reader(broker.bootstrapServers, "in", 1, at: 3)
        #expect(try reader.consumer.metadata(topic: "in", timeoutMillis: 5_000).partitionCount == 2)
        #expect(reader.readToEnd().map(\.value) == ["value3", "value4", nil, "value6", "value7", "value8", "value9"])
        let batch = reader.batch
        #expect((0..<batch.count).map { batch[$0].offset } == [3, 4, 5, 6, 7, 8, 9])
        #expect(batch[6].topic == "in" && batch[6].partition == 1 && text(batch[6].key) == "key9")
        #expect(batch[6].timestamp == 1_700_000_000_009 && batch[6].timestampType == .createTime)
        let headers = batch[6].headers.map { "\(text($0.name)!)=\(text($0.value) ?? "null")" }
        #expect(headers == ["weir-decision=value9", "none=null"])
        #expect(reader.queue.position == 10 && reader.queue.takeEvents().isEmpty)
    }

    @Test func `Null and empty are told apart`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("in", partitions: 1)
        let producer = try Producer(["bootstrap.servers": broker.bootstrapServers])
        let topic = try producer.topic("in")
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        try producer.produce(topic, partition: 0, key: nil, value: empty)
        try producer.produce(topic, partition: 0, key: empty, value: nil)
        try producer.produce(topic, partition: 0, key: empty, value: empty, memory: .borrowed)
        try producer.flush(timeoutMillis: 10_000)
        let reader = try Reader(broker.bootstrapServers, "in")
        #expect(reader.readToEnd().map(\.value) == ["", nil, ""])
        #expect((0..<3).map { reader.batch[$0].key?.count } == [nil, 0, 0])
        #expect(reader.batch[0].headers.isEmpty)
    }

    @Test func `A lost connection during a commit is retried inside, once and for all`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("out", partitions: 1)
        let producer = try transactional(broker.bootstrapServers, "t", ["out"])
        try producer.begin()
        try producer.put("out", "v")
        broker.fail(next: .endTransaction, with: [KafkaError.Code.transport])
        try producer.commit(timeoutMillis: 10_000)
        #expect(try Reader(broker.bootstrapServers, "out").readToEnd() == [Seen(0, "v")])
    }

    @Test func `A commit that ran out of time goes on when it is called again`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("out", partitions: 1)
        let producer = try transactional(broker.bootstrapServers, "t", ["out"])
        try producer.begin()
        try producer.put("out", "v")
        try producer.flush(timeoutMillis: 10_000)
        try broker.delay(next: .endTransaction, byMillis: 1_500)
        let started = nowMillis()
        let first = kafkaError { try producer.commit(timeoutMillis: 200) }
        #expect(first?.code == KafkaError.Code.timedOut && first?.isRetriable == true && first?.requiresAbort == false)
        #expect(nowMillis() - started < 1_000)
        #expect(kafkaError { try producer.begin() } != nil)
        try producer.commit(timeoutMillis: 10_000)
        try producer.begin()
        try producer.put("out", "w")
        try producer.commit(timeoutMillis: 10_000)
    }

    @Test func `An init with the broker away ends in time, and goes on when it is back`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("out", partitions: 1)
        try broker.setDown()
        let producer = try TransactionalProducer(
            ["bootstrap.servers": broker.bootstrapServers, "log_level": "0"], transactionalID: "t", topics: ["out"])
        let started = nowMillis()
        let first = kafkaError { try producer.initTransactions(timeoutMillis: 400) }
        #expect(first?.code == KafkaError.Code.timedOut && first?.isRetriable == true)
        #expect(nowMillis() - started < 2_000)
        try broker.setUp()
        try producer.initTransactions(timeoutMillis: 10_000)
        try producer.begin()
    }

    @Test func `A record that is refused asks for an abort, says which it was, and the next transaction goes through`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("out", partitions: 2)
        let producer = try transactional(broker.bootstrapServers, "t", ["out"])
        try producer.begin()
        broker.fail(next: .produce, with: [KafkaError.Code.messageTooLarge])
        try producer.put("out", "v", tag: 7)
        try? producer.flush(timeoutMillis: 10_000)
        let next = kafkaError { try producer.put("out", "w", partition: 1, tag: 8) }
        #expect(next?.requiresAbort == true && next?.isFatal == false)
        let error = kafkaError { try producer.commit(timeoutMillis: 10_000) }
        #expect(error?.requiresAbort == true && error?.isFatal == false)
        let failures = producer.takeFailures()
        #expect(failures.filter(\.isTooLarge).map(\.tag) == [7])
        #expect(failures.first?.topic == "out" && failures.first?.bytes == 1)
        try producer.abort(timeoutMillis: 10_000)
        #expect(producer.outstanding == 0)
        #expect(kafkaError { try producer.put("out", "w") }?.requiresAbort == false)
        #expect(try producer.attempts { try producer.put("out", "w") } <= 2)
    }

    @Test func `A fatal error says so, and so does every call after it`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("out", partitions: 1)
        let producer = try transactional(broker.bootstrapServers, "t", ["out"])
        #expect(producer.fatalError == nil)
        try producer.begin()
        try producer.put("out", "v")
        try producer.flush(timeoutMillis: 10_000)
        broker.fail(next: .endTransaction, with: [90])  // PRODUCER_FENCED
        let error = kafkaError { try producer.commit(timeoutMillis: 10_000) }
        #expect(error?.isFatal == true)
        #expect(producer.fatalError?.isFatal == true)
        #expect(kafkaError { try producer.put("out", "w") }?.isFatal == true)
        #expect(kafkaError { try producer.begin() } != nil)
    }

    @Test func `A full queue is said, and empties while polling`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("out", partitions: 1)
        let producer = try transactional(broker.bootstrapServers, "t", ["out"], ["queue.buffering.max.messages": "10"])
        try producer.begin()
        var full = 0
        for i in 0..<1_000 {
            #expect(try until {
                let error = kafkaError { try producer.put("out", "\(i)") }
                if error == nil { return true }
                try #require(error?.code == KafkaError.Code.queueFull && error?.isRetriable == true)
                full += 1
                producer.poll(timeoutMillis: 1)
                return false
            })
        }
        try producer.commit(timeoutMillis: 10_000)
        #expect(full > 0)
        #expect(try Reader(broker.bootstrapServers, "out").readToEnd().map(\.value) == (0..<1_000).map { "\($0)" })
    }

    @Test func `Brokers that are all down are said on the main queue, which signals`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("in", partitions: 1)
        let reader = try Reader(broker.bootstrapServers, "in")
        _ = reader.readToEnd()
        try broker.setDown()
        var codes: [Int32] = []
        #expect(until {
            reader.wakeup.wait(timeoutMillis: 1_000)
            codes += reader.consumer.poll().map(\.code)
            return codes.contains(KafkaError.Code.allBrokersDown)
        })
        try broker.setUp()
        try write(broker.bootstrapServers, "in", ["back"])
        #expect(reader.poll { !$0.batch.isEmpty })
    }

    @Test func `Clients are gone at once with the broker away, whatever they still hold`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("in", partitions: 4)
        var reader: Reader? = try Reader(broker.bootstrapServers, "in")
        _ = reader?.readToEnd()
        var producer: TransactionalProducer? = try transactional(broker.bootstrapServers, "t", ["in"], ["log_level": "0"])
        try producer?.begin()
        try producer?.put("in", "sent")
        try producer?.flush(timeoutMillis: 10_000)
        try broker.setDown()
        for i in 0..<1_000 { try producer?.put("in", "\(i)", partition: Int32(i % 4)) }
        let started = nowMillis()
        reader = nil
        producer = nil
        #expect(nowMillis() - started < 2_000)
        _ = reader
        _ = producer
    }
}
