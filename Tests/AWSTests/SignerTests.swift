import Foundation
import HTTP
import TestSupport
import Testing

@testable import AWS

/// AWS's published vectors, step by step.
@Suite struct SignerVectorTests {
    struct Vector: Decodable, Sendable, CustomTestStringConvertible {
        struct Context: Decodable {
            struct Keys: Decodable { var access_key_id, secret_access_key: String; var token: String? }
            var credentials: Keys
            var expiration_in_seconds: Int
            var normalize, sign_body: Bool
            var omit_session_token: Bool?
            var region, service, timestamp: String
        }
        var name, request, header_canonical_request, header_string_to_sign, header_signature: String
        var query_canonical_request, query_string_to_sign, query_signature: String
        var context: Context
        var testDescription: String { name }
    }

    struct File: Decodable { var vectors: [Vector] }

    static let vectors: [Vector] = {
        let url = AWSPython.root.appendingPathComponent("Tests/Fixtures/sigv4-vectors.json")
        return (try? JSONDecoder().decode(File.self, from: Data(contentsOf: url)))?.vectors ?? []
    }()

    /// A request as it stands in a text: its target as a client would send it, folded lines as one.
    static func request(_ text: String) -> ClientRequest {
        let parts = text.replacingOccurrences(of: "\r\n", with: "\n").components(separatedBy: "\n\n")
        var lines: [String] = []
        for line in parts[0].split(separator: "\n") {
            if line.hasPrefix(" ") { lines[lines.count - 1] += " " + line } else { lines.append(String(line)) }
        }
        let words = lines[0].split(separator: " ")
        let target = words[1..<(words.count - 1)].joined(separator: " ")
        var headers = lines.dropFirst().map { line in
            let colon = line.firstIndex(of: ":")!
            return Header(String(line[..<colon]), String(line[line.index(after: colon)...]))
        }
        let host = headers.first { $0.name == "Host" }!.value
        headers.removeAll { $0.name == "Host" }
        return ClientRequest(
            String(words[0]), URLParts(isSecure: true, host: host, target: target), headers: headers, body: Array(parts.dropFirst().joined(separator: "\n\n").utf8))
    }

    @Test func `there are all of them`() { #expect(Self.vectors.count == 38) }

    @Test(arguments: vectors)
    func `signs by header and by query as AWS says`(_ vector: Vector) throws {
        let context = vector.context
        let credentials = Credentials(
            accessKeyID: context.credentials.access_key_id, secretAccessKey: context.credentials.secret_access_key, sessionToken: context.credentials.token)
        let signer = Signer(service: context.service, region: context.region, paths: context.normalize ? .normalized : .encodedAgain)
        let time = try #require(Instant(iso: context.timestamp))
        var request = Self.request(vector.request)
        // The suite's raw query letters are encoded before they are sent.
        request.url.target = request.url.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).enumerated().map { index, part in
            index == 0 ? String(part) : part.utf8.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "%" + String($0, radix: 16, uppercase: true) }.joined()
        }.joined(separator: "?")
        let signsToken = !(context.omit_session_token ?? false)
        var byHeader = request
        let header = signer.sign(&byHeader, credentials, at: time, namesPayload: context.sign_body, signsToken: signsToken)
        #expect(header.canonicalRequest == vector.header_canonical_request)
        #expect(header.stringToSign == vector.header_string_to_sign)
        #expect(header.signature == vector.header_signature)
        #expect(byHeader.headers.last?.value.hasSuffix("SignedHeaders=\(header.signedHeaders), Signature=\(vector.header_signature)") == true)
        var byQuery = request
        let query = signer.presign(&byQuery, credentials, at: time, seconds: context.expiration_in_seconds, signsToken: signsToken)
        #expect(query.canonicalRequest == vector.query_canonical_request)
        #expect(query.stringToSign == vector.query_string_to_sign)
        #expect(query.signature == vector.query_signature)
        #expect(byQuery.url.target.hasSuffix("X-Amz-Signature=\(vector.query_signature)"))
    }
}

