/// What a request is signed with. Never shown: printing it tells nothing of it.
public struct Credentials: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    public var accessKeyID: String
    public var secretAccessKey: String
    /// Of temporary credentials.
    public var sessionToken: String?
    /// When they end; nil: they do not.
    public var expiry: Instant?

    public init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiry: Instant? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiry = expiry
    }

    public var description: String { "credentials" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
