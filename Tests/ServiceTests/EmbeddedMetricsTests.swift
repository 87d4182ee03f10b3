import Foundation
import Testing

@testable import Service

@Suite struct EmbeddedMetricsTests {
    private struct Document {
        let dimensions: [String: String]
        let values: [String: Double]
        let units: [String: String]
        /// All numbers of the root, metrics or not.
        let numbers: [String: Double]
    }

    /// What CloudWatch's specification of the format demands, in its own words' order; anything else is an issue.
    private static func checked(_ line: [UInt8]) throws -> Document {
        #expect(line.last == 0x0A && line.filter { $0 == 0x0A }.count == 1, "one event is one line")
        #expect(line.count <= 256 * 1024)
        let root = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        let aws = try #require(root["_aws"] as? [String: Any])
        #expect(Set(aws.keys) == ["Timestamp", "CloudWatchMetrics"], "no other members")
        #expect(aws["Timestamp"] as? Int64 == 1_800_000_000_123, "milliseconds since the epoch")
        let directives = try #require(aws["CloudWatchMetrics"] as? [[String: Any]])
        #expect(directives.count == 1)
        let directive = directives[0]
        #expect(Set(directive.keys) == ["Namespace", "Dimensions", "Metrics"])
        let namespace = try #require(directive["Namespace"] as? String)
        #expect((1...1024).contains(namespace.count))
        let sets = try #require(directive["Dimensions"] as? [[String]])
        #expect(sets.count == 1)
        var dimensions: [String: String] = [:]
        for set in sets {
            #expect((1...30).contains(set.count) && Set(set).count == set.count)
            for name in set {
                #expect((1...250).contains(name.count) && !name.hasPrefix(":"))
                let value = try #require(root[name] as? String, "a dimension's value is a string of the root: \(name)")
                #expect((1...1024).contains(value.count) && value.utf8.allSatisfy { (0x21..<0x7F).contains($0) })
                dimensions[name] = value
            }
        }
        let metrics = try #require(directive["Metrics"] as? [[String: String]])
        #expect((1...100).contains(metrics.count) && Set(metrics.map { $0["Name"] }).count == metrics.count)
        var (values, units) = ([String: Double](), [String: String]())
        for metric in metrics {
            #expect(Set(metric.keys) == ["Name", "Unit"])
            let name = try #require(metric["Name"])
            #expect((1...255).contains(name.count))
            #expect(["Seconds", "Bytes", "Percent", "Count", "None"].contains(metric["Unit"]), "of the listed units, those that are used")
            let value = try #require(root[name] as? Double, "a metric's value is a number of the root: \(name)")
            #expect(value.isFinite && abs(value) < 0x1p360)
            values[name] = value
            units[name] = metric["Unit"]
        }
        // Whatever else is there is for who reads the log: numbers, and whose they are.
        let numbers = root.compactMapValues { $0 as? Double }
        #expect(Set(root.keys) == Set(["_aws", "instance"] + dimensions.keys + numbers.keys))
        return Document(dimensions: dimensions, values: values, units: units, numbers: numbers)
    }

    private static func documents(_ format: inout EmbeddedMetrics, _ metrics: Metrics) throws -> [Document] {
        try format.lines(metrics, at: 1_800_000_000_123).map { try checked($0) }
    }

    @Test func `keeps the specification, and tells all metrics at their start`() throws {
        var format = EmbeddedMetrics(group: "weir", instance: "i-1")
        let documents = try Self.documents(&format, Metrics())
        #expect(documents.count == 1, "what is 0 has no line of its own")
        let names = Set(documents[0].numbers.keys)
        for definition in MetricsTable.all where definition.whole != .none {
            #expect(names.contains(definition.kind == .histogram ? definition.name + "_count" : definition.name), "\(definition.name)")
        }
        #expect(documents[0].numbers.values.allSatisfy { $0 == 0 })
        // What has not happened has no percentile; all other metrics are there at 0.
        #expect(Set(documents[0].values.keys) == EmbeddedMetrics.metered.filter { !$0.hasSuffix("_p99") })
        #expect(documents[0].dimensions == ["group": "weir"])
    }

