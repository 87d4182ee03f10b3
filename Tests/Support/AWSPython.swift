public import Foundation
public import Testing

/// Python with AWS's own signers and moto (`scripts/aws-python.sh`); not there where pip has nothing to install from.
///
///     @Suite(.enabled(if: AWSPython.isThere, AWSPython.skipping))
public enum AWSPython {
    /// The repository.
    public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let found: (path: String?, why: String) = {
        guard let (status, output) = try? run("\(root.path)/scripts/aws-python.sh", []) else { return (nil, "scripts/aws-python.sh cannot be run") }
        return status == 0 ? (output, "") : (nil, output)
    }()

    public static var isThere: Bool { found.path != nil }
    public static var path: String { found.path ?? "" }
    /// What a suite that is left out says.
    public static var skipping: Comment { "not compared with AWS's own tools: \(found.why)" }

    public static func script(_ name: String) -> String { root.appendingPathComponent("scripts").appendingPathComponent(name).path }

    /// Runs a program to its end. - Returns: its exit status and what it wrote, errors too.
    public static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(unique("weir-aws"))
        defer { try? FileManager.default.removeItem(at: file) }
        let status = try Command(program, arguments, output: file.path).wait()
        return (status, try String(contentsOf: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines))
    }
}

/// An S3 on this machine with authentication on, and a bucket `models` in it.
public final class LocalS3 {
    public struct Failure: Error {}
    private struct Start: Decodable {
        var port: Int
        var id, secret, token: String
        var region: String?
    }

    private let process = Process()
    private let (input, output) = (Pipe(), Pipe())
    private var rest = Data()
    private var start = Start(port: 0, id: "", secret: "", token: "")

    /// moto's.
    public convenience init() throws { try self.init(AWSPython.path, "moto-s3.py") }

    /// OpenStack Swift's, which looks more closely. For where `make check-s3` has installed it.
    public static func strict() throws -> LocalS3 { try LocalS3("/usr/bin/python3", "s3api.py") }

    private init(_ python: String, _ script: String) throws {
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [AWSPython.script(script)]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        start = try JSONDecoder().decode(Start.self, from: line())
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.terminate()
        process.waitUntilExit()
    }

    private func line() throws -> Data {
        while !rest.contains(10) {
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { throw Failure() }
            rest += more
        }
        let line = Data(rest.prefix { $0 != 10 })
        rest = Data(rest.dropFirst(line.count + 1))
        return line
    }

    private func tell(_ command: [String: String]) throws {
        try input.fileHandleForWriting.write(contentsOf: JSONEncoder().encode(command) + [10])
        _ = try line()
    }

    public func put(_ key: String, _ body: [UInt8]) throws { try tell(["put": key, "body": Data(body).base64EncodedString()]) }
    public func delete(_ key: String) throws { try tell(["delete": key]) }

    /// Where it is, and a role's temporary credentials.
    public var environment: [String: String] {
        [
            "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:\(start.port)", "AWS_ACCESS_KEY_ID": start.id, "AWS_SECRET_ACCESS_KEY": start.secret,
            "AWS_SESSION_TOKEN": start.token, "AWS_REGION": start.region ?? "us-east-1",
        ]
    }
}
