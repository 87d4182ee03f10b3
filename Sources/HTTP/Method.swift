/// A request's method (RFC 9110, section 9). Methods are case-sensitive.
public enum Method: String, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"
    /// Any that is not named here.
    case other = ""

    init(_ bytes: UnsafeRawBufferPointer) {
        self = Method.allCases.first { $0 != .other && bytes.equals($0.rawValue) } ?? .other
    }
}
