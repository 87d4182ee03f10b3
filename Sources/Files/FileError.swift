/// A file that cannot be read, in one line.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// As it was given; `-` is stdin.
    public var path: String
    public var message: String
    /// The fault lies in how the file was asked for (a column that it does not have), not in reading it.
    public var isUsage: Bool

    public init(_ path: String, _ message: String, isUsage: Bool = false) {
        self.path = path
        self.message = message
        self.isUsage = isUsage
    }

    public var description: String { "\(path == "-" ? "stdin" : path): \(message)" }
}
