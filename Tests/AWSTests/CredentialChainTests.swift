import Foundation
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import AWS

@Suite struct CredentialChainTests {
    private final class Clock: Sendable {
        let seconds = Atomic<Int64>(1_800_000_000)
        func advance(_ by: Int64) { seconds.add(by, ordering: .relaxed) }
        var now: @Sendable () -> Instant { { Instant(seconds: self.seconds.load(ordering: .relaxed)) } }
    }

    private static func iso(_ time: Instant) -> String {
        let t = Array(time.compact)
        return String(t[0..<4]) + "-" + String(t[4..<6]) + "-" + String(t[6..<11]) + ":" + String(t[11..<13]) + ":" + String(t[13..<15]) + "Z"
    }

    private static func answer(_ id: String, _ expiry: Instant) -> StandIn.Reply {
        .text(200, #"{"Code":"Success","AccessKeyId":"\#(id)","SecretAccessKey":"s/\#(id)","Token":"t+\#(id)","Expiration":"\#(iso(expiry))"}"#)
    }

    private func chain(_ environment: [String: String], _ clock: Clock = Clock()) throws -> CredentialChain {
        CredentialChain(try AWSEnvironment(environment), client: try HTTPClient(), now: clock.now)
    }

    private func problem(_ environment: [String: String]) throws -> String? {
        do {
            _ = try chain(environment).credentials()
            return nil
        } catch let error as AWSError {
            return error.description
        }
    }

    @Test func `the environment goes first, and half of it is said`() throws {
        let server = StandIn { _ in .text(500, "") }
        let endpoint = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:\(server.port)/"]
        let chain = try chain(["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "AWS_SESSION_TOKEN": "C"].merging(endpoint) { a, _ in a })
        #expect(try chain.credentials() == Credentials(accessKeyID: "A", secretAccessKey: "B", sessionToken: "C"))
        #expect(server.calls.isEmpty)
        #expect(try problem(["AWS_ACCESS_KEY_ID": "A"]) == "no AWS credentials: AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY")
        #expect(try problem(["AWS_SECRET_ACCESS_KEY": "A", "AWS_ACCESS_KEY_ID": ""])?.contains("without AWS_ACCESS_KEY_ID") == true)
        #expect(try problem(["AWS_EC2_METADATA_DISABLED": "TRUE"])?.contains("AWS_EC2_METADATA_DISABLED") == true)
    }

    @Test func `the container's endpoint is asked with its token, again before the end, and the old ones stand in while it fails`() throws {
        let clock = Clock()
        let server = StandIn { [now = clock.now] call in
            guard call.headers["authorization"] == "Basic abc" else { return .text(401, "") }
            if call.number == 2 || call.number == 3 || call.number == 4 { return .text(503, "later") }
            return Self.answer("K\(call.number)", Instant(seconds: now().seconds + 3_600))
        }
        let chain = try chain(
            ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:\(server.port)/v2?id=7", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic abc"], clock)
        let first = try chain.credentials()
        #expect(first.accessKeyID == "K0" && first.secretAccessKey == "s/K0" && first.sessionToken == "t+K0" && first.expiry == Instant(seconds: 1_800_003_600))
        clock.advance(3_299)
        #expect(try chain.credentials().accessKeyID == "K0" && server.calls.count == 1)
        clock.advance(2)
        #expect(try chain.credentials().accessKeyID == "K1" && server.calls.count == 2)
        clock.advance(3_400)
        #expect(try chain.credentials().accessKeyID == "K1" && server.calls.count == 5)
        // Who failed is not asked at each request.
        #expect(try chain.credentials().accessKeyID == "K1" && server.calls.count == 5)
        clock.advance(11)
        #expect(try chain.credentials().accessKeyID == "K5")
        chain.invalidate()
        #expect(try chain.credentials().accessKeyID == "K6")
        #expect(server.calls.allSatisfy { $0.target == "/v2?id=7" })
    }

    @Test func `ended credentials are never given`() throws {
        let clock = Clock()
        let server = StandIn { [now = clock.now] call in call.number == 0 ? Self.answer("K", Instant(seconds: now().seconds + 400)) : .text(403, "no") }
        let chain = try chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:\(server.port)/"], clock)
        #expect(try chain.credentials().accessKeyID == "K")
        clock.advance(200)
        #expect(try chain.credentials().accessKeyID == "K")
        clock.advance(201)
        #expect(throws: AWSError.noCredentials("the container's endpoint refused: status 403")) { try chain.credentials() }
    }

    @Test func `the container's token comes from its file as it is now`() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(unique("weir-token"))
        defer { try? FileManager.default.removeItem(at: file) }
        let server = StandIn { call in Self.answer(call.headers["authorization"] ?? "none", Instant(seconds: 1_900_000_000)) }
        let environment = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:\(server.port)/", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "old",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file.path,
        ]
        #expect(try problem(environment)?.contains("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read") == true)
        let chain = try chain(environment)
        try Data("one\n".utf8).write(to: file)
        #expect(try chain.credentials().accessKeyID == "one")
        try Data("two".utf8).write(to: file)
        chain.invalidate()
        #expect(try chain.credentials().accessKeyID == "two")
    }

