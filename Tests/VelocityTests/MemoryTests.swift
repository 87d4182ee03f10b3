import Testing

@testable import Velocity

@Suite("Memory")
struct MemoryTests {
    private static let day: Int64 = 86_400_000

    static func event(_ i: Int, _ time: Int64, accounts: Int = 500) -> Event {
        var e = Event()
        e.time = time
        e.amount = Int64(i % 30_000) + 1
        e.account = RandomStream.key(1, UInt64(i &* 7919 % accounts))
        var random = Random(seed: i)
        e.counterparty = RandomStream.key(1, UInt64(random.below(accounts * 3)))
        e.merchant = RandomStream.key(2, UInt64(i % 97))
        e.card = RandomStream.key(3, UInt64(i % 501))
        e.device = RandomStream.key(4, UInt64(i % 1009))
        e.ip = RandomStream.key(5, UInt64(i % 211))
        e.country = RandomStream.key(6, UInt64(i % 11))
        e.transaction = RandomStream.key(9, UInt64(i))
        e.isDebit = i % 9 != 0
        return e
    }

    @Test("When all has gone idle the memory is given back, without traffic at the entities that held it")
    func givenBack() {
        let store = VelocityStore(VelocityConfiguration())
        let start: Int64 = 1_700_000_000_000
        for i in 0..<150_000 { store.apply(Self.event(i, start + Int64(i) * 500, accounts: 20_000)) }
        let full = store.stateBytes
        #expect(store.eventCount == 150_000)
        #expect(full > 10_000_000)
        // Another entity, long after.
        var late = Self.event(1, start + 500 * Self.day)
        late.account = 77
        late.counterparty = 0
        late.merchant = 0
        late.card = 0
        late.device = 0
        late.ip = 0
        store.apply(late)
        var steps = 0
        while store.tidy(budget: 1024) { steps += 1 }
        #expect(steps > 0)
        #expect(store.eventCount == 1)
        #expect(store.entityCount(.account) == 1)
        #expect(EntityKind.allCases.dropFirst().allSatisfy { store.entityCount($0) == 0 })
        #expect(store.pairCount == 0)
        #expect(store.arena.used < 200_000, "of \(full)")
        // The records that were are holes without pages.
        #expect(store.stateBytes < full / 8, "of \(full)")
        #expect(!store.tidy(budget: 1024))
        #expect(Invariants(store: store).violation() == nil)
    }

    @Test("Blocks that are scattered over thin spans are moved together")
    func movedTogether() {
        let store = VelocityStore(VelocityConfiguration())
        let start: Int64 = 1_700_000_000_000
        // Every eighth account goes on, the others stop.
        for i in 0..<200_000 { store.apply(Self.event(i, start + Int64(i) * 100, accounts: 40_000)) }
        for i in 0..<200_000 where i % 8 == 0 { store.apply(Self.event(i + 200_000, start + 8 * Self.day + Int64(i) * 100, accounts: 5_000)) }
        while store.tidy(budget: 1024) {}
        let parts = store.parts
        let spare = parts.first { "\($0.name)" == "spare" }!.bytes
        #expect(spare * 10 < store.stateBytes * 3, "\(spare) of \(store.stateBytes) are spare")
        #expect(Invariants(store: store).violation() == nil)
    }

    @Test("What is given up makes the state fit: memory of accounts and pairs first, then events from the oldest on")
    func relief() {
        let store = VelocityStore(VelocityConfiguration(feedbackEnabled: false))
        let start: Int64 = 1_700_000_000_000
        // Sixty days, of which the last eight are in the windows.
        for i in 0..<200_000 {
            store.apply(Self.event(i, start + Int64(i) * 26_000, accounts: 2000))
            if i % 16 == 0 { store.expire(budget: 64) }
        }
        while store.tidy(budget: 1024) {}
        let needed = store.neededBytes
        #expect(store.relief(within: needed) == nil)

        // Spans that lie half empty may ask for a little more than was counted.
        var rounds = 0
        while let relief = store.relief(within: needed - needed / 10), rounds < 4 {
            #expect(relief.eventHorizon == .min && relief.memoryHorizon > start)
            store.raise(eventHorizon: relief.eventHorizon, memoryHorizon: relief.memoryHorizon)
            while store.tidy(budget: 1024) {}
            rounds += 1
        }
        #expect((1..<4).contains(rounds))
        #expect(store.stateBytes < needed)

        let events = store.eventCount
        let limit = needed / 2
        var horizon = Int64.min
        for _ in 0..<5 {
            guard let relief = store.relief(within: limit) else { break }
            #expect(relief.eventHorizon > horizon && relief.eventHorizon < store.watermark)
            horizon = relief.eventHorizon
            store.raise(eventHorizon: relief.eventHorizon, memoryHorizon: relief.memoryHorizon)
            while store.tidy(budget: 1024) {}
        }
        #expect(horizon > start + 52 * Self.day)
        #expect(store.relief(within: limit) == nil)
        #expect(store.stateBytes <= limit + limit / 20)
        #expect(store.eventCount < events)
    }

    @Test("Counts of bytes are sums of their parts")
    func parts() {
        let store = VelocityStore(VelocityConfiguration())
        for i in 0..<20_000 { store.apply(Self.event(i, 1_700_000_000_000 + Int64(i) * 1000)) }
        #expect(store.parts.reduce(0) { $0 + $1.bytes } == store.stateBytes)
        #expect(store.parts.allSatisfy { $0.bytes >= 0 })
        #expect(store.parts.filter { $0.bytes > 0 }.count >= 7)
    }
}
