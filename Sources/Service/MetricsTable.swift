import Scoring
import Velocity

/// A metric as the documentation lists it.
public struct MetricDefinition: Sendable {
    public enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    public let name: String
    public let kind: Kind
    public let help: String
    /// Names of its labels.
    public let labels: [String]
    /// The label values that it has from the start, at 0. Empty where they are known only while running, such as partitions.
    public let series: [[String]]
    /// The values that each label can have, as far as they are known before it runs.
    public let values: [[String]]
    /// Upper bounds of a histogram.
    public let buckets: [Double]
    /// What a histogram observes, for one of what it tells: 10^9 where nanoseconds become seconds.
    public let scale: Double
    /// How its series become one, where they are told without their labels.
    let whole: Whole

    /// What the series of a metric are together.
    enum Whole: Sendable {
        case sum, max
        /// Nothing that could be told in one number.
        case none
    }

    static func counter(_ name: String, _ help: String, _ labels: KeyValuePairs<String, [String]> = [:]) -> Self {
        Self(name, .counter, help, labels.map { $0.key }, product(labels.map { $0.value }), values: labels.map { $0.value })
    }

    static func gauge(_ name: String, _ help: String, _ labels: KeyValuePairs<String, [String]> = [:], whole: Whole = .sum) -> Self {
        Self(name, .gauge, help, labels.map { $0.key }, product(labels.map { $0.value }), values: labels.map { $0.value }, whole: whole)
    }

    static func seconds(_ name: String, _ help: String, _ buckets: [Double], labels: [String] = [], series: [[String]] = [[]]) -> Self {
        Self(name, .histogram, help, labels, series, buckets, scale: 1e9)
    }

    init(
        _ name: String, _ kind: Kind, _ help: String, _ labels: [String], _ series: [[String]], _ buckets: [Double] = [], scale: Double = 1,
        values: [[String]]? = nil, whole: Whole = .sum
    ) {
        self.name = name
        self.kind = kind
        self.help = help
        self.labels = labels
        self.series = series
        self.values =
            values
            ?? labels.indices.map { at in series.reduce(into: []) { values, one in if !values.contains(one[at]) { values.append(one[at]) } } }
        self.buckets = buckets
        self.scale = scale
        self.whole = whole
    }

    /// Every value of each label with every one of the others.
    private static func product(_ values: [[String]]) -> [[String]] {
        values.reduce([[]]) { series, values in series.flatMap { one in values.map { one + [$0] } } }
    }
}

/// All metrics, in the order of the documentation.
public enum MetricsTable {
    /// The label values of a metric whose labels are only known while running.
    private static let running: [String] = []

    public static let all: [MetricDefinition] = records + stream + state + models + http + process

    private static let records: [MetricDefinition] = [
        .counter("weir_records_consumed_total", "Transactions consumed and committed.", ["partition": running]),
        .counter(
            "weir_records_total", "Transactions committed, by what became of them.",
            ["partition": running, "outcome": ["scored", "duplicate", "dead_lettered"]]),
        .counter("weir_dead_letters_total", "Records refused, of all inputs, by reason.", ["reason": Reason.allCases.map { "\($0.code)" }]),
        MetricDefinition(
            "weir_verdicts_total", .counter, "Verdicts committed.", ["kind", "decision"],
            FraudDecision.allCases.map { ["fraud", "\($0.name)"] } + AMLDecision.allCases.map { ["aml", "\($0.name)"] }),
        .counter("weir_feedback_total", "Labels committed, by what became of them.", ["outcome": ["applied", "duplicate", "dead_lettered"]]),
        .counter("weir_late_total", "Transactions scored that came later than the allowed lateness."),
        .counter(
            "weir_incomplete_total", "Verdicts that say they are not complete, by cause.", ["cause": IncompleteCause.allCases.map { "\($0.name)" }]),
        .counter("weir_key_mismatch_total", "Records whose key is not their account."),
        .counter("weir_records_lost_total", "Records that the log no longer had when they were wanted."),
        .counter("weir_offsets_overwritten_total", "Offsets of the group that were not what the journal says: set or deleted by somebody else, and overwritten."),
        .seconds("weir_scoring_seconds", "Time to score one transaction, all of it; of the stream one in sixteen is measured.", micros),
        .seconds("weir_velocity_seconds", "Time to update and read the windows of one transaction; one in sixteen is measured.", micros),
        .seconds("weir_aml_seconds", "Time to score one transaction for money laundering; one in sixteen is measured.", micros),
        .seconds("weir_end_to_end_seconds", "From a record's own time to the commit of its verdicts.", waits),
    ]

    private static let stream: [MetricDefinition] = [
        .seconds("weir_commit_seconds", "Time that a Kafka transaction took to commit.", waits),
        MetricDefinition(
            "weir_batch_records", .histogram, "Records in a committed Kafka transaction.", [], [[]],
            [1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000]),
        .counter("weir_kafka_transactions_total", "Kafka transactions, by how they ended.", ["result": ["committed", "aborted", "broken"]]),
        .gauge("weir_kafka_lag", "Records of a partition of the transactions not yet applied here.", ["partition": running]),
        .gauge("weir_leader", "Whether this instance leads."),
        .counter("weir_leader_changes_total", "Times that this instance began to lead."),
        .gauge("weir_follow_lag_seconds", "Age of the oldest journal entry known and not applied."),
        .counter("weir_followed_total", "Transactions applied as another instance decided.", ["partition": running]),
        .counter("weir_divergence_total", "Times that this state was found to differ from the leader's."),
        .counter("weir_snapshots_total", "Snapshots of the state, by what became of them.", ["result": ["written", "failed"]]),
        .gauge("weir_watermark_lead_seconds", "Highest event time applied, less the newest record time."),
        .gauge("weir_queue_batches", "Batches that wait for the engine."),
        .gauge("weir_kept_bytes", "Verdicts scored and not yet committed."),
    ]

