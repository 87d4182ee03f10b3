import Foundation
import HTTP
import Kafka
import TestSupport
import Testing

/// The real process on another broker than Apache Kafka, which has no Java to be missing. Where Apache Kafka is missing, this is what is left of the tests of the stream on a broker that
/// keeps transactions; faults of the broker, retention and sizes are then not tested.
@Suite(.enabled(if: OtherBroker.isAvailable, OtherBroker.skipping))
struct SmokeTests {
    private let broker: OtherBroker
    private let count = 4_000

    init() throws { broker = try OtherBroker() }

    private func serve() throws -> ServeTests.Running {
        try ServeTests.Running(["KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers, "DRAIN_DELAY": "0", "COMMIT_INTERVAL": "10ms", "LEADER_TIMEOUT": "600ms"])
    }

    private func role(_ running: ServeTests.Running) throws -> String? {
        let health = try get(host: "127.0.0.1", port: running.port, path: "/health").text
        return health.firstMatch(of: /"role":"(\w+)"/).map { String($0.1) }
    }

    /// Records of seven accounts; every 500th is none.
    private func produce(_ numbers: Range<Int>) throws {
        let producer = try Producer(["bootstrap.servers": broker.bootstrapServers])
        let topic = try producer.topic("transactions")
        for number in numbers {
            let (id, account) = ("\(number)", "A-\(number % 7)")
            let value =
                number % 500 == 499
                ? "{" : #"{"transaction_id":"\#(id)","account_id":"\#(account)","timestamp":"2026-11-25T12:00:00Z","amount":1}"#
            try Array(account.utf8).withUnsafeBytes { key in
                try Array(value.utf8).withUnsafeBytes { try producer.produce(topic, partition: 0, key: key, value: $0) }
            }
        }
        try producer.flush(timeoutMillis: 20_000)
        #expect(producer.failureCount == 0)
    }

    /// What a `read_committed` consumer sees.
    private func values(_ topic: String) throws -> [String] {
        let wakeup = Wakeup()
        let consumer = try Consumer(["bootstrap.servers": broker.bootstrapServers], group: "reader", wakeup: wakeup)
        let queue = try consumer.assign(topic: topic, partition: 0, offset: 0)
        let batch = MessageBatch()
        #expect(
            until {
                repeat { queue.poll(max: 1000, into: batch) } while queue.mayHaveMore
                if queue.isAtEnd { return true }
                wakeup.wait(timeoutMillis: 1000)
                return false
            })
        return (0..<batch.count).map { batch[$0].value.map { String(decoding: $0, as: UTF8.self) } ?? "" }
    }

    @Test func `Each record is answered once, though a leader is killed in mid-stream and the next one goes on`() throws {
        let first = try serve()
        #expect(try until { try role(first) == "leader" })
        try produce(0..<count / 2)
        #expect(try until { try get(host: "127.0.0.1", port: first.port, path: "/metrics").text.contains(/weir_verdicts_total\{kind="fraud",decision="\w+"\} [1-9]/) })
        first.signal(SIGKILL)
        _ = first.end()

        let second = try serve()
        try produce(count / 2..<count)
        #expect(try until { try role(second) == "leader" })
        let good = (0..<count).filter { $0 % 500 != 499 }.map(String.init)
        #expect(try until { try values("aml-verdicts").count >= good.count })
        second.signal(SIGTERM)
        #expect(second.end() == 0)

        for topic in ["fraud-verdicts", "aml-verdicts"] {
            let ids = try values(topic).map { try #require($0.firstMatch(of: /"transaction_id":"(\d+)"/)).1 }
            #expect(ids.map(String.init) == good, "\(topic)")
        }
        let last = try #require(try values("fraud-verdicts").last)
        #expect(last.contains(#""account":{"1h":{"count":\#(good.filter { Int($0)! % 7 == (count - 2) % 7 }.count),"#), "\(last)")
        #expect(try values("transactions-dlq") == Array(repeating: "{", count: count / 500))
    }
}
