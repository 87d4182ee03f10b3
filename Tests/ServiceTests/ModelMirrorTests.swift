import AWS
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Service

/// Artefacts from S3 (moto's, with authentication on) into a folder.
@Suite(.enabled(if: AWSPython.isThere, AWSPython.skipping), .serialized)
final class ModelMirrorTests {
    private let parent = FileManager.default.temporaryDirectory.appendingPathComponent(unique("weir-mirror"))

    init() throws { try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: parent) }

    private func mirror(_ moto: LocalS3, _ more: [String: String] = [:], uri: String = "s3://models/prod") throws -> ModelMirror {
        try ModelMirror(uri: uri, try AWSEnvironment(moto.environment.merging(more) { $1 }), parent: parent.path)
    }

    private static func manifest(_ model: [UInt8], sum: String? = nil, file: String = "model.txt") -> [UInt8] {
        Array(#"{"name":"fraud","version":"1.0.0","file":"\#(file)","sha256":"\#(sum ?? hexText(MessageDigest.sha256(model)))"}"#.utf8)
    }

    private func put(_ moto: LocalS3, _ version: String, _ model: String, prefix: String = "prod/") throws {
        try moto.put("\(prefix)\(version)/model.txt", Array(model.utf8))
        try moto.put("\(prefix)\(version)/manifest.json", Self.manifest(Array(model.utf8)))
    }

    private func text(_ mirror: ModelMirror, _ path: String) -> String? { try? String(contentsOfFile: "\(mirror.folder)/\(path)", encoding: .utf8) }
    private func versions(_ mirror: ModelMirror) -> [String] {
        Folders.names(mirror.folder).filter { !$0.hasPrefix(".") }.flatMap { name in Folders.names("\(mirror.folder)/\(name)").map { "\(name)/\($0)" } }
    }

    @Test func `brings versions, follows updates and deletions, and leaves nothing half`() throws {
        let moto = try LocalS3()
        let large = String(repeating: "weir ", count: 400_000)
        try put(moto, "fraud/1.0.0", "one")
        try put(moto, "velocity/1.0.0", large)
        try moto.put("prod/fraud/1.0.0/card.md", Array("# card".utf8))
        // Not of the layout, or leading elsewhere: left where they are.
        for key in ["prod/README", "prod/fraud/notes.txt", "prod/fraud/1.0.0/deep/er", "prod/../x/manifest.json",
            "prod/fraud/../manifest.json", "prod/fraud/.hidden/manifest.json", "other/fraud/9/manifest.json"] {
            try moto.put(key, [1])
        }
        let mirror = try mirror(moto)
        #expect(!mirror.isFilled)
        #expect(try mirror.refresh() == [])
        #expect(mirror.isFilled && versions(mirror) == ["fraud/1.0.0", "velocity/1.0.0"])
        #expect(text(mirror, "fraud/1.0.0/model.txt") == "one" && text(mirror, "fraud/1.0.0/card.md") == "# card" && text(mirror, "velocity/1.0.0/model.txt") == large)
        // Nothing new: nothing is written.
        let before = try FileManager.default.attributesOfItem(atPath: "\(mirror.folder)/fraud/1.0.0")[.systemFileNumber] as? Int
        #expect(try mirror.refresh() == [])
        #expect(try FileManager.default.attributesOfItem(atPath: "\(mirror.folder)/fraud/1.0.0")[.systemFileNumber] as? Int == before)
        // One is put anew, one added, one taken away.
        try put(moto, "fraud/1.0.0", "two")
        try put(moto, "fraud/1.1.0", "three")
        for file in ["model.txt", "manifest.json"] { try moto.delete("prod/velocity/1.0.0/\(file)") }
        #expect(try mirror.refresh() == [])
        #expect(versions(mirror) == ["fraud/1.0.0", "fraud/1.1.0"] && text(mirror, "fraud/1.0.0/model.txt") == "two")
        #expect(Folders.names(mirror.folder).sorted() == [".lock", "fraud"])
    }

    @Test func `what is not what its manifest says is told, and what was there stays`() throws {
        let moto = try LocalS3()
        try put(moto, "fraud/1.0.0", "good")
        let mirror = try mirror(moto)
        #expect(try mirror.refresh() == [])
        // Half an upload: the new file is there, its manifest not yet.
        try moto.put("prod/fraud/1.0.0/model.txt", Array("changed".utf8))
        try moto.put("prod/fraud/2.0.0/manifest.json", Self.manifest(Array("later".utf8)))
        let problems = try mirror.refresh()
        #expect(problems.count == 2 && problems[0].hasPrefix("fraud/1.0.0: model.txt is not what manifest.json says: sha256 "))
        #expect(problems[1] == "fraud/2.0.0: the file that manifest.json names is not there (yet)")
        #expect(try mirror.refresh() == problems)
        #expect(versions(mirror) == ["fraud/1.0.0"] && text(mirror, "fraud/1.0.0/model.txt") == "good")
        for (body, why) in [
            (Array("not json".utf8), "manifest.json cannot be read, or names no file with its sha256"),
            (Self.manifest([], file: "../../../etc/passwd"), "the file that manifest.json names is not there (yet)"),
        ] {
            try moto.put("prod/fraud/2.0.0/manifest.json", body)
            #expect(try mirror.refresh().last == "fraud/2.0.0: \(why)")
        }
        // Whole again.
        try moto.put("prod/fraud/1.0.0/manifest.json", Self.manifest(Array("changed".utf8)))
        try put(moto, "fraud/2.0.0", "later")
        #expect(try mirror.refresh() == [])
        #expect(text(mirror, "fraud/1.0.0/model.txt") == "changed" && text(mirror, "fraud/2.0.0/model.txt") == "later")
    }

    @Test func `without S3 what was brought before stays, and a new process finds it`() throws {
        let moto = try LocalS3()
        try put(moto, "fraud/1.0.0", "kept")
        #expect(try mirror(moto).refresh() == [])
        let denied = try mirror(moto, ["AWS_SECRET_ACCESS_KEY": "wrong"])
        #expect(denied.isFilled)
        #expect(throws: ModelMirrorError.self) { try denied.refresh() }
        #expect(text(denied, "fraud/1.0.0/model.txt") == "kept")
        // An empty bucket is a mistake sooner than a wish.
        for file in ["model.txt", "manifest.json"] { try moto.delete("prod/fraud/1.0.0/\(file)") }
        let emptied = try mirror(moto)
        #expect(throws: ModelMirrorError("there is no artefact under s3://models/prod/")) { try emptied.refresh() }
        #expect(text(emptied, "fraud/1.0.0/model.txt") == "kept")
    }

    @Test func `folders that others could have made are not used`() throws {
        let moto = try LocalS3()
        let first = try mirror(moto)
        chmod(first.folder, 0o777)
        #expect(throws: ModelMirrorError("\(first.folder) is another's, or others may write to it")) { try self.mirror(moto) }
        rmdir(first.folder)
        symlink(parent.path, first.folder)
        #expect(throws: ModelMirrorError.self) { try self.mirror(moto) }
        unlink(first.folder)
        #expect(try mirror(moto, uri: "s3://models").folder != first.folder)
        for uri in ["s3://", "s3://UPPER/x", "s3://a@b/x", "http://models/x"] {
            #expect(throws: ModelMirrorError.self, "\(uri)") { try self.mirror(moto, uri: uri) }
        }
    }
}

