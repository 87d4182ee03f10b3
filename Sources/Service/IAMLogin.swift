import AWS
import HTTP
import Kafka

/// Amazon MSK's IAM: SASL's OAUTHBEARER with tokens that are made here, from AWS's credentials.
///
/// Wanted by `KAFKA_SASL_MECHANISM=AWS_MSK_IAM`, and by `OAUTHBEARER` where nothing says where else its tokens should come from.
enum IAMLogin {
    static func isWanted(_ properties: Properties) -> Bool {
        switch mechanism(properties)?.uppercased() {
        case "AWS_MSK_IAM": true
        case "OAUTHBEARER":
            ["sasl.oauthbearer.config", "sasl.oauthbearer.method", "enable.sasl.oauthbearer.unsecure.jwt"].allSatisfy { properties[$0] == nil }
        default: false
        }
    }

    /// librdkafka has two names for it; the later one wins there.
    private static func mechanism(_ properties: Properties) -> String? {
        properties.pairs.last { $0.name == "sasl.mechanism" || $0.name == "sasl.mechanisms" }?.value
    }

    static func set(_ properties: inout Properties, _ environment: [String: String]) throws(SettingError) {
        properties["sasl.mechanisms"] = nil
        properties["sasl.mechanism"] = "OAUTHBEARER"
        if properties["security.protocol"] == nil { properties["security.protocol"] = "sasl_ssl" }
        let aws: AWSEnvironment
        do throws(AWSError) {
            aws = try AWSEnvironment(environment)
        } catch {
            throw SettingError("KAFKA_SASL_MECHANISM", "asks for AWS's credentials, but \(error)")
        }
        guard let region = aws.region ?? region(of: properties["bootstrap.servers"] ?? "") else {
            throw SettingError("KAFKA_SASL_MECHANISM", "asks for a region: set AWS_REGION")
        }
        let tokens = IAMTokens(aws, region: region)
        properties.tokens = { tokens.token() }
    }

    /// `us-east-1` of `b-1.name.x1y2z3.c4.kafka.us-east-1.amazonaws.com:9098`, serverless clusters' names too.
    static func region(of servers: String) -> String? {
        let labels = servers.split(separator: ",").first?.split(separator: ":").first?.split(separator: ".") ?? []
        guard let at = labels.firstIndex(where: { $0 == "kafka" || $0 == "kafka-serverless" }), labels.count > at + 2, labels[at + 2] == "amazonaws" else { return nil }
        return String(labels[at + 1])
    }
}

/// Makes tokens for all clients of the process. Any thread.
///
/// `@unchecked Sendable`: what changes is only touched inside `lock.locked`.
final class IAMTokens: @unchecked Sendable {
    private let lock = Lock()
    private let environment: AWSEnvironment
    private let region: String
    private let seconds: Int
    private var chain: CredentialChain?

    /// - Parameter seconds: how long a token holds.
    init(_ environment: AWSEnvironment, region: String, seconds: Int = MSKToken.seconds) {
        self.environment = environment
        self.region = region
        self.seconds = seconds
    }

    func token() -> Result<OAuthToken, TokenError> {
        lock.locked {
            do {
                let chain = try chain ?? CredentialChain(environment, client: HTTPClient(authorities: environment.authorities))
                self.chain = chain
                let credentials = try chain.credentials()
                let token = MSKToken(region: region, credentials, at: Instant.wall(), seconds: seconds, agent: "weir/\(Build.version)")
                return .success(OAuthToken(text: token.text, principal: credentials.accessKeyID, endMillis: token.expiry.seconds * 1000))
            } catch {
                return .failure(TokenError("\(error)"))
            }
        }
    }
}
