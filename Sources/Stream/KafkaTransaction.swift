import Kafka
import Scoring

/// One transaction after the other with one producer, until that breaks.
///
/// Errors are answered in the order that librdkafka asks for: abort where it requires that, the same call again where it may be
/// retried, else the producer is of no use any more.
final class KafkaTransaction {
    private let producer: TransactionalProducer
    private let topics: TopicNames
    private let group: String
    private let watch: KafkaWatch
    private let limits: [String: Int]
    private var room: BatchRoom
    private var headers: [Header] = []
    /// Outputs that librdkafka itself found too large.
    private var refused: [Int] = []
    /// The buffer that was refused last, and of each topic the least that it did not take, bytes.
    private var refusal: (buffer: ObjectIdentifier, least: [String: Int])?
    /// Why the last abort was necessary.
    private(set) var abortReason: String?

    /// - Parameters:
    ///   - limits: what each topic of outputs takes, bytes; no batch of several records is larger than the least of them. Empty where that is not known.
    ///   - room: of a batch, for three topics of outputs.
    init(_ producer: TransactionalProducer, topics: TopicNames, group: String, watch: KafkaWatch, limits: [String: Int], room: BatchRoom) {
        self.limits = limits
        self.room = room
        self.producer = producer
        self.topics = topics
        self.group = group
        self.watch = watch
    }

    func poll() { producer.poll(timeoutMillis: 0) }

    private enum Step: Error {
        case abort(String)
        case broken(String)
    }

    func commit(_ outgoing: Outgoing, deadline: () -> Int64) -> CommitResult {
        do throws(Step) {
            try again(until: deadline) { () throws(KafkaError) in try producer.begin() }
            if let buffer = outgoing.buffer { try produce(buffer, deadline) }
            try produceEntry(outgoing.entry, deadline)
            // All is there: it is sent now, while the offsets go their way, and not when it has lingered or at the commit. What does not get away in this time does then.
            try? producer.flush(timeoutMillis: 1)
            if !outgoing.offsets.isEmpty {
                let offsets = outgoing.offsets.sorted { $0.key < $1.key }.map {
                    TopicPartition(topic: topics.name($0.key.topic) ?? "", partition: $0.key.number, offset: $0.value)
                }
                try again(until: deadline) { () throws(KafkaError) in
                    try producer.sendOffsets(group: group, offsets, timeoutMillis: 2000)
                }
            }
            try again(until: deadline) { () throws(KafkaError) in try producer.commit(timeoutMillis: 2000) }
            return .committed
        } catch {
            switch error {
            case .abort(let why): return abort(outgoing, why, deadline)
            case .broken(let why): return .broken(why)
            }
        }
    }

    /// Makes a call until it is done, may not be repeated, or the time is over.
    private func again(until deadline: () -> Int64, _ call: () throws(KafkaError) -> Void) throws(Step) {
        while true {
            do throws(KafkaError) {
                return try call()
            } catch {
                if error.requiresAbort { throw .abort(error.description) }
                guard error.isRetriable || error.code == KafkaError.Code.timedOut, monotonicMillis() < deadline() else {
                    throw .broken(error.description)
                }
                producer.poll(timeoutMillis: 10)
            }
        }
    }

    private func abort(_ outgoing: Outgoing, _ why: String, _ deadline: () -> Int64) -> CommitResult {
        do throws(Step) {
            try again(until: deadline) { () throws(KafkaError) in try producer.abort(timeoutMillis: 2000) }
        } catch {
            return .broken(why)
        }
        producer.poll(timeoutMillis: 0)
        abortReason = why
        let failures = producer.takeFailures().filter { $0.isTooLarge && $0.tag > 0 }
        defer { refused.removeAll() }
        guard let buffer = outgoing.buffer, !failures.isEmpty else { return .aborted(tooLarge: refused) }
        return .aborted(tooLarge: Array(Set(refused).union(tooLarge(failures, of: buffer))))
    }

