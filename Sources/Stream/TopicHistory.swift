public import Kafka

/// A topic's records from its first to where it ended when the reading began, in the order in which history is applied: by (record time, partition,
/// offset), every partition waited for.
public enum TopicHistory {
    private struct Head {
        var time: Int64
        var bytes: [UInt8]
    }

    /// Hands out one value after the other; tombstones are passed over.
    ///
    /// What is held of each partition is bounded: it is read on only when all that was read of it is handed out.
    /// - Returns: whether the topic still has its first records.
    /// - Throws: `.refused` where the topic cannot be read, and what the body throws.
    public static func read(
        _ kafka: Properties, topic: String, group: String, _ body: (UnsafeRawBufferPointer) throws(StreamExit) -> Void
    ) throws(StreamExit) -> Bool {
        let reader = try TopicReader(kafka, topic: topic, group: group)
        /// Of each partition, newest first.
        var waiting = [[Head]](repeating: [], count: reader.parts.count)
        while true {
            let hungry = reader.parts.indices.filter { waiting[$0].isEmpty && !reader.parts[$0].isAtEnd }
            if !hungry.isEmpty {
                try reader.read(hungry.map { reader.parts[$0] }) { (partition, message) throws(StreamExit) in
                    if let value = message.value { waiting[partition].append(Head(time: message.timestamp, bytes: Array(value))) }
                }
                for partition in hungry { waiting[partition].reverse() }
                continue
            }
            let next = waiting.indices.filter { !waiting[$0].isEmpty }.min { waiting[$0].last!.time < waiting[$1].last!.time }
            guard let next else { return reader.isWhole }
            let head = waiting[next].removeLast()
            let result = head.bytes.withUnsafeBytes { bytes in Result { () throws(StreamExit) in try body(bytes) } }
            try result.get()
        }
    }
}
