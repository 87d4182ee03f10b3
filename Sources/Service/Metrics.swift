/// All metrics of a process, as Prometheus reads them.
///
/// Who writes takes a cell once and then adds to it, which costs an atomic instruction. Every series whose labels are known is there from the start, at 0, so that a first error is a rise.
public final class Metrics: Sendable {
    enum Cell {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
    }

    /// One metric, with a cell for each of its label values.
    final class Family {
        let definition: MetricDefinition
        private(set) var series: [(labels: [String], cell: Cell)] = []
        private var places: [[String]: Int] = [:]

        init(_ definition: MetricDefinition) {
            self.definition = definition
            for labels in definition.series { _ = cell(labels) }
        }

        func cell(_ labels: [String]) -> Cell {
            precondition(labels.count == definition.labels.count, "\(definition.name) has the labels \(definition.labels)")
            if let place = places[labels] { return series[place].cell }
            let cell: Cell =
                switch definition.kind {
                case .counter: .counter(Counter())
                case .gauge: .gauge(Gauge())
                case .histogram: .histogram(Histogram(bounds: definition.buckets, scale: definition.scale))
                }
            places[labels] = series.count
            series.append((labels, cell))
            return cell
        }

        func removeAll() {
            series = []
            places = [:]
        }
    }

    private struct State {
        var families: [Family]
        var places: [String: Int]
        var callbacks: [@Sendable () -> Void] = []
    }

    private let state: Locked<State>
    private let moving = Lock()

    public convenience init() { self.init(MetricsTable.all) }

    init(_ table: [MetricDefinition]) {
        let places = Dictionary(uniqueKeysWithValues: table.enumerated().map { ($1.name, $0) })
        state = Locked(State(families: table.map { Family($0) }, places: places))
    }

    // MARK: - Cells

    /// The counter of that name and those label values, made at 0 if it is new.
    public func counter(_ name: String, _ labels: String...) -> Counter {
        guard case .counter(let counter) = cell(name, labels) else { preconditionFailure("\(name) is no counter") }
        return counter
    }

    public func gauge(_ name: String, _ labels: String...) -> Gauge {
        guard case .gauge(let gauge) = cell(name, labels) else { preconditionFailure("\(name) is no gauge") }
        return gauge
    }

    public func histogram(_ name: String, _ labels: String...) -> Histogram {
        guard case .histogram(let histogram) = cell(name, labels) else { preconditionFailure("\(name) is no histogram") }
        return histogram
    }

    private func cell(_ name: String, _ labels: [String]) -> Cell {
        state.locked { state in
            guard let place = state.places[name] else { preconditionFailure("\(name) is not in the table of metrics") }
            return state.families[place].cell(labels)
        }
    }

    /// Makes these all series of a gauge that tells by its labels; each is 1.
    public func setInfo(_ name: String, _ series: [[String]]) {
        state.locked { state in
            guard let place = state.places[name] else { preconditionFailure("\(name) is not in the table of metrics") }
            let family = state.families[place]
            family.removeAll()
            for labels in series { if case .gauge(let gauge) = family.cell(labels) { gauge.set(1) } }
        }
    }

    // MARK: - Together

    /// Changes that are seen all or none. Short: a scrape waits for it. It must not render.
    public func together(_ body: () -> Void) { moving.locked(body) }

    /// Called before each rendering, to set gauges. It must not render.
    public func beforeRendering(_ body: @escaping @Sendable () -> Void) { state.locked { $0.callbacks.append(body) } }

    /// Prometheus' text format 0.0.4.
    ///
    /// - Complexity: O(series)
    public func text() -> [UInt8] {
        read { families in
            var text = MetricsText()
            for family in families { text.add(family) }
            return text.bytes
        }
    }

    /// All of them as they hold together. Short: who changes several waits for it.
    func read<T>(_ body: ([Family]) -> T) -> T {
        for callback in state.locked({ $0.callbacks }) { callback() }
        return moving.locked { state.locked { body($0.families) } }
    }
}
