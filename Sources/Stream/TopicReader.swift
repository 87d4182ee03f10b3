import Kafka

/// Reads a topic from its start to where it ended when the reading began, all partitions.
final class TopicReader {
    final class Part {
        fileprivate let queue: PartitionQueue
        fileprivate let end: Int64
        var isAtEnd: Bool { queue.isAtEnd || queue.position >= end }

        fileprivate init(_ queue: PartitionQueue, _ end: Int64) {
            self.queue = queue
            self.end = end
        }
    }

    private let consumer: Consumer
    private let wakeup = Wakeup()
    private let batch = MessageBatch()
    private let topic: String
    /// One a partition, by number.
    private(set) var parts: [Part] = []
    /// Whether the topic still has its first records.
    private(set) var isWhole = true

    /// - Throws: `.refused` where the topic cannot be read.
    init(_ properties: Properties, topic: String, group: String) throws(StreamExit) {
        self.topic = topic
        do throws(KafkaError) {
            consumer = try Consumer(properties, group: group, wakeup: wakeup)
            for partition in 0..<(try consumer.metadata(topic: topic, timeoutMillis: 20_000).partitionCount) {
                let range = try consumer.watermarks(topic: topic, partition: partition, timeoutMillis: 20_000)
                isWhole = isWhole && range.lowerBound == 0
                parts.append(Part(try consumer.assign(topic: topic, partition: partition, offset: range.lowerBound), range.upperBound))
            }
        } catch {
            throw .refused("\(topic) cannot be read: \(error)")
        }
    }

    /// Reads on in these parts, and waits for something to come, a minute at most. It returns with nothing read when all of them are at their end.
    func read(_ parts: [Part], _ body: (Int, Message) throws(StreamExit) -> Void) throws(StreamExit) {
        let deadline = monotonicMillis() + 60_000
        while true {
            var isSomething = false
            for part in parts where !part.isAtEnd {
                if part.queue.poll(max: 512, into: batch) > 0 { isSomething = true }
                for i in 0..<batch.count where batch[i].offset < part.end { try body(Int(part.queue.partition), batch[i]) }
                batch.removeAll()
                for event in part.queue.takeEvents() {
                    if case .failed = event { continue }  // librdkafka goes on by itself
                    throw .refused("\(topic) partition \(part.queue.partition) cannot be read: \(event)")
                }
            }
            if isSomething || parts.allSatisfy(\.isAtEnd) { return }
            _ = consumer.poll()
            guard monotonicMillis() < deadline else { throw .refused("\(topic) cannot be read: the broker does not answer") }
            wakeup.wait(timeoutMillis: 200)
        }
    }

    /// Reads all of it, a partition after the other.
    func readAll(_ body: (Message) throws(StreamExit) -> Void) throws(StreamExit) {
        for part in parts {
            while !part.isAtEnd { try read([part]) { (_, message) throws(StreamExit) in try body(message) } }
        }
    }
}
