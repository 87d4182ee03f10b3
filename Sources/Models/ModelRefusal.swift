/// Why an artefact or a model file is not used. Data, not a fault of the program: whoever loads says it and goes on with another.
public struct ModelRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable, CaseIterable {
        /// The file is not what its format asks for: damaged, cut off, or of another kind.
        case malformed
        /// A well-formed file that holds what Weir does not compute; the message says what to do instead.
        case unsupported
        /// The file's SHA-256 is not the manifest's.
        case checksum
        /// The model and its manifest speak of different features.
        case features
        /// It cannot be read at all.
        case unreadable
        /// There is no such version.
        case missing
    }

    public var reason: Reason
    public var message: String

    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    public var description: String { "\(reason.rawValue): \(message)" }

    static func malformed(_ message: String) -> ModelRefusal { ModelRefusal(.malformed, message) }
    static func unsupported(_ what: String, instead: String) -> ModelRefusal { ModelRefusal(.unsupported, "\(what); \(instead)") }
}
