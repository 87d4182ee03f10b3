import Kafka
import Service
import Stream

/// Sends records to the transactions topic, each to the partition where Java's producers place its key.
struct Sender {
    private let producer: Producer
    private let topic: Topic
    private let partitions: Int32
    /// Of a batch, where records come as fast as they are taken.
    private var room: BatchRoom?
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

    /// - Parameter isPaced: records come one by one, and each is to be sent soon.
    /// - Throws: where the broker or the topic cannot be had within 10 s.
    init(_ settings: Settings, isPaced: Bool) throws {
        // A busy broker may take its time: the stream's short deadline is for transactions.
        var properties: Properties = ["message.timeout.ms": "120000"]
        // A batch is sent when it is full or the file has ended: see `BatchRoom`.
        if !isPaced { properties["linger.ms"] = "500" }
        properties = properties.with(settings.kafka.properties)
        if !isPaced { room = BatchRoom(topics: 1, properties) }
        producer = try Producer(properties)
        topic = try producer.topic(settings.topics.transactions)
        partitions = try producer.metadata(topic: settings.topics.transactions, timeoutMillis: 10_000).partitionCount
    }

    /// Sends one record when its time has come; `time` is its event time, if it has one. Without a key partitions take turns.
    mutating func send(_ value: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer?, time: Int64?) throws {
        waitForTurn(time)
        turn = (turn + 1) % partitions
        let partition = key.map { Murmur2.partition($0, partitions) } ?? turn
        let size = value.count + (key?.count ?? 0)
        if room?.take(size, topic: 0, partition: partition) == false {
            while producer.outstanding > 0 { try deliver(100) }
            room?.clear()
            _ = room?.take(size, topic: 0, partition: partition)
        }
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

    /// Waits until all is delivered or has failed, for so long at most.
    private func deliver(_ milliseconds: Int) throws(KafkaError) {
        do throws(KafkaError) {
            try producer.flush(timeoutMillis: milliseconds)
        } catch {
            guard error.code == KafkaError.Code.timedOut else { throw error }
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
