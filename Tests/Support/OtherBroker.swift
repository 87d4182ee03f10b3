import Foundation
import Glibc
public import Testing

/// Another implementation of Kafka's protocol, the wheel `noida-db` of PyPI (0.2.3): one binary without Java. It takes offsets of a group without members, ends a dead holder's transaction
/// when its `transactional.id` is taken (in 3 ms), and hides what is not committed; it keeps all in memory, ignores `fetch.max.bytes`, and never ends a transaction by its timeout. So it is right for a
/// smoke test where there is no Apache Kafka, and for no test of faults.
public final class OtherBroker: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public let bootstrapServers: String
    private let guardian: Command

    public init() throws {
        guard let executable = Self.executable else { throw Failure(description: "\(Self.skipping)") }
        // Beside the range of `KafkaCluster`, so that neither takes the other's.
        let first = KafkaCluster.firstPort + 90
        guard let port = (0..<9).map({ first + (Int(getpid()) + $0) % 9 }).first(where: KafkaCluster.isFree) else {
            throw Failure(description: "no free port from \(first) on")
        }
        bootstrapServers = "127.0.0.1:\(port)"
        // It ends, and its data go, with this process however that ends. It is a program that starts another: both are one group.
        let script = """
            data=$(mktemp -d)
            trap 'kill -9 -$broker; rm -rf "$data"; exit' TERM
            setsid "$0" start --only kafka --kafka-port "$1" --data-dir "$data" &
            broker=$!
            while kill -0 "$2" && kill -0 $broker; do sleep 0.2; done
            kill -9 -$broker
            rm -rf "$data"
            """
        guardian = try Command("/bin/sh", ["-c", script, executable, "\(port)", "\(getpid())"])
        guard until(10_000, { !KafkaCluster.isFree(port) }) else { throw Failure(description: "it did not start on port \(port)") }
    }

    deinit { guardian.terminate() }

    /// `make deps-test` puts it there.
    private static let executable: String? = {
        let path = KafkaCluster.repository.appendingPathComponent(".build/venv/bin/noida-db").path
        return access(path, X_OK) == 0 ? path : nil
    }()

    public static var isAvailable: Bool { executable != nil }

    /// What a suite that is left out says.
    public static var skipping: Comment { "no smoke test on another broker: .build/venv has no noida-db; make deps-test installs it" }
}
