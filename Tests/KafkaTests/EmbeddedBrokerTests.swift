import Kafka
import Testing
import TestSupport

@Suite struct EmbeddedBrokerTests {
    @Test func `Records come back as they were written, with key, headers and time, and then the partition's end`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("in", partitions: 2)
        let producer = try TransactionalProducer(
            ["bootstrap.servers": broker.bootstrapServers], transactionalID: "t", topics: ["in"])
        try producer.initTransactions(timeoutMillis: 10_000)
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

        let wakeup = Wakeup()
        let consumer = try Consumer(["bootstrap.servers": broker.bootstrapServers], group: "g", wakeup: wakeup)
        #expect(try consumer.metadata(topic: "in", timeoutMillis: 5_000).partitionCount == 2)
        let queue = try consumer.assign(topic: "in", partition: 1, offset: 3)
        let batch = MessageBatch()
        #expect(until { wakeup.wait(timeoutMillis: 1_000); queue.poll(max: 4, into: batch); return queue.isAtEnd })
        #expect(queue.takeEvents().isEmpty)
        #expect((0..<batch.count).map { batch[$0].offset } == [3, 4, 5, 6, 7, 8, 9])
        #expect((0..<batch.count).map { text(batch[$0].value) } == ["value3", "value4", nil, "value6", "value7", "value8", "value9"])
        #expect(batch[6].topic == "in" && batch[6].partition == 1 && text(batch[6].key) == "key9")
        #expect(batch[6].timestamp == 1_700_000_000_009 && batch[6].timestampType == .createTime)
        let headers = batch[6].headers.map { "\(text($0.name)!)=\(text($0.value) ?? "null")" }
        #expect(headers == ["weir-decision=value9", "none=null"])
        #expect(queue.position == 10)
    }
}
