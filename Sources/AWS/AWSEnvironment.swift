public import HTTP

/// What AWS's own tools read from the environment, taken out of it once.
public struct AWSEnvironment: Sendable, Equatable {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    public var region: String?
    /// `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`: where S3 is, instead of AWS's own.
    public var s3Endpoint: URLParts?
    /// `AWS_CA_BUNDLE`: certificates to be trusted instead of the system's.
    public var authorities: String?
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
    var credentials: Credentials?
    /// Names of credentials that are set without the other half.
    var halfCredentials: String?
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, `…_FULL_URI`; nil where neither is set.
    var container: String?
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`, and the file that wins over it.
    var containerToken: String?
    var containerTokenFile: String?
    /// `AWS_EC2_METADATA_DISABLED`.
    var isMetadataDisabled = false
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    var metadata: URLParts

    /// - Throws: for a value that is not one.
    public init(_ environment: [String: String]) throws(AWSError) {
        let environment = environment.filter { !$0.value.isEmpty }
        region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"]
        let isRegion = region?.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 } ?? true
        guard isRegion else {
            throw AWSError.badAnswer("AWS_REGION is not the name of a region")
        }
        s3Endpoint = try Self.url(environment, environment["AWS_ENDPOINT_URL_S3"] == nil ? "AWS_ENDPOINT_URL" : "AWS_ENDPOINT_URL_S3")
        authorities = environment["AWS_CA_BUNDLE"]
        switch (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) {
        case (let id?, let secret?):
            credentials = Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: environment["AWS_SESSION_TOKEN"])
        case (nil, nil): break
        case (nil, _): halfCredentials = "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID"
        case (_, nil): halfCredentials = "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"
        }
        container = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].map { "http://169.254.170.2\($0)" }
            ?? environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        containerToken = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        containerTokenFile = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]
        isMetadataDisabled = environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true"
        metadata = try Self.url(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? URLParts(isSecure: false, host: "169.254.169.254")
    }

    private static func url(_ environment: [String: String], _ name: String) throws(AWSError) -> URLParts? {
        guard let text = environment[name] else { return nil }
        guard let url = URLParts(text) else { throw AWSError.badAnswer("\(name) is not a URL of http or https") }
        return url
    }
}
