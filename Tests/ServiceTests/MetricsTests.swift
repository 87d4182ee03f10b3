import Foundation
import Testing

@testable import Service

@Suite struct MetricsTests {
    private static func text(_ metrics: Metrics) -> String { String(decoding: metrics.text(), as: UTF8.self) }

    private static let table: [MetricDefinition] = [
        .counter("a_total", "Counts \\ things.\nTwo lines.", ["kind": ["x", "y"], "size": ["s", "l"]]),
        .counter("p_total", "By partition.", ["partition": []]),
        .gauge("g", "Holds."),
        .seconds("h_seconds", "Takes.", [0.001, 0.5, 2]),
    ]

    @Test func `writes the text format`() {
        let metrics = Metrics(Self.table)
        metrics.counter("a_total", "x", "l").add(3)
        metrics.counter("a_total", "x", "l").add()
        metrics.counter("p_total", "\"\\\n").add(2)
        metrics.gauge("g").set(0.25)
        let histogram = metrics.histogram("h_seconds")
        for nanos in [0, 1_000_000, 1_000_001, 500_000_000, 3_000_000_000] { histogram.observe(nanos) }
        histogram.observe(2_000_000_000, times: 10)
        #expect(
            Self.text(metrics) == """
                # HELP a_total Counts \\\\ things.\\nTwo lines.
                # TYPE a_total counter
                a_total{kind="x",size="s"} 0
                a_total{kind="x",size="l"} 4
                a_total{kind="y",size="s"} 0
                a_total{kind="y",size="l"} 0
                # HELP p_total By partition.
                # TYPE p_total counter
                p_total{partition="\\"\\\\\\n"} 2
                # HELP g Holds.
                # TYPE g gauge
                g 0.25
                # HELP h_seconds Takes.
                # TYPE h_seconds histogram
                h_seconds_bucket{le="0.001"} 2
                h_seconds_bucket{le="0.5"} 4
                h_seconds_bucket{le="2"} 14
                h_seconds_bucket{le="+Inf"} 15
                h_seconds_sum 23.502000001
                h_seconds_count 15

                """)
    }

    @Test func `asks its callbacks before it writes`() {
        let metrics = Metrics(Self.table)
        let gauge = metrics.gauge("g")
        let asked = Counter()
        metrics.beforeRendering {
            asked.add()
            gauge.set(asked.value)
        }
        #expect(Self.text(metrics).contains("g 1\n"))
        #expect(Self.text(metrics).contains("g 2\n"))
    }

    @Test func `tells by labels what holds now, and nothing of before`() {
        let metrics = Metrics()
        metrics.setInfo("weir_model_info", [["fraud", "1", "a"], ["aml", "1", "b"]])
        metrics.setInfo("weir_model_info", [["fraud", "2", "c"]])
        let lines = Self.text(metrics).split(separator: "\n").filter { $0.hasPrefix("weir_model_info{") }
        #expect(lines == [#"weir_model_info{name="fraud",version="2",sha256="c"} 1"#])
    }

    @Test func `has every series of known labels from the start`() {
        let lines = Self.text(Metrics()).split(separator: "\n")
        for definition in MetricsTable.all {
            #expect(lines.contains { $0 == "# TYPE \(definition.name) \(definition.kind.rawValue)" })
            let name = definition.kind == .histogram ? definition.name + "_count" : definition.name
            let samples = lines.filter { $0 == name + " 0" || ($0.hasPrefix(name + "{") && $0.hasSuffix(" 0")) }
            #expect(samples.count == definition.series.count, "\(definition.name)")
        }
        for sample in [
            #"weir_dead_letters_total{reason="CONFLICTING_ID"} 0"#, #"weir_verdicts_total{kind="aml",decision="report"} 0"#,
            #"weir_http_request_seconds_count{path="/predict",code="429"} 0"#, #"weir_degraded{part="kafka"} 0"#,
            #"weir_entities{kind="merchant"} 0"#,
        ] {
            #expect(lines.contains(Substring(sample)), "\(sample)")
        }
    }

    /// The series of the contract, which alerts and dashboards stand on.
    @Test func `keeps its promised names and labels`() {
        let promised = [
            "weir_records_consumed_total{partition}", "weir_records_total{partition,outcome}", "weir_dead_letters_total{reason}",
            "weir_verdicts_total{kind,decision}", "weir_feedback_total{outcome}", "weir_scoring_seconds{}", "weir_velocity_seconds{}",
            "weir_aml_seconds{}",
            "weir_end_to_end_seconds{}", "weir_commit_seconds{}", "weir_http_request_seconds{path,code}", "weir_kafka_lag{partition}",
            "weir_leader{}",
            "weir_leader_changes_total{}", "weir_follow_lag_seconds{}", "weir_followed_total{partition}", "weir_divergence_total{}",
            "weir_kafka_transactions_total{result}", "weir_entities{kind}", "weir_events{}", "weir_state_bytes{part}",
            "process_resident_memory_bytes{}",
            "weir_memory_limit_bytes{}", "weir_model_info{name,version,sha256}", "weir_model_fallbacks_total{name}", "weir_degraded{part}",
            "weir_late_total{}", "weir_incomplete_total{cause}", "weir_watermark_lead_seconds{}", "weir_key_mismatch_total{}",
            "weir_records_lost_total{}", "weir_feature_psi{feature}",
        ]
        let known = Set(MetricsTable.all.map { "\($0.name){\($0.labels.joined(separator: ","))}" })
        for name in promised { #expect(known.contains(name), "\(name)") }
        #expect(known.count == MetricsTable.all.count)
    }

    @Test func `counts what many threads add, and shows what moves together together`() {
        let metrics = Metrics(Self.table)
        let (x, y) = (metrics.counter("a_total", "x", "s"), metrics.counter("a_total", "y", "s"))
        let histogram = metrics.histogram("h_seconds")
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for number in 0..<2_000 {
                if thread == 0 {
                    let lines = Self.text(metrics).split(separator: "\n").filter { $0.contains(#"size="s""#) }
                    if number < 200 { #expect(lines[0].split(separator: " ")[1] == lines[1].split(separator: " ")[1]) }
                    if number == 200 { return }
                } else {
                    metrics.together {
                        x.add()
                        y.add()
                    }
                    histogram.observe(number)
                }
            }
        }
        #expect(x.value == 6_000 && y.value == 6_000 && histogram.count == 6_000)
    }

    @Test(.enabled(if: promtool != nil, "promtool is not installed (Debian: prometheus)")) func `pleases promtool`() throws {
        let metrics = Metrics()
        metrics.counter("weir_records_total", "0", "scored").add(5)
        metrics.gauge("weir_kafka_lag", "3").set(7)
        metrics.setInfo("weir_model_info", [["fraud", "1.0", "ab"]])
        metrics.histogram("weir_scoring_seconds").observe(1_700)
        let (status, output) = try checkMetrics(metrics.text())
        #expect(status == 0 && output.isEmpty, "\(output)")
    }
}

/// Where promtool is; nil where it is not installed.
let promtool: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/promtool" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

/// `promtool check metrics`: its exit code and what it says.
func checkMetrics(_ text: [UInt8]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: promtool!)
    process.arguments = ["check", "metrics"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(text))
    try input.fileHandleForWriting.close()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: said, as: UTF8.self))
}
