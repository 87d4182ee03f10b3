internal import Glibc
public import Scoring

/// Why a file's record was refused: a code of the contract's, or `MALFORMED_CSV`; without any of its content.
public struct Refusal: Error, Equatable, Sendable {
    public var reason: String
    /// The field at fault, where there is one.
    public var field: String?
    public var message: String

    public init(_ reason: String, field: String? = nil, _ message: String) {
        self.reason = reason
        self.field = field
        self.message = message
    }

    public init(_ rejection: Rejection) {
        self.init(String(describing: rejection.reason.code), field: rejection.field, rejection.message)
    }
}

extension Decoder {
    /// A transaction from a file's record, by the rules of the contract. Clock skew is not checked: files have no record time.
    ///
    /// What it points to is valid until the next record is read, or decoded into the slot.
    public func transaction(_ content: RecordReader.Content, slot: Int = 0) throws(Refusal) -> Transaction {
        if case .unreadable(let refusal) = content { throw refusal }
        do throws(Rejection) {
            switch content {
            case .json(let bytes): return try transaction(bytes, recordTime: nil, slot: slot)
            case .row(let fields): return try transaction(fields)
            case .unreadable: preconditionFailure("thrown above")
            }
        } catch {
            throw Refusal(error)
        }
    }

    /// A label from a file's record.
    public func feedback(_ content: RecordReader.Content, slot: Int = 0) throws(Refusal) -> Feedback {
        if case .unreadable(let refusal) = content { throw refusal }
        do throws(Rejection) {
            switch content {
            case .json(let bytes): return try feedback(bytes, recordTime: nil, slot: slot)
            case .row(let fields): return try feedback(fields)
            case .unreadable: preconditionFailure("thrown above")
            }
        } catch {
            throw Refusal(error)
        }
    }
}

/// What of a file was refused: one JSON line each, to stderr or a file, without any of the record's content.
///
/// `{"file": …, "line": 12, "reason": "INVALID_FIELD", "field": "amount", "message": …}`
public final class Rejects {
    private let path: String
    private let descriptor: Int32
    private var pending: [UInt8] = []
    /// How many were refused.
    public private(set) var count = 0

    /// - Parameter path: nil and `-` are stderr.
    public init(path: String?) throws(FileError) {
        self.path = path ?? "-"
        if let path, path != "-" {
            descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw FileError(path, "cannot be written: \(errorText())") }
        } else {
            descriptor = 2
        }
    }

    deinit { if descriptor != 2, descriptor >= 0 { close(descriptor) } }

    /// Writes one down.
    public func add(file: String, line: Int, _ refusal: Refusal) throws(FileError) {
        count += 1
        pending += Array("{\"file\":".utf8)
        JSONText.append(file.utf8, to: &pending)
        pending += Array(",\"line\":\(line),\"reason\":\"\(refusal.reason)\"".utf8)
        if let field = refusal.field {
            pending += Array(",\"field\":".utf8)
            JSONText.append(field.utf8, to: &pending)
        }
        pending += Array(",\"message\":".utf8)
        JSONText.append(refusal.message.utf8, to: &pending)
        pending += Array("}\n".utf8)
        // stderr is read while the command runs.
        if descriptor == 2 || pending.count > 32_768 { try flush() }
    }

    /// Writes what is pending; to be called at the end.
    public func flush() throws(FileError) {
        var rest = pending[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(path, "cannot be written: \(errorText())") }
            rest = rest.dropFirst(count)
        }
        pending.removeAll(keepingCapacity: true)
    }
}
