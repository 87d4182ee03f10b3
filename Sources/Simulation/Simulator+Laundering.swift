extension Simulator {
    /// The scenarios of laundering, how often each is chosen, and how many transactions it takes.
    static let launderingScenarios: [(scenario: Scenario, weight: Double, size: ClosedRange<Int>)] = [
        (.mule, 3, 8...24), (.structuring, 1, 3...7), (.smurfing, 1, 8...16), (.fanIn, 1, 8...20), (.fanOut, 1, 8...20), (.gatherScatter, 1, 8...16),
        (.scatterGather, 1, 6...14), (.cycle, 1.5, 3...6), (.bipartite, 0.7, 6...16), (.stack, 0.7, 12...24), (.passThrough, 1.5, 2...6),
        (.layering, 1.5, 3...6), (.dormantReactivated, 0.7, 2...3), (.newAccountLarge, 1, 2...4), (.roundAmounts, 1, 4...8),
        (.highRiskGeography, 1, 2...4), (.rapidMovement, 1, 2...4),
    ]

    /// What looks like laundering and is none.
    static let lookAlikes: [(scenario: Scenario, weight: Double, size: ClosedRange<Int>)] = [
        (.salaryRun, 1, 10...40), (.marketplace, 1, 12...40), (.sharedRent, 1.5, 3...6), (.familyCycle, 1.5, 3...5), (.houseDeposit, 1, 1...2),
    ]

    func chooseLaundering(_ budget: inout Budget, among scenarios: [(scenario: Scenario, weight: Double, size: ClosedRange<Int>)]) {
        let chosen = scenarios[crime.pick(scenarios.map { $0.weight })]
        (budget.next, budget.size) = (chosen.scenario, crime.whole(chosen.size))
    }

    /// Plans the transactions of one incident of laundering, or of what looks like it.
    func launder(_ incident: Incident, size: Int) {
        var move = Mover(simulator: self, incident: incident)
        switch incident.scenario {
        case .structuring: structure(&move, size)
        case .smurfing: smurf(&move, size)
        case .fanIn: gather(&move, into: move.straw(), size, dollars: 800...4_000, hours: 120, wholeHundreds: false)
        case .fanOut: scatter(&move, from: move.straw(), size, dollars: 800...4_000, hours: 120)
        case .gatherScatter: gatherScatter(&move, size)
        case .scatterGather: scatterGather(&move, size)
        case .cycle: goRound(&move, size, keeping: 0.9...0.99, dollars: 2_000...9_000, hours: 100)
        case .bipartite: pay(&move, from: move.straws(max(2, size / 4)), to: move.straws(max(2, size / 4)), size, from: 0, to: 90)
        case .stack: stack(&move, size)
        case .passThrough: passThrough(&move, size)
        case .layering: layer(&move, size)
        case .dormantReactivated: wake(&move, size)
        case .newAccountLarge: openAndEmpty(&move, size)
        case .roundAmounts: payRound(&move, size)
        case .highRiskGeography: sendAway(&move, size)
        case .rapidMovement: burst(&move, size)
        case .salaryRun: payStaff(&move, size)
        case .marketplace: gather(&move, into: move.company(2_000_000), size, dollars: 5...400, hours: 150, wholeHundreds: false)
        case .sharedRent: shareRent(&move, size)
        case .familyCycle: goRound(&move, size, keeping: 0.2...1.1, dollars: 20...200, hours: 150)
        case .houseDeposit: payDeposit(&move, size)
        default: preconditionFailure("no laundering, and nothing like it")
        }
    }

    /// Amounts just below ten thousand, in cash at a branch, one or two a day.
    private func structure(_ move: inout Mover, _ size: Int) {
        let account = move.straw()
        let takesOut = crime.chance(0.3)
        for step in 0..<size {
            let dollars = crime.within(7_200...9_900)
            move.cash(account, dollars: dollars, out: takesOut, after: Double(step) * 20 + crime.within(0...10.0))
        }
    }

    /// Many small amounts from many, then all of it on in one sum.
    private func smurf(_ move: inout Mover, _ size: Int) {
        let account = move.straw()
        let each = 12_000 / Double(size - 1)
        let total = gather(&move, into: account, size - 1, dollars: each...(each * 1.5), hours: 60, wholeHundreds: true)
        move.pay(account, move.straw(), dollars: total * crime.within(0.9...0.97), after: 66)
    }

    private func gatherScatter(_ move: inout Mover, _ size: Int) {
        let account = move.straw()
        let incoming = size / 2
        let total = gather(&move, into: account, incoming, dollars: 700...2_500, hours: 40, wholeHundreds: false)
        let left = size - incoming
        for step in 0..<left {
            move.pay(account, move.anybody(), dollars: total * crime.within(0.9...0.98) / Double(left), after: 48 + Double(step) * crime.within(1...6.0))
        }
    }

    @discardableResult
    private func gather(
        _ move: inout Mover, into account: Party, _ size: Int, dollars: ClosedRange<Double>, hours: Double, wholeHundreds: Bool
    ) -> Double {
        var total = 0.0
        for _ in 0..<size {
            var amount = crime.within(dollars)
            if wholeHundreds { amount = (amount / 100).rounded() * 100 }
            total += amount
            move.pay(move.anybody(), account, dollars: amount, after: crime.unit() * hours)
        }
        return total
    }

    private func scatter(_ move: inout Mover, from account: Party, _ size: Int, dollars: ClosedRange<Double>, hours: Double) {
        for _ in 0..<size { move.pay(account, move.anybody(), dollars: crime.within(dollars), after: crime.unit() * hours) }
    }

    private func scatterGather(_ move: inout Mover, _ size: Int) {
        let (source, sink) = (move.straw(), move.straw())
        for middle in move.straws(size / 2) {
            let dollars = crime.within(800...3_500)
            let after = crime.within(0...60.0)
            move.pay(source, middle, dollars: dollars, after: after)
            move.pay(middle, sink, dollars: dollars * crime.within(0.92...0.99), after: after + crime.within(2...60.0))
        }
    }

    private func goRound(_ move: inout Mover, _ size: Int, keeping: ClosedRange<Double>, dollars: ClosedRange<Double>, hours: Double) {
        let accounts = move.straws(size)
        var amount = crime.within(dollars)
        for step in 0..<accounts.count {
            let after = hours * (Double(step) + crime.within(0.1...0.9)) / Double(accounts.count)
            move.pay(accounts[step], accounts[(step + 1) % accounts.count], dollars: amount, after: after)
            amount *= crime.within(keeping)
        }
    }

    private func pay(_ move: inout Mover, from sources: [Party], to sinks: [Party], _ size: Int, from begin: Double, to end: Double) {
        for step in 0..<size {
            let (source, sink) = (sources[step % sources.count], sinks[step / sources.count % sinks.count])
            move.pay(source, sink, dollars: crime.within(500...3_000), after: begin + (end - begin) * crime.unit())
        }
    }

    private func stack(_ move: inout Mover, _ size: Int) {
        let (top, middle, bottom) = (move.straws(2), move.straws(max(2, size / 6)), move.straws(2))
        pay(&move, from: top, to: middle, size / 2, from: 0, to: 48)
        pay(&move, from: middle, to: bottom, size - size / 2, from: 54, to: 110)
    }

    private func passThrough(_ move: inout Mover, _ size: Int) {
        let account = move.straw()
        for step in 0..<max(1, size / 2) {
            let dollars = crime.within(3_500...9_000)
            let after = Double(step) * 9
            move.pay(move.anybody(), account, dollars: dollars, after: after)
            move.pay(account, move.straw(), dollars: dollars * crime.within(0.94...0.99), after: after + crime.within(0.2...4.0))
        }
    }

    private func layer(_ move: inout Mover, _ size: Int) {
        let accounts = move.straws(size + 1)
        var dollars = crime.within(2_000...9_500)
        var after = 0.0
        for step in 0..<(accounts.count - 1) {
            move.pay(accounts[step], accounts[step + 1], dollars: dollars, after: after)
            dollars *= crime.within(0.92...0.99)
            after += crime.within(2...40.0)
        }
    }

    /// A company that nobody has heard of for months moves large sums. Its one small payment before belongs to the incident too.
    private func wake(_ move: inout Mover, _ size: Int) {
        let company = move.company(3_000_000)
        let silence = 24 * crime.within(92...400.0)
        move.pay(company, move.anybody(), dollars: crime.within(20...90), after: 0)
        for step in 1..<size { move.pay(company, move.straw(), dollars: crime.within(3_500...9_500), after: silence + Double(step) * 3) }
    }

    private func openAndEmpty(_ move: inout Mover, _ size: Int) {
        let company = move.company(4_000_000)
        for step in 0..<size { move.pay(company, move.straw(), dollars: crime.within(5_500...9_500), after: Double(step) * crime.within(0.5...3.0)) }
    }

    private func payRound(_ move: inout Mover, _ size: Int) {
        let account = move.straw()
        for step in 0..<size { move.pay(account, move.straw(), dollars: Double(crime.whole(1...6)) * 1_000, after: Double(step) * crime.within(4...20.0)) }
    }

    private func sendAway(_ move: inout Mover, _ size: Int) {
        let account = move.straw()
        for step in 0..<size {
            move.pay(account, move.company(5_000_000), dollars: crime.within(1_500...6_000), after: Double(step) * 14, country: World.listedCountry)
        }
    }

    /// Within hours more than the customer sends in months.
    private func burst(_ move: inout Mover, _ size: Int) {
        let account = move.straw()
        for step in 0..<size { move.pay(account, move.straw(), dollars: crime.within(3_000...7_000), after: Double(step) * crime.within(0.5...4.0)) }
    }

    // MARK: What looks like it

    private func payStaff(_ move: inout Mover, _ size: Int) {
        let company = move.company(2_000_000)
        for step in 0..<size { move.pay(company, move.anybody(), dollars: crime.within(1_400...5_000), after: Double(step) * 0.002) }
    }

    /// Flatmates pay one of them, who pays the landlord.
    private func shareRent(_ move: inout Mover, _ size: Int) {
        let tenant = move.anybody()
        let each = crime.within(300...700)
        for _ in 1..<size { move.pay(move.anybody(), tenant, dollars: each, after: crime.within(0...30.0)) }
        move.pay(tenant, move.company(1_000_000), dollars: each * Double(size), after: 34)
    }

    private func payDeposit(_ move: inout Mover, _ size: Int) {
        let customer = move.anybody()
        for step in 0..<size { move.pay(customer, move.company(2_000_000), dollars: crime.within(8_000...40_000), after: Double(step) * 30) }
    }
}

