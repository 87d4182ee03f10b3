import Scoring

/// Where snapshots are put and found. For the kafka thread.
protocol SnapshotPlace: AnyObject, Sendable {
    /// A new one. It counts when it is sealed.
    func begin() -> any SnapshotSink
    /// What is there, the newest first.
    func all() -> [any SnapshotSource]
    /// All of them are of no use.
    func removeAll()
}

/// A snapshot that is being written. `write` is called on the engine's thread, the rest on the kafka thread.
protocol SnapshotSink: AnyObject, Sendable {
    /// Another piece may be written now: what was given before is on its way to the disk.
    var hasRoom: Bool { get }
    /// Why it cannot be written; nil while it can.
    var failure: String? { get }
    /// Takes the next bytes over.
    func write(_ bytes: [UInt8])
    /// Puts the seal behind all, and lets the snapshot count once it is on the disk as a whole.
    func seal(_ bytes: [UInt8], entry: Int64)
    /// Waits until it counts or failed, `milliseconds` at most.
    func waitForEnd(milliseconds: Int64) -> Bool
    /// Removes what was written, unless it counts already.
    func drop()
}

/// A snapshot that counts.
protocol SnapshotSource {
    var name: String { get }
    /// Calls with its bytes.
    func read<T>(_ body: (UnsafeRawBufferPointer) throws(SnapshotRefusal) -> T) throws(SnapshotRefusal) -> T
}

/// Why a snapshot is not used.
struct SnapshotRefusal: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// The state as it is at the end of a snapshot, behind a whole entry.
struct StateCut {
    var digest: Digest
    var eventHorizon: Int64
    var memoryHorizon: Int64
    /// Since when windows are whole.
    var since: Int64
    var isLagging: Bool
    /// Next offsets applied, with the checksum of the record before each.
    var applied: [InputPartition: Place]
    var sink: any SnapshotSink
}

/// A cut whose entry is known: what the seal says.
struct SnapshotSeal {
    /// The entry that the state stands behind. Its full part says where all inputs stand, with the digests; its head the rates; a change whether a partition was behind.
    var entry: Entry
    /// Where that entry stands in the journal.
    var offset: Int64

    func bytes(_ coding: EntryCoding) -> [UInt8] {
        withUnsafeBytes(of: offset.littleEndian) { Array($0) } + coding.encode(entry)
    }

    static func decode(_ bytes: [UInt8], _ coding: EntryCoding, group: String) throws(SnapshotRefusal) -> SnapshotSeal {
        guard bytes.count > 8 else { throw SnapshotRefusal("its seal is too short") }
        let result = bytes.withUnsafeBytes { p -> Result<SnapshotSeal, SnapshotRefusal> in
            do throws(EntryCoding.Failure) {
                let entry = try coding.decode(UnsafeRawBufferPointer(rebasing: p[8...]), group: group)
                guard entry.full?.base != nil, entry.full?.digest != nil, entry.head != nil else { return .failure(SnapshotRefusal("its seal does not say all")) }
                return .success(SnapshotSeal(entry: entry, offset: Int64(littleEndian: p.loadUnaligned(as: Int64.self))))
            } catch {
                switch error {
                case .malformed: return .failure(SnapshotRefusal("its seal cannot be read"))
                case .foreign(let group, let topics):
                    return .failure(SnapshotRefusal("it is of group \(group) over \(topics.joined(separator: ", "))"))
                }
            }
        }
        return try result.get()
    }
}
