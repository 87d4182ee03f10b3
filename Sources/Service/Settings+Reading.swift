import AWS
import Kafka
import Scoring
import Velocity

extension Settings {
    /// - Parameters:
    ///   - environment: see `ProcessFacts.environment`.
    ///   - facts: what is found out about machine and process, for defaults.
    /// - Throws: for the first setting that cannot be used.
    public init(environment: [String: String], facts: ProcessFacts = ProcessFacts()) throws(SettingError) {
        var reader = SettingsReader(environment)
        var warnings: [String] = []
        policy = try Self.policy(reader)
        (velocity, windowNames) = try Self.velocity(&reader, &warnings)
        records = try RecordSettings(reader)
        models = try ModelSettings(reader)
        kafka = try KafkaSettings(&reader)
        stream = try StreamSettings(&reader, facts)
        state = try StateSettings(&reader, facts, &warnings)
        http = try HTTPSettings(reader)
        log = LogSettings(level: try reader.choice("LOG_LEVEL"), format: try reader.choice("LOG_FORMAT"))
        metricsFormat = try reader.choice("METRICS_FORMAT")
        warnings += Self.unknownNames(environment)
        entries = Self.entries(reader, kafka)
        self.warnings = warnings
    }

    private static func velocity(
        _ reader: inout SettingsReader, _ warnings: inout [String]
    ) throws(SettingError) -> (VelocityConfiguration, [String]) {
        let (names, windows) = try windows(reader)
        let lateness = try reader.duration("ALLOWED_LATENESS", in: 0...longest)
        let pairs = try reader.duration("PAIR_RETENTION", in: 0...longest)
        let velocity = VelocityConfiguration(
            windows: windows, allowedLateness: lateness,
            accountRetention: try reader.duration("ACCOUNT_RETENTION", in: 0...longest), pairRetention: pairs,
            feedbackDelay: try reader.duration("FEEDBACK_DELAY", in: 0...longest), feedbackEnabled: try reader.flag("FEEDBACK_ENABLED"))
        if velocity.pairRetention > pairs {
            let raised = Durations.text(velocity.pairRetention)
            reader.derive("PAIR_RETENTION", raised)
            if reader.isSet("PAIR_RETENTION") {
                warnings.append("PAIR_RETENTION: raised to \(raised), the longest window and ALLOWED_LATENESS together")
            }
        }
        return (velocity, names)
    }

    /// The windows, as they are spelled and in milliseconds.
    static func windows(_ reader: SettingsReader) throws(SettingError) -> ([String], [Int64]) {
        let name = "VELOCITY_ANALYSIS_WINDOWS"
        let names = reader.text(name).split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
        guard names.count <= 8 else { throw SettingError(name, "must be 1 to 8 durations, separated by commas") }
        var windows: [Int64] = []
        for text in names {
            // Ends in a second or more: `ms` would name features of no use.
            guard let millis = Durations.millis(text), text.last.map({ "smhd".contains($0) }) == true, !text.hasSuffix("ms"), text.first != "0" else {
                throw SettingError(name, "must be 1 to 8 durations, each a whole number and one of s m h d")
            }
            guard (1_000...90 * day).contains(millis) else { throw SettingError(name, "each window must be from 1s to 90d") }
            guard windows.last.map({ $0 < millis }) ?? true else { throw SettingError(name, "windows must ascend") }
            windows.append(millis)
        }
        return (names, windows)
    }

    /// What `weir config` shows.
    private static func entries(_ reader: SettingsReader, _ kafka: KafkaSettings) -> [SettingEntry] {
        var entries = SettingsTable.all.map { definition in
            let value = reader.effective[definition.name] ?? reader.optionalText(definition.name)
            return SettingEntry(
                name: definition.name, value: definition.isSecret && value != nil ? redacted : value, defaultValue: definition.shownDefault,
                origin: reader.isSet(definition.name) ? .environment : .default)
        }
        for (name, property) in KafkaSettings.passedOn(reader.environment) {
            entries.append(
                SettingEntry(
                    name: name, value: KafkaSettings.isSecret(property) ? redacted : reader.environment[name], defaultValue: "librdkafka's",
                    origin: .environment))
        }
        return entries
    }