/// Plans one incident's payments; hours are shortened so that all of them fit into what is left of the simulation.
struct Mover {
    let simulator: Simulator
    let incident: Incident

    private func time(after hours: Double) -> Int64 {
        // An hour of the longest incident (a silence apart) is 170th of what a week of room has.
        let scale = incident.scenario == .dormantReactivated ? 10_000.0 : 170.0
        let room = Double(incident.room) / scale
        return incident.time + Int64(hours * min(3_600_000, room))
    }

    func anybody() -> Party { .customer(simulator.victim(at: incident.time)) }

    func straw() -> Party { .customer(simulator.strawAccount(at: incident.time)) }

    /// Different accounts, as many as there are up to so many.
    func straws(_ count: Int) -> [Party] {
        var accounts: [Party] = []
        for _ in 0..<(8 * count) where accounts.count < count {
            let account = simulator.crime.chance(0.7) ? straw() : anybody()
            if !accounts.contains(account) { accounts.append(account) }
        }
        // A bank of one or two customers has no more.
        while accounts.count < 2 { accounts.append(company(6_000_000)) }
        return accounts
    }

    /// A company, one of a thousand from that number on.
    func company(_ first: UInt32) -> Party { Party(kind: .biller, number: first + UInt32(simulator.crime.below(1_000))) }