    /// The outputs that their topic does not take.
    ///
    /// A whole batch fails for one of them. Where batches are no larger than what every topic takes, that one was alone; else of each topic the largest is meant.
    ///
    /// Many large ones must not cost an abort each: once one is refused, all that are larger than what their topic says it takes are meant too, compressed or not; and
    /// asked again for the same buffer, all that are no smaller than one that was refused.
    private func tooLarge(_ failures: [DeliveryFailure], of buffer: OutputBuffer) -> Set<Int> {
        let isAgain = refusal?.buffer == ObjectIdentifier(buffer)
        var least = isAgain ? refusal!.least : [:]
        var found: Set<Int> = []
        for (topic, failures) in Dictionary(grouping: failures, by: \.topic) {
            let largest = failures.map(\.bytes).max()!
            let meant = limits.isEmpty ? failures.filter { $0.bytes == largest } : failures
            found.formUnion(meant.map { Int($0.tag) - 1 })
            least[topic] = min(least[topic] ?? Int.max, meant.map(\.bytes).min()!)
        }
        let names = [topics.fraudVerdicts, topics.amlVerdicts, topics.deadLetters]
        for (index, output) in buffer.outputs.enumerated() {
            let bytes = (output.key?.count ?? 0) + (output.value?.count ?? 0)
            let name = names[Int(output.kind.rawValue)]
            if isAgain, let least = least[name], bytes >= least { found.insert(index) }
            if output.kind != .deadLetter, let limit = limits[name], bytes + output.headers.count > limit { found.insert(index) }
        }
        refusal = (ObjectIdentifier(buffer), least)
        return found
    }

    private func topic(_ kind: Output.Kind) throws(KafkaError) -> Topic {
        switch kind {
        case .fraud: try producer.topic(topics.fraudVerdicts)
        case .aml: try producer.topic(topics.amlVerdicts)
        case .deadLetter: try producer.topic(topics.deadLetters)
        }
    }

    private func produce(_ buffer: OutputBuffer, _ deadline: () -> Int64) throws(Step) {
        let handles: [Topic]
        do throws(KafkaError) {
            handles = [try topic(.fraud), try topic(.aml), try topic(.deadLetter)]
        } catch {
            throw .abort(error.description)
        }
        let counts = watch.partitionCounts
        let outputCounts = handles.map { counts[$0.name] ?? 0 }
        room.clear()
        let inputCounts = [counts[topics.transactions] ?? 0, topics.feedback.flatMap { counts[$0] } ?? 0]
        for (index, output) in buffer.outputs.enumerated() {
            let key = output.key.map { buffer.arena[$0] }
            let value = buffer.value(output)
            headers.removeAll(keepingCapacity: true)
            HeaderCoding.forEach(buffer.arena[output.headers]) { headers.append(Header(name: $0, value: $1)) }
            let partition = partition(
                output, key, inputs: inputCounts[output.partition.topic == .transactions ? 0 : 1], outputs: outputCounts[Int(output.kind.rawValue)])
            let size = (key?.count ?? 0) + (value?.count ?? 0) + output.headers.count
            if !room.take(size, topic: Int(output.kind.rawValue), partition: partition) {
                try deliver(deadline)
                _ = room.take(size, topic: Int(output.kind.rawValue), partition: partition)
            }
            while true {
                do throws(KafkaError) {
                    try headers.withUnsafeBufferPointer { (headers) throws(KafkaError) in
                        try producer.produce(
                            handles[Int(output.kind.rawValue)], partition: partition, key: key, value: value, memory: .borrowed,
                            headers: headers, timestamp: max(output.time, 0), tag: UInt(index + 1))
                    }
                    break
                } catch {
                    if error.code == KafkaError.Code.messageTooLarge { refused.append(index) }
                    guard error.code == KafkaError.Code.queueFull, monotonicMillis() < deadline() else {
                        throw error.isFatal ? .broken(error.description) : .abort(error.description)
                    }
                    producer.poll(timeoutMillis: 5)
                }
            }
            if index % 1024 == 1023 { producer.poll(timeoutMillis: 0) }
        }
    }

    /// Waits until all that was produced is delivered or has failed.
    private func deliver(_ deadline: () -> Int64) throws(Step) {
        while producer.outstanding > 0 {
            do throws(KafkaError) {
                try producer.flush(timeoutMillis: 100)
            } catch {
                guard error.code == KafkaError.Code.timedOut, monotonicMillis() < deadline() else { throw .abort(error.description) }
            }
        }
        room.clear()
    }

    /// The transaction's own number where the output has as many partitions as the input, else as Java's producers place its key.
    private func partition(_ output: Output, _ key: UnsafeRawBufferPointer?, inputs: Int32, outputs: Int32) -> Int32 {
        guard outputs > 0, outputs != inputs else { return output.partition.number }
        guard let key else { return output.partition.number % outputs }
        return Murmur2.partition(key, outputs)
    }

    private func produceEntry(_ entry: [UInt8], _ deadline: () -> Int64) throws(Step) {
        do throws(KafkaError) {
            let journal = try producer.topic(topics.journal)
            try entry.withUnsafeBufferPointer { (bytes) throws(KafkaError) in
                try producer.produce(journal, partition: 0, key: nil, value: UnsafeRawBufferPointer(bytes))
            }
        } catch {
            throw error.isFatal ? .broken(error.description) : .abort(error.description)
        }
    }
}
