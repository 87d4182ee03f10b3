@testable import Stream

/// A disk in memory that outlives processes, with snapshots on it. Of one thread alone: a simulation has no other.
final class MemorySnapshots: SnapshotPlace, @unchecked Sendable {
    /// The newest last.
    private(set) var files: [(name: String, bytes: [UInt8])] = []
    private var random: Seeded
    private let later: (Int64, @escaping () -> Void) -> Void
    private var count = 0
    /// How many pieces are taken at once.
    private let pace: Double
    /// How many a start began from.
    private(set) var used = 0

    init(_ random: Seeded, pace: Double, later: @escaping (Int64, @escaping () -> Void) -> Void) {
        self.random = random
        self.pace = pace
        self.later = later
    }

    func begin() -> any SnapshotSink { Sink(self) }

    func all() -> [any SnapshotSource] { files.reversed().map { Source(place: self, name: $0.name, bytes: $0.bytes) } }

    func removeAll() { files.removeAll() }

    /// Something befalls the newest one, or the one before it.
    func damage(_ place: Int = 0) {
        let i = files.count - 1 - place
        guard i >= 0, !files[i].bytes.isEmpty else { return }
        let count = Int64(files[i].bytes.count)
        switch random.from(0..<4) {
        case 0: files[i].bytes.removeLast(Int(random.from(1..<count)))
        case 1: files[i].bytes[Int(random.from(0..<count))] ^= UInt8(1 << random.from(0..<8))
        case 2: files[i].bytes = []
        default: files[i].bytes += files[i].bytes
        }
    }

    private func keep(_ bytes: [UInt8]) {
        count += 1
        files.append(("snapshot \(count)", bytes))
        if files.count > 2 { files.removeFirst() }
    }

    private struct Source: SnapshotSource {
        let place: MemorySnapshots
        let name: String
        let bytes: [UInt8]

        func read<T>(_ body: (UnsafeRawBufferPointer) throws(SnapshotRefusal) -> T) throws(SnapshotRefusal) -> T {
            let result = bytes.withUnsafeBytes { p -> Result<T, SnapshotRefusal> in
                do throws(SnapshotRefusal) { return .success(try body(p)) } catch { return .failure(error) }
            }
            let value = try result.get()
            place.used += 1
            return value
        }
    }

    private final class Sink: SnapshotSink, @unchecked Sendable {
        private let place: MemorySnapshots
        private var bytes: [UInt8] = []
        private var isDropped = false
        private var isKept = false

        init(_ place: MemorySnapshots) { self.place = place }

        var hasRoom: Bool { place.random.chance(place.pace) }
        var failure: String? { nil }
        func write(_ bytes: [UInt8]) { self.bytes += bytes }

        func seal(_ bytes: [UInt8], entry: Int64) {
            self.bytes += bytes
            // A process may die before its file counts; one that died writes no more.
            place.later(place.random.from(0..<40)) { [self] in
                guard !isDropped else { return }
                isKept = true
                place.keep(self.bytes)
            }
        }

        func waitForEnd(milliseconds: Int64) -> Bool { isKept }
        func drop() { isDropped = true }
    }
}
