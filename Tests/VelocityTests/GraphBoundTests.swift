import Testing

@testable import Velocity

/// What the searches do at their bounds, and what the graph takes.
@Suite struct GraphBoundTests {
    static let window: Int64 = 1_000_000

    private func graph(_ movements: [(from: UInt64, to: UInt64, time: Int64)]) -> PaymentGraph {
        let graph = PaymentGraph(VelocityConfiguration(windows: [Self.window], allowedLateness: 1_000))
        for (i, m) in movements.enumerated() {
            graph.apply(time: m.time, Movement(time: m.time, amount: 100, from: m.from, to: m.to, offset: Int64(i)))
        }
        return graph
    }

    private func cycle(_ graph: PaymentGraph, _ from: UInt64, _ to: UInt64, _ limits: GraphLimits = GraphLimits(), hops: Int = 6) -> CycleFinding {
        let moment = Moment(time: 10_000, partition: 0, offset: 1 << 30)
        return graph.findCycle(from: from, to: to, amount: 100, at: moment, window: Self.window, minRatio: 700, maxHops: hops, limits)
    }

    @Test(arguments: [(200, 3, 0), (201, 0, 1)])
    func anAccountOnTheWayWithTooManyPaymentsIsPassedOver(incoming: Int, hops: Int, hubs: Int) {
        // 1 → 2 → 3, and 3 pays 1 now; 2 is paid by many others besides.
        let others = (0..<incoming - 1).map { (from: UInt64(100 + $0), to: UInt64(2), time: Int64(10)) }
        let found = cycle(graph(others + [(1, 2, 20), (2, 3, 30)]), 3, 1)
        #expect(found.hops == hops)
        #expect(found.cost.hubs == hubs)
        #expect(!found.cost.isCut)
    }

    @Test(arguments: [(199, 2), (200, 0)])
    func ofThePayersOwnInflowsTheNewestAreLookedAt(later: Int, hops: Int) {
        let others = (0..<later).map { (from: UInt64(100 + $0), to: UInt64(3), time: Int64(50)) }
        let found = cycle(graph([(1, 3, 20)] + others + [(1, 9, 60)]), 3, 1)
        #expect(found.hops == hops)
        #expect(found.cost.hubs == (hops == 0 ? 1 : 0))
    }

    @Test func aSearchEndsAtItsBoundAndSaysSo() {
        // Two full layers: 30 × 30 payments, and the receiver paid somebody elsewhere.
        var all: [(from: UInt64, to: UInt64, time: Int64)] = [(1, 2, 5)]
        for i in 0..<30 { for j in 0..<30 { all.append((UInt64(100 + i), UInt64(200 + j), 10)) } }
        for j in 0..<30 { all.append((UInt64(200 + j), 3, 20)) }
        let graph = graph(all)
        var limits = GraphLimits()
        limits.edges = 500
        let found = cycle(graph, 3, 1, limits)
        #expect(found.hops == 0 && found.cost.isCut && found.cost.edges == 500)
        let whole = cycle(graph, 3, 1)
        #expect(whole.hops == 0 && !whole.cost.isCut && whole.cost.edges == 930)
    }

    @Test(arguments: [(6, 6), (5, 0)])
    func aCycleIsAsLongAsIsAllowed(allowed: Int, hops: Int) {
        let way = (1...5).map { (from: UInt64($0), to: UInt64($0 + 1), time: Int64($0)) }
        #expect(cycle(graph(way), 6, 1, hops: allowed).hops == hops)
    }

    @Test func anEdgeTakesAtMostFortyBytes() {
        var random = Random(seed: 1)
        let graph = PaymentGraph(VelocityConfiguration(windows: [7 * 86_400_000], allowedLateness: 86_400_000))
        var time: Int64 = 1_700_000_000_000
        for i in 0..<600_000 {
            time += Int64(random.below(4_000))
            // Squares make some accounts ten times as busy as others.
            let from = UInt64(random.below(180) * random.below(180)) + 1
            let to = UInt64(random.below(180) * random.below(180)) + 1
            graph.apply(time: time, Movement(time: time, amount: 100, from: from &* 0x9e37_79b9_7f4a_7c15, to: to &* 0x9e37_79b9_7f4a_7c15, offset: Int64(i)))
        }
        let bytes = Double(graph.edgeBytes) / Double(graph.edgeCount)
        #expect(graph.edgeCount > 250_000)
        #expect(bytes <= 40, "\(bytes) bytes an edge")
    }

    @Test func aHubComesAndGoes() {
        var movements: [(from: UInt64, to: UInt64, time: Int64)] = []
        for i in 0..<100_000 { movements.append((UInt64(1_000 + i % 5_000), 1, Int64(i))) }
        let graph = graph(movements)
        #expect(graph.edgeCount == 100_000 && graph.accountCount == 5_001 && graph.receiverCount == 1)
        let reading = graph.read(1, .in, at: Moment(time: 200_000, partition: 0, offset: 0), window: Self.window, GraphLimits())
        #expect(reading.count == 200 && reading.isCut)
        // Retained is what lies above the watermark less the window and the lateness.
        graph.apply(time: 50_000 + Self.window, nil)
        #expect(graph.edgeCount == 50_999)
        graph.apply(time: 300_000 + Self.window, nil)
        #expect(graph.edgeCount == 0 && graph.accountCount == 0 && graph.digest() == 0)
    }

    @Test func aHorizonTakesWhatLiesBelowIt() {
        let graph = graph([(1, 2, 10), (2, 3, 20), (3, 4, 30)])
        graph.raise(horizon: 20)
        #expect(graph.edgeCount == 1)
        graph.raise(horizon: 5)
        graph.apply(time: 30, Movement(time: 15, amount: 1, from: 1, to: 2))
        #expect(graph.edgeCount == 1)
    }

    @Test func timesFarBeforeTheEpochAndFarBehindItAreKept() {
        for time in [-62_167_219_200_000, -1, 0, 253_402_300_799_999] as [Int64] {
            let graph = graph([(1, 2, time), (2, 1, time)])
            #expect(graph.read(1, .in, at: Moment(time: time, partition: 9, offset: 0), window: 5, GraphLimits()).count == 1)
            let first = graph.moment(of: Movement(time: time, amount: 100, from: 1, to: 2))
            #expect(first?.time == time)
        }
    }

    @Test func aJumpOfAgesForgetsAll() {
        let graph = graph([(1, 2, 0)])
        graph.apply(time: 1 << 41, nil)
        #expect(graph.edgeCount == 0 && graph.accountCount == 0)
    }
}
