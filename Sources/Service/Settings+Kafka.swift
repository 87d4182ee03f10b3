import HTTP
import Kafka

extension KafkaSettings {
    init(_ reader: inout SettingsReader) throws(SettingError) {
        bootstrapServers = try reader.plain("KAFKA_BOOTSTRAP_SERVERS", maxBytes: 4096)
        if let bootstrapServers, !bootstrapServers.split(separator: ",", omittingEmptySubsequences: false).allSatisfy(Self.isBroker) {
            throw SettingError("KAFKA_BOOTSTRAP_SERVERS", "must be host:port, several with commas between them")
        }
        group = try reader.plain("KAFKA_GROUP_ID", maxBytes: 240)!
        transactions = try reader.topic("TRANSACTIONS_TOPIC")
        feedback = try reader.topic("FEEDBACK_TOPIC")
        fraudVerdicts = try reader.topic("FRAUD_VERDICTS_TOPIC")
        amlVerdicts = try reader.topic("AML_VERDICTS_TOPIC")
        deadLetters = try reader.topic("DLQ_TOPIC")
        if reader.isSet("JOURNAL_TOPIC") {
            journal = try reader.topic("JOURNAL_TOPIC")
        } else {
            do throws(SettingError) {
                journal = try reader.topic("JOURNAL_TOPIC", "\(group)-journal")
            } catch {
                throw SettingError("KAFKA_GROUP_ID", "names the journal's topic, so it must be of a-z A-Z 0-9 . _ -, or set JOURNAL_TOPIC")
            }
            reader.derive("JOURNAL_TOPIC", journal)
        }
        let topics = [
            ("TRANSACTIONS_TOPIC", transactions), ("FEEDBACK_TOPIC", feedback), ("FRAUD_VERDICTS_TOPIC", fraudVerdicts),
            ("AML_VERDICTS_TOPIC", amlVerdicts), ("DLQ_TOPIC", deadLetters), ("JOURNAL_TOPIC", journal),
        ]
        for (at, topic) in topics.enumerated() {
            if let other = topics[..<at].first(where: { $0.1 == topic.1 }) {
                throw SettingError(topic.0, "names the same topic as \(other.0)")
            }
        }
        transactionTimeoutMillis = try reader.duration("KAFKA_TRANSACTION_TIMEOUT", in: 1_000...900_000)
        properties = try Self.properties(reader, bootstrapServers)
    }

    /// A host, as a name, an address or one in brackets, and mostly a port from 1 to 65535; librdkafka lets a protocol stand before it.
    private static func isBroker(_ text: Substring) -> Bool {
        let text = trimmed(text)
        let authority = text.firstRange(of: "://").map { text[$0.upperBound...] } ?? text[...]
        return !authority.contains { $0 == "/" || $0 == "?" } && URLParts("http://\(authority)") != nil
    }

    /// In the order in which a later one wins: `KAFKA_SECURITY_PROTOCOL`, `KAFKA_SASL_…` and `KAFKA_SSL_…`, then `KAFKA_CONF_…`.
    private static func properties(_ reader: SettingsReader, _ servers: String?) throws(SettingError) -> Properties {
        var properties = Properties()
        properties["bootstrap.servers"] = servers
        for (name, property) in names(reader.environment).sorted(by: { $0.isPassedOn == false && $1.isPassedOn }).map({ ($0.name, $0.property) }) {
            let value = reader.environment[name]!
            if let problem = Properties.problem(property, value) { throw SettingError(name, problem) }
            properties[property] = value
        }
        if IAMLogin.isWanted(properties) { try IAMLogin.set(&properties, reader.environment) }
        return properties
    }

    /// The settings that are librdkafka's under another name, sorted by name.
    private static func names(_ environment: [String: String]) -> [(name: String, property: String, isPassedOn: Bool)] {
        environment.keys.sorted().compactMap { name in
            if name.hasPrefix("KAFKA_CONF_"), name.utf8.count > 11 { return (name, property(name.dropFirst(11)), true) }
            if name == "KAFKA_SECURITY_PROTOCOL" || (name.hasPrefix("KAFKA_SASL_") && name.utf8.count > 11)
                || (name.hasPrefix("KAFKA_SSL_") && name.utf8.count > 10)
            {
                return (name, property(name.dropFirst(6)), false)
            }
            return nil
        }.filter { !environment[$0.name]!.isEmpty }
    }

    /// Those that the table does not list, with the property that each sets.
    static func passedOn(_ environment: [String: String]) -> [(name: String, property: String)] {
        names(environment).filter { SettingsTable.definition($0.name) == nil }.map { ($0.name, $0.property) }
    }

    /// `SSL_CA_LOCATION` is `ssl.ca.location`: librdkafka's names have dots where these have underscores, and no underscores of their own.
    private static func property(_ name: Substring) -> String {
        String(decoding: name.utf8.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: ".") : (65...90).contains($0) ? $0 | 32 : $0 }, as: UTF8.self)
    }

    /// Whether a property's value must not be shown.
    static func isSecret(_ property: String) -> Bool {
        ["password", "secret", "token", "key.pem", "oauthbearer.config"].contains { property.contains($0) }

    }
}
