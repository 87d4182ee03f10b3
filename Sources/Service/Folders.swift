import CPlatform
import Glibc

/// Folders that this process keeps for itself: made, exchanged and taken away.
enum Folders {
    private static func problem(_ what: String, _ path: String) -> ModelMirrorError { ModelMirrorError("\(path) cannot be \(what): \(String(cString: strerror(errno)))") }

    /// Makes a folder that nobody else can write to, or takes one that is so already.
    static func makeOwn(_ path: String) throws(ModelMirrorError) {
        try make(path)
        var facts = stat()
        guard lstat(path, &facts) == 0 else { throw problem("looked at", path) }
        // In a folder that all may write to another could have been first.
        guard facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == geteuid(), facts.st_mode & 0o022 == 0 else {
            throw ModelMirrorError("\(path) is another's, or others may write to it")
        }
    }

    static func make(_ path: String) throws(ModelMirrorError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw problem("made", path) }
    }

    /// The names in a folder, in order; none where it cannot be read.
    static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Takes a file, or a folder with all that is in it, away. What cannot be taken away stays. Links are not followed.
    static func remove(_ path: String) {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return }
        if facts.st_mode & S_IFMT == S_IFDIR {
            for name in names(path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    /// Gives `new` the name `target`, in one step; what had that name goes.
    static func replace(_ target: String, by new: String) throws(ModelMirrorError) {
        if rename(new, target) == 0 { return }
        guard errno == ENOTEMPTY || errno == EEXIST else { throw problem("put in its place", target) }
        guard weir_exchange(new, target) == 0 else { throw problem("put in its place", target) }
        remove(new)
    }

    static func write(_ path: String, _ bytes: [UInt8]) throws(ModelMirrorError) {
        let file = try NewFile(path)
        _ = bytes.withUnsafeBytes { file.append($0) }
        _ = try file.finish()
    }

    /// Calls `body` while no other process does so for this folder.
    static func locked<T>(_ folder: String, _ body: () throws(ModelMirrorError) -> T) throws(ModelMirrorError) -> T {
        let file = open("\(folder)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw problem("locked", folder) }
        defer { close(file) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else { throw ModelMirrorError("another process is bringing artefacts to \(folder)") }
        return try body()
    }
}
