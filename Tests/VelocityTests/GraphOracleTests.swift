import Testing

@testable import Velocity

/// The graph against loops over all movements, on random temporal graphs with ties, late arrivals and gaps that expire everything.
@Suite struct GraphOracleTests {
    static let configuration = VelocityConfiguration(windows: [1_000], allowedLateness: 300)
    static let window: Int64 = 1_000

    /// Few accounts and amounts that hand on, so that patterns are frequent.
    static func movements(_ random: inout Random, _ count: Int) -> [Movement] {
        let accounts = 3 + random.below(9)
        var time = Int64(random.below(1_000_000))
        var all: [Movement] = []
        for i in 0..<count {
            time += Int64([0, 0, 1, 5, 20, 60][random.below(6)])
            if random.oneIn(200) { time += 2_000 }
            var m = Movement(
                time: random.oneIn(5) ? max(0, time - Int64(random.below(400))) : time, amount: [0, 70, 99, 100, 101, 90, 81, 1_000][random.below(8)],
                from: UInt64(random.below(accounts + 1)), to: UInt64(random.below(accounts + 1)), isCashOrTransfer: !random.oneIn(3),
                partition: Int32(random.below(3)), offset: Int64(i))
            if m.from == m.to, !random.oneIn(20) { m.to = (m.to + 1) % UInt64(accounts + 1) }
            all.append(m)
        }
        return all
    }

    @Test func everySearchFindsWhatLoopsFind() {
        var found: [String: Int] = [:]
        for seed in Seeds.range(5_000) {
            var random = Random(seed: seed)
            let graph = PaymentGraph(Self.configuration)
            var oracle = GraphOracle(span: 1_300)
            var limits = GraphLimits()
            limits.edges = 4_000
            let sequence = Self.movements(&random, 60 + random.below(60))
            for (i, m) in sequence.enumerated() {
                // The moment that the movement closes, as it stands when it comes; the watermark does not wait for it.
                if i > 20, random.oneIn(4) { Self.compare(graph, oracle, m, limits, seed, &found) }
                graph.apply(time: m.time, m)
                oracle.apply(m)
                #expect(graph.edgeCount == oracle.movements.count, "seed \(seed)")
            }
        }
        for what in ["cycle2", "cycle3", "cycle4", "cycle5", "cycle6", "paths3", "bipartite", "layer", "chain2", "chain3", "gather", "pairAfter"] {
            #expect(found[what, default: 0] >= 20, "\(what) is seldom seen: \(found)")
        }
    }