    @Test func `tells what counters rose by, and labels only where something happened`() throws {
        let metrics = Metrics()
        var format = EmbeddedMetrics(group: "g", instance: "i-1", metered: nil)
        metrics.counter("weir_records_total", "0", "scored").add(5)
        metrics.counter("weir_records_total", "1", "scored").add(7)
        metrics.counter("weir_records_total", "1", "duplicate").add(2)
        metrics.gauge("weir_kafka_lag", "0").set(10)
        metrics.gauge("weir_kafka_lag", "1").set(5)
        metrics.gauge("weir_feature_psi", "amount").set(0.1)
        metrics.gauge("weir_feature_psi", "hour_of_day").set(0.3)
        metrics.setInfo("weir_model_info", [["fraud", "1", "ab"]])
        let first = try Self.documents(&format, metrics)
        #expect(first[0].values["weir_records_total"] == 14 && first[0].values["weir_kafka_lag"] == 15)
        #expect(first[0].values["weir_feature_psi"] == 0.3, "the worst, not the sum")
        #expect(first[0].values["weir_model_info"] == nil)
        #expect(first[0].numbers == first[0].values)
        #expect(first.dropFirst().map(\.dimensions) == [["group": "g", "outcome": "scored"], ["group": "g", "outcome": "duplicate"]], "not by partition")
        #expect(first.dropFirst().map { $0.values["weir_records_total"] } == [12, 2])

        metrics.counter("weir_records_total", "1", "scored").add(1)
        let second = try Self.documents(&format, metrics)
        #expect(second[0].values["weir_records_total"] == 1 && second[0].values["weir_kafka_lag"] == 15, "gauges are told as they are")
        #expect(second.count == 2 && second[1].values == ["weir_records_total": 1])
    }

    @Test func `tells of histograms what falls between two reports`() throws {
        let metrics = Metrics()
        var format = EmbeddedMetrics(group: "g", instance: "i-1", metered: nil)
        let predict = metrics.histogram("weir_http_request_seconds", "/predict", "200")
        predict.observe(300_000, times: 990)
        predict.observe(200_000_000, times: 10)
        let first = try #require(try Self.documents(&format, metrics).first { $0.dimensions["path"] == "/predict" })
        #expect(first.dimensions == ["group": "g", "path": "/predict", "code": "200"])
        #expect(first.values["weir_http_request_seconds_count"] == 1000)
        #expect(abs(first.values["weir_http_request_seconds_sum"]! - 2.297) < 1e-9)
        #expect(first.values["weir_http_request_seconds_p99"] == 0.0005, "the 990th is the last of its bucket")
        #expect(first.units["weir_http_request_seconds_p99"] == "Seconds" && first.units["weir_http_request_seconds_count"] == "Count")
        predict.observe(200_000_000, times: 4)
        let second = try #require(try Self.documents(&format, metrics).first { $0.dimensions["path"] == "/predict" })
        #expect(second.values["weir_http_request_seconds_count"] == 4)
        #expect(second.values["weir_http_request_seconds_p50"] == 0.2, "half-way between 0.15 and 0.25")
        #expect(try Self.documents(&format, metrics).allSatisfy { $0.dimensions["path"] == nil })
    }

    @Test func `declares as metrics only what is needed, since each has its price`() throws {
        let metrics = Metrics()
        for definition in MetricsTable.all {
            for labels in definition.series.isEmpty ? [definition.labels.map { _ in "x" }] : definition.series {
                metrics.touch(definition.name, labels)
            }
        }
        var format = EmbeddedMetrics(group: "g", instance: "i-1")
        let documents = try Self.documents(&format, metrics)
        #expect(Set(documents[0].values.keys) == EmbeddedMetrics.metered)
        #expect(documents[0].numbers.count > 2 * documents[0].values.count)
        #expect(Set(documents.dropFirst().flatMap(\.values.keys)) == EmbeddedMetrics.meteredByLabels)
        #expect(documents.dropFirst().allSatisfy { $0.numbers == $0.values })
        // With everything gone wrong at once, over every path with every code.
        #expect(documents.reduce(0) { $0 + $1.values.count } < 150)
    }

