import Foundation
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import AWS

/// What S3 may do, by a stand-in that does it.
@Suite struct S3Tests {
    private let keys = ["AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"]

    private func s3(_ server: StandIn, _ more: [String: String] = [:], wall: @escaping () -> Instant = Instant.wall, pauses: Collected<Int> = Collected()) throws -> S3 {
        let environment = keys.merging(["AWS_ENDPOINT_URL_S3": "http://127.0.0.1:\(server.port)"]) { $1 }.merging(more) { $1 }.filter { !$0.value.isEmpty }
        return S3(bucket: "models", try AWSEnvironment(environment), client: try HTTPClient(), time: ServiceTime(wall: wall), pause: { pauses.append($0) })
    }

    private static func refusal(_ status: Int, _ code: String, _ more: String = "", headers: [String: String] = [:]) -> StandIn.Reply {
        .text(status, "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>why &amp; how</Message>\(more)</Error>", headers: headers)
    }

    private func read(_ s3: S3, _ size: Int = 9, etag: String = "\"e\"") throws -> (bytes: [UInt8], starts: Int) {
        let taken = Mutex<(bytes: [UInt8], starts: Int)>(([], 0))
        try s3.get(S3Object(key: "k", size: size, etag: etag), restart: { taken.withLock { $0 = ([], $0.starts + 1) } }) { piece in
            taken.withLock { $0.bytes += piece }
            return true
        }
        return taken.withLock { $0 }
    }

    private static let body = Array("123456789".utf8)
    private static func object(_ headers: [String: String] = ["x-amz-checksum-crc32": "y/Q5Jg=="], _ body: [UInt8] = body) -> StandIn.Reply { .answer(200, headers: headers, body: body) }

