import AWS
import Foundation
import Kafka
import TestSupport
import Testing

@testable import Service

/// What the settings make of a mechanism, without a broker.
@Suite struct IAMLoginTests {
    private func properties(_ environment: [String: String]) throws -> Properties {
        try Settings(environment: ["KAFKA_BOOTSTRAP_SERVERS": "localhost:9098"].merging(environment) { $1 }).kafka.properties
    }

    @Test func `AWS_MSK_IAM is OAUTHBEARER with tokens of our own, over TLS`() throws {
        let keys = ["AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"]
        for mechanism in ["AWS_MSK_IAM", "OAUTHBEARER"] {
            let properties = try properties(keys.merging(["KAFKA_SASL_MECHANISM": mechanism]) { $1 })
            #expect(properties["sasl.mechanism"] == "OAUTHBEARER" && properties["security.protocol"] == "sasl_ssl")
            let token = try #require(try properties.tokens?().get())
            #expect(token.principal == "AKIA")
            let left = token.endMillis - Int64(Date().timeIntervalSince1970 * 1000)
            #expect((890_000...901_000).contains(left))
            let text = try #require(Data(base64Encoded: token.text.replacing("-", with: "+").replacing("_", with: "/") + String(repeating: "=", count: (4 - token.text.utf8.count % 4) % 4)))
            #expect(String(decoding: text, as: UTF8.self).hasPrefix("https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F"))
        }
        #expect(try properties(keys.merging(["KAFKA_SASL_MECHANISM": "AWS_MSK_IAM", "KAFKA_SECURITY_PROTOCOL": "sasl_plaintext"]) { $1 })["security.protocol"] == "sasl_plaintext")
    }

