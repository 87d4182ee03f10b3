import Glibc

/// Snapshots as files of one folder, written by a thread of their own: `snapshot-<entry>-<random>`, and `.partial` behind it until it counts.
///
/// A file counts by its name: it is renamed when all of it is on the disk. The last two are kept.
final class SnapshotFolder: SnapshotPlace {
    private static let prefix = "snapshot-"
    private static let partial = ".partial"
    private static let kept = 2
    let path: String

    init(_ path: String) { self.path = path }

    /// Makes the folder, and removes what earlier processes left unfinished.
    ///
    /// - Returns: why it cannot be written to; nil when it can.
    func prepare() -> String? {
        if mkdir(path, 0o700) != 0, errno != EEXIST { return "it cannot be made: \(String(cString: strerror(errno)))" }
        if access(path, W_OK | X_OK) != 0 { return "it cannot be written to: \(String(cString: strerror(errno)))" }
        for name in names() where name.hasSuffix(Self.partial) { unlink("\(path)/\(name)") }
        return nil
    }

    func begin() -> any SnapshotSink {
        let file = "\(path)/\(Self.prefix)\(String(UInt64.random(in: 0...UInt64.max), radix: 16))\(Self.partial)"
        return SnapshotFile(self, file)
    }

    func all() -> [any SnapshotSource] { whole().map { Source(name: $0, path: "\(path)/\($0)") } }

    func removeAll() { for name in whole() { unlink("\(path)/\(name)") } }

    /// The name under which a snapshot counts.
    func name(entry: Int64) -> String {
        "\(path)/\(Self.prefix)\(entry)-\(String(UInt32.random(in: 0...UInt32.max), radix: 16))"
    }

    /// Leaves the last ones alone.
    func prune() {
        for name in whole().dropFirst(Self.kept) { unlink("\(path)/\(name)") }
        sync()
    }

    /// A name is on the disk when its folder is.
    func sync() {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    /// Those that count, the newest first: by their time, then by their entry.
    private func whole() -> [String] {
        var found: [(time: Int64, entry: Int64, name: String)] = []
        for name in names() where name.hasPrefix(Self.prefix) && !name.hasSuffix(Self.partial) {
            guard let number = name.dropFirst(Self.prefix.count).split(separator: "-").first.flatMap({ Int64($0) }) else { continue }
            var facts = stat()
            guard stat("\(path)/\(name)", &facts) == 0 else { continue }
            found.append((Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec), number, name))
        }
        return found.sorted { ($0.time, $0.entry, $0.name) > ($1.time, $1.entry, $1.name) }.map(\.name)
    }

    private func names() -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            withUnsafePointer(to: &entry.pointee.d_name) { p in
                p.withMemoryRebound(to: CChar.self, capacity: 256) { names.append(String(cString: $0)) }
            }
        }
        return names
    }

    private struct Source: SnapshotSource {
        let name: String
        let path: String

        func read<T>(_ body: (UnsafeRawBufferPointer) throws(SnapshotRefusal) -> T) throws(SnapshotRefusal) -> T {
            let file = open(path, O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { throw SnapshotRefusal("it cannot be opened: \(String(cString: strerror(errno)))") }
            defer { close(file) }
            var facts = stat()
            guard fstat(file, &facts) == 0, facts.st_size > 0 else { throw SnapshotRefusal("it is empty") }
            let count = Int(facts.st_size)
            guard let p = mmap(nil, count, PROT_READ, MAP_PRIVATE, file, 0), p != MAP_FAILED else {
                throw SnapshotRefusal("it cannot be mapped: \(String(cString: strerror(errno)))")
            }
            madvise(p, count, MADV_SEQUENTIAL)
            defer { munmap(p, count) }
            return try body(UnsafeRawBufferPointer(start: p, count: count))
        }
    }
}

/// A snapshot's file and the thread that writes it. What waits for the disk is bounded: a disk that does not keep up ends the snapshot, not the service.
///
/// `@unchecked Sendable`: all that changes lies behind `monitor`.
final class SnapshotFile: SnapshotSink, @unchecked Sendable {
    /// More pieces are asked for below it, bytes.
    private static let wanted = 2 << 20
    /// What waits at most: pieces, and what is applied meanwhile.
    private static let bound = 32 << 20

    private let folder: SnapshotFolder
    private let path: String
    private let monitor = Monitor()
    private var waiting: [[UInt8]] = []
    private var waitingBytes = 0
    private var sealed: Int64?
    private var isDropped = false
    private var isEnded = false
    private var problem: String?

    init(_ folder: SnapshotFolder, _ path: String) {
        self.folder = folder
        self.path = path
        Thread("snapshot") { [self] in run() }
    }

    var hasRoom: Bool { monitor.locked { waitingBytes < Self.wanted && problem == nil } }
    var failure: String? { monitor.locked { problem } }

    func write(_ bytes: [UInt8]) {
        monitor.locked {
            if problem != nil || isDropped { return }
            if waitingBytes + bytes.count > Self.bound {
                problem = "the disk does not keep up"
            } else {
                waiting.append(bytes)
                waitingBytes += bytes.count
            }
            monitor.signal()
        }
    }

    func seal(_ bytes: [UInt8], entry: Int64) {
        monitor.locked {
            waiting.append(bytes)
            waitingBytes += bytes.count
            sealed = entry
            monitor.signal()
        }
    }

    func waitForEnd(milliseconds: Int64) -> Bool {
        let end = monotonicMillis() + milliseconds
        return monitor.locked {
            while !isEnded, monotonicMillis() < end { monitor.wait(milliseconds: 20) }
            return isEnded && problem == nil
        }
    }

    func drop() {
        monitor.locked {
            isDropped = true
            monitor.signal()
        }
    }

    private func run() {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if file < 0 { fail("it cannot be made") }
        while let bytes = next() { append(bytes, file) }
        if isWritten, fsync(file) != 0 { fail("it cannot be brought to the disk") }
        if file >= 0 { close(file) }
        if isWritten {
            if rename(path, folder.name(entry: monitor.locked { sealed! })) != 0 { fail("it cannot be renamed") } else { folder.prune() }
        } else {
            unlink(path)
        }
        monitor.locked {
            isEnded = true
            monitor.signal()
        }
    }

    private var isWritten: Bool { monitor.locked { problem == nil && !isDropped && sealed != nil } }

    /// The next bytes; nil at the end.
    private func next() -> [UInt8]? {
        monitor.locked {
            while true {
                if problem != nil || isDropped { return nil }
                if !waiting.isEmpty { return waiting.removeFirst() }
                if sealed != nil { return nil }
                monitor.wait(milliseconds: 1000)
            }
        }
    }

    private func append(_ bytes: [UInt8], _ file: Int32) {
        bytes.withUnsafeBytes { p in
            var rest = p
            while !rest.isEmpty {
                let count = Glibc.write(file, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return fail("it cannot be written") }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
        monitor.locked { waitingBytes -= bytes.count }
    }

    private func fail(_ what: String) {
        let why = "\(what): \(String(cString: strerror(errno)))"
        monitor.locked {
            problem = problem ?? why
            waiting.removeAll()
        }
    }
}