    private static func unknownNames(_ environment: [String: String]) -> [String] {
        let known = SettingsTable.all.map(\.name)
        let others = Set(known + SettingsTable.otherNames + KafkaSettings.passedOn(environment).map(\.name))
        return environment.keys.sorted().filter { name in
            SettingsTable.prefixes.contains { name.hasPrefix($0) } && !others.contains(name)
        }.map { name in "\(name): no such setting; the nearest is \(NearestName.closest(to: name, among: known)!)" }
    }

    /// What is shown instead of a secret.
    static let redacted = "***"
}

private let day: Int64 = 86_400_000
/// Ten years: what no duration of event time may exceed.
private let longest: Int64 = 3_650 * day

func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
}

extension Settings {
    private static func policy(_ reader: SettingsReader) throws(SettingError) -> Policy {
        var policy = Policy()
        policy.fraudReview = try reader.optionalFraction("FRAUD_REVIEW_THRESHOLD")
        policy.fraudDecline = try reader.optionalFraction("FRAUD_DECLINE_THRESHOLD")
        if let review = policy.fraudReview, let decline = policy.fraudDecline, review > decline {
            throw SettingError("FRAUD_REVIEW_THRESHOLD", "must not be above FRAUD_DECLINE_THRESHOLD")
        }
        let explained: ExplainedVerdicts = try reader.choice("FRAUD_REASONS")
        policy.explainsAll = explained == .all
        policy.amlRisk = try reader.fraction("AML_RISK_THRESHOLD")
        policy.velocityHighRisk = try reader.fraction("VELOCITY_HIGH_RISK_THRESHOLD")
        guard let amount = SettingsReader.decimal(reader.text("AML_SUSPICIOUS_AMOUNT_THRESHOLD")), amount < 1e11 else {
            throw SettingError("AML_SUSPICIOUS_AMOUNT_THRESHOLD", "must be an amount in plain digits, below 10^11")
        }
        policy.suspiciousAmount = amount
        policy.isAMLEnabled = try reader.flag("AML_ENABLED")
        policy.isVelocityEnabled = try reader.flag("VELOCITY_ENABLED")
        policy.amlRolloutPercent = try reader.percent("AML_ROLLOUT_PERCENT")
        policy.velocityRolloutPercent = try reader.percent("VELOCITY_ROLLOUT_PERCENT")
        return policy
    }
}

/// `FRAUD_REASONS`.
private enum ExplainedVerdicts: String, CaseIterable {
    case flagged, all
}

extension RecordSettings {
    init(_ reader: SettingsReader) throws(SettingError) {
        guard let currency = Currency(reader.text("BASE_CURRENCY")) else {
            throw SettingError("BASE_CURRENCY", "must be a currency of ISO 4217, three capital letters")
        }
        baseCurrency = currency
        ratesFile = try reader.plain("FX_RATES_FILE", maxBytes: 4096)
        maxClockSkewMillis = try reader.duration("MAX_CLOCK_SKEW", in: 0...longest)
        maxRecordBytes = try reader.bytes("MAX_RECORD_BYTES", in: 1 << 10...16 << 20)
    }
}

