public import HTTP

/// An object as a listing tells it.
public struct S3Object: Sendable, Equatable {
    public var key: String
    public var size: Int
    /// With its quotes, as it is sent back.
    public var etag: String

    public init(key: String, size: Int, etag: String) {
        self.key = key
        self.size = size
        self.etag = etag
    }
}

/// Reads a bucket. Requests are signed anew at each attempt; what may pass is tried again (`perform`).
///
/// One thread at a time.
public final class S3 {
    /// Attempts at one request.
    static let attempts = 6
    /// More objects than these under one prefix are refused.
    public static let maxObjects = 10_000

    public let bucket: String
    public private(set) var region: String
    private let endpoint: URLParts?
    private let chain: CredentialChain
    private let client: HTTPClient
    private let time: ServiceTime
    private let pause: (Int) -> Void
    private let isCancelled: () -> Bool

    /// - Parameters:
    ///   - environment: region, endpoint, credentials.
    ///   - time: shared with whoever else asks AWS.
    ///   - pause: waits so many milliseconds between two attempts.
    ///   - isCancelled: asked at least once a second: whether to give up.
    public init(
        bucket: String, _ environment: AWSEnvironment, client: HTTPClient, time: ServiceTime = ServiceTime(), pause: @escaping (Int) -> Void = ServiceTime.sleep,
        isCancelled: @escaping () -> Bool = { false }
    ) {
        self.bucket = bucket
        self.client = client
        self.time = time
        self.pause = pause
        self.isCancelled = isCancelled
        region = environment.region ?? "us-east-1"
        endpoint = environment.s3Endpoint
        chain = CredentialChain(environment, client: client, now: { time.now })
    }

    /// All objects whose keys begin with `prefix`, in the order of keys.
    public func list(prefix: String) throws(AWSError) -> [S3Object] {
        var objects: [S3Object] = []
        var token: String?
        repeat {
            var query: [(name: String, value: String)] = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
            if let token { query.append(("continuation-token", token)) }
            let answer = try perform(key: "", query: query, headers: [], what: "the list of \(bucket)", into: nil)
            token = try Self.read(answer.body, into: &objects)
            guard objects.count <= Self.maxObjects else { throw .badAnswer("more than \(Self.maxObjects) objects in \(bucket) under the prefix") }
        } while token != nil
        return objects
    }

    /// - Returns: what continues the list; nil at its end.
    static func read(_ body: [UInt8], into objects: inout [S3Object]) throws(AWSError) -> String? {
        let bad = AWSError.badAnswer("S3's list of objects cannot be read")
        guard let root = XMLElement.parse(body), root.name == "ListBucketResult" else { throw bad }
        let isEncoded = root.child("EncodingType")?.text == "url"
        for item in root.all("Contents") {
            guard var key = item.child("Key")?.text, let size = (item.child("Size")?.text).flatMap({ Int($0) }), size >= 0 else { throw bad }
            if isEncoded {
                // As forms are encoded: a plus is a space.
                guard let decoded = URIEncoding.decode(key.split(separator: "+", omittingEmptySubsequences: false).joined(separator: "%20")) else { throw bad }
                key = decoded
            }
            objects.append(S3Object(key: key, size: size, etag: item.child("ETag")?.text ?? ""))
        }
        guard root.child("IsTruncated")?.text == "true" else { return nil }
        guard let token = root.child("NextContinuationToken")?.text, !token.isEmpty else { throw bad }
        return token
    }

    /// Reads an object from its beginning to its end, whose length and checksum are then looked at.
    ///
    /// - Parameters:
    ///   - object: as it was listed; if it is another by now, nothing is read (`isChanged`).
    ///   - restart: an attempt begins; what was taken before counts no more.
    ///   - take: a piece; false: no more is wanted.
    /// - Throws: `corrupt` where what came is not what was kept. That is tried again first.
    public func get(_ object: S3Object, restart: @escaping () -> Void, take: @escaping (UnsafeRawBufferPointer) -> Bool) throws(AWSError) {
        var headers = [Header("X-Amz-Checksum-Mode", "ENABLED")]
        if !object.etag.isEmpty { headers.append(Header("If-Match", object.etag)) }
        for attempt in 1...3 {
            let check = Check(wanted: object.size, take)
            _ = try perform(
                key: object.key, query: [], headers: headers, what: "an object of \(bucket)",
                into: (
                    {
                        restart()
                        check.restart()
                    }, { check.take($0, $1) }
                ))
            guard let problem = check.problem() else { return }
            if attempt == 3 { throw .corrupt("an object of \(bucket) is not whole: \(problem)") }
            pause(100 * attempt)
        }
    }

    /// Counts and sums up what comes.
    private final class Check {
        private let wanted: Int
        private let sink: (UnsafeRawBufferPointer) -> Bool
        private var count = 0
        private var checksum: Checksum?
        private var hasBegun = false

        init(wanted: Int, _ sink: @escaping (UnsafeRawBufferPointer) -> Bool) {
            self.wanted = wanted
            self.sink = sink
        }

