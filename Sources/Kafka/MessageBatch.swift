import CRdkafka

/// Records that were read, in their order, in librdkafka's memory, which goes back when they are removed or the batch goes.
///
/// The payloads of one fetch share a buffer: one record that is kept keeps all of its fetch.
///
/// `@unchecked Sendable` to be handed from one thread to another, not to be shared: it has one owner at a time and is not locked. librdkafka's part is that any
/// function may be called from any thread at any time (INTRODUCTION.md, "Threads and callbacks"), `rd_kafka_message_destroy()` among them.
public final class MessageBatch: @unchecked Sendable {
    private var base: UnsafeMutablePointer<UnsafeMutablePointer<rd_kafka_message_t>?>
    private var capacity: Int
    private var head = 0
    private var tail = 0
    /// Records must not outlive the client that they were read by.
    private var clients: [Client] = []

    /// How many bytes keys and values have together. librdkafka's own memory for a record comes on top: some 300 bytes each.
    public private(set) var bytes = 0

    public init(capacity: Int = 1024) {
        self.capacity = max(capacity, 16)
        base = .allocate(capacity: self.capacity)
    }

    deinit {
        removeAll()
        base.deallocate()
    }

    public var count: Int { tail - head }
    public var isEmpty: Bool { tail == head }

    /// - Complexity: O(1). `index` 0..<`count`.
    public subscript(index: Int) -> Message {
        precondition(index >= 0 && index < count, "no such record")
        return Message(raw: base[head + index].unsafelyUnwrapped)
    }

    /// Gives the first `count` records back.
    public func removeFirst(_ count: Int) {
        precondition(count >= 0 && count <= self.count, "not so many records")
        for index in head..<head + count {
            let message = base[index].unsafelyUnwrapped
            bytes -= Self.size(message)
            rd_kafka_message_destroy(message)
        }
        head += count
        if head == tail { settle() }
    }

    public func removeAll() { removeFirst(count) }

    /// Moves the first `count` records to the end of `other`: a copy of pointers.
    public func moveFirst(_ count: Int, to other: MessageBatch) {
        precondition(count >= 0 && count <= self.count && other !== self, "not so many records")
        guard count > 0 else { return }
        other.reserve(count)
        (other.base + other.tail).update(from: base + head, count: count)
        var moved = 0
        for index in head..<head + count { moved += Self.size(base[index].unsafelyUnwrapped) }
        other.tail += count
        other.bytes += moved
        for client in clients { other.keep(client) }
        head += count
        bytes -= moved
        if head == tail { settle() }
    }

    private func settle() {
        head = 0
        tail = 0
        clients.removeAll(keepingCapacity: true)
    }

    private func keep(_ client: Client) {
        if !clients.contains(where: { $0 === client }) { clients.append(client) }
    }

    private func reserve(_ more: Int) {
        if tail + more <= capacity { return }
        if head > 0 {
            base.update(from: base + head, count: tail - head)
            tail -= head
            head = 0
        }
        if tail + more <= capacity { return }
        let larger = max(capacity * 2, tail + more)
        let storage = UnsafeMutablePointer<UnsafeMutablePointer<rd_kafka_message_t>?>.allocate(capacity: larger)
        storage.update(from: base, count: tail)
        base.deallocate()
        base = storage
        capacity = larger
    }

    private static func size(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> Int {
        message.pointee.len + message.pointee.key_len
    }

    /// Takes up to `max` records of a queue, without waiting; what is no record goes to `event`, and to librdkafka again.
    ///
    /// - Returns: how many entries the queue gave, events among them.
    func fill(
        from queue: OpaquePointer, of client: Client, max: Int, event: (UnsafeMutablePointer<rd_kafka_message_t>) -> Void,
        data: (UnsafeMutablePointer<rd_kafka_message_t>) -> Void
    ) -> Int {
        reserve(max)
        let got = rd_kafka_consume_batch_queue(queue, 0, base + tail, max)
        guard got > 0 else { return 0 }
        let end = tail + got
        for index in tail..<end {
            let message = base[index].unsafelyUnwrapped
            // The error first, then the payload: that of an error is its text, and none is a tombstone.
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                data(message)
                bytes += Self.size(message)
                base[tail] = message
                tail += 1
            } else {
                event(message)
                rd_kafka_message_destroy(message)
            }
        }
        if !isEmpty { keep(client) }
        return got
    }
}
