import Scoring

/// Writes metrics as log lines in CloudWatch's embedded metric format
/// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
///
/// CloudWatch sums what it is told, so counters and histograms are told as what they rose by since the last time. It takes no buckets: a histogram is its count, its sum,
/// and its median and 99th percentile in that time. One line has every number without labels, of all series together. A label whose values are known beforehand is a
/// dimension on lines of its own, which are only written for what is not 0. Labels that are only known while running are none: what is told has a bound.
///
/// CloudWatch bills each metric by the hour, so only those that alarms and the night shift need are declared as such; the other numbers stand in the line all the same, for
/// queries over the log.
struct EmbeddedMetrics {
    static let namespace = "Weir"
    /// What the specification allows in one directive.
    static let maxMetrics = 100
    /// The group's name is the one dimension that all have.
    static let groupDimension = "group"

    /// What becomes a metric of CloudWatch without labels: 17.
    static let metered: Set<String> = [
        "weir_records_total", "weir_dead_letters_total", "weir_verdicts_total", "weir_end_to_end_seconds_p99", "weir_velocity_seconds_p99",
        "weir_aml_seconds_p99", "weir_kafka_lag", "weir_leader", "weir_follow_lag_seconds", "weir_divergence_total", "weir_records_lost_total",
        "weir_ready", "weir_degraded", "weir_model_bytes", "weir_model_fallbacks_total", "weir_feature_psi", "process_resident_memory_bytes",
    ]
    /// What becomes one by its labels besides.
    static let meteredByLabels: Set<String> = [
        "weir_dead_letters_total", "weir_verdicts_total", "weir_degraded", "weir_http_request_seconds_count", "weir_http_request_seconds_p99",
    ]

    private let group: String
    private let instance: String
    /// nil: all of them.
    private let metered: (whole: Set<String>, byLabels: Set<String>)?
    /// What counters and histograms held the last time.
    private var last: [String: [[String]: [Int]]] = [:]
    private var lastSums: [String: [[String]: Double]] = [:]

    init(group: String, instance: String, metered: (whole: Set<String>, byLabels: Set<String>)? = (Self.metered, Self.meteredByLabels)) {
        self.group = Self.dimension(group)
        self.instance = instance
        self.metered = metered
    }

    /// One number of a line.
    private struct Sample {
        let name: String
        let unit: String
        let value: Double
        var isMetered = true
    }

    /// What is told under the same values of labels.
    private struct Line {
        let labels: [(name: String, value: String)]
        var samples: [Sample] = []
    }

    /// The lines since the last time, each with its end.
    ///
    /// - Parameter millis: when, in milliseconds since the Unix epoch.
    mutating func lines(_ metrics: Metrics, at millis: Int64) -> [[UInt8]] {
        var all = Line(labels: [])
        var labelled: [Line] = []
        var places: [[String]: Int] = [:]
        for (definition, series) in metrics.read({ $0.map { family in (family.definition, series(family)) } }) {
            if definition.whole != .none {
                all.samples += Self.samples(definition, series.map(\.value), isWhole: true).map { sample in
                    var sample = sample
                    sample.isMetered = metered?.whole.contains(sample.name) ?? true
                    return sample
                }
            }
            let kept = definition.labels.indices.filter { !definition.values[$0].isEmpty }
            if kept.isEmpty { continue }
            for (values, group) in Self.grouped(series, by: kept) {
                let samples = Self.samples(definition, group, isWhole: false).filter { metered?.byLabels.contains($0.name) ?? true }
                if samples.isEmpty { continue }
                let labels = zip(kept, values).map { (name: definition.labels[$0], value: $1) }
                let key = labels.flatMap { [$0.name, $0.value] }
                if places[key] == nil {
                    places[key] = labelled.count
                    labelled.append(Line(labels: labels))
                }
                labelled[places[key]!].samples += samples
            }
        }
        return ([all] + labelled).flatMap { line in
            let metrics = line.samples.filter(\.isMetered)
            return stride(from: 0, to: metrics.count, by: Self.maxMetrics).map { first in
                let share = metrics[first..<min(first + Self.maxMetrics, metrics.count)]
                return text(line.labels, share + (first == 0 ? line.samples.filter { !$0.isMetered } : []), millis)
            }
        }
    }

    // MARK: - What is told

    private enum Value {
        case gauge(Double)
        case counter(Int)
        case histogram(bounds: [Double], counts: [Int], sum: Double)
    }

    /// What a family holds, or rose by since the last time.
    private mutating func series(_ family: Metrics.Family) -> [(labels: [String], value: Value)] {
        let name = family.definition.name
        return family.series.map { labels, cell in
            switch cell {
            case .gauge(let gauge): return (labels, .gauge(gauge.value))
            case .counter(let counter):
                let value = counter.value
                let before = last[name]?[labels]?[0] ?? 0
                last[name, default: [:]][labels] = [value]
                return (labels, .counter(value - before))
            case .histogram(let histogram):
                let (counts, sum) = histogram.values
                let before = last[name]?[labels] ?? counts.map { _ in 0 }
                let sumBefore = lastSums[name]?[labels] ?? 0
                last[name, default: [:]][labels] = counts
                lastSums[name, default: [:]][labels] = sum
                return (labels, .histogram(bounds: histogram.bounds, counts: zip(counts, before).map { $0 - $1 }, sum: sum - sumBefore))
            }
        }
    }

