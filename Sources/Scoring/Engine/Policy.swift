/// Thresholds and flags: what may change while the engine runs, at a record's boundary.
public struct Policy: Sendable, Equatable {
    /// `FRAUD_REVIEW_THRESHOLD`, 0...1; nil: the model's own, 0.5 with the rules.
    public var fraudReview: Double?
    /// `FRAUD_DECLINE_THRESHOLD`, 0...1; nil: the model's own, 0.9 with the rules.
    public var fraudDecline: Double?
    /// `AML_RISK_THRESHOLD`, 0...1: `report` from here on, `review` from half of it.
    public var amlRisk = 0.7
    /// `VELOCITY_HIGH_RISK_THRESHOLD`, 0...1: a velocity risk from here on lifts an `approve` to `review`.
    public var velocityHighRisk = 0.8
    /// `AML_SUSPICIOUS_AMOUNT_THRESHOLD`, major units of the base currency: an amount from here on lifts a `clear` to `review`.
    public var suspiciousAmount = 10_000.0
    /// `AML_ENABLED`.
    public var isAMLEnabled = true
    /// `VELOCITY_ENABLED`.
    public var isVelocityEnabled = true
    /// `AML_ROLLOUT_PERCENT`, 0...100, in hundredths at the finest.
    public var amlRolloutPercent = 100.0
    /// `VELOCITY_ROLLOUT_PERCENT`, 0...100, in hundredths at the finest.
    public var velocityRolloutPercent = 100.0

    /// `FRAUD_REASONS` is `all`: a model's contributions are said of approved transactions too.
    public var explainsAll = false

    public init() {}
}

/// Which accounts a partly rolled out feature is on for.
///
/// An account has a place among 10,000, by a hash of its id that is fixed for ever; the feature is on for places below the share. So raising
/// the share only ever adds accounts. The place differs by feature, lest the same accounts try everything out.
enum Rollout {
    enum Feature: UInt64 {
        case aml = 1
        case velocity = 2
    }

    @inline(__always)
    static func includes(_ account: Text, _ feature: Feature, percent: Double) -> Bool {
        if percent >= 100 { return true }
        if percent <= 0 { return false }
        return Double(place(account, feature)) < percent * 100
    }

    /// FNV-1a of the id's bytes, finished as in MurmurHash3, modulo 10,000.
    static func place(_ account: Text, _ feature: Feature) -> UInt64 {
        var h: UInt64 = 0xcbf2_9ce4_8422_2325 ^ feature.rawValue
        for byte in account.bytes { h = (h ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        h = (h ^ (h >> 33)) &* 0xff51_afd7_ed55_8ccd
        h = (h ^ (h >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return (h ^ (h >> 33)) % 10_000
    }
}
