import Kafka
import TestSupport
import Testing

@Suite struct MessageBatchTests {
    private func filled(_ count: Int) throws -> (EmbeddedBroker, MessageBatch) {
        let broker = try EmbeddedBroker()
        try broker.createTopic("in", partitions: 1)
        try write(broker.bootstrapServers, "in", (0..<count).map { "v\($0)" })
        let reader = try Reader(broker.bootstrapServers, "in")
        #expect(reader.readToEnd().count == count)
        return (broker, reader.batch)
    }

    @Test func `Records outlive the consumer that read them`() throws {
        let (_, batch) = try filled(3)
        #expect(batch.seen == [Seen(0, "v0"), Seen(1, "v1"), Seen(2, "v2")])
        #expect(batch.bytes == 6)
    }

    @Test func `Records move to another batch in their order, and their bytes with them`() throws {
        let (_, batch) = try filled(300)
        let other = MessageBatch(capacity: 1)
        batch.moveFirst(1, to: other)
        batch.moveFirst(99, to: other)
        #expect(other.seen.map(\.offset) == Array(0..<100) && batch.seen.map(\.offset) == Array(100..<300))
        #expect(other.bytes == 10 * 2 + 90 * 3 && batch.bytes == 200 * 4)
        other.removeFirst(60)
        batch.moveFirst(200, to: other)
        #expect(batch.isEmpty && batch.bytes == 0)
        #expect(other.seen.map(\.offset) == Array(60..<300))
        other.removeAll()
        #expect(other.isEmpty && other.bytes == 0)
    }

    @Test func `A batch can be filled again and again, whatever was left in it`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("in", partitions: 1)
        try write(broker.bootstrapServers, "in", (0..<500).map { "v\($0)" })
        let reader = try Reader(broker.bootstrapServers, "in")
        var offsets: [Int64] = []
        #expect(until {
            reader.queue.poll(max: 7, into: reader.batch)
            if reader.batch.count >= 5 {
                offsets += (0..<5).map { reader.batch[$0].offset }
                reader.batch.removeFirst(5)
            }
            if reader.queue.isAtEnd && !reader.queue.mayHaveMore { return true }
            if reader.batch.count < 5 { reader.wakeup.wait(timeoutMillis: 100) }
            return false
        })
        offsets += reader.batch.seen.map(\.offset)
        #expect(offsets == Array(0..<500))
    }
}
