import Scoring

/// Writes metrics in Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
struct MetricsText {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(1 << 16) }

    mutating func add(_ family: Metrics.Family) {
        let definition = family.definition
        write("# HELP \(definition.name) \(Self.escaped(definition.help, quotes: false))\n")
        write("# TYPE \(definition.name) \(definition.kind.rawValue)\n")
        for (values, cell) in family.series {
            let labels = zip(definition.labels, values).map { "\($0)=\"\(Self.escaped($1, quotes: true))\"" }.joined(separator: ",")
            switch cell {
            case .counter(let counter): sample(definition.name, labels, "\(counter.value)")
            case .gauge(let gauge): sample(definition.name, labels, Self.number(gauge.value))
            case .histogram(let histogram): add(definition.name, labels, histogram)
            }
        }
    }

    private mutating func add(_ name: String, _ labels: String, _ histogram: Histogram) {
        let (counts, sum) = histogram.values
        let prefix = labels.isEmpty ? "" : labels + ","
        var total = 0
        for (count, bound) in zip(counts, histogram.bounds.map { Self.number($0) } + ["+Inf"]) {
            total += count
            sample(name + "_bucket", "\(prefix)le=\"\(bound)\"", "\(total)")
        }
        sample(name + "_sum", labels, Self.number(sum))
        sample(name + "_count", labels, "\(total)")
    }

    private mutating func sample(_ name: String, _ labels: String, _ value: String) {
        write(labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n")
    }

    private mutating func write(_ text: String) { bytes += text.utf8 }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return JSONWriter.text(value)
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || $0 == 0x22 }) else { return text }
        return text.reduce(into: "") { out, character in
            switch character {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\"": out += quotes ? "\\\"" : "\""
            default: out.append(character)
            }
        }
    }
}