    @Test(arguments: [
        (0.5, [4, 0, 0], 0.5), (0.5, [0, 4, 0], 1.5), (1, [1, 1, 0], 2), (0.99, [0, 0, 7], 2), (0.25, [2, 2, 0], 0.5), (0.75, [2, 2, 0], 1.5),
    ])
    func `estimates quantiles as Prometheus does`(_ share: Double, _ counts: [Int], _ expected: Double) {
        #expect(EmbeddedMetrics.quantile(share, [1, 2], counts, counts.reduce(0, +)) == expected)
    }

    @Test func `keeps the limits whatever is told`() throws {
        let metrics = Metrics((0..<250).map { .counter("c\($0)_total", "Counts.", ["kind": ["x"]]) })
        for number in 0..<250 { metrics.counter("c\(number)_total", "x").add(number + 1) }
        var format = EmbeddedMetrics(group: String(repeating: "ü x", count: 1000), instance: "i\"\n", metered: nil)
        let documents = try Self.documents(&format, metrics)
        #expect(documents.count == 6)
        for kind in [nil, "x"] {
            let values = documents.filter { $0.dimensions["kind"] == kind }.reduce(into: [:]) { $0.merge($1.values) { $1 } }
            #expect(values == Dictionary(uniqueKeysWithValues: (0..<250).map { ("c\($0)_total", Double($0 + 1)) }))
        }
    }

    // MARK: - The lines on their way

    private static func lines(_ metrics: Metrics, _ pipe: Pipe) throws -> MetricsLines {
        let settings = try Settings(environment: ["METRICS_FORMAT": "emf", "KAFKA_GROUP_ID": "g"])
        return MetricsLines(settings, metrics: metrics, log: Log(descriptor: 2), descriptor: pipe.fileHandleForWriting.fileDescriptor)
    }

    @Test func `writes whole lines at the end`() throws {
        let (metrics, pipe) = (Metrics(), Pipe())
        let lines = try Self.lines(metrics, pipe)
        lines.start()
        metrics.counter("weir_dead_letters_total", "TOMBSTONE").add(3)
        lines.end()
        lines.report()
        try pipe.fileHandleForWriting.close()
        let written = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n")
        #expect(written.count == 2 && written.last!.contains(#""reason":"TOMBSTONE""#))
    }

    @Test func `waits for no reader, and mends a torn line when there is one again`() throws {
        let (metrics, pipe) = (Metrics(), Pipe())
        let lines = try Self.lines(metrics, pipe)
        // 64 KiB go into a pipe: after so many reports nobody could still be writing to it.
        let began = Date()
        for _ in 0..<24 { if Date().timeIntervalSince(began) < 20 { lines.report() } }
        #expect(Date().timeIntervalSince(began) < 20)
        let reader = Collected(pipe.fileHandleForReading)
        lines.report()
        try pipe.fileHandleForWriting.close()
        let written = reader.text.split(separator: "\n")
        let whole = written.filter { (try? JSONSerialization.jsonObject(with: Data($0.utf8))) != nil }
        #expect(written.count - whole.count <= 1, "one line is torn at most")
        #expect(whole.count >= 2 && written.last == whole.last)
    }

    /// Reads to the end on a thread of its own.
    private final class Collected: @unchecked Sendable {
        private let done = DispatchSemaphore(value: 0)
        private var data = Data()

        init(_ handle: FileHandle) {
            Thread { [self] in
                data = handle.readDataToEndOfFile()
                done.signal()
            }.start()
        }

        var text: String {
            done.wait()
            return String(decoding: data, as: UTF8.self)
        }
    }
}

extension Metrics {
    /// Makes a series that is not 0.
    fileprivate func touch(_ name: String, _ labels: [String]) {
        read { families in
            guard let family = families.first(where: { $0.definition.name == name }) else { return }
            switch family.cell(labels) {
            case .counter(let counter): counter.add()
            case .gauge(let gauge): gauge.set(1)
            case .histogram(let histogram): histogram.observe(1)
            }
        }
    }
}
