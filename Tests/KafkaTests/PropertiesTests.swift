import Kafka
import TestSupport
import Testing

@Suite struct PropertiesTests {
    @Test(arguments: [
        ("no.such.thing", "1"), ("fetch.wait.max.ms", "soon"), ("compression.type", "fast"), ("socket.timeout.ms", "-1"),
    ])
    func `A wrong property is named`(name: String, value: String) throws {
        let error = kafkaError { _ = try Consumer(Properties(dictionaryLiteral: (name, value)), group: "g") }
        #expect(error?.code == KafkaError.Code.invalidArgument)
        #expect(error?.message.contains(name) == true)
    }

    @Test(arguments: [("enable.auto.commit", "true"), ("isolation.level", "read_uncommitted"), ("auto.offset.reset", "earliest")])
    func `What exactly-once stands on cannot be changed`(name: String, value: String) throws {
        let error = kafkaError { _ = try Consumer(Properties(dictionaryLiteral: (name, value)), group: "g") }
        #expect(error?.message.contains(name) == true)
    }

    @Test func `A later value wins, in its place`() {
        let properties: Properties = ["a": "1", "b": "2", "a": "3"]
        #expect(properties.pairs.map { "\($0.name)=\($0.value)" } == ["b=2", "a=3"])
        #expect(properties.with(["b": "4"])["b"] == "4")
        #expect(properties["c"] == nil)
    }

    @Test func `A configuration that cannot work is refused with a reason`() {
        let error = kafkaError {
            _ = try TransactionalProducer(["transaction.timeout.ms": "1000", "message.timeout.ms": "5000"], transactionalID: "t", topics: [])
        }
        #expect(error?.message.contains("transaction.timeout.ms") == true)
    }

    @Test func `Log lines of librdkafka reach the sink`() throws {
        let lines = Collected<String>()
        // An unused consumer property makes a producer warn.
        let producer = try Producer(["fetch.min.bytes": "5"], log: { lines.append($0.message) })
        #expect(producer.outstanding == 0)
        #expect(lines.all.contains { $0.contains("fetch.min.bytes") })
    }

    @Test func `Statistics come while polling`() throws {
        let reports = Collected<String>()
        let producer = try Producer(
            ["bootstrap.servers": "127.0.0.1:1", "statistics.interval.ms": "10", "log_level": "0"],
            statistics: { reports.append(String(decoding: $0, as: UTF8.self)) })
        #expect(until { producer.poll(timeoutMillis: 100); return !reports.all.isEmpty })
        #expect(reports.all[0].contains("\"type\": \"producer\"") || reports.all[0].contains("\"type\":\"producer\""))
    }
}