    @Test func `a container's endpoint far away is not spoken to in plain text`() throws {
        for url in ["http://example.com/", "http://169.254.169.254/", "http://127.evil.example/x", "ftp://127.0.0.1/", "nonsense"] {
            #expect(try problem(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url])?.hasPrefix("no AWS credentials: the container's endpoint") == true, "\(url)")
        }
    }

    @Test func `the instance's metadata is asked in a session alone`() throws {
        let server = StandIn { call in
            if call.method == "PUT" {
                return call.target == "/latest/api/token" && call.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600" ? .text(200, "SESSION==") : .text(400, "")
            }
            guard call.headers["x-aws-ec2-metadata-token"] == "SESSION==" else { return .text(401, "") }
            switch call.target {
            case "/latest/meta-data/iam/security-credentials/": return .text(200, "weir-role")
            case "/latest/meta-data/iam/security-credentials/weir-role": return Self.answer("IMDS", Instant(seconds: 1_900_000_000))
            default: return .text(404, "")
            }
        }
        let chain = try chain(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(server.port)"])
        #expect(try chain.credentials().accessKeyID == "IMDS")
        #expect(server.calls.map(\.method) == ["PUT", "GET", "GET"])
    }

    @Test(arguments: ["", "{}", "[]", "not json", #"{"Code":"AssumeRoleUnauthorizedAccess","AccessKeyId":"a","SecretAccessKey":"b"}"#,
        #"{"AccessKeyId":"a"}"#, #"{"AccessKeyId":"","SecretAccessKey":"b"}"#, #"{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"soon"}"#])
    func `what is no credentials is refused, and not repeated in what is said`(_ body: String) throws {
        let server = StandIn { _ in .text(200, body) }
        let why = try #require(try problem(["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:\(server.port)/"]))
        #expect(why.hasPrefix("no AWS credentials: the container's endpoint gave"))
    }

    @Test func `an instance without a role, one of IMDSv1 and one that is silent are told apart`() throws {
        let noRole = StandIn { $0.method == "PUT" ? .text(200, "s") : .text(404, "") }
        #expect(try problem(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(noRole.port)"])?.contains("has no role") == true)
        let first = StandIn { $0.method == "PUT" ? .text(403, "") : .text(200, "role") }
        #expect(try problem(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(first.port)"])?.contains("gave no session: status 403") == true)
        #expect(first.calls.count == 1)
        let failing = StandIn { _ in .text(500, "") }
        #expect(try problem(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(failing.port)"])?.contains("status 500") == true)
        #expect(failing.calls.count == 3)
    }
}
