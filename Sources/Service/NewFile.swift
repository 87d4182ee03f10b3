import AWS
import Glibc

/// A file that is written from its beginning, perhaps more than once, with the sha256 of what is in it.
final class NewFile {
    private let path: String
    private let file: Int32
    private var digest = MessageDigest()
    /// Why it cannot be written; nil while it can.
    private(set) var problem: String?

    init(_ path: String) throws(ModelMirrorError) {
        self.path = path
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw ModelMirrorError("\(path) cannot be made: \(String(cString: strerror(errno)))") }
    }

    deinit { if file >= 0 { close(file) } }

    func restart() {
        digest = MessageDigest()
        if ftruncate(file, 0) != 0 || lseek(file, 0, SEEK_SET) != 0 { fail() }
    }

    /// - Returns: false if it cannot be written.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        digest.update(bytes)
        var rest = bytes
        while !rest.isEmpty, problem == nil {
            let count = write(file, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { fail() } else { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        }
        return problem == nil
    }

    /// It is on the disk now. - Returns: its sha256.
    func finish() throws(ModelMirrorError) -> String {
        if fsync(file) != 0 { fail() }
        if let problem { throw ModelMirrorError(problem) }
        return hexText(digest.finish())
    }

    private func fail() { problem = problem ?? "\(path) cannot be written: \(String(cString: strerror(errno)))" }
}
