public import Foundation
import Glibc
import Synchronization
public import Testing

/// A genuine Apache Kafka of one node, started by `scripts/kafka.sh` on a free port in a folder of its own. It ends with its last reference, or with this process however that ends.
///
/// Tests that need one say so, and what they leave out without it:
///
///     @Suite(.enabled(if: KafkaCluster.isAvailable, KafkaCluster.skipping))
public final class KafkaCluster: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public let port: Int
    public let data: URL
    private let settings: [String]
    private let classes: String?

    public var bootstrapServers: String { "127.0.0.1:\(port)" }

    /// - Parameters:
    ///   - settings: broker settings, `key=value`; `{port}` and `{controller}` are its ports.
    ///   - classes: a folder of classes that they name.
    public init(settings: [String] = [], classes: String? = nil) throws {
        self.settings = settings
        self.classes = classes
        data = FileManager.default.temporaryDirectory.appendingPathComponent("weir-kafka-\(getpid())-\(unique())")
        // Two ports each. Whoever else looks for some begins elsewhere in the range; a race for one is settled by the script.
        for attempt in 0..<45 {
            let port = Self.firstPort + 2 * ((Int(getpid()) + attempt) % 45)
            // Also while it is killed its port is its own.
            guard Self.taken.withLock({ $0.insert(port).inserted }) else { continue }
            guard Self.isFree(port), Self.isFree(port + 1) else { continue }
            let (status, output) = try Self.run(Self.start(port, data, settings, classes))
            if status == 0 {
                self.port = port
                return
            }
            if status != 4 { throw Failure(description: output) }  // 4: another was faster
        }
        throw Failure(description: "no free port from \(Self.firstPort) on")
    }

    deinit {
        _ = try? Self.run(["kill", "--data", data.path])
        _ = Self.taken.withLock { $0.remove(port) }
        try? FileManager.default.removeItem(at: data)
    }

    private static let taken = Mutex<Set<Int>>([])

    // MARK: One for all tests that harm it in nothing

    private static let first = Mutex<KafkaCluster?>(nil)

    /// The same one for all tests of the process; they use topics and groups of their own (`unique`).
    public static func shared() throws -> KafkaCluster {
        try first.withLock { cluster in
            if let cluster { return cluster }
            let new = try KafkaCluster()
            cluster = new
            return new
        }
    }

    /// nil if there is a Kafka to start, else why not.
    private static let missing: String? = {
        do {
            let (status, output) = try run(["home"])
            return status == 0 ? nil : output
        } catch {
            return "scripts/kafka.sh: \(error)"
        }
    }()

    public static var isAvailable: Bool { missing == nil }

    /// What a suite that is left out says.
    public static var skipping: Comment { "not run against Apache Kafka: \(missing ?? "it is there")" }

    // MARK: Faults

    /// SIGKILL, as a crash.
    public func kill() throws { try Self.check(Self.run(["kill", "--data", data.path])) }

    /// After `kill`: carries on with the same data, and returns when it answers.
    public func start() throws { try Self.check(Self.run(Self.start(port, data, settings, classes))) }

    /// Runs one of Kafka's own tools (`scripts/kafka.sh tool`), for instance `topics`; `--bootstrap-server` is added.
    ///
    /// - Returns: what it wrote.
    @discardableResult
    public func tool(_ name: String, _ arguments: [String], input: String = "") throws -> String {
        try Self.check(Self.run(["tool", name, "--bootstrap-server", bootstrapServers] + arguments, input: input))
    }

    /// A tool that goes on until it is ended: `terminate()` it.
    public func startTool(_ name: String, _ arguments: [String]) throws -> Command {
        try Command(Self.script, ["tool", name, "--bootstrap-server", bootstrapServers] + arguments)
    }

    // MARK: The script

    static let repository = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized

    static let firstPort = Int(ProcessInfo.processInfo.environment["WEIR_TEST_PORTS"] ?? "") ?? 19_100

    private static let script = repository.appendingPathComponent("scripts/kafka.sh").path

    private static func start(_ port: Int, _ data: URL, _ settings: [String], _ classes: String?) -> [String] {
        ["start", "--port", "\(port)", "--data", data.path, "--parent", "\(getpid())"] + (classes.map { ["--classes", $0] } ?? []) + settings.flatMap { ["--set", $0] }
    }

    private static func run(_ arguments: [String], input: String = "") throws -> (status: Int32, output: String) {
        // Files, not pipes: a broker that inherits a pipe would keep its reader waiting.
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-tool-\(getpid())-\(unique())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (stdin, stdout) = (folder.appendingPathComponent("in"), folder.appendingPathComponent("out"))
        try Data(input.utf8).write(to: stdin)
        let status = try Command(script, arguments, input: stdin.path, output: stdout.path).wait()
        let text = String(decoding: try Data(contentsOf: stdout), as: UTF8.self)
        return (status, text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    @discardableResult
    private static func check(_ result: (status: Int32, output: String)) throws -> String {
        if result.status != 0 { throw Failure(description: "scripts/kafka.sh ended with \(result.status): \(result.output)") }
        return result.output
    }

    static func isFree(_ port: Int) -> Bool {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var reuse: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
    }
}

private let counter = Atomic(0)

/// A number that no other call in this process gives.
func unique() -> Int { counter.add(1, ordering: .relaxed).newValue }

/// A name that nothing else in a shared cluster has, not even in another run on the same one.
public func unique(_ name: String) -> String { "\(name)-\(getpid())-\(unique())" }
