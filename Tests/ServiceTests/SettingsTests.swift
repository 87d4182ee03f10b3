import Foundation
import Kafka
import Scoring
import Testing
import Velocity

@testable import Service

@Suite struct SettingsTests {
    private static let facts = ProcessFacts(cgroupLimitBytes: nil, instanceName: "host-1")

    private static func read(_ environment: [String: String], cgroup: Int? = nil) throws -> Settings {
        try Settings(environment: environment, facts: ProcessFacts(cgroupLimitBytes: cgroup, instanceName: "host-1"))
    }

    private static func shown(_ environment: [String: String], _ name: String, cgroup: Int? = nil) throws -> String? {
        try #require(read(environment, cgroup: cgroup).entries.first { $0.name == name }).value
    }

    @Test func `has the contract's defaults`() throws {
        let settings = try Self.read([:])
        #expect(settings.policy.amlRisk == 0.7 && settings.policy.velocityHighRisk == 0.8 && settings.policy.suspiciousAmount == 10_000)
        #expect(settings.policy.fraudReview == nil && settings.policy.fraudDecline == nil)
        #expect(settings.policy.isAMLEnabled && settings.policy.isVelocityEnabled)
        #expect(settings.policy.amlRolloutPercent == 100 && settings.policy.velocityRolloutPercent == 100)
        #expect(settings.windowNames == ["1h", "24h", "7d"] && settings.velocity.windows == [3_600_000, 86_400_000, 604_800_000])
        #expect(settings.velocity == .init())
        #expect(settings.records == .init(baseCurrency: .usd, ratesFile: nil, maxClockSkewMillis: 300_000, maxRecordBytes: 65_536))
        #expect(settings.models.fraudVersion == "latest" && settings.models.uri == nil && settings.models.pollIntervalMillis == 10_000)
        #expect(settings.isAlone && settings.kafka.group == "weir" && settings.kafka.journal == "weir-journal")
        #expect(settings.kafka.transactions == "transactions" && settings.kafka.deadLetters == "transactions-dlq")
        #expect(settings.kafka.transactionTimeoutMillis == 10_000 && settings.kafka.properties.pairs.isEmpty)
        #expect(
            settings.stream
                == .init(commitIntervalMillis: 100, leaderTimeoutMillis: 3_000, startFrom: .beginning, restoreHorizonMillis: nil, instance: "host-1"))
        #expect(settings.state == .init(folder: nil, snapshotIntervalMillis: 300_000, memoryLimitBytes: 500 << 20))
        #expect(settings.http == .init(host: "::", port: 8080, apiKeys: [], drainDelayMillis: 3_000))
        #expect(settings.log == .init(level: .info, format: .json) && settings.metricsFormat == .prometheus)
        #expect(settings.warnings.isEmpty)
        #expect(settings.entries.allSatisfy { $0.origin == .default })
        #expect(Set(settings.entries.map(\.name)).count == settings.entries.count)
    }

    @Test func `takes what is set`() throws {
        let settings = try Self.read([
            "FRAUD_REVIEW_THRESHOLD": "0.4", "FRAUD_DECLINE_THRESHOLD": "0.95", "AML_ENABLED": "off", "AML_ROLLOUT_PERCENT": "12.5%",
            "VELOCITY_ANALYSIS_WINDOWS": "90s, 24h,30d", "ALLOWED_LATENESS": "30d", "BASE_CURRENCY": "KWD", "MAX_RECORD_BYTES": "1MiB", "PORT": "0",
            "HOST": "127.0.0.1", "API_KEYS": "one, two", "DRAIN_DELAY": "0", "START_FROM": "now", "RESTORE_HORIZON": "7d", "INSTANCE_ID": "a",
            "LOG_LEVEL": "WARNING", "LOG_FORMAT": "text", "METRICS_FORMAT": "emf", "COMMIT_INTERVAL": "20ms", "KAFKA_GROUP_ID": "g",
            "MODEL_URI": "s3://bucket/models", "FRAUD_MODEL_VERSION": "1.2.0", "STATE_DIR": "/var/lib/weir", "MEMORY_LIMIT_MB": "256",
        ])
        #expect(settings.policy.fraudReview == 0.4 && settings.policy.fraudDecline == 0.95)
        #expect(!settings.policy.isAMLEnabled && settings.policy.amlRolloutPercent == 12.5)
        #expect(settings.windowNames == ["90s", "24h", "30d"] && settings.velocity.windows == [90_000, 86_400_000, 2_592_000_000])
        #expect(settings.records.maxRecordBytes == 1 << 20 && settings.records.baseCurrency == Currency("KWD"))
        #expect(settings.http == .init(host: "127.0.0.1", port: 0, apiKeys: ["one", "two"], drainDelayMillis: 0))
        #expect(settings.stream.startFrom == .now && settings.stream.restoreHorizonMillis == 604_800_000 && settings.stream.instance == "a")
        #expect(settings.log == .init(level: .warning, format: .text) && settings.metricsFormat == .emf)
        #expect(settings.kafka.journal == "g-journal" && settings.models.uri == "s3://bucket/models")
        #expect(settings.state.folder == "/var/lib/weir" && settings.state.memoryLimitBytes == 256 << 20)
    }

    @Test func `stops at a bad value with one line that names the setting`() {
        let cases: [(name: String, values: [String], others: [String: String])] = [
            ("AML_RISK_THRESHOLD", ["-0.1", "1.1", "x", "nan", "1e-1", "0,5", "+0.5", ".5", "5."], [:]),
            ("VELOCITY_HIGH_RISK_THRESHOLD", ["2"], [:]),
            ("FRAUD_REVIEW_THRESHOLD", ["0.91"], ["FRAUD_DECLINE_THRESHOLD": "0.9"]),
            ("FRAUD_DECLINE_THRESHOLD", ["inf"], [:]),
            ("AML_SUSPICIOUS_AMOUNT_THRESHOLD", ["-1", "1e3", "100000000000"], [:]),
            ("AML_ENABLED", ["maybe", "2"], [:]),
            ("VELOCITY_ROLLOUT_PERCENT", ["101", "-1", "1.234", "%"], [:]),
            (
                "VELOCITY_ANALYSIS_WINDOWS",
                ["1h,1h", "24h,1h", "1d,24h", "91d", "500ms", "1h,", ",", "1", "0", "0s", "01h", "1s,2s,3s,4s,5s,6s,7s,8s,9s", "1.5h", "-1h", "1 h"],
                [:]
            ),
            ("ALLOWED_LATENESS", ["24", "1w", "h", "4000d", "99999999999999999999d"], [:]),
            ("BASE_CURRENCY", ["usd", "DOLLAR", "US", "ZZZ"], [:]),
            ("MAX_RECORD_BYTES", ["1", "17MiB", "64K", "x", "99999999999999999999"], [:]),
            ("MODEL_URI", ["http://x/y", "s3://", "file://x", "s3://Bucket/x", "s3://a@b/x"], [:]),
            ("MODEL_URI", ["s3://bucket/x"], ["AWS_REGION": "no region/"]),
            ("FRAUD_MODEL_VERSION", ["../1", "a/b", ".hidden"], [:]),
            ("KAFKA_BOOTSTRAP_SERVERS", [",", "a:1,", "foo:x", "foo:99999", "foo:0", ":9092", "[::1]:x"], [:]),
            ("KAFKA_GROUP_ID", ["a b", "é"], [:]),
            ("TRANSACTIONS_TOPIC", ["a b", "..", String(repeating: "a", count: 250)], [:]),
            ("DLQ_TOPIC", ["transactions"], [:]),
            ("COMMIT_INTERVAL", ["501ms", "0", "1h"], [:]),
            ("COMMIT_INTERVAL", ["101ms"], ["LEADER_TIMEOUT": "600ms"]),
            ("LEADER_TIMEOUT", ["100ms", "11m"], [:]),
            ("KAFKA_TRANSACTION_TIMEOUT", ["500ms", "16m"], [:]),
            ("START_FROM", ["end"], [:]),
            ("INSTANCE_ID", ["a\nb", String(repeating: "a", count: 129)], [:]),
            ("MEMORY_LIMIT_MB", ["63", "1GB", "-1"], [:]),
            ("PORT", ["65536", "-1", "http"], [:]),
            ("HOST", ["a b"], [:]),
            ("API_KEYS", [",", "kéy", "a b"], [:]),
            ("DRAIN_DELAY", ["6m", "3"], [:]),
            ("LOG_LEVEL", ["verbose"], [:]),
            ("LOG_FORMAT", ["xml"], [:]),
            ("METRICS_FORMAT", ["statsd"], [:]),
            ("KAFKA_SECURITY_PROTOCOL", ["tls"], [:]),
            ("KAFKA_CONF_NO_SUCH_THING", ["1"], [:]),
            ("KAFKA_CONF_FETCH_MAX_BYTES", ["many"], [:]),
            ("KAFKA_CONF_ENABLE_AUTO_COMMIT", ["true"], [:]),
        ]
        for (name, values, others) in cases {
            for value in values {
                do throws(SettingError) {
                    _ = try Settings(environment: others.merging([name: value]) { $1 }, facts: Self.facts)
                    Issue.record("\(name)=\(value) was taken")
                } catch {
                    #expect(error.name == name, "\(value): \(error)")
                    #expect(!error.description.contains("\n"))
                    #expect(value.utf8.count < 8 || !error.description.contains(value), "a value may be a secret: \(error)")
                }
            }
        }
    }

    @Test func `counts a name set to nothing as not set`() throws {
        let settings = try Self.read(["PORT": "", "KAFKA_BOOTSTRAP_SERVERS": "", "KAFKA_CONF_CLIENT_ID": ""])
        #expect(settings.http.port == 8080 && settings.isAlone)
        #expect(settings.entries.allSatisfy { $0.origin == .default })
    }

    @Test func `passes librdkafka's properties on, KAFKA_CONF last`() throws {
        let settings = try Self.read([
            "KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": "p4ssw0rd!", "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM": "https",
            "KAFKA_CONF_CLIENT_ID": "x", "KAFKA_CONF_SECURITY_PROTOCOL": "sasl_plaintext", "KAFKA_CONF_SSL_KEY_PASSWORD": "s3cr3t!",
        ])
        let properties = settings.kafka.properties
        #expect(properties["bootstrap.servers"] == "a:1,b:2" && properties["security.protocol"] == "sasl_plaintext")
        #expect(properties["sasl.mechanism"] == "SCRAM-SHA-512" && properties["sasl.password"] == "p4ssw0rd!")
        #expect(properties["ssl.endpoint.identification.algorithm"] == "https" && properties["client.id"] == "x")
        #expect(settings.warnings.isEmpty && !settings.isAlone)
        #expect(settings.entries.contains { $0.name == "KAFKA_CONF_CLIENT_ID" && $0.value == "x" && $0.origin == .environment })
    }

    @Test func `shows no secret`() throws {
        let secret = "h1dd3n-t3xt"
        let names = ["API_KEYS", "KAFKA_SASL_PASSWORD", "KAFKA_SSL_KEY_PASSWORD", "KAFKA_CONF_SASL_PASSWORD", "KAFKA_CONF_SASL_OAUTHBEARER_CONFIG"]
        let settings = try Self.read(Dictionary(uniqueKeysWithValues: names.map { ($0, secret) }))
        #expect(!settings.table.contains(secret) && !settings.json.contains(secret))
        for name in names { #expect(settings.entries.contains { $0.name == name && $0.value == "***" }, "\(name)") }
        #expect(try Self.shown([:], "API_KEYS") == nil)
    }

    @Test func `warns of unknown names with the nearest known one`() throws {
        let settings = try Self.read([
            "AML_RISK_TRESHOLD": "0.1", "VELOCITY_WINDOWS": "1h", "KAFKA_BOOTSTRAP_SERVER": "a", "MODEL_URL": "x", "WEIR_PORT": "1",
            "KAFKA_HOME": "/k",
            "HOME": "/", "PATH": "/bin",
        ])
        #expect(
            settings.warnings == [
                "AML_RISK_TRESHOLD: no such setting; the nearest is AML_RISK_THRESHOLD",
                "KAFKA_BOOTSTRAP_SERVER: no such setting; the nearest is KAFKA_BOOTSTRAP_SERVERS",
                "MODEL_URL: no such setting; the nearest is MODEL_URI",
                "VELOCITY_WINDOWS: no such setting; the nearest is VELOCITY_ANALYSIS_WINDOWS",
                "WEIR_PORT: no such setting; the nearest is PORT",
            ])
    }

    @Test func `raises what pairs are remembered to the windows`() throws {
        #expect(try Self.read(["PAIR_RETENTION": "1d"]).velocity.pairRetention == 8 * 86_400_000)
        #expect(try Self.read(["PAIR_RETENTION": "1d"]).warnings.count == 1)
        #expect(try Self.shown(["PAIR_RETENTION": "1d"], "PAIR_RETENTION") == "8d")
        let wide = ["VELOCITY_ANALYSIS_WINDOWS": "90d", "ALLOWED_LATENESS": "10d"]
        #expect(try Self.shown(wide, "PAIR_RETENTION") == "100d")
        #expect(try Self.read(wide).warnings.isEmpty)
    }

    @Test func `takes its memory from the control group where nothing else is said`() throws {
        #expect(try Self.shown([:], "MEMORY_LIMIT_MB") == "500")
        #expect(try Self.shown([:], "MEMORY_LIMIT_MB", cgroup: 300 << 20) == "300")
        #expect(try Self.read(["MEMORY_LIMIT_MB": "400"], cgroup: 300 << 20).warnings.count == 1)
    }

    @Test func `says what a verdict hangs on, as it holds`() throws {
        let settings = try Self.read(["PAIR_RETENTION": "1d", "PORT": "1"])
        let reaching = settings.verdictSettings
        #expect(reaching["PAIR_RETENTION"] == "8d" && reaching["AML_RISK_THRESHOLD"] == "0.7" && reaching["FRAUD_REVIEW_THRESHOLD"] == "")
        #expect(reaching["PORT"] == nil && reaching["API_KEYS"] == nil)
        #expect(settings.form == "windows=1h,1d,7d lateness=1d accounts=400d pairs=8d feedback=7d currency=USD")
        #expect(try Self.read(["VELOCITY_ANALYSIS_WINDOWS": "60m,1d,168h"]).form == Self.read([:]).form)
        #expect(try Self.read(["FEEDBACK_ENABLED": "no"]).form.contains("feedback=off"))
    }

    @Test func `makes an engine's configuration, rates included`() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("weir-rates-\(UUID()).csv")
        defer { try? FileManager.default.removeItem(at: file) }
        let environment = [
            "FX_RATES_FILE": file.path, "BASE_CURRENCY": "EUR", "VELOCITY_ANALYSIS_WINDOWS": "60m,24h", "MAX_RECORD_BYTES": "2KiB",
            "MAX_CLOCK_SKEW": "1m",
            "TRANSACTIONS_TOPIC": "payments", "AML_ENABLED": "false",
        ]
        let settings = try Self.read(environment)
        #expect(throws: SettingError("FX_RATES_FILE", "cannot be read: No such file or directory")) { try settings.engineConfiguration() }
        try Data("currency,rate\nUSD,0\n".utf8).write(to: file)
        #expect(throws: SettingError.self) { try settings.engineConfiguration() }
        try Data("currency,rate\nUSD,0.9\n".utf8).write(to: file)
        let configuration = try settings.engineConfiguration()
        #expect(configuration.windows.map(\.name) == ["60m", "24h"] && configuration.topic == "payments" && !configuration.policy.isAMLEnabled)
        #expect(configuration.rules.maxRecordBytes == 2048 && configuration.rules.maxClockSkew == 60_000)
        #expect(configuration.rules.rates.canonicalCSV.contains("USD,0.9") && configuration.rules.rates.currencies == ["USD"])
    }
}