    func pay(_ from: Party, _ to: Party, dollars: Double, after hours: Double, country: Int8? = nil) {
        guard from != to else { return pay(from, company(6_000_000), dollars: dollars, after: hours, country: country) }
        let home = simulator.country(of: from)
        var transfer = SimulatedTransaction(
            time: time(after: hours), amount: max(100, Int64(dollars * 100 + 0.5)), type: .transfer, channel: .online, account: from, counterparty: to,
            country: home, counterpartyCountry: country ?? simulator.country(of: to))
        if from.kind == .customer { simulator.useOwnDevice(&transfer) }
        simulator.plan(transfer, incident)
    }

    func cash(_ account: Party, dollars: Double, out: Bool, after hours: Double) {
        simulator.plan(
            SimulatedTransaction(
                time: time(after: hours), amount: Int64(dollars / 20) * 2000, type: out ? .cashOut : .cashIn, channel: .branch, account: account,
                country: simulator.country(of: account)), incident)
    }
}

extension Simulator {
    func country(of party: Party) -> Int8 { party.kind == .customer ? population.customers[Int(party.number)].country : 0 }

    /// The account's own phone, at home.
    func useOwnDevice(_ transaction: inout SimulatedTransaction) {
        let customer = Int(transaction.account.number)
        let who = population.customers[customer]
        transaction.device = Identities.phone(configuration.seed, customer, who.phone)
        transaction.ip = Identities.homeAddress(configuration.seed, who.household, population.customers[Int(who.household)].line)
    }
}
