import Scoring
import Velocity

/// What `/health` says: a function of what is known.
struct HealthReport {
    let state: Health.State
    let settings: Settings
    let facts: EngineFacts
    let rssBytes: Int
    let uptimeNanos: UInt64
    let status: HealthStatus
    /// What is missing or behind.
    let degraded: [DegradedPart]
    private let nowMillis: Int64

    init(
        _ state: Health.State, _ settings: Settings, _ facts: EngineFacts, rssBytes: Int, nowNanos: UInt64, startedNanos: UInt64,
        engineSilence: Int64
    ) {
        self.state = state
        self.settings = settings
        self.facts = facts
        self.rssBytes = rssBytes
        uptimeNanos = nowNanos - startedNanos
        nowMillis = Int64(nowNanos / 1_000_000)
        degraded = Self.degraded(state, facts, nowMillis)
        if engineSilence >= Health.silenceMillis || state.failure != nil {
            status = .unhealthy
        } else if state.isDraining {
            status = .draining
        } else if state.stream?.isReady == false {
            status = .starting
        } else {
            status = degraded.isEmpty ? .ok : .degraded
        }
    }

    private static func degraded(_ state: Health.State, _ facts: EngineFacts, _ nowMillis: Int64) -> [DegradedPart] {
        var parts: Set<DegradedPart> = []
        if let stream = state.stream {
            if !isInTouch(stream, nowMillis) { parts.insert(.kafka) }
            if stream.followLagSeconds > Health.followLagSeconds { parts.insert(.followLag) }
            if stream.isDiverged { parts.insert(.divergence) }
            if stream.isJournalRetentionShort { parts.insert(.journalRetention) }
            if stream.isAtBound { parts.insert(.keptBytes) }
            if stream.areRatesRefused { parts.insert(.exchangeRates) }
        }
        for (name, part) in [("fraud", DegradedPart.fraudModel), ("aml", .amlModel), ("velocity", .velocityModel)]
        where state.models[name]?.error != nil {
            parts.insert(part)
        }
        if facts.eventHorizon > .min || facts.memoryHorizon > .min { parts.insert(.memory) }
        return DegradedPart.allCases.filter { parts.contains($0) }
    }

    /// The broker answers, as far as is known, and the kafka thread itself goes round.
    private static func isInTouch(_ stream: StreamHealth, _ nowMillis: Int64) -> Bool {
        guard stream.isConnected, stream.trouble == nil, let told = stream.toldMillis else { return false }
        return nowMillis - told < Health.staleMillis
    }

    /// A leader whose last commit is older than the group waits for may have a successor already.
    var role: HealthRole {
        guard let stream = state.stream else { return .alone }
        if stream.isLeading, let commit = stream.lastCommitMillis, nowMillis - commit < settings.stream.leaderTimeoutMillis { return .leader }
        return stream.isReady ? .follower : .restoring
    }

    /// Highest event time applied less the newest record time, seconds; nil until both are known.
    var watermarkLead: Double? {
        guard let newest = state.newestRecord, facts.watermark > .min else { return nil }
        return Double(facts.watermark - newest) / 1000
    }

    // MARK: - JSON

    var json: String {
        var json = JSONWriter()
        json.beginObject()
        json.add("status", status.rawValue)
        json.add("version", Build.version)
        json.add("uptime_seconds", Double(uptimeNanos / 1_000_000) / 1000)
        json.add("instance", settings.stream.instance)
        json.add("role", role.rawValue)
        json.beginArray("degraded")
        for part in degraded { json.add(nil, part.rawValue) }
        json.endArray()
        if let failure = state.failure { json.add("failure", failure) }
        addKafka(&json)
        addModels(&json)
        addVelocity(&json)
        addMemory(&json)
        addFlags(&json)
        json.endObject()
        return json.text
    }

    private func addKafka(_ json: inout JSONWriter) {
        json.beginObject("kafka")
        json.add("enabled", state.stream != nil)
        if let stream = state.stream {
            json.add("connected", Self.isInTouch(stream, nowMillis))
            json.add("partitions", stream.partitions)
            json.add("lag", stream.lag)
            json.add("follow_lag_seconds", stream.followLagSeconds)
            if let trouble = stream.trouble { json.add("trouble", trouble, maxBytes: 500) }
        }
        json.endObject()
    }

    private func addModels(_ json: inout JSONWriter) {
        func text(_ name: String, _ value: String?) { if let value { json.add(name, value, maxBytes: 500) } else { json.addNull(name) } }
        json.beginObject("models")
        for (name, model) in state.models.sorted(by: { $0.key < $1.key }) {
            json.beginObject(name)
            text("version", model.version)
            text("sha256", model.sha256)
            json.add("loaded", model.isLoaded)
            json.add("memory_bytes", model.memoryBytes)
            text("error", model.error)
            json.endObject()
        }
        json.endObject()
    }

    private func addVelocity(_ json: inout JSONWriter) {
        func time(_ name: String, _ millis: Int64) { if millis > 0 { json.add(name, Clock.text(millis)) } else { json.addNull(name) } }
        json.beginObject("velocity")
        json.beginObject("entities")
        for (kind, count) in zip(EntityKind.allCases, facts.entities) { json.add(kind.label, count) }
        json.endObject()
        json.add("events", facts.events)
        json.add("restored", state.stream?.restored ?? 0)
        json.add("to_restore", state.stream?.toRestore ?? 0)
        time("watermark", facts.watermark)
        // What was given up for memory; null: nothing.
        time("event_horizon", facts.eventHorizon)
        time("memory_horizon", facts.memoryHorizon)
        json.endObject()
    }

    private func addMemory(_ json: inout JSONWriter) {
        let limit = settings.state.memoryLimitBytes
        json.beginObject("memory")
        json.add("rss_bytes", rssBytes)
        json.add("limit_bytes", limit)
        json.add("used", (Double(rssBytes) / Double(limit) * 10_000).rounded() / 10_000)
        json.add("reserve_bytes", settings.state.reserveBytes)
        json.add("state_budget_bytes", settings.state.budgetBytes)
        json.add("state_bytes", facts.stateBytes)
        json.beginObject("parts")
        for (name, bytes) in zip(EngineFacts.partNames, facts.partBytes) { json.add(name, bytes) }
        json.add("models", state.models.values.reduce(0) { $0 + $1.memoryBytes })
        json.add("kept", state.stream?.keptBytes ?? 0)
        json.endObject()
        json.endObject()
    }

    private func addFlags(_ json: inout JSONWriter) {
        json.beginObject("flags")
        for flag in FeatureFlag.allCases { json.add(flag.rawValue, flag.isOn(settings)) }
        json.add("aml_rollout_percent", settings.policy.amlRolloutPercent)
        json.add("velocity_rollout_percent", settings.policy.velocityRolloutPercent)
        json.endObject()
    }
}
