import Velocity

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

    /// Computes the features that are needed, the payments as they were before this one; the typologies have been found. Others stand as they were.
    ///
    /// - Complexity: O(features + the limits' degree).
    func fill(_ base: UnsafeBufferPointer<Double>, _ subject: TypologyFinder.Subject, _ finder: TypologyFinder, _ needs: AMLNeeds = .all) {
        values.update(from: base.baseAddress!, count: base.count)
        let event = subject.event
        let graph = finder.graph
        let limits = finder.settings.limits
        // Of credits the payee is the account itself.
        let payer = event.account
        let payee = event.isDebit ? event.counterparty : event.account
        var p = values + base.count
        let plain = p + windows.count * (4 * AMLFeatureSet.statistics.count + 2 * AMLFeatureSet.balances.count)
        for i in 0..<4 {
            if needs.contains(AMLNeeds.sides[i]) {
                let side = readings + i * windows.count
                let newest = graph.readWindows(i < 2 ? payer : payee, i == 0 || i == 3 ? .out : .in, at: subject.moment, windows, limits, side, newPartners)
                plain[i] = seconds(newest)
                for w in 0..<windows.count { put(side[w], newPartners[w], p + w * AMLFeatureSet.statistics.count) }
            }
            p += windows.count * AMLFeatureSet.statistics.count
        }
        balance(readings, readings + windows.count, p)
        balance(readings + 3 * windows.count, readings + 2 * windows.count, p + windows.count * AMLFeatureSet.balances.count)
        fillWithoutWindow(subject, finder, payer, payee, needs, plain)
        (plain + AMLFeatureSet.withoutWindow.count).update(from: finder.findings.byTypology, count: Typology.allCases.count)
    }

    private func balance(_ out: UnsafeMutablePointer<SideReading>, _ incoming: UnsafeMutablePointer<SideReading>, _ p: UnsafeMutablePointer<Double>) {
        for w in 0..<windows.count {
            let (a, b) = (Double(incoming[w].sum), Double(out[w].sum))
            p[2 * w] = a + b == 0 ? 0.5 : a / (a + b)
            p[2 * w + 1] = (a - b) / minor
        }
    }

    private func fillWithoutWindow(
        _ subject: TypologyFinder.Subject, _ finder: TypologyFinder, _ payer: UInt64, _ payee: UInt64, _ needs: AMLNeeds, _ p: UnsafeMutablePointer<Double>
    ) {
        let event = subject.event
        let graph = finder.graph
        let limits = finder.settings.limits
        let longest = windows[windows.count - 1]
        if needs.contains(.back) {
            let back = subject.isPayment ? graph.pair(from: payee, to: payer, at: subject.moment, window: longest, limits) : (0, -1)
            p[4] = Double(back.0)
            p[5] = seconds(back.1)
        }
        if needs.contains(.payeeIn) {
            let received = readings[3 * windows.count - 1]
            p[6] = received.sum == 0 ? 1 : Double(event.amount) * Double(received.count) / Double(received.sum)
            let spread = Self.deviation(received)
            p[7] = received.count < 3 || spread <= 0 ? 0 : (Double(event.amount) - Double(received.sum) / Double(received.count)) / spread
        }
        if needs.contains(.fit) {
            let gap = min(finder.settings.layeringGap, longest)
            var fit = InflowFit()
            if event.isDebit {
                fit = graph.fitInflow(
                    from: payer, amount: event.amount, at: subject.moment, maxGap: gap, onlyCashAndTransfers: subject.isCashOrTransfer, limits)
            }
            p[8] = fit.amount < 0 ? -1 : fit.amount == 0 ? 0 : Double(event.amount) / Double(fit.amount)
            p[9] = fit.amount < 0 ? -1 : seconds(fit.gap)
            p[10] = fit.amount <= 0 ? -1 : Double(fit.unspent) / Double(fit.amount)
        }
        if needs.contains(.chain) { p[11] = event.isDebit ? Double(finder.chainHops ?? finder.chain(subject).hops) : 0 }
        if needs.contains(.dwell) {
            p[12] = event.isDebit ? seconds(graph.dwell(payer, at: subject.moment, window: finder.dayMillis, limits).median) : -1
        }
        if needs.contains(.paths) {
            p[13] = 0
            if subject.isPayment { p[13] = Double(graph.findScatterGather(from: payer, to: payee, at: subject.moment, window: longest, limits).paths) }
        }
        if needs.contains(.cycle) {
            p[14] = 0
            if subject.isPayment {
                p[14] = Double(
                    graph.findCycle(
                        from: payer, to: payee, amount: event.amount, at: subject.moment, window: longest, minRatio: finder.settings.cycleRatio,
                        maxHops: finder.settings.cycleHops, limits
                    ).hops)
            }
        }
        p[15] = seconds(subject.reading.strangerMillisSinceLast)
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
