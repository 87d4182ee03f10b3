import Foundation
import Scoring
import Testing

@testable import Kafka
@testable import Service
@testable import Stream

@Suite struct StreamReporterTests {
    private struct Rig {
        let metrics = Metrics()
        let health: Health
        let reporter: StreamReporter
        let lines = Locked<[String]>([])

        init() throws {
            let settings = try Settings(environment: ["KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"])
            health = Health(settings, desk: EngineDesk(applies: false, metrics: metrics))
            let lines = lines
            let log = Log(level: .info, format: .text, instance: nil, now: { 0 }) { bytes in
                lines.locked { $0.append(String(decoding: bytes, as: UTF8.self)) }
            }
            reporter = StreamReporter(settings, log: log, metrics: metrics, health: health)
        }

        func value(_ series: String) -> String? {
            String(decoding: metrics.text(), as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(series + " ") }.map {
                String($0.dropFirst(series.count + 1))
            }
        }
    }

    /// What a buffer with these outcomes counts as.
    private static func counts(_ outcomes: [(InputPartition, Outcome)]) -> StreamCounts {
        var counts = StreamCounts()
        for (partition, outcome) in outcomes {
            var result = RecordResult(outcome: outcome)
            result.fraudDecision = .review
            result.amlDecision = .report
            if outcome == .scored, partition.topic == .transactions {
                result.isLate = true
                result.incompleteCause = .late
                result.keyMismatch = true
            }
            counts.add(result, Record(topic: partition.topic, partition: partition.number, value: nil), partition)
        }
        return counts
    }

    @Test func `moves all counters of a transaction when it is committed`() throws {
        let rig = try Rig()
        let (three, labels) = (InputPartition(.transactions, 3), InputPartition(.feedback, 0))
        let counts = Self.counts([
            (three, .scored), (three, .scored), (three, .duplicate), (three, .deadLettered(.tombstone)), (labels, .applied), (labels, .duplicate),
            (labels, .deadLettered(.missingField)),
        ])
        rig.reporter.committed(
            CommitReport(
                counts: counts, recordTimes: [1_000, -1, 1_900], samples: [StageSample(scoring: 1_700, velocity: 1_000, aml: 300)], commitMillis: 20,
                at: 2_000))
        for (series, value) in [
            (#"weir_records_consumed_total{partition="3"}"#, "4"), (#"weir_records_total{partition="3",outcome="scored"}"#, "2"),
            (#"weir_records_total{partition="3",outcome="duplicate"}"#, "1"), (#"weir_records_total{partition="3",outcome="dead_lettered"}"#, "1"),
            (#"weir_dead_letters_total{reason="TOMBSTONE"}"#, "1"), (#"weir_dead_letters_total{reason="MISSING_FIELD"}"#, "1"),
            (#"weir_verdicts_total{kind="fraud",decision="review"}"#, "2"), (#"weir_verdicts_total{kind="aml",decision="report"}"#, "2"),
            (#"weir_feedback_total{outcome="applied"}"#, "1"), (#"weir_feedback_total{outcome="duplicate"}"#, "1"),
            (#"weir_feedback_total{outcome="dead_lettered"}"#, "1"), ("weir_late_total", "2"), (#"weir_incomplete_total{cause="late"}"#, "2"),
            ("weir_key_mismatch_total", "2"), (#"weir_kafka_transactions_total{result="committed"}"#, "1"), ("weir_commit_seconds_sum", "0.02"),
            ("weir_batch_records_sum", "4"), ("weir_scoring_seconds_sum", "1.7e-06"), ("weir_velocity_seconds_sum", "1e-06"),
            ("weir_aml_seconds_sum", "3e-07"), ("weir_end_to_end_seconds_count", "2"), ("weir_end_to_end_seconds_sum", "1.1"),
        ] {
            #expect(rig.value(series) == value, "\(series)")
        }
    }

    @Test func `counts what else happens`() throws {
        let rig = try Rig()
        rig.reporter.aborted()
        rig.reporter.broke()
        rig.reporter.becameLeader()
        rig.reporter.diverged()
        rig.reporter.followed(InputPartition(.transactions, 1), records: 5)
        rig.reporter.followed(InputPartition(.feedback, 2), records: 5)
        rig.reporter.recordsLost(InputPartition(.transactions, 1), count: 7)
        for (series, value) in [
            (#"weir_kafka_transactions_total{result="aborted"}"#, "1"), (#"weir_kafka_transactions_total{result="broken"}"#, "1"),
            ("weir_leader_changes_total", "1"), ("weir_divergence_total", "1"), (#"weir_followed_total{partition="1"}"#, "5"),
            ("weir_records_lost_total", "7"),
        ] {
            #expect(rig.value(series) == value, "\(series)")
        }
        #expect(rig.value(#"weir_followed_total{partition="2"}"#) == nil)
    }

    @Test func `shows a partition's series at 0 as soon as it is known`() throws {
        let rig = try Rig()
        var status = StreamStatus()
        status.partitions = [
            .init(topic: "transactions", number: 0, position: 5, lag: 9), .init(topic: "feedback", number: 4, position: 5, lag: 2),
        ]
        rig.reporter.status(status)
        #expect(rig.value(#"weir_kafka_lag{partition="0"}"#) == "9" && rig.value(#"weir_kafka_lag{partition="4"}"#) == nil)
        #expect(rig.value(#"weir_records_total{partition="0",outcome="dead_lettered"}"#) == "0")
        #expect(rig.health.report.json.contains(#""partitions":1,"lag":11"#))
    }

    @Test func `tells role and readiness as the stream does, and leads only while it commits`() throws {
        let rig = try Rig()
        let now = Int64(Clock.nanos / 1_000_000)
        let cases: [(role: Role, isReady: Bool, lastCommit: Int64?, health: HealthRole, status: HealthStatus)] = [
            (.restoring, false, nil, .restoring, .starting), (.follower, true, nil, .follower, .ok), (.candidate, true, nil, .follower, .ok),
            (.leader, true, nil, .follower, .ok), (.leader, true, now, .leader, .ok), (.leader, true, now - 3_000, .follower, .ok),
        ]
        for expected in cases {
            var status = StreamStatus()
            status.role = expected.role
            status.isReady = expected.isReady
            status.lastCommit = expected.lastCommit
            status.partitions = [.init(topic: "transactions", number: 0, position: 0, lag: 0)]
            rig.reporter.status(status)
            #expect(rig.health.report.role == expected.health && rig.health.status == expected.status, "\(expected)")
        }
        var status = StreamStatus()
        status.isReady = true
        status.trouble = "no broker"
        rig.reporter.status(status)
        #expect(rig.health.status == .degraded && rig.health.report.json.contains(#""connected":false"#))
    }

    @Test func `writes notes and librdkafka's troubles into the log`() throws {
        let rig = try Rig()
        rig.reporter.note(.warning, "transaction aborted", [("entry", "5")])
        rig.reporter.note(.debug, "not told", [])
        rig.reporter.librdkafka(LogLine(level: 3, facility: "FAIL", message: "broker is gone"))
        rig.reporter.librdkafka(LogLine(level: 4, facility: "CONFWARN", message: "harmless"))
        rig.reporter.librdkafka(LogLine(level: 6, facility: "GETPID", message: "told too much"))
        let lines = rig.lines.locked { $0 }
        #expect(lines.count == 2)
        #expect(
            lines[0].contains("WARNING transaction aborted entry=5") && lines[1].contains(#"ERROR   librdkafka FAIL message="broker is gone""#),
            "\(lines)")
    }
}
