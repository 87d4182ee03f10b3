import Foundation
import HTTP
import Kafka
import TestSupport
import Testing

/// The real process as Lambda's runtime, against a stand-in for the Runtime API.
@Suite struct LambdaTests {
    static let executable =
        Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }?.deletingLastPathComponent()
        .appendingPathComponent("weir") ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("weir")

    final class Function {
        let api = RuntimeAPI()
        let process = Process()
        private let log = FileManager.default.temporaryDirectory.appendingPathComponent(unique("weir-lambda"))

        init(_ environment: [String: String] = [:]) throws {
            try Data().write(to: log)
            process.executableURL = LambdaTests.executable
            process.arguments = ["lambda"]
            process.environment = ["AWS_LAMBDA_RUNTIME_API": api.address, "_HANDLER": "fraudDetection"].merging(environment) { $1 }
            process.standardError = try FileHandle(forWritingTo: log)
            try process.run()
        }

        deinit {
            if process.isRunning { process.terminate() }
            process.waitUntilExit()
            try? FileManager.default.removeItem(at: log)
        }

        func invoke(_ event: String) throws -> [String: Any] {
            let reply = try api.invoke(event)
            #expect(!reply.isError, "\(reply.text)")
            return try #require(try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any])
        }

        /// An HTTP request and its answer, whose body is JSON whatever it is.
        func call(_ method: String, _ path: String, _ body: String = "", headers: [String: String] = ["Content-Type": "application/json"]) throws -> (status: Int, body: [String: Any]) {
            let event: [String: Any] = ["httpMethod": method, "path": path, "headers": headers, "body": body, "isBase64Encoded": false]
            let answer = try invoke(String(decoding: JSONSerialization.data(withJSONObject: event), as: UTF8.self))
            let text = try #require(answer["body"] as? String)
            let json = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
            return (try #require(answer["statusCode"] as? Int), json)
        }

        var text: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }
        func lines(_ event: String) -> [[String: Any]] {
            text.split(separator: "\n").compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }.filter { $0["event"] as? String == event }
        }
    }

    static func fixture(_ name: String) throws -> String {
        try String(contentsOf: AWSPython.root.appendingPathComponent("Tests/Fixtures/lambda/\(name).json"), encoding: .utf8)
    }

    static func transaction(_ id: String, amount: String = "5", account: String = "A") -> String {
        #"{"transaction_id":"\#(id)","account_id":"\#(account)","timestamp":"2026-11-27T12:00:00Z","amount":\#(amount)}"#
    }

    @Test func `answers requests of both payload versions, and its state grows by them`() throws {
        let function = try Function()
        for (name, count) in [("api-gateway-v1", 1), ("api-gateway-v2", 2)] {
            let answer = try function.invoke(Self.fixture(name))
            #expect(answer["statusCode"] as? Int == 200, "\(answer)")
            let verdict = try #require(try JSONSerialization.jsonObject(with: Data((answer["body"] as? String ?? "").utf8)) as? [String: Any])
            #expect(verdict["kind"] as? String == "fraud" && verdict["complete"] as? Bool == false)
            let hour = (verdict["velocity"] as? [String: [String: [String: Any]]])?["account"]?["1h"]
            #expect(hour?["count"] as? Int == count)
        }
        #expect(try function.call("POST", "/aml_check", Self.transaction("t")).body["kind"] as? String == "aml")
        let again = try function.call("POST", "/predict", Self.transaction("t"))
        #expect(again.status == 200 && again.body["duplicate"] as? Bool == true)
    }

    @Test func `answers what is wrong with the contract's codes, always as JSON`() throws {
        let function = try Function()
        func code(_ answer: (status: Int, body: [String: Any])) -> String { "\(answer.status) \((answer.body["error"] as? [String: Any])?["code"] as? String ?? "")" }
        #expect(code(try function.call("POST", "/predict", "{")) == "400 MALFORMED_JSON")
        #expect(code(try function.call("POST", "/predict", Self.transaction("t", amount: "-1"))) == "400 INVALID_FIELD")
        #expect(code(try function.call("POST", "/predict", "", headers: ["content-type": "text/plain"])) == "415 UNSUPPORTED_MEDIA_TYPE")
        #expect(code(try function.call("GET", "/predict")) == "405 METHOD_NOT_ALLOWED")
        #expect(code(try function.call("GET", "/metrics")) == "404 NOT_FOUND")
        #expect(code(try function.call("GET", "/")) == "404 NOT_FOUND")
        #expect(code(try function.call("POST", "/predict", Self.transaction("t", account: String(repeating: "x", count: 70_000)))) == "413 TOO_LARGE")
        let health = try function.call("GET", "/health")
        #expect(health.status == 200 && health.body["status"] as? String == "ok" && health.body["role"] as? String == "alone")
        #expect((health.body["kafka"] as? [String: Any])?["enabled"] as? Bool == false)
        // Directly: the handler says which verdict is meant.
        #expect(try function.invoke(Self.transaction("d"))["kind"] as? String == "fraud")
        #expect((try function.invoke("{}")["error"] as? [String: Any])?["code"] as? String == "MISSING_FIELD")
        #expect((try function.invoke("[")["error"] as? [String: Any])?["code"] as? String == "MALFORMED_JSON")
        #expect(try Function(["_HANDLER": "weir.amlCheck"]).invoke(Self.transaction("d"))["kind"] as? String == "aml")
    }

    @Test func `wants a key where keys are set, but not of who may invoke it`() throws {
        let function = try Function(["API_KEYS": "key-one,key-two"])
        #expect(try function.call("POST", "/predict", Self.transaction("a")).status == 401)
        #expect(try function.call("POST", "/predict", Self.transaction("a"), headers: ["authorization": "Bearer key-two"]).status == 200)
        #expect(try function.call("GET", "/health").status == 200)
        #expect(try function.invoke(Self.transaction("b"))["kind"] as? String == "fraud")
        #expect(!function.text.contains("key-"))
    }

    @Test func `logs what became of a batch where there is no broker, and nothing of its content`() throws {
        let function = try Function()
        for _ in 0..<2 { #expect(try function.api.invoke(Self.fixture("kafka-msk")).text == #"{"batchItemFailures":[]}"#) }
        #expect(try function.api.invoke(Self.fixture("kafka-self-managed")).text == #"{"batchItemFailures":[]}"#)
        let verdicts = function.lines("verdict")
        #expect(verdicts.map { $0["offset"] as? Int } == [15, 7] && verdicts[0]["partition"] as? String == "transactions-0")
        #expect(verdicts[0]["fraud"] as? String == "approve" && verdicts[0]["aml"] as? String == "clear")
        #expect(function.lines("dead letter").map { "\($0["offset"] ?? "") \($0["reason"] ?? "")" } == ["4711 TOMBSTONE", "16 MALFORMED_JSON", "4711 TOMBSTONE", "16 MALFORMED_JSON"])
        // Brought again, it is known.
        #expect(function.lines("batch").map { $0["duplicates"] as? Int } == [0, 1, 0])
        #expect(function.lines("batch")[0]["trace_id"] as? String == "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1")
        for secret in ["Hello", "k15", "s7", "account_id"] { #expect(!function.text.contains(secret)) }
        #expect(try function.api.invoke(#"{"records":{"t-0":[{"partition":0}]}}"#).isError)
    }

    @Test func `says to Lambda why it cannot be set up`() throws {
        for (environment, type, message) in [
            (["PORT": "x"], "Weir.BadSetting", "PORT: must be a whole number from 0 to 65535"),
            (["_HANDLER": "nobody"], "Weir.BadSetting", "_HANDLER: must be fraudDetection or amlCheck"),
        ] {
            let function = try Function(environment)
            let error = try function.api.initError()
            let json = try #require(try JSONSerialization.jsonObject(with: Data(error.body)) as? [String: Any])
            #expect(json["errorType"] as? String == type && json["errorMessage"] as? String == message)
            function.process.waitUntilExit()
            #expect(function.process.terminationStatus == 2)
        }
    }

    @Test func `ends by SIGTERM while it waits for an event`() throws {
        let function = try Function()
        #expect(try function.call("GET", "/health").status == 200)
        kill(function.process.processIdentifier, SIGTERM)
        function.process.waitUntilExit()
        #expect(function.process.terminationStatus == 0 && function.process.terminationReason == .exit)
    }

    @Test func `starts soon`() throws {
        let began = Date()
        let function = try Function()
        #expect(try function.call("POST", "/predict", Self.transaction("t")).status == 200)
        let seconds = Date().timeIntervalSince(began)
        // Generous for busy machines and debug builds; the figure itself is in the documentation.
        #expect(seconds < 1.5, "\(seconds) s")
        print("from its start to the first answer: \(Int(seconds * 1000)) ms")
    }
}

/// With Apache Kafka: what is produced, and what is named where that fails.
@Suite(.enabled(if: KafkaCluster.isAvailable, KafkaCluster.skipping), .serialized)
struct LambdaKafkaTests {
    private struct Read: Equatable {
        var partition: Int32
        var key: String?
        var value: String?
        var headers: [String: String]
    }

    /// All records of a topic, whatever its partitions.
    private func read(_ cluster: KafkaCluster, _ topic: String, _ partitions: Int32) throws -> [Read] {
        let wakeup = Wakeup()
        let consumer = try Consumer(["bootstrap.servers": cluster.bootstrapServers], group: "reader", wakeup: wakeup)
        let batch = MessageBatch()
        for partition in 0..<partitions {
            let queue = try consumer.assign(topic: topic, partition: partition, offset: 0)
            _ = until {
                repeat { queue.poll(max: 100, into: batch) } while queue.mayHaveMore
                if queue.isAtEnd { return true }
                wakeup.wait(timeoutMillis: 1_000)
                return false
            }
        }
        return (0..<batch.count).map { index in
            var headers: [String: String] = [:]
            for header in batch[index].headers { headers[text(header.name) ?? ""] = text(header.value) }
            return Read(partition: batch[index].partition, key: text(batch[index].key), value: text(batch[index].value), headers: headers)
        }
    }

    private func topics(_ cluster: KafkaCluster) throws -> [String: String] {
        let admin = try Admin(["bootstrap.servers": cluster.bootstrapServers])
        var environment = ["KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrapServers]
        for (name, topic) in [("TRANSACTIONS_TOPIC", "transactions"), ("FRAUD_VERDICTS_TOPIC", "fraud"), ("AML_VERDICTS_TOPIC", "aml"), ("DLQ_TOPIC", "dlq")] {
            environment[name] = unique(topic)
            try admin.create(.init(environment[name]!, partitions: 4), timeoutMillis: 60_000)
        }
        return environment
    }

    private func event(_ topic: String, _ values: [(offset: Int, value: String)]) -> String {
        let records = values.map { offset, value in
            #"{"topic":"\#(topic)","partition":3,"offset":\#(offset),"timestamp":1795780800000,"timestampType":"CREATE_TIME","key":"QQ==","value":"\#(Data(value.utf8).base64EncodedString())","headers":[{"traceparent":[48,48]},{"mine":[1]}]}"#
        }
        return #"{"eventSource":"aws:kafka","records":{"\#(topic)-3":[\#(records.joined(separator: ","))]}}"#
    }

    @Test func `verdicts and dead letters are produced as the stream does`() throws {
        let cluster = try KafkaCluster.shared()
        let environment = try topics(cluster)
        let function = try LambdaTests.Function(environment)
        let topic = environment["TRANSACTIONS_TOPIC"]!
        let reply = try function.api.invoke(event(topic, [(0, LambdaTests.transaction("t0")), (1, "poison"), (2, LambdaTests.transaction("t2"))]))
        #expect(reply.text == #"{"batchItemFailures":[]}"#, "\(function.text)")
        let fraud = try read(cluster, environment["FRAUD_VERDICTS_TOPIC"]!, 4)
        #expect(fraud.count == 2 && fraud.allSatisfy { $0.partition == 3 && $0.key == "A" && $0.headers == ["traceparent": "00", "weir-decision": "approve"] })
        #expect(fraud[0].value?.contains(#""complete":false"#) == true && fraud[1].value?.contains(#""offset":2"#) == true, "\(fraud)")
        #expect(try read(cluster, environment["AML_VERDICTS_TOPIC"]!, 4).count == 2)
        let dead = try read(cluster, environment["DLQ_TOPIC"]!, 4)
        #expect(dead.count == 1 && dead[0].value == "poison" && dead[0].headers["__weir.errors.reason"] == "MALFORMED_JSON" && dead[0].headers["__weir.errors.topic"] == topic)
        #expect(try function.call("GET", "/health").status == 200)
    }

    @Test func `a record whose produce failed is named, and its verdict is produced when it comes again`() throws {
        let cluster = try KafkaCluster()
        let environment = try topics(cluster)
        let function = try LambdaTests.Function(environment.merging(["KAFKA_CONF_MESSAGE_TIMEOUT_MS": "4000"]) { $1 })
        let topic = environment["TRANSACTIONS_TOPIC"]!
        #expect(try function.api.invoke(event(topic, [(0, LambdaTests.transaction("t0"))])).text == #"{"batchItemFailures":[]}"#)
        try cluster.kill()
        let lost = try function.api.invoke(event(topic, [(1, LambdaTests.transaction("t1")), (2, "poison")]), seconds: 10)
        #expect(
            lost.text
                == #"{"batchItemFailures":[{"itemIdentifier":{"partition":"\#(topic)-3","offset":1}},{"itemIdentifier":{"partition":"\#(topic)-3","offset":2}}]}"#, "\(lost.text)")
        try cluster.start()
        #expect(try function.api.invoke(event(topic, [(1, LambdaTests.transaction("t1")), (2, "poison"), (3, LambdaTests.transaction("t3"))])).text == #"{"batchItemFailures":[]}"#)
        let fraud = try read(cluster, environment["FRAUD_VERDICTS_TOPIC"]!, 4).compactMap(\.value)
        // At least once: never lost, never a duplicate's silence, and counted once.
        for id in ["t0", "t1", "t3"] { #expect(fraud.contains { $0.contains(#""transaction_id":"\#(id)""#) }, "\(id)") }
        #expect(fraud.last?.contains(#""account":{"1h":{"count":3,"#) == true, "\(fraud)")
        #expect(try read(cluster, environment["DLQ_TOPIC"]!, 4).contains { $0.value == "poison" })
    }

    @Test func `a verdict too large for its topic becomes a dead letter`() throws {
        let cluster = try KafkaCluster.shared()
        let environment = try topics(cluster)
        try cluster.tool("configs", ["--alter", "--entity-type", "topics", "--entity-name", environment["FRAUD_VERDICTS_TOPIC"]!, "--add-config", "max.message.bytes=400"])
        let function = try LambdaTests.Function(environment)
        #expect(try function.api.invoke(event(environment["TRANSACTIONS_TOPIC"]!, [(0, LambdaTests.transaction("t0"))])).text == #"{"batchItemFailures":[]}"#)
        let dead = try read(cluster, environment["DLQ_TOPIC"]!, 4)
        #expect(dead.map { $0.headers["__weir.errors.reason"] } == ["VERDICT_TOO_LARGE"], "\(dead) \(function.text)")
    }
}

private let emulator: String? = {
    let near = AWSPython.root.appendingPathComponent("../shared/lambda/aws-lambda-rie").standardized.path
    let places: [String?] = [ProcessInfo.processInfo.environment["WEIR_LAMBDA_RIE"], near]
    return places.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
}()

/// AWS's own runtime interface emulator, from `WEIR_LAMBDA_RIE` or `../shared/lambda/aws-lambda-rie` beside the checkout.
@Suite(.enabled(if: emulator != nil, "not run by AWS's runtime interface emulator: set WEIR_LAMBDA_RIE to aws-lambda-rie"), .serialized)
struct LambdaEmulatorTests {
    private final class Emulator {
        let port: UInt16
        private let process = Process()
        private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(unique("weir-rie"))

        init(_ environment: [String: String]) throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let bootstrap = folder.appendingPathComponent("bootstrap")
            try Data("#!/bin/sh\nexec '\(LambdaTests.executable.path)' lambda\n".utf8).write(to: bootstrap)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: bootstrap.path)
            let ports = freePorts(2)
            let (port, api) = (ports[0], ports[1])
            self.port = port
            process.executableURL = URL(fileURLWithPath: emulator!)
            process.arguments = [
                "--log-level", "error", "--runtime-interface-emulator-address", "127.0.0.1:\(port)", "--runtime-api-address", "127.0.0.1:\(api)", bootstrap.path,
            ]
            process.environment = ["PATH": "/usr/bin:/bin", "_HANDLER": "fraudDetection", "LOG_LEVEL": "error"].merging(environment) { $1 }
            process.standardOutput = FileHandle.nullDevice
            try process.run()
        }

        deinit {
            process.terminate()
            process.waitUntilExit()
            try? FileManager.default.removeItem(at: folder)
        }

        func invoke(_ event: String) throws -> String {
            var answer: Answer?
            _ = until(20_000) {
                answer = try? post(host: "127.0.0.1", port: port, path: "/2015-03-31/functions/function/invocations", body: Array(event.utf8), timeoutMillis: 20_000)
                return answer != nil
            }
            return try #require(answer).text
        }
    }

    @Test func `drives it with requests and batches`() throws {
        let emulator = try Emulator([:])
        let began = Date()
        let first = try emulator.invoke(LambdaTests.fixture("api-gateway-v1"))
        print("emulator and function, from their start to the first answer: \(Int(Date().timeIntervalSince(began) * 1000)) ms")
        #expect(first.contains(#""statusCode":200"#) && first.contains(#"\"kind\":\"fraud\""#) && first.contains(#"\"complete\":false"#), "\(first)")
        #expect(try emulator.invoke(LambdaTests.fixture("api-gateway-v2")).contains(#"\"count\":2"#))
        #expect(try emulator.invoke(LambdaTests.fixture("kafka-msk")) == #"{"batchItemFailures":[]}"#)
        #expect(try emulator.invoke(LambdaTests.transaction("direct")).contains(#""kind":"fraud""#))
        #expect(try emulator.invoke(#"{"records":{"t-0":[{"partition":0}]}}"#).contains("Weir.BadEvent"))
        #expect(try emulator.invoke(#"{"httpMethod":"GET","path":"/health"}"#).contains(#""statusCode":200"#))
    }

    @Test func `shows why it cannot be set up`() throws {
        #expect(try Emulator(["PORT": "x"]).invoke("{}").contains("Weir.BadSetting"))
    }
}
