import Kafka
import Service
import Stream

/// Sends records to the transactions topic, each to the partition where Java's producers place its key.
struct Sender {
    private let producer: Producer
    private let topic: Topic
    private let partitions: Int32
    private(set) var sent = 0
    /// Records a second; nil: as fast as the broker takes them.
    var rate: Double?
    /// As fast as the event times go.
    var keepsPace = false
    /// The record time is the event time, not the present.
    var sendsEventTime = false
    private let began = monotonicMillis()
    private var firstTime: Int64?
    private var turn: Int32 = 0

    /// - Throws: where the broker or the topic cannot be had within 10 s.
    init(_ settings: Settings) throws {
        // A whole file waits in the queue at once, and a busy broker may take its time: the stream's short deadline is for transactions.
        let patience: Properties = ["message.timeout.ms": "120000"]
        producer = try Producer(patience.with(settings.kafka.properties))
        topic = try producer.topic(settings.topics.transactions)
        partitions = try producer.metadata(topic: settings.topics.transactions, timeoutMillis: 10_000).partitionCount
    }

    /// Sends one record when its time has come; `time` is its event time, if it has one. Without a key partitions take turns.
    mutating func send(_ value: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer?, time: Int64?) throws {
        waitForTurn(time)
        turn = (turn + 1) % partitions
        let partition = key.map { Murmur2.partition($0, partitions) } ?? turn
        while true {
            do throws(KafkaError) {
                try producer.produce(
                    topic, partition: partition, key: key, value: value, timestamp: sendsEventTime ? time ?? 0 : 0)
                break
            } catch {
                guard error.code == KafkaError.Code.queueFull else { throw error }
                producer.poll(timeoutMillis: 20)
            }
        }
        sent += 1
        if sent & 1023 == 0 { producer.poll(timeoutMillis: 0) }
    }

    private mutating func waitForTurn(_ time: Int64?) {
        if let rate { sleep(until: began + Int64(Double(sent) * 1000 / rate)) }
        guard keepsPace, let time else { return }
        if firstTime == nil { firstTime = time }
        sleep(until: began + time - firstTime!)
    }

    private func sleep(until time: Int64) {
        var left = time - monotonicMillis()
        while left > 0 {
            producer.poll(timeoutMillis: Int(min(left, 100)))
            left = time - monotonicMillis()
        }
    }

    /// Waits until all is delivered, for a minute at most.
    ///
    /// - Returns: how many were not.
    func finish() throws -> Int {
        try producer.flush(timeoutMillis: 60_000)
        return producer.failureCount
    }
}
