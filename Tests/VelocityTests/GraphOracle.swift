@testable import Velocity

/// What the graph says, from the definitions: all retained movements in an array, every question by loops over all of them.
struct GraphOracle {
    var movements: [Movement] = []
    var watermark = Int64.min
    let span: Int64

    mutating func apply(_ m: Movement) {
        watermark = max(watermark, m.time)
        if m.from != m.to { movements.append(m) }
        movements.removeAll { $0.time <= watermark - span }
    }

    static func isBefore(_ a: Movement, _ b: Movement) -> Bool {
        (a.time, a.partition, a.offset) < (b.time, b.partition, b.offset)
    }

    /// Movements in the window that lie before the one asked about.
    private func before(_ m: Movement, _ window: Int64) -> [Movement] {
        movements.filter { $0.time > m.time - window && Self.isBefore($0, m) }
    }

    /// The fewest payments of a cycle that `m` closes; 0 when it closes none.
    func cycleHops(_ m: Movement, window: Int64, minRatio: Int64, maxHops: Int) -> Int {
        let all = before(m, window)
        var best = 0
        func back(_ account: UInt64, _ next: Movement, _ hops: Int) {
            if best != 0, hops >= best { return }
            for e in all where e.to == account && Self.isBefore(e, next) && next.amount * 1_000 >= e.amount * minRatio {
                if e.from == m.to {
                    if best == 0 || hops < best { best = hops }
                } else if e.from != 0, e.from != m.from, hops < maxHops {
                    back(e.from, e, hops + 1)
                }
            }
        }
        guard m.from != 0, m.to != 0, m.from != m.to else { return 0 }
        back(m.from, m, 2)
        return best
    }

    /// The most accounts over which one source reaches the receiver, the payer among them.
    func paths(_ m: Movement, window: Int64) -> Int {
        guard m.from != 0, m.to != 0, m.from != m.to else { return 0 }
        let all = before(m, window)
        var most = 0
        for source in Set(all.filter { $0.to == m.from }.map(\.from)) where source != 0 && source != m.to {
            var middles: Set<UInt64> = [m.from]
            for second in all where second.to == m.to && second.from != 0 && second.from != m.from {
                if all.contains(where: { $0.from == source && $0.to == second.from && Self.isBefore($0, second) }) { middles.insert(second.from) }
            }
            most = max(most, middles.count)
        }
        return most
    }

    func bipartite(_ m: Movement, window: Int64) -> (sources: Int, sinks: Int, layer: Int) {
        guard m.from != 0, m.to != 0, m.from != m.to else { return (0, 0, 0) }
        let all = before(m, window)
        let others = Set(all.filter { $0.from == m.from && $0.to != m.to && $0.to != 0 }.map(\.to))
        var sinks = Set<UInt64>()
        var sources = Set<UInt64>()
        for source in Set(all.filter { $0.to == m.to && $0.from != m.from && $0.from != 0 }.map(\.from)) {
            let shared = Set(all.filter { $0.from == source && others.contains($0.to) }.map(\.to))
            if !shared.isEmpty {
                sources.insert(source)
                sinks.formUnion(shared)
            }
        }
        if sources.isEmpty { return (0, 0, 0) }
        func payers(_ account: UInt64) -> Set<UInt64> { Set(all.filter { $0.to == account && $0.from != 0 }.map(\.from)) }
        let above = payers(m.from)
        let layer = sources.map { above.intersection(payers($0)).count }.max()!
        return (sources.count + 1, sinks.count + 1, layer >= 2 ? layer : 0)
    }

    func chainHops(_ m: Movement, maxGap: Int64, low: Int64, high: Int64, maxHops: Int) -> Int {
        func hops(_ account: UInt64, _ debit: Movement, _ depth: Int) -> Int {
            if account == 0 || depth == maxHops { return 0 }
            var best = 0
            for e in movements
            where e.to == account && Self.isBefore(e, debit) && e.time > debit.time - maxGap && debit.amount * 1_000 >= e.amount * low
                && debit.amount * 1_000 <= e.amount * high
            {
                best = max(best, 1 + hops(e.from, e, depth + 1))
            }
            return best
        }
        return m.from == 0 || m.amount == 0 ? 0 : hops(m.from, m, 0)
    }

    func fit(_ m: Movement, maxGap: Int64) -> InflowFit {
        var fit = InflowFit()
        let inflows = movements.filter { $0.to == m.from && Self.isBefore($0, m) && $0.time > m.time - maxGap }.sorted { Self.isBefore($1, $0) }
        guard m.from != 0, !inflows.isEmpty else { return fit }
        let amount = inflows.map(\.amount).filter { $0 >= m.amount }.min() ?? inflows.map(\.amount).max()!
        let best = inflows.first { $0.amount == amount }!
        let spent = movements.filter { $0.from == m.from && Self.isBefore(best, $0) && Self.isBefore($0, m) }.reduce(0) { $0 + $1.amount }
        fit.amount = amount
        fit.gap = m.time - best.time
        fit.unspent = max(0, amount - spent)
        return fit
    }

    /// What a side of an account did in `(t − W, t]`, newest first.
    func side(_ key: UInt64, _ side: Side, at time: Int64, window: Int64) -> [Movement] {
        guard key != 0 else { return [] }
        return movements.filter { (side == .out ? $0.from : $0.to) == key && $0.time > time - window && $0.time <= time }.sorted { Self.isBefore($1, $0) }
    }

    func read(_ key: UInt64, _ which: Side, at time: Int64, window: Int64) -> SideReading {
        var r = SideReading()
        var partners = Set<UInt64>()
        for m in side(key, which, at: time, window: window) {
            r.count += 1
            r.sum += m.amount
            r.max = max(r.max, m.amount)
            r.squares += Double(m.amount) * Double(m.amount)
            let partner = which == .out ? m.to : m.from
            if partner != 0 { partners.insert(partner) }
        }
        r.partners = Int64(partners.count)
        return r
    }

    func dwell(_ m: Movement, window: Int64) -> (debits: Int, median: Int64) {
        var times: [Int64] = []
        for debit in side(m.from, .out, at: m.time, window: window) + [m] {
            let inflows = movements.filter { $0.to == m.from && Self.isBefore($0, debit) }
            if let newest = inflows.max(by: Self.isBefore), newest.time > m.time - window { times.append(debit.time - newest.time) }
        }
        times.sort()
        return times.isEmpty ? (0, -1) : (times.count, times[(times.count - 1) / 2])
    }

    func gatherScatter(_ m: Movement, window: Int64, senders minimum: Int) -> (senders: Int, inflow: Int64, receivers: Int, outflow: Int64)? {
        let ins = before(m, window).filter { $0.to == m.from }.sorted(by: Self.isBefore)
        var senders = Set<UInt64>()
        var stood: Movement?
        for e in ins where e.from != 0 {
            senders.insert(e.from)
            if senders.count == minimum, stood == nil { stood = e }
        }
        guard let stood else { return nil }
        let outs = movements.filter { $0.from == m.from && !Self.isBefore($0, stood) && Self.isBefore($0, m) }
        var receivers = Set(outs.map(\.to).filter { $0 != 0 })
        if m.to != 0 { receivers.insert(m.to) }
        return (senders.count, ins.reduce(0) { $0 + $1.amount }, receivers.count, outs.reduce(m.amount) { $0 + $1.amount })
    }
}
