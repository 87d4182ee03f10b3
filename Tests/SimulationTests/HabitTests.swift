import Simulation
import Testing

/// What makes the traffic look like people: habits that a scorer can learn, and that thieves break.
@Suite struct HabitTests {
    static let transactions = SimulatorTests.all(
        SimulatorTests.configuration {
            $0.customers = 800
            $0.duration = 90 * 86_400_000
            $0.rate = 800.0 * 3 / 86_400
            $0.fraudShare = 0.01
            $0.launderingShare = 0.005
        })

    static var ordinary: [SimulatedTransaction] { transactions.filter { $0.scenario == .ordinary } }

    static func hour(_ transaction: SimulatedTransaction) -> Int64 { transaction.time / 3_600_000 % 24 }
    static func median(_ values: [Int64]) -> Int64 { values.isEmpty ? 0 : values.sorted()[values.count / 2] }

    @Test("Nights are quiet, but not empty")
    func nights() {
        let everyday = Self.ordinary.filter { $0.type == .purchase && $0.card != 0 && $0.channel != .online }
        let night = everyday.count { Self.hour($0) < 5 }
        #expect(night > 0 && Double(night) / Double(everyday.count) < 0.1)
        let noon = everyday.count { (11...13).contains(Self.hour($0)) }
        #expect(noon > 2 * night)
    }

    @Test("Steady traffic has no nights")
    func steady() {
        let transactions = SimulatorTests.all(
            SimulatorTests.configuration {
                $0.customers = 500
                $0.duration = 4 * 86_400_000
                $0.rate = 0.25
                $0.isSteady = true
            })
        let everyday = transactions.filter { $0.scenario == .ordinary && $0.type == .purchase }
        let hours = Dictionary(grouping: everyday, by: Self.hour).values.map(\.count)
        let mean = Double(everyday.count) / 24
        #expect(hours.count == 24 && mean > 1000)
        #expect(hours.allSatisfy { abs(Double($0) - mean) < 0.15 * mean }, "\(hours)")
    }

    @Test("A customer goes back to the same merchants")
    func favourites() {
        let purchases = Dictionary(grouping: Self.ordinary.filter { $0.type == .purchase }, by: \.account)
        var repeated = 0.0
        var customers = 0.0
        for (_, all) in purchases where all.count >= 40 {
            let visits = Dictionary(grouping: all, by: \.merchant).values.map(\.count).sorted(by: >)
            repeated += Double(visits.prefix(5).reduce(0, +)) / Double(all.count)
            customers += 1
        }
        #expect(customers > 300)
        #expect(repeated / customers > 0.45)
    }

    @Test("A customer's devices and cards are few")
    func devices() {
        var devices: [Party: Set<UInt64>] = [:]
        var cards: [Party: Set<UInt64>] = [:]
        for transaction in Self.ordinary {
            if transaction.device != 0 { devices[transaction.account, default: []].insert(transaction.device) }
            if transaction.card != 0 { cards[transaction.account, default: []].insert(transaction.card) }
        }
        #expect(devices.values.map(\.count).reduce(0, +) < 3 * devices.count)
        #expect(cards.values.map(\.count).reduce(0, +) < 2 * cards.count)
    }

    @Test("Salaries come monthly from the same employer, in about the same amount")
    func salaries() {
        let salaries = Self.ordinary.filter { $0.account.kind == .employer }
        let byCustomer = Dictionary(grouping: salaries, by: \.counterparty)
        #expect(byCustomer.count > 500)
        for (_, paid) in byCustomer {
            #expect(Set(paid.map(\.account)).count == 1)
            #expect(paid.count <= 4)
            let amounts = paid.map(\.amount)
            #expect(amounts.max()! - amounts.min()! <= amounts.max()! / 25)
        }
    }

    @Test("Most transfers between people go to those who were paid before")
    func contacts() {
        var paid: Set<[Party]> = []
        var again = 0
        var late = 0
        for transaction in Self.ordinary
        where transaction.type == .transfer && transaction.counterparty.kind == .customer
            && transaction.account.kind == .customer
        {
            let isNew = paid.insert([transaction.account, transaction.counterparty]).inserted
            if transaction.number > UInt64(Self.transactions.count / 2) {
                late += 1
                if !isNew { again += 1 }
            }
        }
        #expect(late > 1000)
        #expect(Double(again) / Double(late) > 0.6)
    }

    @Test("Thieves come from devices that the account never used, mostly from abroad")
    func thieves() {
        var known: [Party: Set<UInt64>] = [:]
        var strange = 0
        var total = 0
        for transaction in Self.transactions where transaction.device != 0 {
            if transaction.scenario == .accountTakeover || transaction.scenario == .cardTesting {
                total += 1
                if !known[transaction.account, default: []].contains(transaction.device) { strange += 1 }
            } else if transaction.scenario == .ordinary {
                known[transaction.account, default: []].insert(transaction.device)
            }
        }
        #expect(total > 100 && strange == total)
    }

    @Test("A tried card: small amounts first, large ones after, within a day")
    func cardTesting() {
        let incidents = Dictionary(grouping: Self.transactions.filter { $0.scenario == .cardTesting }, by: \.incident)
        #expect(incidents.count > 5)
        for (_, steps) in incidents where steps.count >= 6 {
            #expect(Set(steps.map(\.card)).count == 1)
            #expect(steps[0].amount < 500)
            #expect(steps.last!.time - steps[0].time < 86_400_000)
        }
        let finals = incidents.values.filter { $0.count >= 6 }.map { $0.last!.amount }
        #expect(Self.median(finals) > 10_000)
    }

    @Test("A mule collects from several and passes most of it on")
    func mules() {
        let incidents = Dictionary(grouping: Self.transactions.filter { $0.scenario == .mule }, by: \.incident)
        var complete = 0
        for (_, steps) in incidents where steps.count >= 8 {
            let account = Dictionary(grouping: steps.filter { $0.counterparty != .none }, by: \.counterparty)
                .max { $0.value.count < $1.value.count }!.key
            let incoming = steps.filter { $0.counterparty == account }
            let outgoing = steps.filter { $0.account == account }
            guard !outgoing.isEmpty else { continue }
            #expect(Set(incoming.map(\.account)).count >= 3)
            let share = Double(outgoing.map(\.amount).reduce(0, +)) / Double(incoming.map(\.amount).reduce(0, +))
            if share > 0.7 && share < 1.1 { complete += 1 }
        }
        #expect(complete >= 5)
    }

    @Test("Amounts look like prices: between half a dollar and a few thousand, mostly small")
    func amounts() {
        let purchases = Self.ordinary.filter { $0.type == .purchase }.map(\.amount)
        let median = Self.median(purchases)
        #expect(median > 1000 && median < 5000)
        #expect(Double(purchases.count { $0 > 50_000 }) / Double(purchases.count) < 0.02)
        #expect(purchases.contains { $0 > 50_000 })
    }
}
