import Kafka
import Service
import Stream

/// Brings a function's outputs to their topics, each at least once, and says which it could not.
final class LambdaProducer {
    /// Places among the outputs that were given.
    struct Report {
        var failed: Set<Int> = []
        var tooLarge: Set<Int> = []
    }

    private let settings: Settings
    private let log: Log
    private var producer: Producer?
    private var counts: [String: Int32] = [:]

    init(_ settings: Settings, log: Log) {
        self.settings = settings
        self.log = log
    }

    /// Returns by `deadline` (Unix epoch milliseconds), whatever the broker does.
    func produce(_ outputs: [DetachedOutput], deadline: Int64) -> Report {
        var report = Report()
        if outputs.isEmpty { return report }
        do {
            let producer = try producer ?? Producer(settings.streamProperties)
            self.producer = producer
            try learnPartitions(producer, deadline)
            for (index, output) in outputs.enumerated() {
                do throws(KafkaError) {
                    try send(output, producer, tag: UInt(index + 1), deadline)
                } catch {
                    if error.code == KafkaError.Code.messageTooLarge { report.tooLarge.insert(index) } else { report.failed.insert(index) }
                }
            }
            finish(producer, outputs.count, deadline, &report)
        } catch {
            log.warning("verdicts cannot be produced", ["why": "\(error)"])
            report.failed = Set(outputs.indices)
        }
        return report
    }

    /// Waits for what is under way. What is not there by then is thrown away, and its producer with it: numbers that it gave would be missing.
    private func finish(_ producer: Producer, _ count: Int, _ deadline: Int64, _ report: inout Report) {
        do throws(KafkaError) {
            try producer.flush(timeoutMillis: Int(max(deadline - wallMillis(), 0)))
        } catch {
            log.warning("verdicts were not taken in time", ["why": error.description, "outstanding": producer.outstanding])
            producer.purge()
            self.producer = nil
        }
        if producer.fatalError != nil { self.producer = nil }
        let told = producer.failureCount
        let failures = producer.takeFailures()
        // More than are remembered one by one: then all count as failed.
        if told > failures.count { report.failed = Set(0..<count) }
        for failure in failures {
            let index = Int(failure.tag) - 1
            if failure.isTooLarge { report.tooLarge.insert(index) } else { report.failed.insert(index) }
        }
        report.failed.subtract(report.tooLarge)
        if let first = failures.first(where: { !$0.isTooLarge }) { log.warning("verdicts were refused", ["why": first.error.description, "count": told]) }
    }

    private func topic(_ kind: DetachedOutput.Kind) -> String {
        switch kind {
        case .fraud: settings.topics.fraudVerdicts
        case .aml: settings.topics.amlVerdicts
        case .deadLetter: settings.topics.deadLetters
        }
    }

    /// How many partitions inputs and outputs have: asked once, and again after a failure.
    private func learnPartitions(_ producer: Producer, _ deadline: Int64) throws(KafkaError) {
        let names = DetachedOutput.Kind.allCases.map { topic($0) } + [settings.topics.transactions]
        for name in names where counts[name] == nil {
            let left = max(1, min(deadline - wallMillis(), 5_000))
            do throws(KafkaError) {
                counts[name] = try producer.metadata(topic: name, timeoutMillis: Int(left)).partitionCount
            } catch {
                // The input's own topic may be another's to read, by a name that is not ours.
                guard name == settings.topics.transactions, error.code == KafkaError.Code.unknownTopicOrPartition else { throw error }
                counts[name] = 0
            }
        }
    }

    private func send(_ output: DetachedOutput, _ producer: Producer, tag: UInt, _ deadline: Int64) throws(KafkaError) {
        let name = topic(output.kind)
        let handle = try producer.topic(name)
        let partition = partition(output, counts[name] ?? 0)
        while true {
            do throws(KafkaError) {
                return try withHeaders(output.headers) { headers throws(KafkaError) in
                    try Self.lend(output.key) { key throws(KafkaError) in
                        try Self.lend(output.value) { value throws(KafkaError) in
                            try producer.produce(handle, partition: partition, key: key, value: value, headers: headers, timestamp: output.time, tag: tag)
                        }
                    }
                }
            } catch {
                guard error.code == KafkaError.Code.queueFull, wallMillis() < deadline else { throw error }
                producer.poll(timeoutMillis: 5)
            }
        }
    }

    /// As the stream places them: the record's own number where both topics have as many, else as Java's producers place its key.
    private func partition(_ output: DetachedOutput, _ count: Int32) -> Int32 {
        let number = output.partition.number
        guard count > 0, count != counts[settings.topics.transactions] || number >= count else { return number }
        guard let key = output.key else { return number % count }
        return key.withUnsafeBytes { Murmur2.partition($0, count) }
    }

    private static func lend(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) throws(KafkaError) -> Void) throws(KafkaError) {
        guard let bytes else { return try body(nil) }
        try bytes.withUnsafeBufferPointer { (bytes) throws(KafkaError) in try body(UnsafeRawBufferPointer(bytes)) }
    }

    private func withHeaders(
        _ headers: [(name: String, value: [UInt8])], _ body: (UnsafeBufferPointer<Kafka.Header>) throws(KafkaError) -> Void
    ) throws(KafkaError) {
        let bytes = headers.flatMap { Array($0.name.utf8) + $0.value }
        try bytes.withUnsafeBufferPointer { (bytes) throws(KafkaError) in
            let bytes = UnsafeRawBufferPointer(bytes)
            var end = 0
            func next(_ count: Int) -> UnsafeRawBufferPointer {
                defer { end += count }
                return UnsafeRawBufferPointer(rebasing: bytes[end..<(end + count)])
            }
            let list = headers.map { Kafka.Header(name: next($0.name.utf8.count), value: next($0.value.count)) }
            try list.withUnsafeBufferPointer { (list) throws(KafkaError) in try body(list) }
        }
    }
}