    static func compare(_ graph: PaymentGraph, _ oracle: GraphOracle, _ m: Movement, _ limits: GraphLimits, _ seed: Int, _ found: inout [String: Int]) {
        let moment = Moment(time: m.time, partition: m.partition, offset: m.offset)
        let cycle = graph.findCycle(from: m.from, to: m.to, amount: m.amount, at: moment, window: window, minRatio: 700, maxHops: 6, limits)
        #expect(!cycle.cost.isCut)
        #expect(cycle.hops == oracle.cycleHops(m, window: window, minRatio: 700, maxHops: 6), "cycle, seed \(seed)")
        if cycle.hops > 0 {
            found["cycle\(cycle.hops)", default: 0] += 1
            var last = graph.cyclePath(0)
            #expect(last.from == m.to && m.time - last.time < window)
            for i in 1..<cycle.hops - 1 {
                let next = graph.cyclePath(i)
                #expect(next.from == last.to && GraphOracle.isBefore(last, next) && next.amount * 10 >= last.amount * 7, "seed \(seed)")
                last = next
            }
            #expect(last.to == m.from && GraphOracle.isBefore(last, m) && m.amount * 10 >= last.amount * 7, "seed \(seed)")
        }

        let pair = oracle.movements.filter { $0.from == m.from && $0.to == m.to && m.from != 0 && m.to != 0 }
        #expect(graph.pair(from: m.from, to: m.to, at: moment, window: 400, limits).count == pair.filter { $0.time > m.time - 400 && GraphOracle.isBefore($0, m) }.count, "pair, seed \(seed)")
        let later = pair.filter { GraphOracle.isBefore(m, $0) }.count
        #expect(graph.pairAfter(from: m.from, to: m.to, at: moment, limits) == later, "pair after, seed \(seed)")
        if later > 0 { found["pairAfter", default: 0] += 1 }

        let gathered = graph.findScatterGather(from: m.from, to: m.to, at: moment, window: window, limits)
        #expect(gathered.paths == oracle.paths(m, window: window), "paths, seed \(seed)")
        if gathered.paths >= 3 { found["paths3", default: 0] += 1 }

        let sets = graph.findBipartite(from: m.from, to: m.to, at: moment, window: window, limits)
        let expected = oracle.bipartite(m, window: window)
        #expect((sets.sources, sets.sinks, sets.layer) == expected, "bipartite, seed \(seed)")
        if sets.sources > 0 { found["bipartite", default: 0] += 1 }
        if sets.layer > 0 { found["layer", default: 0] += 1 }

        let chain = graph.findChain(from: m.from, amount: m.amount, at: moment, maxGap: 300, low: 900, high: 1_000, maxHops: 6, limits)
        #expect(chain.hops == oracle.chainHops(m, maxGap: 300, low: 900, high: 1_000, maxHops: 6), "chain, seed \(seed)")
        found["chain\(chain.hops)", default: 0] += 1
        for i in 0..<chain.hops {
            let inflow = graph.chainPath(i)
            let debit = i == 0 ? m : graph.chainPath(i - 1)
            #expect(inflow.to == debit.from && GraphOracle.isBefore(inflow, debit) && debit.amount <= inflow.amount, "seed \(seed)")
        }
        #expect(graph.fitInflow(from: m.from, amount: m.amount, at: moment, maxGap: 300, limits) == oracle.fit(m, maxGap: 300), "fit, seed \(seed)")

        for key in [m.from, m.to] {
            for side in [Side.out, .in] {
                #expect(graph.read(key, side, at: moment, window: 400, limits) == oracle.read(key, side, at: m.time, window: 400), "seed \(seed)")
                let all = oracle.side(key, side, at: m.time, window: 400)
                let band = graph.band(key, side, at: moment, window: 400, 90, 101, limits)
                let inBand = all.filter { $0.isCashOrTransfer && $0.amount >= 90 && $0.amount < 101 }
                #expect(band.count == inBand.count && band.sum == inBand.reduce(0) { $0 + $1.amount } && band.total == all.count, "seed \(seed)")
                let round = graph.multiples(key, side, at: moment, window: 400, of: 100, limits)
                #expect(round.count == all.filter { $0.amount > 0 && $0.amount % 100 == 0 }.count, "seed \(seed)")
                let habit = graph.habit(key, side, at: moment, day: 100, days: 7, limits)
                let days = (1...7).map { d in
                    oracle.side(key, side, at: m.time - 100 * Int64(d), window: 100).reduce(0.0) { $0 + Double($1.amount) }
                }
                if graph.node(key) != 0, key != 0 {
                    let mean = days.reduce(0, +) / 7
                    #expect(abs(habit.mean - mean) < 1e-9 && habit.activeDays == days.filter { $0 > 0 }.count, "habit, seed \(seed)")
                    let deviation = (days.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 7).squareRoot()
                    #expect(abs(habit.deviation - deviation) < 1e-9, "habit, seed \(seed)")
                }
            }
        }
        if graph.node(m.from) != 0, m.from != 0 {
            let dwell = graph.dwell(m.from, at: moment, window: 400, limits)
            #expect((Int(dwell.debits), dwell.median) == oracle.dwell(m, window: 400), "dwell, seed \(seed)")
            let both = graph.gatherScatter(m.from, to: m.to, amount: m.amount, at: moment, window: window, senders: 3, limits)
            if let e = oracle.gatherScatter(m, window: window, senders: 3) {
                found["gather", default: 0] += 1
                #expect(
                    (both.senders, both.inflow, both.receivers, both.outflow) == (Int64(e.senders), e.inflow, Int64(e.receivers), e.outflow),
                    "gather, seed \(seed)")
            } else {
                #expect(both.outflow == 0, "gather, seed \(seed)")
            }
        }
    }

    @Test func arrivalDoesNotMatter() {
        for seed in Seeds.range(300) {
            var random = Random(seed: seed)
            let all = Self.movements(&random, 100)
            let last = all.map(\.time).max()!
            let kept = all.filter { $0.time > last - 1_300 && $0.isKept }
            let one = PaymentGraph(Self.configuration)
            for m in all { one.apply(time: m.time, m) }
            let other = PaymentGraph(Self.configuration)
            var shuffled = kept
            random.shuffle(&shuffled)
            for m in shuffled { other.apply(time: m.time, m) }
            other.apply(time: last, nil)
            // What came too late for the one is not held there; else both hold the same.
            if one.edgeCount == kept.count {
                #expect(one.digest() == other.digest(), "seed \(seed)")
                #expect(one.accountCount == other.accountCount && one.payerCount == other.payerCount && one.receiverCount == other.receiverCount)
            }
            for m in kept.prefix(10) {
                let (a, b) = (one.moment(of: m), other.moment(of: m))
                #expect(a != nil || one.edgeCount < kept.count)
                #expect(b?.place == Edge.place(m.partition, m.offset) || kept.filter { ($0.from, $0.to, $0.time, $0.amount) == (m.from, m.to, m.time, m.amount) }.count > 1)
            }
        }
    }
}
