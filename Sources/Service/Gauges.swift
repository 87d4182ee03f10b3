import Scoring
import Stream
import Velocity

/// Sets the gauges that tell how the instance is, just before metrics are written.
enum Gauges {
    static func register(_ metrics: Metrics, _ health: Health, _ desk: EngineDesk, connections: @escaping @Sendable () -> Int) {
        let started = metrics.gauge("process_start_time_seconds")
        started.set(Double(Clock.wallMillis) / 1000)
        metrics.gauge("weir_memory_limit_bytes").set(health.settings.state.memoryLimitBytes)
        metrics.setInfo("weir_build_info", [[Build.version, Build.commit, Build.librdkafka]])
        for flag in FeatureFlag.allCases { metrics.gauge("weir_flag", flag.rawValue).set(flag.isOn(health.settings) ? 1 : 0) }
        metrics.gauge("weir_rollout_percent", "aml").set(health.settings.policy.amlRolloutPercent)
        metrics.gauge("weir_rollout_percent", "velocity").set(health.settings.policy.velocityRolloutPercent)

        let rss = metrics.gauge("process_resident_memory_bytes")
        let requests = metrics.gauge("weir_queue_requests")
        let open = metrics.gauge("weir_http_connections")
        let ready = metrics.gauge("weir_ready")
        let restored = metrics.gauge("weir_restored_records")
        let events = metrics.gauge("weir_events")
        let entities = EntityKind.allCases.map { metrics.gauge("weir_entities", $0.label) }
        let parts = EngineFacts.partNames.map { metrics.gauge("weir_state_bytes", $0) }
        let keptBytes = metrics.gauge("weir_state_bytes", "kept")
        let kept = metrics.gauge("weir_kept_bytes")
        let batches = metrics.gauge("weir_queue_batches")
        let leader = metrics.gauge("weir_leader")
        let followLag = metrics.gauge("weir_follow_lag_seconds")
        let lead = metrics.gauge("weir_watermark_lead_seconds")
        let models = ["fraud", "aml", "velocity"].map { ($0, metrics.gauge("weir_model_bytes", $0)) }
        let degraded = DegradedPart.allCases.map { ($0, metrics.gauge("weir_degraded", $0.rawValue)) }

        let stability = ModelGauges(metrics)

        metrics.beforeRendering {
            let report = health.report
            rss.set(report.rssBytes)
            requests.set(desk.queue.count)
            open.set(connections())
            ready.set(report.state.stream?.isReady == false ? 0 : 1)
            restored.set(Double(report.state.stream?.restored ?? 0))
            events.set(report.facts.events)
            for (gauge, count) in zip(entities, report.facts.entities) { gauge.set(count) }
            for (gauge, bytes) in zip(parts, report.facts.partBytes) { gauge.set(bytes) }
            for gauge in [keptBytes, kept] { gauge.set(report.state.stream?.keptBytes ?? 0) }
            batches.set(report.state.stream?.queuedBatches ?? 0)
            leader.set(report.role == .leader ? 1 : 0)
            followLag.set(report.state.stream?.followLagSeconds ?? 0)
            lead.set(report.watermarkLead ?? 0)
            for (name, gauge) in models { gauge.set(report.state.models[name]?.memoryBytes ?? 0) }
            stability.set(report.facts.models)
            for (part, gauge) in degraded { gauge.set(report.degraded.contains(part) ? 1 : 0) }
        }
    }
}
