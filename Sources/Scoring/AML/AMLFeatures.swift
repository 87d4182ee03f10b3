import Velocity

/// The features of the AML model: those of the windows (`FeatureSet`), then of the payment graph for both ends, then one a typology.
public struct AMLFeatureSet: Sendable, Equatable {
    public let base: FeatureSet
    /// All names, in order; their count is a vector's length.
    public let names: [String]
    private let indices: [String: Int]

    /// Of one side of an account, by window.
    static let statistics = ["count", "sum", "mean", "max", "deviation", "partners", "new_partners"]
    /// The sides: of the account, and of the counterparty.
    static let sides = ["payer_out", "payer_in", "payee_in", "payee_out"]
    /// Of both sides of one end, by window.
    static let balances = ["in_share", "net"]
    static let withoutWindow = [
        "payer_seconds_since_out", "payer_seconds_since_in", "payee_seconds_since_in", "payee_seconds_since_out", "pair_back_count",
        "pair_back_seconds", "amount_over_payee_mean", "amount_payee_zscore", "chain_ratio", "chain_gap_seconds", "chain_unspent", "chain_hops", "dwell_median_seconds",
        "two_hop_paths", "cycle_hops",
    ]

    public init(_ base: FeatureSet) {
        self.base = base
        var names = base.names
        for side in Self.sides { for w in base.windows { for s in Self.statistics { names.append("\(side)_\(w.name)_\(s)") } } }
        for end in ["payer", "payee"] { for w in base.windows { for s in Self.balances { names.append("\(end)_\(w.name)_\(s)") } } }
        names += Self.withoutWindow
        for typology in Typology.allCases { names.append(Self.name(typology)) }
        self.names = names
        indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    public var count: Int { names.count }

    /// Where a feature stands in a vector; nil when these windows do not give it.
    public func index(of name: String) -> Int? { indices[name] }

    /// `typology_` and the code in small letters.
    static func name(_ typology: Typology) -> String { "typology_" + "\(typology.code)".lowercased() }
}

/// The AML features of one transaction. One is made at the start and filled again for each transaction.
public final class AMLFeatureVector {
    public let set: AMLFeatureSet
    let values: UnsafeMutablePointer<Double>
    private let windows: [Int64]
    private let readings: UnsafeMutablePointer<SideReading>
    private let newPartners: UnsafeMutablePointer<Int64>
    /// Minor units in a major one.
    private let minor: Double

    init(_ set: AMLFeatureSet, minorUnits: Int64) {
        self.set = set
        minor = Double(minorUnits)
        windows = set.base.windows.map(\.millis)
        values = .allocate(capacity: set.count)
        values.initialize(repeating: 0, count: set.count)
        readings = .allocate(capacity: 4 * windows.count)
        readings.initialize(repeating: SideReading(), count: 4 * windows.count)
        newPartners = .allocate(capacity: windows.count)
        newPartners.initialize(repeating: 0, count: windows.count)
    }

    deinit {
        values.deallocate()
        readings.deallocate()
        newPartners.deallocate()
    }

    /// The features, in the set's order. Valid until the vector is filled again.
    public var features: UnsafeBufferPointer<Double> { UnsafeBufferPointer(start: values, count: set.count) }

