import Foundation
import HTTP
import TestSupport
import Testing

@testable import Lambda

@Suite struct EventTests {
    private static func fixture(_ name: String) throws -> LambdaEvent {
        try LambdaEvent(Array(Data(contentsOf: AWSPython.root.appendingPathComponent("Tests/Fixtures/lambda/\(name).json"))))
    }

    private func proxy(_ text: String) throws -> ProxyEvent? {
        if case .proxy(let event) = try LambdaEvent(Array(text.utf8)) { event } else { nil }
    }

    private func kafka(_ text: String) throws -> KafkaEvent? {
        if case .kafka(let event) = try LambdaEvent(Array(text.utf8)) { event } else { nil }
    }

    @Test func `requests of both payload versions`() throws {
        guard case .proxy(let first) = try Self.fixture("api-gateway-v1"), case .proxy(let second) = try Self.fixture("api-gateway-v2") else {
            Issue.record("they are requests")
            return
        }
        #expect(first.method == "POST" && first.paths == ["/predict"] && first.headers.contains(Header("content-type", "application/json")))
        #expect(String(decoding: first.body, as: UTF8.self).hasPrefix(#"{"transaction_id":"v1""#))
        #expect(second.method == "POST" && second.paths == ["/prod/predict", "/predict", "/predict"])
        #expect(String(decoding: second.body, as: UTF8.self).hasPrefix(#"{"transaction_id":"v2""#))
    }

    @Test func `paths, headers and bodies as gateways write them`() throws {
        #expect(try proxy(#"{"httpMethod":"GET","path":"/base/health","resource":"/health","headers":null,"body":null}"#)?.paths == ["/base/health", "/health"])
        #expect(try proxy(#"{"httpMethod":"GET","path":"/health","resource":"/{proxy+}","requestContext":{"stage":"health"}}"#)?.paths == ["/health"])
        #expect(try proxy(#"{"requestContext":{"http":{"method":"GET"},"stage":"$default"},"rawPath":"/health","routeKey":"$default"}"#)?.paths == ["/health"])
        let many = try #require(try proxy(#"{"httpMethod":"GET","path":"/","multiValueHeaders":{"X-A":["1","2"],"X-B":["3"]},"headers":{"X-A":"2"},"body":"a"}"#))
        #expect(many.headers == [Header("x-a", "2"), Header("x-b", "3")] && many.body == [97])
        #expect(try proxy(#"{"httpMethod":"POST","path":"/","body":"not base64!","isBase64Encoded":true}"#)?.body == Array("not base64!".utf8))
        for text in [#"{"httpMethod":"GET"}"#, #"{"path":"/"}"#, #"{"requestContext":{"http":{}}}"#, "[]", "1", "", "{", #"{"records":1}"#] { #expect(try proxy(text) == nil) }
    }

    @Test func `answers hold status, headers and a body that is text`() throws {
        let json = ProxyEvent.encode(Answer(status: 429, headers: [Header("Retry-After", "1"), Header("X", "a\"b")], body: Array("{\"é\":\"\n\"}".utf8)))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
        #expect(object["statusCode"] as? Int == 429 && object["isBase64Encoded"] as? Bool == false && object["body"] as? String == "{\"é\":\"\n\"}")
        #expect(object["headers"] as? [String: String] == ["retry-after": "1", "x": "a\"b"])
        #expect(String(decoding: ProxyEvent.encode(Answer(status: 200, headers: [], body: [])), as: UTF8.self) == #"{"statusCode":200,"headers":{},"isBase64Encoded":false,"body":""}"#)
    }

    @Test func `batches of MSK, with keys absent and null, tombstones and headers`() throws {
        guard case .kafka(let batch) = try Self.fixture("kafka-msk") else {
            Issue.record("it is a batch")
            return
        }
        // In one order, by record time.
        let records = batch.merged
        #expect(records.map(\.offset) == [15, 4711, 16] && records.map(\.partitionName) == ["transactions-0", "transactions-3", "transactions-0"])
        #expect(records[0].key == [65] && records[1].key == nil && records[2].key == nil)
        #expect(records[1].value == nil && String(decoding: records[2].value ?? [], as: UTF8.self) == "Hello, this is a test.")
        #expect(records[0].headers.first { $0.name == "traceparent" }?.value == Array("00-aé".utf8) && records[0].time == 1_764_244_800_000 && records[1].partition == 3)
    }

    @Test func `batches of a Kafka of one's own, and shapes at the edge`() throws {
        guard case .kafka(let own) = try Self.fixture("kafka-self-managed") else {
            Issue.record("it is a batch")
            return
        }
        #expect(own.merged.map(\.offset) == [7])
        #expect(try kafka(#"{"records":{}}"#)?.merged.isEmpty == true)
        let bare = try #require(try kafka(#"{"records":{"a-b-12":[{"offset":3,"value":"not base64"}]}}"#)?.merged.first)
        #expect(bare.topic == "a-b" && bare.partition == 12 && bare.time == -1 && bare.key == nil && bare.value == Array("not base64".utf8))
        for text in [#"{"records":{"a-1":[{"partition":1}]}}"#, #"{"records":{"a":[{"offset":1}]}}"#,
            #"{"records":{"a-1":[{"offset":-1}]}}"#, #"{"records":{"a-1":[{"offset":1,"partition":-2}]}}"#, #"{"records":{"a-1":[7]}}"#] {
            #expect(throws: InvocationError.self, "\(text)") { try kafka(text) }
        }
    }

    @Test func `the merge keeps each partition's order, whatever its times`() throws {
        let batch = try #require(try kafka(
            #"{"records":{"t-0":[{"offset":1,"timestamp":50},{"offset":2,"timestamp":10},{"offset":3,"timestamp":60}],"t-1":[{"offset":1,"timestamp":50},{"offset":2,"timestamp":55}]}}"#))
        #expect(batch.merged.map { "\($0.partition):\($0.offset)" } == ["0:1", "0:2", "1:1", "1:2", "0:3"])
    }

    @Test func `failures are named by partition and offset`() {
        #expect(String(decoding: KafkaEvent.encode(failures: []), as: UTF8.self) == #"{"batchItemFailures":[]}"#)
        #expect(
            String(decoding: KafkaEvent.encode(failures: [("transactions-3", 4711), ("a\"-0", 0)]), as: UTF8.self)
                == #"{"batchItemFailures":[{"itemIdentifier":{"partition":"transactions-3","offset":4711}},{"itemIdentifier":{"partition":"a\"-0","offset":0}}]}"#)
    }
}
