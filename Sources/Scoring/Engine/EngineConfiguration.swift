public import Velocity

/// What an engine is made with. Plain values: whoever reads the settings fills it in.
public struct EngineConfiguration: Sendable {
    /// Windows, lateness, retentions, feedback.
    public var velocity: VelocityConfiguration
    /// The windows as they are called, one for each of `velocity.windows`.
    public var windows: [WindowLabel]
    /// What a record must satisfy, base currency and rates.
    public var rules: RecordRules
    /// Thresholds and flags at the start.
    public var policy: Policy
    /// The artefacts at the start.
    public var models = EngineModels()
    /// The transactions' topic, as verdicts name it under `source`.
    public var topic: String
    /// The countries that `HIGH_RISK_GEOGRAPHY` knows.
    public var countries = HighRiskCountries.bundled

    /// The features that an engine made with it gives.
    public var features: FeatureSet { FeatureSet(windows: windows, hasFraudRate: velocity.feedbackEnabled) }

    /// - Parameter windowNames: as configured, in order; nil: the usual spelling of each length.
    public init(
        velocity: VelocityConfiguration = .init(), windowNames: [String]? = nil, rules: RecordRules = .init(), policy: Policy = .init(),
        topic: String = "transactions"
    ) {
        precondition(windowNames == nil || windowNames!.count == velocity.windows.count, "a name for every window")
        self.velocity = velocity
        windows = velocity.windows.enumerated().map { i, millis in
            windowNames.map { WindowLabel(name: $0[i], millis: millis) } ?? WindowLabel(millis: millis)
        }
        self.rules = rules
        self.policy = policy
        self.topic = topic
    }
}

/// What may change while an engine runs. It takes effect before the next record.
public enum EngineChange: Sendable {
    case policy(Policy)
    case rates(RateTable)
    case models(EngineModels)
}
