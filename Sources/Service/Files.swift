import Glibc

enum Files {
    /// A file's bytes; nil when it cannot be read, with `errno` set, or holds more (`EFBIG`).
    static func read(_ path: String, maxBytes: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            if bytes.count > maxBytes {
                errno = EFBIG
                return nil
            }
        }
    }

    /// Writes into a file that is there, in one go. For the files of `/proc`; a failure does not matter.
    static func write(_ path: String, _ bytes: [UInt8]) {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        _ = Glibc.write(file, bytes, bytes.count)
    }
}