    @Test func `other mechanisms, and tokens of librdkafka's own, are left alone`() throws {
        for environment in [
            ["KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"], ["KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_CONF_ENABLE_SASL_OAUTHBEARER_UNSECURE_JWT": "true"], [:],
        ] { #expect(try properties(environment).tokens == nil) }
    }

    @Test func `the region is asked for, or read from the brokers' names`() throws {
        #expect(throws: SettingError("KAFKA_SASL_MECHANISM", "asks for a region: set AWS_REGION")) { try self.properties(["KAFKA_SASL_MECHANISM": "AWS_MSK_IAM"]) }
        #expect(IAMLogin.region(of: "b-1.demo.x1y2z3.c4.kafka.us-east-2.amazonaws.com:9098,b-2.x:9098") == "us-east-2")
        #expect(IAMLogin.region(of: "boot-ab12.c2.kafka-serverless.ap-south-1.amazonaws.com:9098") == "ap-south-1")
        for servers in ["", "localhost:9092", "kafka.example.com:9092", "kafka:9092", "kafka.a.b:1"] { #expect(IAMLogin.region(of: servers) == nil) }
    }

    @Test func `without credentials the token says why`() throws {
        let tokens = IAMTokens(try AWSEnvironment(["AWS_EC2_METADATA_DISABLED": "true"]), region: "us-east-1")
        guard case .failure(let error) = tokens.token() else {
            Issue.record("there are none")
            return
        }
        #expect(error.description.hasPrefix("no AWS credentials: "))
    }
}

/// Apache Kafka with listeners for TLS with certificates on both sides, SCRAM over TLS, and IAM's tokens over TLS; those are looked at by a verifier of its own (`Tests/Fixtures/kafka`).
@Suite(.enabled(if: KafkaCluster.isAvailable, KafkaCluster.skipping), .enabled(if: SecureCluster.hasTools, "not run against SASL and TLS: javac or openssl is missing"), .serialized)
struct KafkaSecurityTests {
    private static let iamKeys = ["AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIAWEIR", "AWS_SECRET_ACCESS_KEY": "the/secret+key"]

    /// Produces and reads back, with what the settings say, by all three kinds of client.
    private func roundTrip(_ environment: [String: String], _ topic: String) throws {
        let settings = try Settings(environment: environment)
        let admin = try Admin(settings.streamProperties)
        try admin.create(.init(topic, partitions: 1), timeoutMillis: 60_000)
        let producer = try TransactionalProducer(settings.streamProperties, transactionalID: unique("id"), topics: [topic])
        try producer.initTransactions(timeoutMillis: 60_000)
        try producer.begin()
        let handle = try producer.topic(topic)
        try withBytes(of: "value") { try producer.produce(handle, partition: 0, key: nil, value: $0) }
        try producer.commit(timeoutMillis: 60_000)
        let wakeup = Wakeup()
        let consumer = try Consumer(settings.streamProperties, group: "reader", wakeup: wakeup)
        let queue = try consumer.assign(topic: topic, partition: 0, offset: 0)
        let batch = MessageBatch()
        #expect(
            until {
                repeat { queue.poll(max: 10, into: batch) } while queue.mayHaveMore
                if batch.count == 1 { return true }
                wakeup.wait(timeoutMillis: 1_000)
                return false
            })
    }

    private func error(_ environment: [String: String]) throws -> KafkaError? {
        let admin = try Admin(try Settings(environment: environment).streamProperties)
        do throws(KafkaError) {
            _ = try admin.topics(timeoutMillis: 3_000)
            return nil
        } catch {
            return error
        }
    }

    @Test func `TLS, SCRAM and IAM by settings alone, and none without what each asks for`() throws {
        let secure = try SecureCluster()
        let tls = [
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:\(secure.tlsPort)", "KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_SSL_CA_LOCATION": secure.file("ca.pem"),
            "KAFKA_SSL_CERTIFICATE_LOCATION": secure.file("client.pem"), "KAFKA_SSL_KEY_LOCATION": secure.file("client.key"),
        ]
        try roundTrip(tls, unique("tls"))
        #expect(try error(tls.filter { !$0.key.hasPrefix("KAFKA_SSL_C") || $0.key == "KAFKA_SSL_CA_LOCATION" }.filter { $0.key != "KAFKA_SSL_KEY_LOCATION" }) != nil)
        #expect(try error(tls.filter { $0.key != "KAFKA_SSL_CA_LOCATION" }) != nil)

        try secure.cluster.tool("configs", ["--alter", "--add-config", "SCRAM-SHA-512=[iterations=4096,password=a-password]", "--entity-type", "users", "--entity-name", "weir"])
        let scram = [
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:\(secure.scramPort)", "KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "KAFKA_SSL_CA_LOCATION": secure.file("ca.pem"),
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SASL_USERNAME": "weir", "KAFKA_SASL_PASSWORD": "a-password",
        ]
        // Before 2.6.1 librdkafka sends its nonce twice (confluentinc/librdkafka#4895), which brokers of Apache Kafka 4 refuse: docs/reference/aws.md says so.
        if SecureCluster.librdkafkaVersion >= [2, 6, 1] {
            try roundTrip(scram, unique("scram"))
        } else {
            print("SCRAM is not tried: librdkafka \(Build.librdkafka) cannot log in to Apache Kafka 4 by it")
            #expect(try error(scram) != nil, "it can by now: the page, and this test, are behind")
        }
        #expect(try error(scram.merging(["KAFKA_SASL_PASSWORD": "another"]) { $1 }) != nil)

        let iam = Self.iamKeys.merging([
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:\(secure.iamPort)", "KAFKA_SASL_MECHANISM": "AWS_MSK_IAM", "KAFKA_SSL_CA_LOCATION": secure.file("ca.pem"),
        ]) { $1 }
        try roundTrip(iam, unique("iam"))
        #expect(secure.tokens.count >= 3 && secure.tokens.allSatisfy { $0.hasSuffix(" accepted") }, "\(secure.tokens)")
        #expect(try error(iam.merging(["AWS_SECRET_ACCESS_KEY": "another"]) { $1 }) != nil)
        #expect(secure.tokens.last?.hasSuffix(" refused: another signature") == true)
        #expect(try error(iam.merging(["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"]) { $1 }) != nil)
    }

    @Test func `tokens are made anew before they end, and the producer goes on`() throws {
        // The broker ends a connection with its token; a token holds six seconds.
        let secure = try SecureCluster(more: ["connections.max.reauth.ms=3600000"])
        var properties = try Settings(
            environment: Self.iamKeys.merging([
                "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:\(secure.iamPort)", "KAFKA_SASL_MECHANISM": "AWS_MSK_IAM", "KAFKA_SSL_CA_LOCATION": secure.file("ca.pem"),
            ]) { $1 }
        ).streamProperties
        let tokens = IAMTokens(try AWSEnvironment(Self.iamKeys), region: "us-east-1", seconds: 6)
        let made = Collected<Int64>()
        properties.tokens = {
            let token = tokens.token()
            if case .success(let token) = token { made.append(token.endMillis) }
            return token
        }
        let topic = unique("long")
        try Admin(properties).create(.init(topic, partitions: 1), timeoutMillis: 60_000)
        let producer = try Producer(properties)
        let handle = try producer.topic(topic)
        let before = made.all.count
        // Until a third token was made for this producer: it outlives two.
        #expect(
            try until(30_000) {
                try withBytes(of: "value") { try producer.produce(handle, partition: 0, key: nil, value: $0) }
                producer.poll(timeoutMillis: 100)
                return made.all.count >= before + 3
            })
        try producer.flush(timeoutMillis: 60_000)
        #expect(producer.failureCount == 0)
        #expect(secure.tokens.allSatisfy { $0.hasSuffix(" accepted") }, "\(secure.tokens)")
        #expect(Set(secure.tokens).count >= 2, "the broker has seen more than one")
    }
}