    /// The series that have the same values of these labels, in the order of the first of each.
    private static func grouped(_ series: [(labels: [String], value: Value)], by kept: [Int]) -> [(values: [String], group: [Value])] {
        var groups: [(values: [String], group: [Value])] = []
        var places: [[String]: Int] = [:]
        for (labels, value) in series {
            let values = kept.map { labels[$0] }
            if let place = places[values] {
                groups[place].group.append(value)
            } else {
                places[values] = groups.count
                groups.append((values, [value]))
            }
        }
        return groups
    }

    /// - Parameter isWhole: whether 0 is told too.
    private static func samples(_ definition: MetricDefinition, _ values: [Value], isWhole: Bool) -> [Sample] {
        let name = definition.name
        let unit = unit(name)
        switch definition.kind {
        case .gauge:
            let values = values.compactMap { if case .gauge(let value) = $0, value.isFinite { value } else { nil } }
            let value = definition.whole == .max ? values.max() ?? 0 : values.reduce(0, +)
            return isWhole || value != 0 ? [Sample(name: name, unit: unit, value: value)] : []
        case .counter:
            let rise = values.reduce(0) { sum, value in if case .counter(let rise) = value { sum + rise } else { sum } }
            return isWhole || rise != 0 ? [Sample(name: name, unit: "Count", value: Double(rise))] : []
        case .histogram:
            var (counts, sum) = ([Int](repeating: 0, count: definition.buckets.count + 1), 0.0)
            for case .histogram(_, let more, let moreSum) in values {
                for at in counts.indices { counts[at] += more[at] }
                sum += moreSum
            }
            let total = counts.reduce(0, +)
            let count = Sample(name: name + "_count", unit: "Count", value: Double(total))
            // Of nothing there is no percentile.
            guard total > 0 else { return isWhole ? [count] : [] }
            return [
                count, Sample(name: name + "_sum", unit: unit, value: max(0, sum)),
                Sample(name: name + "_p50", unit: unit, value: quantile(0.5, definition.buckets, counts, total)),
                Sample(name: name + "_p99", unit: unit, value: quantile(0.99, definition.buckets, counts, total)),
            ]
        }
    }

    /// As Prometheus' `histogram_quantile`: linear inside a bucket, and what is above all bounds is at the last one.
    static func quantile(_ share: Double, _ bounds: [Double], _ counts: [Int], _ total: Int) -> Double {
        let rank = share * Double(total)
        var below = 0
        for at in bounds.indices {
            if Double(below + counts[at]) >= rank, counts[at] > 0 {
                let from = at == 0 ? 0 : bounds[at - 1]
                return from + (bounds[at] - from) * (rank - Double(below)) / Double(counts[at])
            }
            below += counts[at]
        }
        return bounds.last ?? 0
    }

    /// One of the units that the specification lists.
    private static func unit(_ name: String) -> String {
        if name.hasSuffix("_seconds") { return "Seconds" }
        if name.hasSuffix("_bytes") { return "Bytes" }
        return name.hasSuffix("_percent") ? "Percent" : "None"
    }

    /// What CloudWatch takes as a dimension's value: printable ASCII, not empty, at most 1,024 characters.
    static func dimension(_ text: String) -> String {
        let text = String(text.unicodeScalars.prefix(1024).map { (0x21..<0x7F).contains($0.value) ? Character($0) : "_" })
        return text.isEmpty ? "_" : text
    }

    // MARK: - JSON

    private func text(_ labels: [(name: String, value: String)], _ samples: ArraySlice<Sample>, _ millis: Int64) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.beginObject("_aws")
        json.add("Timestamp", millis)
        json.beginArray("CloudWatchMetrics")
        json.beginObject()
        json.add("Namespace", Self.namespace)
        json.beginArray("Dimensions")
        json.beginArray()
        json.add(nil, Self.groupDimension)
        for label in labels { json.add(nil, label.name) }
        json.endArray()
        json.endArray()
        json.beginArray("Metrics")
        for sample in samples where sample.isMetered {
            json.beginObject()
            json.add("Name", sample.name)
            json.add("Unit", sample.unit)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        json.endArray()
        json.endObject()
        json.add(Self.groupDimension, group)
        for label in labels { json.add(label.name, Self.dimension(label.value)) }
        // No dimension, or each deployment would begin new metrics; for who looks into the log.
        json.add("instance", instance)
        for sample in samples { json.add(sample.name, sample.value) }
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }
}
