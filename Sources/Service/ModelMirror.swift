public import AWS
import CPlatform
import Glibc
import HTTP
import Stream
import Synchronization

/// Brings the artefacts of `s3://bucket/prefix` into a folder of this machine, laid out as there: `<name>/<version>/manifest.json` and what lies beside it.
///
/// Never half a model: a version is brought whole into a place aside, its lengths, S3's checksums and the manifest's sha256 are looked at, and then it takes its name in one step. What is brought stays for the
/// next start, and is used while S3 is away. A version that cannot be brought leaves what was there in its place.
///
/// One thread at a time; `cancel` from any.
public final class ModelMirror {
    /// A larger object is no model of ours.
    static let maxObjectBytes = 256 << 20
    /// Of one look, all versions together.
    static let maxBytes = 1 << 30

    /// Where the artefacts are, for whoever reads folders.
    public let folder: String
    private let prefix: String
    private let s3: S3
    private let limit: Limit
    /// What was brought and found wrong is not brought again until something is put there anew.
    private var refused: [String: (signature: String, problem: ModelMirrorError)] = [:]

    /// When to give up: asked from deep inside.
    private final class Limit: Sendable {
        let isCancelled = Atomic(false)
        let deadline = Atomic<UInt64>(.max)
        var isOver: Bool { isCancelled.load(ordering: .relaxed) || Clock.nanos > deadline.load(ordering: .relaxed) }
    }

    /// - Parameters:
    ///   - uri: `s3://bucket/prefix`.
    ///   - parent: where its own folder is made, or found from before.
    /// - Throws: where the folder is another's, or cannot be made; where libcurl cannot be loaded.
    public init(uri: String, _ environment: AWSEnvironment, parent: String) throws(ModelMirrorError) {
        let parts = uri.dropFirst("s3://".count).split(separator: "/", maxSplits: 1)
        guard uri.hasPrefix("s3://"), let bucket = parts.first, S3.isBucketName(String(bucket)) else { throw ModelMirrorError("\(uri) names no bucket") }
        let path = parts.count == 2 ? parts[1].split(separator: "/").joined(separator: "/") : ""
        prefix = path.isEmpty ? "" : path + "/"
        let place = "\(uri) \(environment.s3Endpoint.map { "\($0)" } ?? "")"
        folder = "\(parent)/weir-models-\(hexText(MessageDigest.sha256(place.utf8)).prefix(16))"
        let limit = Limit()
        self.limit = limit
        do throws(TransportError) {
            s3 = S3(
                bucket: String(bucket), environment, client: try HTTPClient(authorities: environment.authorities),
                pause: { millis in
                    let end = Clock.nanos + UInt64(millis) * 1_000_000
                    while Clock.nanos < end, !limit.isOver { usleep(50_000) }
                }, isCancelled: { limit.isOver })
        } catch {
            throw ModelMirrorError(error.description)
        }
        try Folders.makeOwn(folder)
    }

    /// As the settings say.
    convenience init(_ settings: ModelSettings) throws(ModelMirrorError) {
        guard let uri = settings.uri, let aws = settings.aws else { preconditionFailure("the settings name a bucket") }
        try self.init(uri: uri, aws, parent: settings.cacheParent)
    }

    /// Ends a `refresh` that is under way within a second, and all later ones.
    public func cancel() { limit.isCancelled.store(true, ordering: .relaxed) }

    /// Whether something was brought before, by this process or one of its predecessors.
    public var isFilled: Bool { Folders.names(folder).contains { !$0.hasPrefix(".") } }

    /// Makes the folder like the bucket.
    ///
    /// - Parameter millis: after so long it is given up; what was brought by then stays.
    /// - Throws: where the bucket cannot be listed, or holds no artefact: the folder stays as it is.
    /// - Returns: what could not be brought, a line for each version, with why.
    public func refresh(within millis: Int64 = 600_000) throws(ModelMirrorError) -> [String] {
        limit.deadline.store(Clock.nanos + UInt64(millis) * 1_000_000, ordering: .relaxed)
        return try Folders.locked(folder) { () throws(ModelMirrorError) in
            Folders.remove(aside)
            defer { Folders.remove(aside) }
            let versions = try list()
            if versions.isEmpty { throw ModelMirrorError("there is no artefact under s3://\(s3.bucket)/\(prefix)") }
            var problems: [String] = []
            for version in versions {
                do throws(ModelMirrorError) {
                    if let refused = refused[version.path], refused.signature == version.signature { throw refused.problem }
                    try bring(version)
                    refused[version.path] = nil
                } catch {
                    if error.isLasting { refused[version.path] = (version.signature, error) }
                    problems.append("\(version.path): \(error)")
                }
            }
            removeOthers(than: Set(versions.map(\.path)))
            return problems
        }
    }