extension ModelSettings {
    init(_ reader: SettingsReader) throws(SettingError) {
        uri = try reader.plain("MODEL_URI", maxBytes: 4096)
        if let uri, let scheme = uri.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false).first, uri.contains("://") {
            let rest = uri.dropFirst(scheme.count + 3)
            guard (scheme == "file" && rest.hasPrefix("/")) || (scheme == "s3" && !rest.isEmpty && !rest.hasPrefix("/")) else {
                throw SettingError("MODEL_URI", "must be a folder, file:///… or s3://bucket/prefix")
            }
            if scheme == "s3" { aws = try Self.aws(reader, bucket: rest.prefix { $0 != "/" }) }
        }
        cacheParent = reader.optionalText("STATE_DIR") ?? reader.environment["TMPDIR"] ?? "/tmp"
        fraudVersion = try Self.version(reader, "FRAUD_MODEL_VERSION")!
        amlVersion = try Self.version(reader, "AML_MODEL_VERSION")!
        velocityVersion = try Self.version(reader, "VELOCITY_MODEL_VERSION")!
        fraudShadowVersion = try Self.version(reader, "FRAUD_SHADOW_MODEL_VERSION")
        pollIntervalMillis = try reader.duration("MODEL_POLL_INTERVAL", in: 100...day)
    }

    private static func aws(_ reader: SettingsReader, bucket: Substring) throws(SettingError) -> AWSEnvironment {
        guard S3.isBucketName(String(bucket)) else { throw SettingError("MODEL_URI", "names no bucket: 3 to 63 of a-z 0-9 . -") }
        do throws(AWSError) {
            return try AWSEnvironment(reader.environment)
        } catch {
            throw SettingError("MODEL_URI", "asks for S3, but \(error)")
        }
    }

    /// It names a folder, so it must not lead out of the one above.
    private static func version(_ reader: SettingsReader, _ name: String) throws(SettingError) -> String? {
        guard let version = reader.optionalText(name) else { return nil }
        let isLegal = version.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || [43, 45, 46, 95].contains(byte)
        }
        guard isLegal, version.utf8.count <= 128, !version.hasPrefix(".") else {
            throw SettingError(name, "must be a version: a-z A-Z 0-9 . _ + -, not beginning with a dot")
        }
        return version
    }
}

extension StreamSettings {
    init(_ reader: inout SettingsReader, _ facts: ProcessFacts) throws(SettingError) {
        leaderTimeoutMillis = try reader.duration("LEADER_TIMEOUT", in: 600...600_000)
        commitIntervalMillis = try reader.duration("COMMIT_INTERVAL", in: 1...100_000)
        if commitIntervalMillis > leaderTimeoutMillis / 6 {
            throw SettingError("COMMIT_INTERVAL", "must be at most a sixth of LEADER_TIMEOUT, which is \(Durations.text(leaderTimeoutMillis / 6))")
        }
        startFrom = try reader.choice("START_FROM")
        restoreHorizonMillis = try reader.optionalDuration("RESTORE_HORIZON", in: 1_000...longest)
        if let name = try reader.plain("INSTANCE_ID", maxBytes: 128) {
            instance = name
        } else {
            instance = facts.instanceName
            reader.derive("INSTANCE_ID", instance)
        }
    }
}

extension StateSettings {
    init(_ reader: inout SettingsReader, _ facts: ProcessFacts, _ warnings: inout [String]) throws(SettingError) {
        folder = try reader.plain("STATE_DIR", maxBytes: 4096)
        snapshotIntervalMillis = try reader.duration("SNAPSHOT_INTERVAL", in: 1_000...day)
        guard reader.isSet("MEMORY_LIMIT_MB") else {
            memoryLimitBytes = facts.cgroupLimitBytes ?? 500 << 20
            reader.derive("MEMORY_LIMIT_MB", "\(memoryLimitBytes >> 20)")
            return
        }
        memoryLimitBytes = try reader.integer("MEMORY_LIMIT_MB", in: 64...1 << 24) << 20
        if let limit = facts.cgroupLimitBytes, limit < memoryLimitBytes {
            warnings.append("MEMORY_LIMIT_MB: above the cgroup's limit of \(limit >> 20) MiB, at which the process would be killed")
        }
    }
}

extension HTTPSettings {
    init(_ reader: SettingsReader) throws(SettingError) {
        host = try reader.plain("HOST", maxBytes: 255)!
        guard !host.contains(" ") else { throw SettingError("HOST", "must be an address or a name") }
        port = UInt16(try reader.integer("PORT", in: 0...65_535))
        apiKeys = (reader.optionalText("API_KEYS") ?? "").split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
        // What a header field can carry (RFC 6750, 2.1); anything else could never be sent.
        guard apiKeys.allSatisfy({ $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }) else {
            throw SettingError("API_KEYS", "must be keys of visible ASCII characters, separated by commas")
        }
        guard apiKeys.isEmpty == (reader.optionalText("API_KEYS") == nil) else { throw SettingError("API_KEYS", "holds no key") }
        drainDelayMillis = try reader.duration("DRAIN_DELAY", in: 0...300_000)
    }
}
