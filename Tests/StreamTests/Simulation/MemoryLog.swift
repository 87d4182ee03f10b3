import Scoring

@testable import Stream

/// A record as a broker keeps it; its bytes stay where they are for as long as it lives.
final class StoredRecord {
    let key: UnsafeRawBufferPointer?
    let value: UnsafeRawBufferPointer?
    let headers: [(name: String, value: [UInt8])]
    /// Record time, ms.
    let time: Int64
    /// nil: not part of a transaction.
    let transaction: MemoryTransaction?
    let isMarker: Bool

    init(
        key: [UInt8]?, value: [UInt8]?, headers: [(name: String, value: [UInt8])] = [], time: Int64, in transaction: MemoryTransaction? = nil,
        isMarker: Bool = false
    ) {
        self.key = key.map(Self.kept)
        self.value = value.map(Self.kept)
        self.headers = headers
        self.time = time
        self.transaction = transaction
        self.isMarker = isMarker
    }

    deinit {
        key?.deallocate()
        value?.deallocate()
    }

    private static func kept(_ bytes: [UInt8]) -> UnsafeRawBufferPointer {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
        memory.copyBytes(from: bytes)
        return UnsafeRawBufferPointer(rebasing: memory[0..<bytes.count])
    }

    /// A header's value as text.
    func header(_ name: String) -> String? { headers.first { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) } }
    var text: String? { value.map { String(decoding: $0, as: UTF8.self) } }
}

/// A producer's transaction, from its first record to the last of its markers.
final class MemoryTransaction {
    enum State { case ongoing, ended, complete }
    let epoch: Int
    var state = State.ongoing
    var isCommitted = false
    var logs: [MemoryLog] = []
    var offsets: [InputPartition: Int64] = [:]
    init(epoch: Int) { self.epoch = epoch }
}

/// One partition: records, markers of transactions, and what of them can be read.
final class MemoryLog {
    private(set) var records: [StoredRecord] = []
    /// First offset that is still there.
    private(set) var start: Int64 = 0
    /// Open transactions by where they begin.
    private var open: [(MemoryTransaction, Int64)] = []

    var end: Int64 { Int64(records.count) }
    /// Last stable offset: `read_committed` sees nothing from there on.
    var stable: Int64 { open.map(\.1).min() ?? end }

    func append(_ record: StoredRecord) {
        if let transaction = record.transaction, !open.contains(where: { $0.0 === transaction }) {
            open.append((transaction, end))
            transaction.logs.append(self)
        }
        records.append(record)
    }

    /// Ends a transaction here: a marker takes an offset and is no record.
    func mark(_ transaction: MemoryTransaction?, at time: Int64) {
        records.append(StoredRecord(key: nil, value: nil, time: time, isMarker: true))
        open.removeAll { $0.0 === transaction }
    }

    func truncate(to offset: Int64) { start = min(max(start, offset), stable) }

    func isReadable(_ offset: Int64) -> Bool {
        let record = records[Int(offset)]
        return !record.isMarker && record.transaction?.isCommitted ?? true
    }

    /// The offset behind the last committed record; 0 without one.
    var lastReadable: Int64 {
        var at = stable
        while at > start, !isReadable(at - 1) { at -= 1 }
        return at > start ? at : 0
    }

    /// Committed records from `offset` on, at most `limit`, and the next offset to read.
    func read(from offset: Int64, limit: Int = .max) -> (records: [(offset: Int64, record: StoredRecord)], next: Int64) {
        var found: [(offset: Int64, record: StoredRecord)] = []
        var at = max(offset, start)
        let end = stable
        while at < end, found.count < limit {
            if isReadable(at) { found.append((at, records[Int(at)])) }
            at += 1
        }
        return (found, at)
    }

    /// All records that were ever committed, also those that are deleted.
    var everCommitted: [StoredRecord] { (0..<end).filter(isReadable).map { records[Int($0)] } }

    /// All committed records that are there.
    var committed: [(offset: Int64, record: StoredRecord)] { read(from: start).records }
}
