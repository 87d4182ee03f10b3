import HTTP

/// What MSK's IAM takes for a token of SASL's OAUTHBEARER: the presigned URL of `kafka-cluster:Connect`, as AWS's own signers make it.
public struct MSKToken: Sendable {
    /// The longest that a token may hold, s.
    public static let seconds = 900

    /// Base64 for URLs.
    public let text: String
    /// When it ends: with its URL, or with its credentials where they end before.
    public let expiry: Instant

    public init(region: String, _ credentials: Credentials, at time: Instant, seconds: Int = seconds, agent: String) {
        var request = ClientRequest(
            "GET", URLParts(isSecure: true, host: "kafka.\(region).amazonaws.com", target: "/?Action=kafka-cluster%3AConnect"))
        Signer(service: "kafka-cluster", region: region, paths: .normalized).presign(&request, credentials, at: time, seconds: seconds)
        let url = "https://\(request.url.host)\(request.url.target)&" + URIEncoding.query([("User-Agent", agent)])
        text = Base64.encodeForURL(Array(url.utf8))
        let end = Instant(seconds: time.seconds + Int64(seconds))
        expiry = credentials.expiry.map { min($0, end) } ?? end
    }
}
