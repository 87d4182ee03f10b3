/// Says when a partition's queue holds as much as goes into one batch.
///
/// librdkafka 2.0.2 has one batch of a partition on its way with `enable.idempotence`, and while more waits behind it than was sent, and is older than `linger.ms` or is flushed, its broker thread asks
/// without a pause whether the batch has come back (`rd_kafka_toppar_producer_serve` sets the next wake-up to now before it finds that nothing may be sent). That takes a whole core,
/// from the broker where that is on the same machine. So who writes much takes account here, and waits until all is delivered before a partition gets more than a batch.
public struct BatchRoom {
    /// What the protocol adds to a record at most, bytes: lengths, deltas, attributes.
    private static let overhead = 64

    private let bytes: Int
    private let records: Int
    /// By topic and partition.
    private var taken: [[(bytes: Int, records: Int)]]

    /// - Parameters:
    ///   - topics: how many are written to; `take` counts them from 0.
    ///   - properties: those of the producer, whose `batch.size` and `batch.num.messages` bound a batch.
    public init(topics: Int, _ properties: Properties) {
        bytes = properties["batch.size"].flatMap { Int($0) } ?? 1_000_000
        records = properties["batch.num.messages"].flatMap { Int($0) } ?? 10_000
        taken = Array(repeating: [], count: topics)
    }

    /// Takes a record's room.
    ///
    /// - Parameter size: of its key, value and headers, bytes.
    /// - Returns: false, and nothing is taken, if it has to wait until all is delivered. One that is larger than a batch has room where nothing else waits.
    /// - Complexity: O(1)
    public mutating func take(_ size: Int, topic: Int, partition: Int32) -> Bool {
        let partition = Int(partition)
        if taken[topic].count <= partition { taken[topic] += Array(repeating: (0, 0), count: partition + 1 - taken[topic].count) }
        let now = taken[topic][partition]
        guard now.records == 0 || now.records < records && now.bytes + size + Self.overhead <= bytes else { return false }
        taken[topic][partition] = (now.bytes + size + Self.overhead, now.records + 1)
        return true
    }

    /// All was delivered, or has failed.
    public mutating func clear() {
        for topic in taken.indices {
            for partition in taken[topic].indices { taken[topic][partition] = (0, 0) }
        }
    }
}
