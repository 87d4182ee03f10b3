/// A setting as the documentation lists it.
public struct SettingDefinition: Sendable {
    public enum Section: String, Sendable, CaseIterable {
        case scoring = "Scoring"
        case velocity = "Velocity"
        case records = "Records"
        case models = "Models"
        case kafka = "Kafka"
        case stream = "Stream"
        case memory = "State and memory"
        case http = "HTTP"
        case telling = "Logs and metrics"
    }

    public let name: String
    public let section: Section
    /// As it would be written into the environment; empty: none.
    public let defaultValue: String
    /// What stands for the default in documentation where it is found out at the start.
    public let defaultNote: String?
    /// What values it takes.
    public let values: String
    public let help: String
    public let isSecret: Bool
    /// Part of what makes a verdict: the journal records it.
    public let reachesVerdict: Bool

    /// The default as documentation and `weir config` show it.
    public var shownDefault: String { defaultNote ?? (defaultValue.isEmpty ? "none" : defaultValue) }

    init(
        _ name: String, _ section: Section, _ defaultValue: String, note: String? = nil, values: String, secret: Bool = false,
        verdict: Bool = false, _ help: String
    ) {
        self.name = name
        self.section = section
        self.defaultValue = defaultValue
        self.defaultNote = note
        self.values = values
        self.help = help
        self.isSecret = secret
        self.reachesVerdict = verdict
    }
}

/// All settings, in the order of the documentation.
public enum SettingsTable {
    /// The one of that name.
    public static func definition(_ name: String) -> SettingDefinition? { all.first { $0.name == name } }

    /// Unknown names that begin so are warned about.
    static let prefixes = ["AML_", "VELOCITY_", "KAFKA_", "MODEL_", "WEIR_"]
    /// Not settings of the service, but not mistyped ones either: the project's scripts look there for a broker.
    static let otherNames = ["KAFKA_HOME"]

