public import HTTP

/// Signature Version 4 (AWS General Reference, "Create a signed AWS API request"): what is signed is what is sent, as it stands in the request.
public struct Signer: Sendable {
    /// How a path becomes canonical.
    public enum PathStyle: Sendable {
        /// As it is sent: S3, where a key may hold `//` and `..`.
        case asSent
        /// Encoded once more, dots and double slashes resolved: every other service.
        case normalized
        /// Encoded once more.
        case encodedAgain
    }

    public var service: String
    public var region: String
    public var paths: PathStyle

    public init(service: String, region: String, paths: PathStyle) {
        self.service = service
        self.region = region
        self.paths = paths
    }

    /// The digest of no bytes.
    public static let emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    static let algorithm = "AWS4-HMAC-SHA256"

    /// What goes into a signature, step by step.
    public struct Steps: Sendable, Equatable {
        public var canonicalRequest: String
        public var stringToSign: String
        public var signature: String
        public var signedHeaders: String
    }

    /// Adds `X-Amz-Date`, the session token, `X-Amz-Content-Sha256` where it is asked for, and `Authorization`. All header fields are signed, `Host` too.
    ///
    /// - Parameter signsToken: whether the session token is one of the signed fields, as nearly every service wants it.
    @discardableResult
    public func sign(
        _ request: inout ClientRequest, _ credentials: Credentials, at time: Instant, namesPayload: Bool, signsToken: Bool = true
    ) -> Steps {
        let payload = request.body.isEmpty ? Self.emptyPayload : hexText(MessageDigest.sha256(request.body))
        request.headers.append(Header("X-Amz-Date", time.compact))
        if namesPayload { request.headers.append(Header("X-Amz-Content-Sha256", payload)) }
        let token = credentials.sessionToken.map { Header("X-Amz-Security-Token", $0) }
        if let token, signsToken { request.headers.append(token) }
        let steps = steps(request, credentials, time, payload: payload)
        if let token, !signsToken { request.headers.append(token) }
        let scope = "\(credentials.accessKeyID)/\(scope(time))"
        request.headers.append(
            Header(
                "Authorization",
                "\(Self.algorithm) Credential=\(scope), SignedHeaders=\(steps.signedHeaders), Signature=\(steps.signature)"))
        return steps
    }

    /// The same in the query: whoever has the URL may ask within `seconds`.
    ///
    /// - Parameter signsToken: as in `sign`.
    @discardableResult
    public func presign(
        _ request: inout ClientRequest, _ credentials: Credentials, at time: Instant, seconds: Int, signsToken: Bool = true
    ) -> Steps {
        let names = Self.canonicalHeaders(request).map(\.name).joined(separator: ";")
        var added: [(name: String, value: String)] = [
            ("X-Amz-Algorithm", Self.algorithm), ("X-Amz-Credential", "\(credentials.accessKeyID)/\(scope(time))"), ("X-Amz-Date", time.compact),
            ("X-Amz-Expires", "\(seconds)"), ("X-Amz-SignedHeaders", names),
        ]
        let token = credentials.sessionToken.map { (name: "X-Amz-Security-Token", value: $0) }
        if let token, signsToken { added.append(token) }
        request.url.target += (request.url.target.contains("?") ? "&" : "?") + URIEncoding.query(added)
        let payload = request.body.isEmpty ? Self.emptyPayload : hexText(MessageDigest.sha256(request.body))
        let steps = steps(request, credentials, time, payload: payload)
        if let token, !signsToken { request.url.target += "&" + URIEncoding.query([token]) }
        request.url.target += "&X-Amz-Signature=\(steps.signature)"
        return steps
    }

    private func scope(_ time: Instant) -> String { "\(time.date)/\(region)/\(service)/aws4_request" }

    func steps(_ request: ClientRequest, _ credentials: Credentials, _ time: Instant, payload: String) -> Steps {
        let parts = request.url.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let headers = Self.canonicalHeaders(request)
        let names = headers.map(\.name).joined(separator: ";")
        let canonical = [
            request.method, canonicalPath(String(parts[0])), Self.canonicalQuery(parts.count == 2 ? parts[1] : ""),
            headers.map { "\($0.name):\($0.value)\n" }.joined(), names, payload,
        ].joined(separator: "\n")
        let text = [Self.algorithm, time.compact, scope(time), hexText(MessageDigest.sha256(canonical.utf8))].joined(separator: "\n")
        let key = [time.date, region, service, "aws4_request"].reduce(Array("AWS4\(credentials.secretAccessKey)".utf8)) { hmac($0, $1.utf8) }
        return Steps(canonicalRequest: canonical, stringToSign: text, signature: hexText(hmac(key, text.utf8)), signedHeaders: names)
    }

    private func canonicalPath(_ path: String) -> String {
        switch paths {
        case .asSent: path
        case .encodedAgain: URIEncoding.encode(path.utf8, keepsSlashes: true)
        case .normalized: URIEncoding.encode(Self.normalized(path).utf8, keepsSlashes: true)
        }
    }

    /// Dots resolved (RFC 3986, 5.2.4), double slashes as one; a slash at the end stays.
    private static func normalized(_ path: String) -> String {
        var kept: [Substring] = []
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for segment in segments {
            if segment == ".." { _ = kept.popLast() } else if segment != ".", segment != "" { kept.append(segment) }
        }
        return "/" + kept.joined(separator: "/") + (path.hasSuffix("/") && !kept.isEmpty ? "/" : "")
    }

    /// Sorted by name, then value, byte by byte; a name without a value gets an empty one.
    private static func canonicalQuery(_ query: Substring) -> String {
        let pairs = query.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return (Array(parts[0]), parts.count == 2 ? Array(parts[1]) : [])
        }
        let sorted = pairs.sorted { $0.0 == $1.0 ? $0.1.lexicographicallyPrecedes($1.1) : $0.0.lexicographicallyPrecedes($1.0) }
        return sorted.map { "\(String(decoding: $0.0, as: UTF8.self))=\(String(decoding: $0.1, as: UTF8.self))" }.joined(separator: "&")
    }

    /// Lower-case names in order, values without needless spaces, equal names joined.
    private static func canonicalHeaders(_ request: ClientRequest) -> [(name: String, value: String)] {
        var values: [String: [String]] = [:]
        for header in request.headers {
            let words = header.value.utf8.split { $0 == 32 || $0 == 9 || $0 == 10 || $0 == 13 }
            values[header.name.lowercased(), default: []].append(words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " "))
        }
        if values["host"] == nil { values["host"] = [request.url.authority] }
        return values.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }.map { ($0.key, $0.value.joined(separator: ",")) }
    }
}
