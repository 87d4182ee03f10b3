import AWS
import HTTP
import Stream

/// A batch of an event-source mapping to MSK or a Kafka of one's own.
public struct KafkaEvent: Sendable {
    /// One record. What is absent and what is null are both nil.
    public struct Record: Sendable {
        /// As the batch names its partition, `transactions-3`: what a failure is told by.
        public var partitionName: String
        public var topic: String
        public var partition: Int32
        public var offset: Int64
        /// Unix epoch milliseconds; −1 where it has none.
        public var time: Int64
        public var key: [UInt8]?
        public var value: [UInt8]?
        public var headers: [(name: String, value: [UInt8])]
    }

    /// By partition, in the order of offsets as Lambda gave them.
    public let partitions: [[Record]]

    /// nil where it is no such event.
    ///
    /// - Throws: for a batch of which a record cannot be told by partition and offset.
    init?(_ event: JSON) throws(InvocationError) {
        guard let records = event["records"]?.object else { return nil }
        let source = event["eventSource"]?.string ?? ""
        guard source == "aws:kafka" || source == "SelfManagedKafka" || records.values.allSatisfy({ $0.array != nil }) else { return nil }
        var partitions: [[Record]] = []
        for name in records.keys.sorted() {
            var list: [Record] = []
            for record in records[name]?.array ?? [] {
                guard let offset = record["offset"]?.integer, let partition = record["partition"]?.integer ?? Self.number(name),
                    let partition = Int32(exactly: partition), partition >= 0, offset >= 0
                else { throw InvocationError(type: "Weir.BadEvent", message: "a record of the batch has no partition or no offset") }
                list.append(
                    Record(
                        partitionName: name, topic: record["topic"]?.string ?? Self.topic(name), partition: partition, offset: offset,
                        time: record["timestamp"]?.integer ?? -1, key: Self.bytes(record["key"]), value: Self.bytes(record["value"]),
                        headers: Self.headers(record["headers"])))
            }
            if !list.isEmpty { partitions.append(list) }
        }
        self.partitions = partitions
    }

    /// What follows the last dash of `transactions-3`.
    private static func number(_ name: String) -> Int64? { name.split(separator: "-").last.flatMap { Int64($0) } }
    private static func topic(_ name: String) -> String { name.split(separator: "-").dropLast().joined(separator: "-") }

    /// What is not base64 stays as it came: it is then judged like any other record.
    private static func bytes(_ value: JSON?) -> [UInt8]? {
        guard let text = value?.string else { return nil }
        return Base64.decode(text.utf8) ?? Array(text.utf8)
    }

    /// `[{"traceparent": [48, 48, …]}, …]`: signed or unsigned bytes, as Java and others write them.
    private static func headers(_ value: JSON?) -> [(name: String, value: [UInt8])] {
        (value?.array ?? []).flatMap { header in
            (header.object ?? [:]).compactMap { name, value in
                value.array.map { (name: name, value: $0.map { UInt8(truncatingIfNeeded: $0.integer ?? 0) }) }
            }
        }
    }

    /// The records of all partitions in one order, as the service merges them: by record time, partitions in themselves as they are; ties by partition.
    ///
    /// - Complexity: O(records × partitions), of which a batch has few.
    public var merged: [Record] {
        var heads = [Int](repeating: 0, count: partitions.count)
        var all: [Record] = []
        while true {
            var lowest: Int?
            for index in partitions.indices where heads[index] < partitions[index].count {
                if let low = lowest, partitions[low][heads[low]].time <= partitions[index][heads[index]].time { continue }
                lowest = index
            }
            guard let lowest else { return all }
            all.append(partitions[lowest][heads[lowest]])
            heads[lowest] += 1
        }
    }

    /// What Lambda is told of a batch: the records that it must bring again.
    public static func encode(failures: [(partitionName: String, offset: Int64)]) -> [UInt8] {
        var out = Array(#"{"batchItemFailures":["#.utf8)
        for (index, failure) in failures.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out += #"{"itemIdentifier":{"partition":"#.utf8
            appendJSON(failure.partitionName, to: &out)
            out += #","offset":\#(failure.offset)}}"#.utf8
        }
        out += "]}".utf8
        return out
    }
}