    public static let all: [SettingDefinition] = [
        .init(
            "FRAUD_REVIEW_THRESHOLD", .scoring, "", note: "the model's, else 0.5", values: "0–1", verdict: true,
            "fraud score from which a transaction is reviewed"),
        .init(
            "FRAUD_DECLINE_THRESHOLD", .scoring, "", note: "the model's, else 0.9", values: "0–1", verdict: true,
            "fraud score from which a transaction is declined"),
        .init(
            "FRAUD_REASONS", .scoring, "flagged", values: "flagged, all", verdict: true,
            "for which transactions a fraud model's contributions are computed: those that are not approved, or all"),
        .init(
            "AML_RISK_THRESHOLD", .scoring, "0.7", values: "0–1", verdict: true,
            "AML score from which a transaction is reported; from half of it on it is reviewed"),
        .init(
            "VELOCITY_HIGH_RISK_THRESHOLD", .scoring, "0.8", values: "0–1", verdict: true,
            "velocity risk from which an approved transaction is reviewed"),
        .init(
            "AML_SUSPICIOUS_AMOUNT_THRESHOLD", .scoring, "10000", values: "amount", verdict: true,
            "amount in the base currency's major units from which a clear transaction is reviewed"),
        .init("AML_ENABLED", .scoring, "true", values: "true, false", verdict: true, "whether AML is scored; without it, the amount rule alone"),
        .init(
            "VELOCITY_ENABLED", .scoring, "true", values: "true, false", verdict: true, "whether velocity risk counts; windows are kept in any case"),
        .init(
            "AML_ROLLOUT_PERCENT", .scoring, "100", values: "0–100", verdict: true,
            "share of accounts that AML is scored for; raising it only ever adds accounts"),
        .init(
            "VELOCITY_ROLLOUT_PERCENT", .scoring, "100", values: "0–100", verdict: true,
            "share of accounts that velocity risk counts for; raising it only ever adds accounts"),

        .init(
            "VELOCITY_ANALYSIS_WINDOWS", .velocity, "1h,24h,7d", values: "1–8 durations", verdict: true,
            "lengths of the sliding windows, ascending, from 1s to 90d; features are named as they are spelled"),
        .init(
            "ALLOWED_LATENESS", .velocity, "24h", values: "duration", verdict: true,
            "how far behind the newest event one may be and still be scored as complete"),
        .init(
            "ACCOUNT_RETENTION", .velocity, "400d", values: "duration", verdict: true,
            "how long an account's first and last times are remembered after its last transaction"),
        .init(
            "PAIR_RETENTION", .velocity, "90d", values: "duration", verdict: true,
            "how long what an account paid to a counterparty is remembered; raised to the longest window and ALLOWED_LATENESS together"),
        .init("FEEDBACK_ENABLED", .velocity, "true", values: "true, false", verdict: true, "whether labels are read and merchants' fraud rates kept"),
        .init("FEEDBACK_DELAY", .velocity, "7d", values: "duration", verdict: true, "how far back from a transaction the fraud rates end"),

        .init("BASE_CURRENCY", .records, "USD", values: "ISO 4217", verdict: true, "currency that amounts are converted to and held in"),
        .init(
            "FX_RATES_FILE", .records, "", values: "CSV file", verdict: true,
            "exchange rates: currency,rate[,from], a rate being units of the base currency for one unit"),
        .init(
            "MAX_CLOCK_SKEW", .records, "5m", values: "duration", verdict: true,
            "how far an event may lie ahead of its record's own time before it is refused"),
        .init(
            "MAX_RECORD_BYTES", .records, "65536", values: "bytes, or KiB, MiB", verdict: true,
            "records and request bodies over it are refused; 1 KiB to 16 MiB"),

        .init(
            "MODEL_URI", .models, "", note: "the bundled models/", values: "folder, file://…, s3://bucket/prefix",
            "where model artefacts are; the bundled ones are looked for in the working directory, beside the executable, in /usr/share/weir/models"),
        .init("FRAUD_MODEL_VERSION", .models, "latest", values: "version", "version of the fraud model"),
        .init("AML_MODEL_VERSION", .models, "latest", values: "version", "version of the AML model"),
        .init("VELOCITY_MODEL_VERSION", .models, "latest", values: "version", "version of the velocity quantiles"),
        .init(
            "FRAUD_SHADOW_MODEL_VERSION", .models, "", values: "version",
            "a fraud model that is scored beside the champion, reported, and never decides"),
        .init("MODEL_POLL_INTERVAL", .models, "10s", values: "duration", "how often artefacts are looked at again"),

        .init(
            "KAFKA_BOOTSTRAP_SERVERS", .kafka, "", values: "host:port,…",
            "brokers to begin with; without them the service answers HTTP alone"),
        .init(
            "KAFKA_GROUP_ID", .kafka, "weir", values: "name",
            "the instances of one group are one scorer; also the transactional.id, and the name that offsets are committed under"),
        .init("TRANSACTIONS_TOPIC", .kafka, "transactions", values: "topic", verdict: true, "topic of the transactions"),
        .init("FEEDBACK_TOPIC", .kafka, "feedback", values: "topic", "topic of the labels"),
        .init("FRAUD_VERDICTS_TOPIC", .kafka, "fraud-verdicts", values: "topic", "topic of the fraud verdicts"),
        .init("AML_VERDICTS_TOPIC", .kafka, "aml-verdicts", values: "topic", "topic of the AML verdicts"),
        .init("DLQ_TOPIC", .kafka, "transactions-dlq", values: "topic", "topic of the dead letters"),
        .init("JOURNAL_TOPIC", .kafka, "", note: "KAFKA_GROUP_ID with -journal", values: "topic", "topic of the order in which records were applied"),
        .init(
            "KAFKA_SECURITY_PROTOCOL", .kafka, "", note: "librdkafka's", values: "plaintext, ssl, sasl_plaintext, sasl_ssl",
            "how brokers are spoken to"),
        .init("KAFKA_SASL_MECHANISM", .kafka, "", note: "librdkafka's", values: "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, AWS_MSK_IAM, …",
            "how the service proves who it is"),
        .init("KAFKA_SASL_USERNAME", .kafka, "", values: "text", "user name for SASL"),
        .init("KAFKA_SASL_PASSWORD", .kafka, "", values: "text", secret: true, "password for SASL"),
        .init("KAFKA_SSL_CA_LOCATION", .kafka, "", note: "librdkafka's", values: "file", "certificates of the authorities that are trusted"),
        .init("KAFKA_SSL_CERTIFICATE_LOCATION", .kafka, "", values: "file", "the service's own certificate"),
        .init("KAFKA_SSL_KEY_LOCATION", .kafka, "", values: "file", "the private key of that certificate"),
        .init("KAFKA_SSL_KEY_PASSWORD", .kafka, "", values: "text", secret: true, "password of that private key"),
        .init(
            "KAFKA_TRANSACTION_TIMEOUT", .kafka, "10s", values: "duration",
            "after so long the broker ends a transaction by itself; 1s to 15m"),

        .init("COMMIT_INTERVAL", .stream, "100ms", values: "duration", "how often what was scored is committed; at most a sixth of LEADER_TIMEOUT"),
        .init(
            "LEADER_TIMEOUT", .stream, "3s", values: "duration",
            "the journal silent for so long, and a follower takes over; 600ms to 10m"),
        .init(
            "START_FROM", .stream, "beginning", values: "beginning, now",
            "where a group without offsets and journal begins to answer; now: history fills the windows, unanswered"),
        .init("RESTORE_HORIZON", .stream, "", note: "all of the log", values: "duration", "how much record time a restore without a snapshot reads"),
        .init(
            "INSTANCE_ID", .stream, "", note: "host name and a random part", values: "text",
            "this instance's name in journal, logs and metrics"),

        .init("STATE_DIR", .memory, "", values: "folder", "where snapshots go; without, state is rebuilt from the topics alone"),
        .init("SNAPSHOT_INTERVAL", .memory, "5m", values: "duration", "how often a snapshot is written"),
        .init(
            "MEMORY_LIMIT_MB", .memory, "", note: "the cgroup's limit, else 500", values: "MiB",
            "resident memory that the process stays under; at least 64"),

        .init("PORT", .http, "8080", values: "0–65535", "port that HTTP listens on; 0 takes a free one"),
        .init("HOST", .http, "::", values: "address", "address that HTTP listens on; :: serves IPv4 too"),
        .init("API_KEYS", .http, "", values: "key,…", secret: true, "keys of which one is asked for at /predict and /aml_check"),
        .init("DRAIN_DELAY", .http, "3s", values: "duration", "how long HTTP goes on after SIGTERM; at most 5m"),

        .init("LOG_LEVEL", .telling, "info", values: "debug, info, warning, error", "the least severe lines that are written"),
        .init("LOG_FORMAT", .telling, "json", values: "json, text", "one JSON object a line, or text for people"),
        .init(
            "METRICS_FORMAT", .telling, "prometheus", values: "prometheus, emf",
            "emf: once a minute on stdout in CloudWatch's embedded metric format, besides GET /metrics"),
    ]
}