        func restart() {
            count = 0
            checksum = nil
            hasBegun = false
        }

        func take(_ answer: Answer, _ bytes: UnsafeRawBufferPointer) -> Bool {
            if !hasBegun { checksum = Checksum(answer) }
            hasBegun = true
            count += bytes.count
            checksum?.update(bytes)
            return count <= wanted && sink(bytes)
        }

        func problem() -> String? {
            if count != wanted { return "\(count) bytes of \(wanted)" }
            return checksum?.problem()
        }
    }

    // MARK: - One request

    /// Sends a request until there is an answer that stays:
    ///
    /// * no connection, a broken one, 5xx, 429, `SlowDown`, `RequestTimeout`: again, after a pause that doubles, with chance in it, or as `Retry-After` says;
    /// * `RequestTimeTooSkewed`: again by the service's time;
    /// * credentials that have ended: again with new ones;
    /// * another region: again there.
    private func perform(
        key: String, query: [(name: String, value: String)], headers: [Header], what: String,
        into sink: (restart: () -> Void, take: (Answer, UnsafeRawBufferPointer) -> Bool)?
    ) throws(AWSError) -> Answer {
        var last = AWSError.timeout("\(what) could not be had")
        var renewals = 0
        for attempt in 0..<Self.attempts {
            if isCancelled() { throw last }
            let credentials = try chain.credentials()
            var request = request(key: key, query: query, headers: headers)
            Signer(service: "s3", region: region, paths: .asSent).sign(&request, credentials, at: time.now, namesPayload: true)
            sink?.restart()
            let answer: Answer
            do throws(TransportError) {
                var limits = ClientLimits()
                limits.totalMillis = 120_000
                limits.maxBodyBytes = sink == nil ? 16 << 20 : .max
                answer = try client.send(request, limits: limits, isCancelled: isCancelled, into: sink?.take)
            } catch {
                last = .transport(error)
                guard error.isPassing else { throw last }
                wait(attempt, nil)
                continue
            }
            if 200...299 ~= answer.status { return answer }
            let refusal = Refusal(answer)
            last = refusal.error
            if refusal.isSkew, time.adopt(answer) { continue }
            if refusal.isOfCredentials, renewals < 2 {
                renewals += 1
                chain.invalidate()
                continue
            }
            if let other = refusal.region, other != region {
                region = other
                continue
            }
            guard refusal.isPassing else { throw last }
            wait(attempt, answer.header("Retry-After").flatMap { Int($0) })
        }
        throw last
    }

    private func wait(_ attempt: Int, _ seconds: Int?) {
        guard attempt + 1 < Self.attempts else { return }
        if let seconds { return pause(min(max(seconds, 0), 20) * 1000) }
        pause(Int.random(in: 25...(100 << attempt)))
    }

    func request(key: String, query: [(name: String, value: String)], headers: [Header]) -> ClientRequest {
        // Of the bucket itself, where it is in the path: without a slash, as AWS's own tools ask.
        let path = key.isEmpty ? "" : "/" + URIEncoding.encode(key.utf8, keepsSlashes: true)
        let suffix = query.isEmpty ? "" : "?" + URIEncoding.query(query)
        if var url = endpoint {
            let base = url.target.split(separator: "?")[0]
            url.target = (base.hasSuffix("/") ? String(base.dropLast()) : String(base)) + "/\(bucket)\(path)\(suffix)"
            return ClientRequest("GET", url, headers: headers)
        }
        let domain = "s3.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
        // A name with dots fits no certificate of `*.s3…`.
        let isHost = !bucket.contains(".")
        return ClientRequest(
            "GET", URLParts(isSecure: true, host: isHost ? "\(bucket).\(domain)" : domain, target: (isHost ? (path.isEmpty ? "/" : path) : "/\(bucket)\(path)") + suffix), headers: headers)
    }

    /// Whether S3 takes it for a bucket's name; only such may become a part of a host's.
    public static func isBucketName(_ name: String) -> Bool {
        (3...63).contains(name.utf8.count)
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 46 }
            && name.first != "-" && name.first != "." && name.last != "-" && name.last != "." && !name.contains("..")
    }
}

/// What S3 says when it says no.
struct Refusal {
    private let status: Int
    private let code: String
    let region: String?
    let error: AWSError

    init(_ answer: Answer) {
        status = answer.status
        let root = XMLElement.parse(answer.body)
        code = root?.child("Code")?.text ?? "status"
        region = (answer.header("x-amz-bucket-region") ?? root?.child("Region")?.text).flatMap { $0.isEmpty ? nil : $0 }
        // Only the text that is for people: others hold keys and signatures.
        error = .refused(status: status, code: String(code.prefix(100)), message: String((root?.child("Message")?.text ?? "").prefix(300)))
    }

    var isPassing: Bool { status >= 500 || status == 429 || ["SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"].contains(code) }
    var isSkew: Bool { ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"].contains(code) }
    var isOfCredentials: Bool { ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId"].contains(code) }
}
