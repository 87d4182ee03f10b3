import Glibc
public import HTTP

/// Where credentials come from, in this order: the environment; the container's endpoint (ECS, EKS Pod Identity); the instance's metadata (IMDSv2 alone). The first that is set up is asked, as
/// AWS's own tools do. Temporary ones are got anew before they end.
///
/// One thread at a time.
public final class CredentialChain {
    /// So long before their end credentials are got anew.
    static let earlySeconds: Int64 = 300
    private let environment: AWSEnvironment
    private let client: HTTPClient
    private let now: () -> Instant
    private var held: Credentials?
    /// Not before: who could not give new ones is not asked at each request.
    private var nextAttempt = Instant(seconds: 0)

    /// - Parameter now: true time, as far as it is known.
    public init(_ environment: AWSEnvironment, client: HTTPClient, now: @escaping () -> Instant = Instant.wall) {
        self.environment = environment
        self.client = client
        self.now = now
    }

    /// Credentials that hold now. Where new ones cannot be had, those that still hold are given.
    public func credentials() throws(AWSError) -> Credentials {
        if let credentials = environment.credentials { return credentials }
        if let why = environment.halfCredentials { throw .noCredentials(why) }
        let time = now()
        if let held, !ends(held, before: time.seconds + Self.earlySeconds) || (time < nextAttempt && !ends(held, before: time.seconds)) { return held }
        do throws(AWSError) {
            let fresh = try fetch()
            held = fresh
            return fresh
        } catch {
            nextAttempt = Instant(seconds: time.seconds + 10)
            if let held, !ends(held, before: time.seconds) { return held }
            throw error
        }
    }

    /// Forgets what is held: the service has refused it.
    public func invalidate() {
        held = nil
        nextAttempt = Instant(seconds: 0)
    }

    private func ends(_ credentials: Credentials, before seconds: Int64) -> Bool { credentials.expiry.map { $0.seconds <= seconds } ?? false }

    private func fetch() throws(AWSError) -> Credentials {
        if let container = environment.container { return try fromContainer(container) }
        if environment.isMetadataDisabled {
            throw .noCredentials("neither AWS_ACCESS_KEY_ID nor a container's endpoint is set, and AWS_EC2_METADATA_DISABLED is")
        }
        return try fromInstance()
    }

    // MARK: - Container

    private func fromContainer(_ text: String) throws(AWSError) -> Credentials {
        guard let url = URLParts(text) else { throw .noCredentials("the container's endpoint is not a URL of http or https") }
        // Who could set this variable could else send the token anywhere in plain text.
        let isNear = (url.host.hasPrefix("127.") && url.host.utf8.allSatisfy { $0 < 58 }) || ["localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(url.host)
        guard url.isSecure || isNear else { throw .noCredentials("the container's endpoint must be near, or of https") }
        var headers: [Header] = []
        if let token = try containerToken() { headers.append(Header("Authorization", token)) }
        let answer = try ask(ClientRequest("GET", url, headers: headers), "the container's endpoint", connectMillis: 1_000, totalMillis: 5_000)
        return try read(answer, "the container's endpoint")
    }

    /// The file is read each time: its content changes.
    private func containerToken() throws(AWSError) -> String? {
        guard let path = environment.containerTokenFile else { return environment.containerToken }
        guard let bytes = Self.read(path) else { throw .noCredentials("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read") }
        return String(decoding: bytes.filter { $0 != 10 && $0 != 13 }, as: UTF8.self)
    }

    private static func read(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = Glibc.read(file, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes[..<count])
    }

    // MARK: - Instance

    /// IMDSv2: a session's token first. It is not for the network beyond one hop, so that containers in bridge mode get no answer: hence the short times.
    private func fromInstance() throws(AWSError) -> Credentials {
        let place = "the instance's metadata"
        func url(_ path: String) -> URLParts {
            var url = environment.metadata
            url.target = path
            return url
        }
        let session = try ask(
            ClientRequest("PUT", url("/latest/api/token"), headers: [Header("X-aws-ec2-metadata-token-ttl-seconds", "21600")]), place, connectMillis: 1_000,
            totalMillis: 2_000)
        guard session.status == 200, !session.body.isEmpty else { throw .noCredentials("\(place) gave no session: status \(session.status)") }
        let headers = [Header("X-aws-ec2-metadata-token", session.text)]
        let roles = "/latest/meta-data/iam/security-credentials/"
        let role = try ask(ClientRequest("GET", url(roles), headers: headers), place, connectMillis: 1_000, totalMillis: 5_000)
        let name = role.text.split(separator: "\n").first.map(String.init) ?? ""
        guard role.status == 200, !name.isEmpty else { throw .noCredentials("the instance has no role: status \(role.status)") }
        let answer = try ask(
            ClientRequest("GET", url(roles + URIEncoding.encode(name.utf8)), headers: headers), place, connectMillis: 1_000, totalMillis: 5_000)
        return try read(answer, place)
    }

    // MARK: - Both

    /// Asks up to three times.
    private func ask(_ request: ClientRequest, _ place: String, connectMillis: Int, totalMillis: Int) throws(AWSError) -> Answer {
        var limits = ClientLimits()
        limits.connectMillis = connectMillis
        limits.totalMillis = totalMillis
        limits.maxBodyBytes = 64 << 10
        var why = ""
        for _ in 0..<3 {
            do throws(TransportError) {
                let answer = try client.send(request, limits: limits)
                if answer.status < 500, answer.status != 429 { return answer }
                why = "status \(answer.status)"
            } catch {
                why = error.description
                guard error.isPassing else { break }
            }
        }
        throw .noCredentials("neither AWS_ACCESS_KEY_ID is set nor does \(place) answer: \(why)")
    }

    private func read(_ answer: Answer, _ place: String) throws(AWSError) -> Credentials {
        guard answer.status == 200 else { throw .noCredentials("\(place) refused: status \(answer.status)") }
        guard let texts = FlatJSON.texts(answer.body), texts["Code"].map({ $0 == "Success" }) ?? true, let id = texts["AccessKeyId"],
            let secret = texts["SecretAccessKey"], !id.isEmpty, !secret.isEmpty
        else { throw .noCredentials("\(place) gave something else") }
        var expiry: Instant?
        if let text = texts["Expiration"] {
            guard let time = Instant(iso: text) else { throw .noCredentials("\(place) gave an end that is no time") }
            expiry = time
        }
        return Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: texts["Token"], expiry: expiry)
    }
}

extension Instant {
    /// By this machine's clock.
    public static func wall() -> Instant { Instant(seconds: Int64(time(nil))) }
}