/// Byte for byte what botocore sends, over seeded hostile keys, queries, headers and secrets.
@Suite(.enabled(if: AWSPython.isThere, AWSPython.skipping))
struct SignerReferenceTests {
    struct Case: Decodable {
        var kind, time, id, secret: String
        var token: String?
        var region: String
        var url, authorization, operation, bucket, key, method, service, body, signed: String?
        var expiry: Int64?
        var headers: [String: String]?

        var credentials: Credentials { Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token) }
        var instant: Instant { Instant(iso: time)! }
    }

    private static func cases(_ count: Int, _ seed: Int) throws -> [Case] {
        let (status, output) = try AWSPython.run(AWSPython.path, [AWSPython.script("aws-reference.py"), "\(count)", "\(seed)"])
        try #require(status == 0, "\(output.suffix(2000))")
        return try output.split(separator: "\n").map { try JSONDecoder().decode(Case.self, from: Data($0.utf8)) }
    }

    private func service(_ time: Instant) -> ServiceTime { ServiceTime(wall: { time }) }

    @Test func `signs S3's requests, other services' and presigned ones as botocore does`() throws {
        let seed = Int(ProcessInfo.processInfo.environment["WEIR_SEED"] ?? "") ?? 17
        let count = Int(ProcessInfo.processInfo.environment["WEIR_SIGNATURES"] ?? "") ?? 1_000
        var compared: [String: Int] = [:]
        for test in try Self.cases(count, seed) {
            compared[test.kind, default: 0] += 1
            let where_ = Comment(rawValue: "seed \(seed): \(test)")
            switch test.kind {
            case "s3":
                let environment = try AWSEnvironment(["AWS_REGION": test.region])
                let s3 = S3(bucket: test.bucket!, environment, client: try HTTPClient())
                let url = try #require(URLParts(test.url!), where_)
                let query: [(name: String, value: String)] = (url.target.split(separator: "?", maxSplits: 1).dropFirst().first ?? "").split(separator: "&").map {
                    let parts = $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    return (URIEncoding.decode(String(parts[0]))!, URIEncoding.decode(String(parts[1]))!)
                }
                var request = s3.request(
                    key: test.operation == "get" ? test.key! : "", query: test.operation == "get" ? [] : query,
                    headers: test.headers!.map { Header($0.key, $0.value) })
                #expect(request.url == url, where_)
                Signer(service: "s3", region: test.region, paths: .asSent).sign(&request, test.credentials, at: test.instant, namesPayload: true)
                #expect(request.headers.last?.value == test.authorization, where_)
            case "service":
                let url = try #require(URLParts(test.url!), where_)
                var request = ClientRequest(test.method!, url, headers: test.headers!.map { Header($0.key, $0.value) }, body: Array(test.body!.utf8))
                Signer(service: test.service!, region: test.region, paths: .normalized).sign(&request, test.credentials, at: test.instant, namesPayload: false)
                #expect(request.headers.last?.value == test.authorization, where_)
            case "presign":
                var request = ClientRequest("GET", try #require(URLParts("https://kafka.\(test.region).amazonaws.com/?Action=kafka-cluster%3AConnect")))
                Signer(service: "kafka-cluster", region: test.region, paths: .normalized).presign(&request, test.credentials, at: test.instant, seconds: 900)
                #expect("https://" + request.url.host + request.url.target == test.url, where_)
            case "msk":
                let token = MSKToken(region: test.region, test.credentials, at: test.instant, agent: "aws-msk-iam-sasl-signer-python/1.0.2")
                #expect(token.text == Base64.encodeForURL(Array(test.signed!.utf8)), where_)
                #expect(token.expiry.seconds * 1000 == test.expiry, where_)
            default: Issue.record(where_)
            }
        }
        #expect(compared == ["s3": count, "service": count, "presign": count, "msk": count / 10])
    }
}
