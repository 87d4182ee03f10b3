public import AWS
public import Kafka
public import Scoring
public import Velocity

/// All that an instance is told from outside, read once at the start; nothing below this module reads the environment.
public struct Settings: Sendable {
    /// Thresholds and flags.
    public var policy: Policy
    public var velocity: VelocityConfiguration
    /// The windows as they were spelled, one for each of `velocity.windows`: features are named so.
    public var windowNames: [String]
    public var records: RecordSettings
    public var models: ModelSettings
    public var kafka: KafkaSettings
    public var stream: StreamSettings
    public var state: StateSettings
    public var http: HTTPSettings
    public var log: LogSettings
    public var metricsFormat: MetricsFormat
    /// Every setting, in the order of the documentation, then the properties for librdkafka.
    public var entries: [SettingEntry]
    /// Lines that the start says aloud.
    public var warnings: [String]

    /// Whether there is no broker: HTTP alone feeds the state.
    public var isAlone: Bool { kafka.bootstrapServers == nil }

    /// The settings that make a verdict, by name, as they hold.
    public var verdictSettings: [String: String] {
        entries.reduce(into: [:]) { settings, entry in
            if SettingsTable.definition(entry.name)?.reachesVerdict == true { settings[entry.name] = entry.value ?? "" }
        }
    }

    /// What shapes the state. States of different form cannot be compared, nor can one go on from the other.
    public var form: String {
        let velocity = velocity
        let windows = velocity.windows.map { Durations.text($0) }.joined(separator: ",")
        return "windows=\(windows) lateness=\(Durations.text(velocity.allowedLateness)) accounts=\(Durations.text(velocity.accountRetention)) "
            + "pairs=\(Durations.text(velocity.pairRetention)) "
            + "feedback=\(velocity.feedbackEnabled ? Durations.text(velocity.feedbackDelay) : "off") currency=\(records.baseCurrency)"
    }
}

/// What a record must satisfy.
public struct RecordSettings: Sendable, Equatable {
    public var baseCurrency: Currency
    /// CSV of exchange rates.
    public var ratesFile: String?
    public var maxClockSkewMillis: Int64
    public var maxRecordBytes: Int
}

public struct ModelSettings: Sendable, Equatable {
    /// nil: the bundled artefacts.
    public var uri: String?
    public var fraudVersion: String
    public var amlVersion: String
    public var velocityVersion: String
    public var fraudShadowVersion: String?
    public var pollIntervalMillis: Int64
    /// Of `s3://…`: where the bucket is, and by whose right it is read.
    public var aws: AWSEnvironment?
    /// Where what is brought from there is kept: `STATE_DIR`, else the place for temporary files.
    public var cacheParent: String
}

public struct KafkaSettings: Sendable {
    /// nil: there is no broker.
    public var bootstrapServers: String?
    public var group: String
    public var transactions: String
    public var feedback: String
    public var fraudVerdicts: String
    public var amlVerdicts: String
    public var deadLetters: String
    public var journal: String
    public var transactionTimeoutMillis: Int64
    /// Broker addresses, security and what `KAFKA_CONF_…` says, for any client. What a transactional producer alone may have is not among them.
    public var properties: Properties
}

public struct StreamSettings: Sendable, Equatable {
    public var commitIntervalMillis: Int64
    public var leaderTimeoutMillis: Int64
    public var startFrom: Start
    /// nil: all of the log.
    public var restoreHorizonMillis: Int64?
    public var instance: String

    public enum Start: String, Sendable, CaseIterable { case beginning, now }
}

public struct StateSettings: Sendable, Equatable {
    /// nil: no snapshots.
    public var folder: String?
    public var snapshotIntervalMillis: Int64
    public var memoryLimitBytes: Int

    /// Scored and not yet committed, at most.
    public var keptBytes: Int { min(32 << 20, max(4 << 20, memoryLimitBytes / 64)) }
    /// What the process takes besides the state: code, models, clients, buffers, verdicts that are not committed.
    public var reserveBytes: Int { min(memoryLimitBytes / 2, 112 << 20 + 2 * keptBytes) }
    /// What the state may hold before it gives something up.
    public var budgetBytes: Int { memoryLimitBytes - reserveBytes }
}

public struct HTTPSettings: Sendable, Equatable {
    public var host: String
    public var port: UInt16
    /// Empty: nobody is asked for one.
    public var apiKeys: [String]
    public var drainDelayMillis: Int64
}

public struct LogSettings: Sendable, Equatable {
    public var level: LogLevel
    public var format: LogFormat
}

public enum MetricsFormat: String, Sendable, CaseIterable { case prometheus, emf }

/// One setting as `weir config` shows it.
public struct SettingEntry: Sendable, Equatable {
    public enum Origin: String, Sendable { case `default`, environment }

    public let name: String
    /// As it holds, secrets redacted; nil: none.
    public let value: String?
    public let defaultValue: String
    public let origin: Origin
}