/// Certificates, listeners and the verifier's classes, in a folder that goes with it.
private final class SecureCluster {
    static let librdkafkaVersion = Version(Build.librdkafka.split(separator: ".").compactMap { Int($0.prefix { $0.isNumber }) })

    /// Numbers in order, the first one weighs most.
    struct Version: Comparable, ExpressibleByArrayLiteral {
        let numbers: [Int]
        init(_ numbers: [Int]) { self.numbers = numbers }
        init(arrayLiteral elements: Int...) { numbers = elements }
        static func < (a: Self, b: Self) -> Bool { a.numbers.lexicographicallyPrecedes(b.numbers) }
    }

    static let hasTools = ["/usr/bin/openssl", "/usr/bin/javac"].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }

    let cluster: KafkaCluster
    let tlsPort, scramPort, iamPort: UInt16
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(unique("weir-secure"))

    func file(_ name: String) -> String { folder.appendingPathComponent(name).path }

    init(more: [String] = []) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let folder = folder
        func file(_ name: String) -> String { folder.appendingPathComponent(name).path }
        func run(_ program: String, _ arguments: [String]) throws {
            let (status, output) = try AWSPython.run(program, arguments)
            try #require(status == 0, "\(program): \(output)")
        }
        func openssl(_ words: String) throws { try run("/usr/bin/openssl", words.split(separator: " ").map { $0.hasPrefix("@") ? file(String($0.dropFirst())) : String($0) }) }
        try openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=weir-test-authority -keyout @ca.key -out @ca.pem")
        try Data("subjectAltName=IP:127.0.0.1,DNS:localhost\n".utf8).write(to: folder.appendingPathComponent("names"))
        for name in ["server", "client"] {
            try openssl("req -newkey rsa:2048 -nodes -subj /CN=weir-test-\(name) -keyout @\(name).key -out @\(name).csr")
            try openssl("x509 -req -in @\(name).csr -CA @ca.pem -CAkey @ca.key -CAcreateserial -days 2 -extfile @names -out @\(name).pem")
        }
        // Kafka wants both in one file, the key in PKCS#8.
        try openssl("pkcs8 -topk8 -nocrypt -in @server.key -out @server.p8")
        try Data(["server.p8", "server.pem"].map { try String(contentsOfFile: file($0), encoding: .utf8) }.joined().utf8).write(to: folder.appendingPathComponent("server.keystore"))
        let (_, home) = try AWSPython.run(AWSPython.script("kafka.sh"), ["home"])
        let source = AWSPython.root.appendingPathComponent("Tests/Fixtures/kafka/IAMVerifier.java").path
        try run("/usr/bin/javac", ["-d", folder.path, "-cp", "\(home)/libs/*", source])
        let free = freePorts(3)
        (tlsPort, scramPort, iamPort) = (free[0], free[1], free[2])
        let login = "org.apache.kafka.common.security"
        let listeners = "TLS://127.0.0.1:\(tlsPort),SCRAM://127.0.0.1:\(scramPort),IAM://127.0.0.1:\(iamPort)"
        let settings = [
            "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},\(listeners)", "advertised.listeners=PLAINTEXT://127.0.0.1:{port},\(listeners)",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SCRAM:SASL_SSL,IAM:SASL_SSL", "ssl.keystore.type=PEM",
            "ssl.keystore.location=\(file("server.keystore"))", "ssl.truststore.type=PEM", "ssl.truststore.location=\(file("ca.pem"))",
            "listener.name.tls.ssl.client.auth=required", "listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config=\(login).scram.ScramLoginModule required;", "listener.name.iam.sasl.enabled.mechanisms=OAUTHBEARER",
            "listener.name.iam.oauthbearer.sasl.jaas.config=\(login).oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"weir\" id=\"AKIAWEIR\" secret=\"the/secret+key\" log=\"\(file("tokens"))\";",
            "listener.name.iam.oauthbearer.sasl.server.callback.handler.class=IAMVerifier",
        ]
        cluster = try KafkaCluster(settings: settings + more, classes: folder.path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// What the verifier said of each token, oldest first.
    var tokens: [String] { (try? String(contentsOfFile: file("tokens"), encoding: .utf8))?.split(separator: "\n").map(String.init) ?? [] }
}
