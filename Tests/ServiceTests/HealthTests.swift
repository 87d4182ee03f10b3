import Scoring
import Testing
import Velocity

@testable import Service

@Suite struct HealthTests {
    private static func health(_ environment: [String: String] = [:]) throws -> Health {
        Health(try Settings(environment: environment), desk: EngineDesk(applies: false, metrics: Metrics()))
    }

    private static func stream(_ change: (inout StreamHealth) -> Void) -> StreamHealth {
        var stream = StreamHealth()
        stream.isConnected = true
        stream.isReady = true
        stream.toldMillis = Int64(Clock.nanos / 1_000_000)
        change(&stream)
        return stream
    }

    @Test func `says in one word how it is with a stream`() throws {
        let cases: [(stream: StreamHealth, status: HealthStatus, role: HealthRole, degraded: [DegradedPart])] = [
            (StreamHealth(), .starting, .restoring, [.kafka]),
            (Self.stream { $0.isReady = false }, .starting, .restoring, []),
            (Self.stream { _ in }, .ok, .follower, []),
            (Self.stream { $0.isLeading = true }, .ok, .follower, []),
            (
                Self.stream {
                    $0.isLeading = true; $0.lastCommitMillis = $0.toldMillis
                }, .ok, .leader, []
            ),
            (
                Self.stream {
                    $0.isLeading = true; $0.lastCommitMillis = $0.toldMillis! - 3_000
                }, .ok, .follower, []
            ),
            (Self.stream { $0.toldMillis! -= 4_000 }, .degraded, .follower, [.kafka]),
            (Self.stream { $0.toldMillis = nil }, .degraded, .follower, [.kafka]),
            (Self.stream { $0.trouble = "gone" }, .degraded, .follower, [.kafka]),
            (Self.stream { $0.isConnected = false }, .degraded, .follower, [.kafka]),
            (Self.stream { $0.followLagSeconds = 5 }, .ok, .follower, []),
            (Self.stream { $0.followLagSeconds = 5.1 }, .degraded, .follower, [.followLag]),
            (Self.stream { $0.isDiverged = true }, .degraded, .follower, [.divergence]),
            (Self.stream { $0.areRatesRefused = true }, .degraded, .follower, [.exchangeRates]),
            (Self.stream { $0.isJournalRetentionShort = true }, .degraded, .follower, [.journalRetention]),
            (Self.stream { $0.isAtBound = true }, .degraded, .follower, [.keptBytes]),
        ]
        let health = try Self.health(["KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"])
        #expect(health.status == .starting && !health.canAnswer)
        for expected in cases {
            health.update(stream: expected.stream)
            let report = health.report
            #expect(report.status == expected.status && report.role == expected.role && report.degraded == expected.degraded, "\(expected)")
            #expect(health.canAnswer == expected.stream.isReady)
        }
    }

    @Test func `knows the state's parts by the store's own names`() {
        #expect(Engine(EngineConfiguration()).store.parts.map { "\($0.name)" } + ["payments"] == EngineFacts.partNames)
    }

    @Test func `is fine alone, and says that there is no stream`() throws {
        let health = try Self.health()
        #expect(health.status == .ok && health.report.role == .alone && health.canAnswer)
        #expect(health.report.json.contains(#""kafka":{"enabled":false}"#))
    }

    @Test func `is degraded by an artefact that failed, not by one that is not there`() throws {
        let health = try Self.health()
        var model = ModelHealth()
        model.version = "1"
        model.isLoaded = true
        health.update(model: "fraud", model)
        #expect(health.status == .ok)
        model.error = "checksum"
        health.update(model: "fraud", model)
        #expect(health.status == .degraded && health.report.degraded == [.fraudModel])
    }

    @Test func `is unhealthy when the engine is silent, and drains when told to`() throws {
        let health = try Self.health()
        for (silence, isAlive) in [(9_999, true), (10_000, false)] {
            health.onSilence { Int64(silence) }
            #expect(health.isAlive == isAlive)
            #expect(health.status == (isAlive ? .ok : .unhealthy))
        }
        health.onSilence { 0 }
        health.drain()
        #expect(health.status == .draining && !health.status.isServing && health.isAlive && health.canAnswer)
        health.fail("no memory")
        #expect(health.status == .unhealthy && health.report.json.contains(#""failure":"no memory""#))
    }
}