    @Test func `what passes is tried again, with longer pauses; Retry-After is kept`() throws {
        let replies: [StandIn.Reply] = [
            Self.refusal(503, "SlowDown"), .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234".utf8)), Self.refusal(400, "RequestTimeout"),
            Self.refusal(500, "InternalError", headers: ["Retry-After": "7"]), Self.object(),
        ]
        let server = StandIn { replies[min($0.number, replies.count - 1)] }
        let pauses = Collected<Int>()
        let taken = try read(try s3(server, pauses: pauses))
        // The pieces of the broken attempt are not in it.
        #expect(taken.bytes == Self.body && server.calls.count == 5)
        #expect(pauses.all.count == 4 && pauses.all[3] == 7_000)
        for (attempt, pause) in pauses.all.enumerated() where attempt != 3 { #expect((25...(100 << attempt)).contains(pause)) }
    }

    @Test func `throttling without end is said, and ends`() throws {
        let server = StandIn { _ in Self.refusal(503, "SlowDown") }
        #expect(throws: AWSError.refused(status: 503, code: "SlowDown", message: "why & how")) { try read(try s3(server)) }
        #expect(server.calls.count == S3.attempts)
    }

    @Test(arguments: [(403, "AccessDenied"), (404, "NoSuchKey"), (403, "SignatureDoesNotMatch"), (412, "PreconditionFailed"), (400, "InvalidArgument")])
    func `what stays is said at once`(_ status: Int, _ code: String) throws {
        let server = StandIn { _ in Self.refusal(status, code, "<StringToSign>secret</StringToSign>") }
        do {
            _ = try read(try s3(server))
            Issue.record("it was refused")
        } catch let error as AWSError {
            #expect(error == .refused(status: status, code: code, message: "why & how"))
            #expect(error.isChanged == [404, 412].contains(status))
        }
        #expect(server.calls.count == 1 && server.calls[0].headers["if-match"] == "\"e\"")
    }

    @Test func `a clock that is wrong is put right by the service's`() throws {
        // The service is at noon, we a day behind.
        let server = StandIn { call in
            call.headers["x-amz-date"] == "20261127T120000Z" ? Self.object() : Self.refusal(403, "RequestTimeTooSkewed", headers: ["Date": "Fri, 27 Nov 2026 12:00:00 GMT"])
        }
        let behind = Instant(iso: "2026-11-26T12:00:00Z")!
        let s3 = try s3(server, wall: { behind })
        #expect(try read(s3).bytes == Self.body && server.calls.count == 2)
        #expect(try read(s3).bytes == Self.body && server.calls.count == 3)
        // One that says so without being of another opinion is believed in nothing.
        let stubborn = StandIn { _ in Self.refusal(403, "RequestTimeTooSkewed", headers: ["Date": "Thu, 26 Nov 2026 12:00:00 GMT"]) }
        #expect(throws: AWSError.self) { try read(try self.s3(stubborn, wall: { behind })) }
        #expect(stubborn.calls.count == 1)
    }

    @Test func `credentials that end in mid-download are got anew`() throws {
        let issued = Atomic(0)
        let endpoint = StandIn { _ in
            let number = issued.add(1, ordering: .relaxed).newValue
            return .text(200, #"{"AccessKeyId":"K\#(number)","SecretAccessKey":"s","Token":"token-\#(number)","Expiration":"2099-01-01T00:00:00Z"}"#)
        }
        let server = StandIn { call in
            switch (call.number, call.headers["x-amz-security-token"]) {
            case (0, _): Self.object()
            case (1, _): .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234".utf8))
            case (_, "token-1"): Self.refusal(400, "ExpiredToken")
            default: Self.object()
            }
        }
        let s3 = try s3(
            server,
            ["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:\(endpoint.port)/"])
        #expect(try read(s3).bytes == Self.body)
        #expect(try read(s3).bytes == Self.body)
        #expect(server.calls.map { $0.headers["x-amz-security-token"] } == ["token-1", "token-1", "token-1", "token-2"])
        // New ones that are refused as well are no reason to go on for ever.
        let never = StandIn { _ in Self.refusal(403, "InvalidAccessKeyId") }
        #expect(throws: AWSError.self) { try read(try self.s3(never)) }
        #expect(never.calls.count == 3)
    }

    @Test func `the bucket's region is found`() throws {
        let server = StandIn { call in
            call.headers["authorization"]?.contains("/ap-southeast-2/s3/") == true
                ? Self.object() : Self.refusal(400, "AuthorizationHeaderMalformed", "<Region>ap-southeast-2</Region>")
        }
        let s3 = try s3(server)
        #expect(try read(s3).bytes == Self.body && s3.region == "ap-southeast-2")
        let byHeader = StandIn { call in
            call.headers["authorization"]?.contains("/us-west-2/s3/") == true ? Self.object() : .answer(301, headers: ["x-amz-bucket-region": "us-west-2"], body: [])
        }
        #expect(try read(try self.s3(byHeader)).bytes == Self.body)
    }

    @Test func `what is not whole is tried again and never given for whole`() throws {
        let once = StandIn { $0.number == 0 ? Self.object([:], Array("12345678".utf8)) : Self.object() }
        #expect(try read(try s3(once)).bytes == Self.body && once.calls.count == 2)
        let flipped = StandIn { _ in Self.object(["x-amz-checksum-crc32": "y/Q5Jg=="], Array("123456780".utf8)) }
        #expect(throws: AWSError.corrupt("an object of models is not whole: x-amz-checksum-crc32")) { try read(try s3(flipped)) }
        #expect(flipped.calls.count == 3 && flipped.calls[0].headers["x-amz-checksum-mode"] == "ENABLED")
        let longer = StandIn { _ in Self.object([:], Array("1234567890".utf8)) }
        #expect(throws: AWSError.self) { try read(try s3(longer)) }
        let empty = StandIn { _ in Self.object([:], []) }
        #expect(try read(try s3(empty), 0).bytes.isEmpty)
    }

    @Test func `lists over pages, names as they are`() throws {
        let server = StandIn { call in
            if call.target.contains("continuation-token=a%2Fb%2B%3D") {
                return .text(200, "<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><Contents><Key>p/z</Key><Size>0</Size></Contents></ListBucketResult>")
            }
            return .text(
                200,
                "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                    + "<NextContinuationToken>a/b+=</NextContinuationToken><Contents><Key>p/a+b%2Bc%0A%C3%A9</Key><ETag>&quot;e1&quot;</ETag><Size>5</Size></Contents></ListBucketResult>")
        }
        let s3 = try s3(server)
        #expect(try s3.list(prefix: "p/ &") == [S3Object(key: "p/a b+c\né", size: 5, etag: "\"e1\""), S3Object(key: "p/z", size: 0, etag: "")])
        #expect(server.calls.first?.target == "/models?list-type=2&encoding-type=url&prefix=p%2F%20%26")
        for body in ["", "<x/>", "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>"] {
            let bad = StandIn { _ in .text(200, body) }
            #expect(throws: AWSError.badAnswer("S3's list of objects cannot be read")) { try self.s3(bad).list(prefix: "") }
        }
    }

    @Test func `hosts and paths by region and bucket`() throws {
        func url(_ bucket: String, _ environment: [String: String]) throws -> String {
            "\(S3(bucket: bucket, try AWSEnvironment(environment), client: try HTTPClient()).request(key: "a b/c", query: [], headers: []).url)"
        }
        #expect(try url("models", ["AWS_REGION": "eu-west-1"]) == "https://models.s3.eu-west-1.amazonaws.com/a%20b/c")
        #expect(try url("my.models", [:]) == "https://s3.us-east-1.amazonaws.com/my.models/a%20b/c")
        #expect(try url("models", ["AWS_DEFAULT_REGION": "cn-north-1"]) == "https://models.s3.cn-north-1.amazonaws.com.cn/a%20b/c")
        #expect(try url("models", ["AWS_ENDPOINT_URL": "http://localhost:9000/base/"]) == "http://localhost:9000/base/models/a%20b/c")
        #expect(throws: AWSError.self) { try AWSEnvironment(["AWS_REGION": "eu-west-1.evil.example/"]) }
        #expect(throws: AWSError.self) { try AWSEnvironment(["AWS_ENDPOINT_URL_S3": "localhost:9000"]) }
        for (name, isOne) in [("models", true), ("a.b-c", true), ("ab", false), ("Models", false), ("a..b", false), ("-ab", false), ("ab.", false), ("a_b", false), ("a/b", false), ("a@b", false)] {
            #expect(S3.isBucketName(name) == isOne, "\(name)")
        }
    }
}