    private var aside: String { "\(folder)/.incoming" }

    // MARK: - What there is

    private struct Version {
        var name: String
        var version: String
        var objects: [(file: String, object: S3Object)] = []
        var path: String { "\(name)/\(version)" }
        /// Equal as long as nothing was put there anew.
        var signature: String { objects.map { "\($0.file) \($0.object.size) \($0.object.etag)\n" }.joined() }
    }

    /// Versions that have a manifest, in the order of keys.
    private func list() throws(ModelMirrorError) -> [Version] {
        let objects: [S3Object]
        do throws(AWSError) {
            objects = try s3.list(prefix: prefix)
        } catch {
            throw ModelMirrorError("s3://\(s3.bucket)/\(prefix) cannot be listed: \(error)")
        }
        var versions: [Version] = []
        var bytes = 0
        for object in objects {
            let parts = object.key.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, parts.allSatisfy(Self.isName) else { continue }
            if versions.last?.name != parts[0] || versions.last?.version != parts[1] { versions.append(Version(name: parts[0], version: parts[1])) }
            versions[versions.count - 1].objects.append((parts[2], object))
            bytes += object.size
        }
        guard bytes <= Self.maxBytes else { throw ModelMirrorError("there are \(bytes) bytes under s3://\(s3.bucket)/\(prefix), more than \(Self.maxBytes)") }
        return versions.filter { $0.objects.contains { $0.file == "manifest.json" } }
    }

    /// Whether a part of a key may be a file's name here: nothing that leads elsewhere, is hidden, or wants quoting.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 128 && !text.hasPrefix(".")
            && text.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [43, 45, 46, 95].contains($0) }
    }

    // MARK: - Bringing

    private func bring(_ version: Version) throws(ModelMirrorError) {
        let target = "\(folder)/\(version.path)"
        if Files.read("\(target)/.source", maxBytes: 1 << 20).map({ String(decoding: $0, as: UTF8.self) }) == version.signature { return }
        let new = "\(aside)/\(version.name)-\(version.version)"
        try Folders.make(aside)
        try Folders.make(new)
        var sums: [String: String] = [:]
        for (file, object) in version.objects {
            guard object.size <= Self.maxObjectBytes else { throw ModelMirrorError("\(file) has \(object.size) bytes, more than \(Self.maxObjectBytes)", isLasting: true) }
            sums[file] = try bring(object, to: "\(new)/\(file)")
        }
        try check("\(new)/manifest.json", sums)
        try Folders.write("\(new)/.source", Array(version.signature.utf8))
        try Folders.make("\(folder)/\(version.name)")
        try Folders.replace(target, by: new)
    }

    /// - Returns: its sha256.
    private func bring(_ object: S3Object, to path: String) throws(ModelMirrorError) -> String {
        let file = try NewFile(path)
        do throws(AWSError) {
            try s3.get(object, restart: { file.restart() }) { file.append($0) }
        } catch {
            throw ModelMirrorError(file.problem ?? "\(error)")
        }
        return try file.finish()
    }

    /// The manifest's own word of its file: the last of the checks, and the only one that whoever trained the model vouches for.
    private func check(_ path: String, _ sums: [String: String]) throws(ModelMirrorError) {
        guard let bytes = Files.read(path, maxBytes: 16 << 20), let manifest = bytes.withUnsafeBytes({ JSON.parse($0) }), let file = manifest["file"]?.string,
            let sum = manifest["sha256"]?.string
        else { throw ModelMirrorError("manifest.json cannot be read, or names no file with its sha256", isLasting: true) }
        guard let found = sums[file] else { throw ModelMirrorError("the file that manifest.json names is not there (yet)", isLasting: true) }
        guard found == sum.lowercased() else { throw ModelMirrorError("\(file) is not what manifest.json says: sha256 \(found)", isLasting: true) }
    }

    private func removeOthers(than kept: Set<String>) {
        for name in Folders.names(folder) where !name.hasPrefix(".") {
            for version in Folders.names("\(folder)/\(name)") where !kept.contains("\(name)/\(version)") { Folders.remove("\(folder)/\(name)/\(version)") }
            rmdir("\(folder)/\(name)")  // if it is empty now
        }
    }
}

/// Why artefacts cannot be brought, in one line.
public struct ModelMirrorError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String
    /// It stays so until something is put there anew.
    let isLasting: Bool

    init(_ description: String, isLasting: Bool = false) {
        self.description = description
        self.isLasting = isLasting
    }
}
