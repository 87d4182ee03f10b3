import Kafka
import TestSupport

extension Consumer {
    /// What a partition holds, from its first record to its end; `wakeup` is the consumer's own.
    func readToEnd(_ topic: String, _ partition: Int32, _ wakeup: Wakeup) throws -> MessageBatch {
        let queue = try assign(topic: topic, partition: partition, offset: 0)
        let batch = MessageBatch()
        _ = until {
            repeat { queue.poll(max: 1000, into: batch) } while queue.mayHaveMore
            if queue.isAtEnd { return true }
            wakeup.wait(timeoutMillis: 1000)
            return false
        }
        return batch
    }
}