    /// Computes every feature, the payments as they were before this one; the typologies have been found.
    ///
    /// - Complexity: O(features + the limits' degree).
    func fill(_ base: UnsafeBufferPointer<Double>, _ subject: TypologyFinder.Subject, _ finder: TypologyFinder) {
        values.update(from: base.baseAddress!, count: base.count)
        var p = values + base.count
        let event = subject.event
        let graph = finder.graph
        let limits = finder.settings.limits
        // Of credits the payee is the account itself.
        let payer = event.account
        let payee = event.isDebit ? event.counterparty : event.account
        let ends: [(UInt64, Side)] = [(payer, .out), (payer, .in), (payee, .in), (payee, .out)]
        var since: (Int64, Int64, Int64, Int64) = (-1, -1, -1, -1)
        for (i, end) in ends.enumerated() {
            let side = readings + i * windows.count
            let newest = graph.readWindows(end.0, end.1, at: subject.moment, windows, limits, side, newPartners)
            switch i {
            case 0: since.0 = newest
            case 1: since.1 = newest
            case 2: since.2 = newest
            default: since.3 = newest
            }
            for w in 0..<windows.count {
                put(side[w], newPartners[w], p)
                p += AMLFeatureSet.statistics.count
            }
        }
        for end in 0..<2 {
            let out = readings + (end == 0 ? 0 : 3) * windows.count
            let incoming = readings + (end == 0 ? 1 : 2) * windows.count
            for w in 0..<windows.count {
                let (a, b) = (Double(incoming[w].sum), Double(out[w].sum))
                p[0] = a + b == 0 ? 0.5 : a / (a + b)
                p[1] = (a - b) / minor
                p += 2
            }
        }
        p[0] = seconds(since.0)
        p[1] = seconds(since.1)
        p[2] = seconds(since.2)
        p[3] = seconds(since.3)
        let longest = windows[windows.count - 1]
        let back = subject.isPayment ? graph.pair(from: payee, to: payer, at: subject.moment, window: longest, limits) : (0, -1)
        p[4] = Double(back.0)
        p[5] = seconds(back.1)
        let received = readings[3 * windows.count - 1]
        p[6] = received.sum == 0 ? 1 : Double(event.amount) * Double(received.count) / Double(received.sum)
        let spread = Self.deviation(received)
        p[7] = received.count < 3 || spread <= 0 ? 0 : (Double(event.amount) - Double(received.sum) / Double(received.count)) / spread
        let gap = min(finder.settings.layeringGap, longest)
        if event.isDebit {
            let fit = graph.fitInflow(from: payer, amount: event.amount, at: subject.moment, maxGap: gap, limits)
            p[8] = fit.amount < 0 ? -1 : fit.amount == 0 ? 0 : Double(event.amount) / Double(fit.amount)
            p[9] = fit.amount < 0 ? -1 : seconds(fit.gap)
            p[10] = fit.amount <= 0 ? -1 : Double(fit.unspent) / Double(fit.amount)
            p[11] = Double(finder.chain(subject).hops)
            p[12] = seconds(graph.dwell(payer, at: subject.moment, window: finder.dayMillis, limits).median)
        } else {
            p[8] = -1
            p[9] = -1
            p[10] = -1
            p[11] = 0
            p[12] = -1
        }
        p[13] = 0
        p[14] = 0
        if subject.isPayment {
            p[13] = Double(graph.findScatterGather(from: payer, to: payee, at: subject.moment, window: longest, limits).paths)
            p[14] = Double(
                graph.findCycle(
                    from: payer, to: payee, amount: event.amount, at: subject.moment, window: longest, minRatio: finder.settings.cycleRatio,
                    maxHops: finder.settings.cycleHops, limits
                ).hops)
        }
        (p + AMLFeatureSet.withoutWindow.count).update(from: finder.findings.byTypology, count: Typology.allCases.count)
    }

    private func put(_ r: SideReading, _ newPartners: Int64, _ p: UnsafeMutablePointer<Double>) {
        p[0] = Double(r.count)
        p[1] = Double(r.sum) / minor
        p[2] = r.count == 0 ? 0 : Double(r.sum) / minor / Double(r.count)
        p[3] = Double(r.max) / minor
        p[4] = Self.deviation(r) / minor
        p[5] = Double(r.partners)
        p[6] = Double(newPartners)
    }

    /// Population standard deviation, minor units; 0 for fewer than two.
    private static func deviation(_ r: SideReading) -> Double {
        guard r.count >= 2 else { return 0 }
        let n = Double(r.count)
        let mean = Double(r.sum) / n
        return max(0, r.squares / n - mean * mean).squareRoot()
    }

    @inline(__always)
    private func seconds(_ millis: Int64) -> Double { millis < 0 ? -1 : Double(millis) / 1000 }
}
