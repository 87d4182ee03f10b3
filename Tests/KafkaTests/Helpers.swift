import Kafka
import TestSupport

/// A record as a test sees it.
struct Seen: Equatable, CustomStringConvertible {
    var offset: Int64
    var value: String?
    init(_ offset: Int64, _ value: String?) {
        self.offset = offset
        self.value = value
    }
    var description: String { "\(offset):\(value ?? "null")" }
}

extension MessageBatch {
    var seen: [Seen] { (0..<count).map { Seen(self[$0].offset, text(self[$0].value)) } }
}

/// A consumer with one partition and its wake-up.
struct Reader {
    let wakeup = Wakeup()
    let consumer: Consumer
    let queue: PartitionQueue
    let batch = MessageBatch()

    init(_ servers: String, _ topic: String, _ partition: Int32 = 0, at offset: Int64 = 0, group: String = "reader") throws {
        consumer = try Consumer(["bootstrap.servers": servers], group: group, wakeup: wakeup)
        queue = try consumer.assign(topic: topic, partition: partition, offset: offset)
    }

    /// Polls until `done`, waiting on the wake-up alone.
    func poll(until done: (Reader) -> Bool) -> Bool {
        until {
            repeat { queue.poll(max: 100, into: batch) } while queue.mayHaveMore
            if done(self) { return true }
            wakeup.wait(timeoutMillis: 15_000)
            return false
        }
    }

    /// All records up to the end, which is waited for.
    /// - Parameter end: where it lies at least. A marker reaches its partition some time after the commit was answered.
    func readToEnd(at end: Int64 = 0) -> [Seen] {
        _ = poll { $0.queue.isAtEnd && $0.queue.position >= end }
        return batch.seen
    }
}

func transactional(_ servers: String, _ id: String, _ topics: [String], _ more: Properties = [:]) throws -> TransactionalProducer {
    let producer = try TransactionalProducer(
        Properties(dictionaryLiteral: ("bootstrap.servers", servers)).with(more), transactionalID: id, topics: topics)
    try producer.initTransactions(timeoutMillis: 20_000)
    return producer
}

extension TransactionalProducer {
    func put(_ topic: String, _ value: String, partition: Int32 = 0, tag: UInt = 0) throws {
        let topic = try self.topic(topic)
        try withBytes(of: value) { try produce(topic, partition: partition, key: nil, value: $0, tag: tag) }
    }
}

extension TransactionalProducer {
    /// Does the same in a new transaction until it commits, as a caller has to when an abort is asked for.
    ///
    /// - Returns: how many it took.
    func attempts(_ outputs: () throws -> Void) throws -> Int {
        for attempt in 1...5 {
            try begin()
            do {
                try outputs()
                try commit(timeoutMillis: 20_000)
                return attempt
            } catch let error as KafkaError where error.requiresAbort {
                try abort(timeoutMillis: 20_000)
            }
        }
        throw KafkaError(code: KafkaError.Code.state, message: "never committed")
    }
}

func write(_ servers: String, _ topic: String, partition: Int32 = 0, _ values: [String], times: [Int64] = []) throws {
    let producer = try Producer(["bootstrap.servers": servers])
    let handle = try producer.topic(topic)
    for (i, value) in values.enumerated() {
        try withBytes(of: value) {
            try producer.produce(handle, partition: partition, key: nil, value: $0, timestamp: times.isEmpty ? 0 : times[i])
        }
    }
    try producer.flush(timeoutMillis: 20_000)
}

/// The error that `body` throws, if it does.
func kafkaError(_ body: () throws -> Void) -> KafkaError? {
    do {
        try body()
        return nil
    } catch {
        return error as? KafkaError
    }
}
