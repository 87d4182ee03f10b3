public import HTTP

/// Why something of AWS's could not be had. Its description is one line without secrets.
public enum AWSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Nobody has credentials for us, or who has them did not give them.
    case noCredentials(String)
    case transport(TransportError)
    /// The service refused: HTTP status, its code (`AccessDenied`, `NoSuchKey`) and its message.
    case refused(status: Int, code: String, message: String)
    /// The service's answer is not what it should be.
    case badAnswer(String)
    /// What came is not what was sent, by its length or checksum.
    case corrupt(String)
    /// Not done in the time that there was.
    case timeout(String)

    public var description: String {
        switch self {
        case .noCredentials(let why): "no AWS credentials: \(why)"
        case .transport(let error): error.description
        case .refused(let status, let code, let message): "\(code) (\(status))" + (message.isEmpty ? "" : ": \(message)")
        case .badAnswer(let why), .corrupt(let why), .timeout(let why): why
        }
    }

    /// The object is not the one that was asked for any more, or there is none.
    public var isChanged: Bool {
        if case .refused(let status, _, _) = self { status == 412 || status == 404 } else { false }
    }
}
