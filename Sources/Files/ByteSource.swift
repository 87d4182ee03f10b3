internal import CZlib
internal import Glibc

/// The bytes of a file, or of stdin (`-`), unpacked if they are gzip.
///
/// Gzip is known by its first two bytes, so that it may come from stdin too; a name in `.gz` without them is refused.
final class ByteSource {
    let path: String
    private let descriptor: Int32
    private let raw: UnsafeMutableRawBufferPointer
    /// What of `raw` was not handed out or unpacked yet.
    private var rest: Range<Int> = 0..<0
    private var isAtEnd = false
    /// nil: the bytes are as they are.
    private var gzip: Inflater?
    /// Bytes read of the file itself, and its size where it has one: for progress.
    private(set) var position = 0
    private(set) var size: Int?

    init(path: String) throws(FileError) {
        self.path = path
        descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path, "cannot be opened: \(errorText())") }
        raw = .allocate(byteCount: 128 * 1024, alignment: 16)
        var status = stat()
        if fstat(descriptor, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { throw FileError(path, "is a folder") }
            if status.st_mode & S_IFMT == S_IFREG { size = Int(status.st_size) }
        }
        while rest.count < 2, !isAtEnd { try fill() }
        if rest.count >= 2, raw[0] == 0x1F, raw[1] == 0x8B {
            gzip = Inflater()
        } else if path.lowercased().hasSuffix(".gz"), !rest.isEmpty {
            throw FileError(path, "is not gzip, as its name says")
        }
    }

    deinit {
        raw.deallocate()
        if path != "-", descriptor >= 0 { close(descriptor) }
    }

    /// Reads some bytes, at least one; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        guard let gzip else {
            if rest.isEmpty { try fill() }
            let count = min(rest.count, buffer.count)
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: raw[rest.prefix(count)]))
            rest = rest.dropFirst(count)
            return count
        }
        while true {
            if rest.isEmpty { try fill() }
            let state = gzip.state
            let (used, made) = try inflate(gzip, buffer)
            rest = rest.dropFirst(used)
            if made > 0 { return made }
            if rest.isEmpty, isAtEnd {
                // Nothing more comes, and the last part of the file is whole.
                if gzip.state == .between { return 0 }
                throw FileError(path, "ends in the middle of its gzip data")
            }
            if used == 0, gzip.state == state, !rest.isEmpty { throw FileError(path, "has broken gzip data") }
        }
    }

    private func inflate(_ gzip: Inflater, _ buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> (used: Int, made: Int) {
        guard let result = gzip.inflate(UnsafeRawBufferPointer(rebasing: raw[rest]), into: buffer) else {
            throw FileError(path, "has broken gzip data")
        }
        return result
    }

    private func fill() throws(FileError) {
        let kept = rest.count
        if kept > 0, rest.lowerBound > 0 {
            raw.copyMemory(from: UnsafeRawBufferPointer(rebasing: raw[rest]))
        }
        rest = 0..<kept
        while !isAtEnd, rest.upperBound < raw.count {
            let count = Glibc.read(descriptor, raw.baseAddress! + rest.upperBound, raw.count - rest.upperBound)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(path, "cannot be read: \(errorText())") }
            isAtEnd = count == 0
            position += count
            rest = 0..<(rest.upperBound + count)
            return
        }
    }
}

func errorText() -> String { String(cString: strerror(errno)) }

/// zlib's inflate over a file of one or several gzip members, as `cat a.gz b.gz` makes them; zeros behind the last are padding.
private final class Inflater {
    enum State { case inside, between }
    private(set) var state = State.inside
    private let stream: UnsafeMutablePointer<z_stream>
    private var isPadding = false

    init() {
        // zlib's own state points back to the stream: it must not move.
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for gzip's header and checksum.
        let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib has no memory, or is another version than it was built for")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Takes some input and makes some output; nil when the data are broken.
    func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> (used: Int, made: Int)? {
        if state == .between {
            guard let first = input.first else { return (0, 0) }
            if first == 0 {
                isPadding = true
                return (input.prefix { $0 == 0 }.count, 0)
            }
            guard first == 0x1F, !isPadding else { return nil }
            inflateReset(stream)
            state = .inside
        }
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress!.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(clamping: output.count)
        let room = Int(stream.pointee.avail_out)
        let status = CZlib.inflate(stream, Z_NO_FLUSH)
        if status == Z_STREAM_END { state = .between } else if status != Z_OK, status != Z_BUF_ERROR { return nil }
        return (input.count - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out))
    }
}
