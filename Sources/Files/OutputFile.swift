internal import Glibc

/// Bytes on their way to a file or to stdout (`-`), written in large pieces.
public final class OutputFile {
    private let path: String
    private let descriptor: Int32
    private var pending: [UInt8] = []
    private static let piece = 256 * 1024

    /// Makes the file anew; one that is there is overwritten.
    public init(path: String) throws(FileError) {
        self.path = path
        descriptor = path == "-" ? 1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(path, "cannot be written: \(errorText())") }
        pending.reserveCapacity(Self.piece + 16 * 1024)
    }

    deinit { if descriptor > 1 { close(descriptor) } }

    /// Appends by `body`, and writes when enough has gathered.
    @inline(__always)
    public func append(_ body: (inout [UInt8]) -> Void) throws(FileError) {
        body(&pending)
        if pending.count >= Self.piece { try flush() }
    }

    /// Appends bytes.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) { try append { $0 += bytes } }

    /// Writes what has gathered; to be called at the end.
    public func flush() throws(FileError) {
        var done = 0
        while done < pending.count {
            let count = pending.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(path == "-" ? "stdout" : path, "cannot be written: \(errorText())") }
            done += count
        }
        pending.removeAll(keepingCapacity: true)
    }
}
