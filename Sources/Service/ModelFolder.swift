import CPlatform
import Glibc

/// Where `MODEL_URI` says that artefacts are.
public enum ModelFolder: Equatable, Sendable {
    /// Of the bundled ones none is there.
    case none
    case folder(String)
    /// `s3://…`: they must be brought here first.
    case remote(String)

    /// - Parameter uri: nil: the bundled ones, in the working directory, beside the executable, in `/usr/share/weir/models`.
    public init(_ uri: String?) {
        switch uri {
        case nil:
            let places = ["models", Self.besideExecutable, "/usr/share/weir/models"].compactMap { $0 }
            self = places.first(where: Self.isFolder).map { .folder($0) } ?? .none
        case let uri? where uri.hasPrefix("s3://"): self = .remote(uri)
        case let uri? where uri.hasPrefix("file://"): self = .folder(String(uri.dropFirst(7)))
        case let uri?: self = .folder(uri)
        }
    }

    private static var besideExecutable: String? {
        var path = [UInt8](repeating: 0, count: 4096)
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count) }
        guard count > 0, count < path.count, let slash = path[..<count].lastIndex(of: UInt8(ascii: "/")) else { return nil }
        return String(decoding: path[..<slash], as: UTF8.self) + "/models"
    }

    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}
