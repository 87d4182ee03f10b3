import Foundation
import Testing

@testable import Service

/// What watches and deploys the service, held against what the service has.
@Suite struct DeploymentTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..").standardized

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    // MARK: - Queries

    /// A series that a query asks for, and the label values that it names.
    private struct Selector: Hashable {
        let name: String
        let labels: [String: String]
    }

    private static var query: Regex<(Substring, Substring, Substring?)> { #/\b((?:weir|process)_\w+)(?:\{([^}]*)\})?/# }
    private static var matcher: Regex<(Substring, Substring, Substring, Substring)> { #/(\w+)(=~|!~|!=|=)"([^"]*)"/# }

    /// The service's own series in a text of queries. What recording rules make is not among them.
    private static func selectors(_ text: String) -> [Selector] {
        text.matches(of: query).compactMap { match in
            let before = text[..<match.range.lowerBound].last
            // A part of a recorded name (`instance:weir_memory:ratio`), or text of an annotation.
            if before == ":" || text[match.range.upperBound...].first == ":" { return nil }
            let labels = (match.2 ?? "").matches(of: matcher).map { (String($0.1), String($0.3)) }
            return Selector(name: String(match.1), labels: Dictionary(labels) { "\($0)|\($1)" })
        }
    }

    /// The metric that a series belongs to: a histogram has three.
    private static func definition(_ series: String) -> MetricDefinition? {
        if let metric = MetricsTable.all.first(where: { $0.name == series }) { return metric.kind == .histogram ? nil : metric }
        return MetricsTable.all.first { metric in
            metric.kind == .histogram && ["_bucket", "_sum", "_count"].contains { metric.name + $0 == series }
        }
    }

    private static func check(_ selectors: [Selector], in file: String) {
        for selector in selectors {
            guard let metric = definition(selector.name) else {
                Issue.record("\(file): \(selector.name) is not exported")
                continue
            }
            for (label, text) in selector.labels where !["job", "instance", "le"].contains(label) {
                guard let at = metric.labels.firstIndex(of: label) else {
                    Issue.record("\(file): \(selector.name) has no label \(label)")
                    continue
                }
                // A pattern such as 5.. stands for those that it fits; of an alternative each must fit something.
                for value in text.split(separator: "|") where !metric.values[at].isEmpty && !value.hasPrefix("$") {
                    let pattern = "^" + value.replacingOccurrences(of: "/", with: "\\/") + "$"
                    let fits = metric.values[at].contains { $0.range(of: pattern, options: .regularExpression) != nil }
                    #expect(fits, "\(file): \(selector.name) has no \(label)=\(value)")
                }
            }
        }
    }

    private static func queries(_ rules: String) throws -> String {
        // Expressions alone: one line each, or a block that is indented deeper.
        var (text, isBlock) = ("", false)
        for line in try Self.text("deploy/prometheus/\(rules)").split(separator: "\n") {
            if let match = line.firstMatch(of: #/^ {8}expr: (.*)$/#) {
                isBlock = match.1 == "|"
                text += isBlock ? "" : match.1 + "\n"
            } else if isBlock, line.hasPrefix("          ") {
                text += line + "\n"
            } else {
                isBlock = false
            }
        }
        return text
    }

    private static var recorded: Regex<Substring> { #/\b(?:job|instance):weir_\w+:\w+/# }

    private static func dashboardQueries() throws -> [String] {
        let json = try JSONSerialization.jsonObject(with: Data(text("deploy/grafana/weir.json").utf8))
        var found: [String] = []
        func walk(_ value: Any) {
            if let object = value as? [String: Any] {
                if let query = object["expr"] as? String { found.append(query) }
                object.values.forEach(walk)
            } else if let list = value as? [Any] {
                list.forEach(walk)
            }
        }
        walk(json)
        return found
    }

    @Test(arguments: ["recording.rules.yml", "alerts.rules.yml"]) func `rules ask for what is exported`(_ file: String) throws {
        let selectors = Self.selectors(try Self.queries(file))
        #expect(selectors.count > 5)
        Self.check(selectors, in: file)
    }

    @Test func `the dashboard asks for what is exported, and shows all of it`() throws {
        let queries = try Self.dashboardQueries()
        Self.check(Self.selectors(queries.joined(separator: "\n")), in: "weir.json")
        // What a recorded series is made of is shown by it.
        let recording = try Self.queries("recording.rules.yml")
        let shown = Set((queries + [recording]).flatMap { Self.selectors($0) }.compactMap { Self.definition($0.name)?.name })
        for metric in MetricsTable.all { #expect(shown.contains(metric.name), "\(metric.name) is on no panel") }
    }

    @Test func `what is asked of recorded series is recorded`() throws {
        let recording = try Self.text("deploy/prometheus/recording.rules.yml")
        let made = Set(recording.matches(of: #/- record: (\S+)/#).map { String($0.1) })
        let asked = try Self.dashboardQueries().joined(separator: "\n") + Self.queries("alerts.rules.yml")
        let names = Set(asked.matches(of: Self.recorded).map { String($0.0) })
        #expect(names.subtracting(made) == [])
        #expect(made.subtracting(names) == [], "recorded for nobody")
    }

    // MARK: - Alerts

    @Test func `each alert is tested quiet, fired and cleared, and leads to a runbook`() throws {
        let rules = try Self.text("deploy/prometheus/alerts.rules.yml")
        let tests = try Self.text("deploy/prometheus/alerts.test.yml")
        let alerts = rules.matches(of: #/- alert: (\w+)/#).map { String($0.1) }
        #expect(alerts.count > 20 && Set(alerts).count == alerts.count)
        for alert in alerts {
            let quiet = tests.matches(of: try Regex("eval_time: \\w+, alertname: \(alert), exp_alerts: \\[\\]")).count
            let fired = tests.matches(of: try Regex("alertname: \(alert)\n +exp_alerts:\n +- exp_labels")).count
            #expect(quiet >= 2 && fired >= 1, "\(alert)")
        }
        let runbooks = rules.matches(of: #/runbook: (\S+)/#).map { String($0.1) }
        #expect(runbooks.count == alerts.count)
        for runbook in Set(runbooks) {
            let page = try? Self.text(runbook)
            #expect(page != nil, "\(runbook) is missing")
            for alert in zip(alerts, runbooks).filter({ $0.1 == runbook }).map(\.0) {
                #expect(page?.contains(alert) == true, "\(runbook) does not speak of \(alert)")
            }
        }
    }

    @Test func `CloudWatch's alarms ask for what is told`() throws {
        let template = try Self.text("deploy/aws/ecs/service.yaml")
        var format = EmbeddedMetrics(group: "weir", instance: "i")
        let metrics = Metrics()
        metrics.histogram("weir_http_request_seconds", "/predict", "200").observe(1)
        let lines = format.lines(metrics, at: 0).map { String(decoding: $0, as: UTF8.self) }
        let asked = template.matches(of: #/MetricName: (weir_\w+)\n +Dimensions: \[(.*)\]/#)
        #expect(asked.count >= 7)
        for match in asked {
            let names = match.2.matches(of: #/Name: (\w+)/#).map { "\"\($0.1)\"" }.joined(separator: ",")
            let isTold = lines.contains { $0.contains("\"\(match.1)\":") && $0.contains("\"Dimensions\":[[\(names)]]") }
            #expect(isTold, "\(match.1) by \(names)")
        }
    }

    // MARK: - Settings

    @Test func `what deploys the service sets settings that there are`() throws {
        let known = Set(SettingsTable.all.map(\.name))
        let template = try Self.text("deploy/aws/ecs/service.yaml")
        let named = template.matches(of: #/\{Name: ([A-Z][A-Z_]+), Value/#).map { String($0.1) }
        #expect(named.count > 15)
        #expect(Set(named).subtracting(known) == [])
        let unit = try Self.text("deploy/systemd/weir.env.example") + Self.text("deploy/systemd/weir.service").replacing("Environment=", with: "")
        let set = unit.matches(of: #/(?m)^([A-Z][A-Z_]+)=/#).map { String($0.1) }
        #expect(set.count > 3 && Set(set).subtracting(known) == [])
        let compose = try Self.text("docker-compose.yml").components(separatedBy: "\n  weir:\n")[1].components(separatedBy: "\n  prometheus:\n")[0]
        let service = compose.matches(of: #/(?m)^      ([A-Z][A-Z_]+):/#).map { String($0.1) }
        #expect(!service.isEmpty && Set(service).subtracting(known) == [])
    }
}
