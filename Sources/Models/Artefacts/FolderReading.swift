import Glibc

/// What the file system says of a file; a change of it is a reason to read the file again.
struct FileStamp: Equatable, Sendable {
    var size: Int
    var seconds: Int
    var nanoseconds: Int
    var inode: UInt64
}

/// Folders and files, read with plain calls.
enum FolderReading {
    /// Names in a folder, but those that begin with a dot.
    static func names(in path: String) throws(ModelRefusal) -> [String] {
        guard let folder = opendir(path) else { throw unreadable(path) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    static func stamp(_ path: String) -> FileStamp? {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        return FileStamp(
            size: Int(facts.st_size), seconds: Int(facts.st_mtim.tv_sec), nanoseconds: Int(facts.st_mtim.tv_nsec), inode: UInt64(facts.st_ino))
    }

    static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }

    /// - Throws: `ModelRefusal` where it cannot be read, is no file of bytes (a folder, a pipe, a device), or has more than `most` bytes.
    static func read(_ path: String, most: Int) throws(ModelRefusal) -> [UInt8] {
        // A pipe without a writer would otherwise be waited for without end.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw unreadable(path) }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { throw ModelRefusal(.unreadable, "\(last(path)): not a file") }
        guard facts.st_size <= most else { throw ModelRefusal(.unsupported, "\(last(path)): more than \(most >> 20) MB") }
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
        var at = 0
        while at < bytes.count {
            let got = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + at, $0.count - at) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw unreadable(path) }
            if got == 0 { break }
            at += got
        }
        bytes.removeLast(bytes.count - at)
        return bytes
    }

    private static func unreadable(_ path: String) -> ModelRefusal {
        let code = errno
        return ModelRefusal(code == ENOENT ? .missing : .unreadable, "\(last(path)): \(String(cString: strerror(code)))")
    }

    /// The last part of a path: enough to find it, and nothing of where it lies.
    private static func last(_ path: String) -> String {
        // By bytes: a letter's mark behind the slash makes one character of both.
        String(decoding: path.utf8.suffix(from: path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path.utf8.index(after: $0) } ?? path.startIndex), as: UTF8.self)
    }
}