/// The same against a server that does worse.
@Suite struct ModelMirrorTroubleTests {
    private static let keys = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"]

    private func mirror(_ server: StandIn, _ parent: URL) throws -> ModelMirror {
        try ModelMirror(uri: "s3://models/p", try AWSEnvironment(Self.keys.merging(["AWS_ENDPOINT_URL_S3": "http://127.0.0.1:\(server.port)"]) { $1 }), parent: parent.path)
    }

    private static func list(_ files: [(String, Int)]) -> StandIn.Reply {
        .text(
            200,
            "<ListBucketResult><IsTruncated>false</IsTruncated>"
                + files.map { "<Contents><Key>p/\($0.0)</Key><Size>\($0.1)</Size><ETag>\"\($0.0)\"</ETag></Contents>" }.joined() + "</ListBucketResult>")
    }

    @Test func `a download that hangs ends when it is to, and leaves nothing`() throws {
        let parent = FileManager.default.temporaryDirectory.appendingPathComponent(unique("weir-mirror"))
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: parent) }
        let server = StandIn { call in
            call.target.contains("list-type") ? Self.list([("fraud/1/manifest.json", 9)]) : .hang(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234".utf8))
        }
        let mirror = try mirror(server, parent)
        let began = nowMillis()
        let problems = try mirror.refresh(within: 200)
        #expect(problems.count == 1 && nowMillis() - began < 10_000, "\(problems)")
        #expect(Folders.names(mirror.folder) == [".lock"])
        mirror.cancel()
        #expect(throws: ModelMirrorError.self) { try mirror.refresh() }
    }

    @Test func `two processes do not bring at once, and sizes have an end`() throws {
        let parent = FileManager.default.temporaryDirectory.appendingPathComponent(unique("weir-mirror"))
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: parent) }
        let server = StandIn { _ in Self.list([("fraud/1/manifest.json", 1), ("fraud/1/model.txt", ModelMirror.maxObjectBytes + 1)]) }
        let mirror = try mirror(server, parent)
        _ = try Folders.locked(mirror.folder) { () throws(ModelMirrorError) in
            #expect(throws: ModelMirrorError("another process is bringing artefacts to \(mirror.folder)")) { try mirror.refresh() }
        }
        #expect(server.calls.isEmpty)
        let tooMuch = StandIn { _ in Self.list((0..<5).map { ("fraud/\($0)/manifest.json", ModelMirror.maxObjectBytes) }) }
        #expect(throws: ModelMirrorError.self) { try self.mirror(tooMuch, parent).refresh() }
    }
}