    private static let state: [MetricDefinition] = [
        .gauge("weir_ready", "Whether the state has reached what it had to reach at the start."),
        .gauge("weir_restored_records", "Records applied again since the start."),
        .gauge("weir_entities", "Entities with windows.", ["kind": EntityKind.allCases.map(\.label)]),
        .gauge("weir_events", "Transactions retained."),
        .gauge("weir_state_bytes", "Memory of the state, by part.", ["part": EngineFacts.partNames + ["kept"]]),
        .gauge("weir_degraded", "Whether a part is missing or behind.", ["part": DegradedPart.allCases.map(\.rawValue)]),
    ]

    private static let models: [MetricDefinition] = [
        .gauge("weir_model_info", "The artefacts that score, each 1.", ["name": running, "version": running, "sha256": running], whole: .none),
        .gauge("weir_model_bytes", "Memory of an artefact that is loaded.", ["name": ["fraud", "aml", "velocity"]]),
        .counter(
            "weir_model_fallbacks_total", "Times that an artefact yielded to an older one or to the rules.", ["name": ["fraud", "aml", "velocity"]]),
        .gauge("weir_shadow_disagreements", "Transactions since models last changed on which the challenger would have decided otherwise."),
        .gauge(
            "weir_shadow_decisions", "Transactions since models last changed, by the champion's decision and the challenger's.",
            ["decision": FraudDecision.allCases.map { "\($0.name)" }, "challenger": FraudDecision.allCases.map { "\($0.name)" }]),
        .gauge(
            "weir_shadow_scores", "Transactions since models last changed, by the tenth of the score that begins so.",
            ["model": ["champion", "challenger"], "from": ModelGauges.bins]),
        .gauge(
            "weir_feature_psi", "Population stability index of a feature against its training population; 0 below a sample of 10,000.",
            ["feature": running], whole: .max),
        .gauge("weir_flag", "Whether a feature flag is on.", ["flag": FeatureFlag.allCases.map(\.rawValue)], whole: .none),
        .gauge("weir_rollout_percent", "Share of accounts that a feature is on for.", ["feature": ["aml", "velocity"]], whole: .none),
    ]

    private static let http: [MetricDefinition] = [
        .seconds(
            "weir_http_request_seconds", "From a whole request to its answer.", answers, labels: ["path", "code"],
            series: Endpoint.allCases.flatMap { endpoint in endpoint.codes.map { [endpoint.rawValue, "\($0)"] } }),
        .gauge("weir_http_connections", "Connections that are open."),
        .gauge("weir_queue_requests", "Requests that wait for the engine."),
    ]

    private static let process: [MetricDefinition] = [
        .gauge("process_resident_memory_bytes", "Resident memory size in bytes."),
        .gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", whole: .none),
        .gauge("weir_memory_limit_bytes", "Memory that the process stays under."),
        .gauge("weir_build_info", "What runs, always 1.", ["version": running, "commit": running, "librdkafka": running], whole: .none),
    ]

    private static let micros = [1e-6, 2e-6, 3e-6, 4e-6, 5e-6, 7.5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 5e-4, 1e-3, 1e-2]
    private static let waits = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
    private static let answers = [1e-4, 2.5e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.15, 0.25, 0.5, 1, 5]
}

extension EntityKind {
    /// As metrics and `/health` call it: what comes in is kept for whoever is named as counterparty.
    var label: String { self == .inflow ? "counterparty" : "\(self)" }
}

/// What a setting switches on and off, as `/health` and metrics name it.
public enum FeatureFlag: String, CaseIterable, Sendable {
    case aml = "aml_enabled"
    case velocity = "velocity_enabled"
    case feedback = "feedback_enabled"

    func isOn(_ settings: Settings) -> Bool {
        switch self {
        case .aml: settings.policy.isAMLEnabled
        case .velocity: settings.policy.isVelocityEnabled
        case .feedback: settings.velocity.feedbackEnabled
        }
    }
}

/// What can be missing or behind, as `/health` names it.
public enum DegradedPart: String, CaseIterable, Sendable {
    /// The broker cannot be reached, or a right was revoked.
    case kafka
    /// A follower is more than 5 s behind.
    case followLag = "follow_lag"
    /// The state was found to differ from the leader's.
    case divergence
    /// The journal is kept for less long than the input.
    case journalRetention = "journal_retention"
    /// What is scored cannot be committed, and the engine stands still.
    case keptBytes = "kept_bytes"
    /// The file of exchange rates changes rows that are in force: those stay, and what it adds is not known.
    case exchangeRates = "exchange_rates"
    case fraudModel = "fraud_model"
    case amlModel = "aml_model"
    case velocityModel = "velocity_model"
    /// History was given up for memory.
    case memory
}

/// What HTTP answers, as metrics label it: the paths, and `other` for all else.
enum Endpoint: String, CaseIterable {
    case health = "/health"
    case livez = "/livez"
    case readyz = "/readyz"
    case predict = "/predict"
    case amlCheck = "/aml_check"
    case metrics = "/metrics"
    case version = "/version"
    case other

    /// The codes that it answers with.
    var codes: [Int] {
        switch self {
        case .health, .livez, .readyz: [200, 405, 503]
        case .predict, .amlCheck: [200, 400, 401, 405, 413, 415, 429, 500, 503]
        case .metrics, .version: [200, 405]
        // What is refused before it is known where it wanted to go.
        case .other: [400, 404, 408, 413, 417, 431, 500, 503]
        }
    }
}
