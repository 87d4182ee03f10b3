/// How many bad transactions may still be planned so that their share comes out: it grows with what happens, an incident spends it.
struct Budget {
    var left = 0.0
    /// The incident that is waited for.
    var next = Scenario.ordinary
    var size = 0
}

/// Who steals at present. A thief keeps device and country over a few incidents, so that one device meets several accounts.
struct Thief {
    var number: UInt64 = 0
    var country: Int8 = 0
    var incidentsLeft = 0
}

/// An incident in the making: whom it concerns and when it starts.
struct Incident {
    var number: UInt32
    var scenario: Scenario
    var time: Int64
    /// The longest that it may last, in milliseconds: what is left of the simulation.
    var room: Int64
}

extension Simulator {
    func beginIncidents() {
        chooseIncident(&fraud, of: .fraud)
        chooseIncident(&laundering, of: .laundering)
        chooseIncident(&lookAlikes, of: .legitimate)
        fraud.left = crime.unit() * Double(fraud.size)
        laundering.left = crime.unit() * Double(laundering.size)
        lookAlikes.left = crime.unit() * Double(lookAlikes.size)
    }

    private func chooseIncident(_ budget: inout Budget, of kind: Scenario.Kind) {
        if kind == .laundering { return chooseLaundering(&budget, among: Self.launderingScenarios) }
        if kind == .legitimate { return chooseLaundering(&budget, among: Self.lookAlikes) }
        switch crime.pick([3, 2, 0.3, 1.5, 3]) {
        case 0: (budget.next, budget.size) = (.cardTesting, crime.whole(6...20))
        case 1: (budget.next, budget.size) = (.accountTakeover, crime.whole(3...7))
        case 2: (budget.next, budget.size) = (.compromisedMerchant, crime.whole(20...70))
        case 3: (budget.next, budget.size) = (.leakedCard, crime.whole(4...12))
        default: (budget.next, budget.size) = (.largeAmount, 1)
        }
    }

    /// Lets the budgets grow by one ordinary transaction, and starts what they have come to afford.
    func plotIncidents(after transaction: SimulatedTransaction) {
        guard transaction.scenario == .ordinary else { return }
        let ordinary = 1 - configuration.fraudShare - configuration.launderingShare
        fraud.left += configuration.fraudShare / max(ordinary, 0.01)
        laundering.left += configuration.launderingShare / max(ordinary, 0.01)
        lookAlikes.left += configuration.lookAlikeShare / max(ordinary, 0.01)
        if configuration.fraudShare > 0 { plot(&fraud, of: .fraud, at: transaction.time) }
        if configuration.launderingShare > 0 { plot(&laundering, of: .laundering, at: transaction.time) }
        if configuration.lookAlikeShare > 0 { plot(&lookAlikes, of: .legitimate, at: transaction.time) }
    }

    private func plot(_ budget: inout Budget, of kind: Scenario.Kind, at now: Int64) {
        while budget.left >= Double(budget.size) {
            budget.left -= Double(budget.size)
            incidents += 1
            let rest = endTime == .max ? Int64.max : endTime - now
            // Thieves work at any hour, most of them within the next.
            let delay = min(Int64(crime.exponential() * 3_600_000), rest / 4)
            let incident = Incident(
                number: incidents, scenario: budget.next, time: now + 1 + delay, room: max(1, rest == .max ? .max : (rest - delay) * 3 / 4))
            stage(incident, size: budget.size)
            chooseIncident(&budget, of: kind)
        }
    }

    private func stage(_ incident: Incident, size: Int) {
        if thief.incidentsLeft == 0 {
            thief = Thief(
                number: crime.next() >> 24, country: Int8(crime.below(World.countries.count)), incidentsLeft: crime.whole(1...6))
        }
        thief.incidentsLeft -= 1
        switch incident.scenario {
        case .cardTesting: testCard(incident, size: size)
        case .accountTakeover: takeOver(incident, size: size)
        case .compromisedMerchant: compromiseMerchant(incident, size: size)
        case .leakedCard: useLeakedCard(incident, size: size)
        case .largeAmount: spendLargeAmount(incident)
        case .mule: collectAndPassOn(incident, size: size)
        case .ordinary: break
        default: launder(incident, size: size)
        }
    }

    func plan(_ transaction: SimulatedTransaction, _ incident: Incident) {
        var planned = transaction
        planned.scenario = incident.scenario
        planned.incident = incident.number
        self.planned.add(planned, at: planned.time)
    }

    /// A customer whose account is open at that time.
    func victim(at time: Int64) -> Int {
        for _ in 0..<64 {
            let kind = crime.pick(population.weights)
            guard let draw = population.draws[kind] else { continue }
            let customer = Int(population.members[kind][draw.draw(&crime)])
            if population.customers[customer].openedAt < time { return customer }
        }
        return 0
    }

    /// An account for stolen money: often one that was opened lately, otherwise anybody's.
    func strawAccount(at time: Int64) -> Int {
        if crime.chance(0.6), !population.newcomers.isEmpty {
            var open = 0
            var beyond = population.newcomers.count
            while open < beyond {
                let middle = (open + beyond) / 2
                let customer = Int(population.newcomers[middle])
                if population.customers[customer].openedAt < time { open = middle + 1 } else { beyond = middle }
            }
            if open > 0 { return Int(population.newcomers[open - 1 - crime.zipf(open)]) }
        }
        return victim(at: time)
    }

    /// A purchase over the net with somebody else's card, from the thief's device.
    private func remotePurchase(_ customer: Int, category: Int, dollars: Double, at time: Int64) -> SimulatedTransaction {
        let who = population.customers[customer]
        let merchant = merchants.draw(category: category, country: Int(who.country), online: true, &crime)
        let shop = merchants.all[merchant]
        var purchase = SimulatedTransaction(
            time: time, amount: max(1, Int64(min(dollars, 900_000) * 100 + 0.5)), type: .purchase, channel: .online,
            account: .customer(customer), merchant: Int32(merchant), category: shop.category, country: thief.country,
            counterpartyCountry: shop.country)
        purchase.card = Identities.card(configuration.seed, customer, who.card)
        purchase.device = Identities.thiefDevice(configuration.seed, thief.number)
        purchase.ip = Identities.thiefAddress(configuration.seed, thief.number, UInt64(crime.below(3)))
        return purchase
    }

    private func minutes(_ range: ClosedRange<Double>) -> Int64 { Int64(crime.within(range) * 60_000) }

    // MARK: The scenarios

    /// Small amounts a minute apart at two or three shops that look at nothing, an hour's pause, then what can be sold again.
    private func testCard(_ incident: Incident, size: Int) {
        let customer = victim(at: incident.time)
        let large = min(size - 1, crime.whole(1...4))
        let scale = timeScale(incident, needs: 4 * CivilDate.millisPerHour)
        var time = incident.time
        for _ in 0..<(size - large) {
            let category = World.testingCategories[crime.below(World.testingCategories.count)]
            plan(remotePurchase(customer, category: category, dollars: crime.within(0.5...4), at: time), incident)
            time += max(1, Int64(Double(minutes(0.2...3)) * scale))
        }
        time += Int64(Double(minutes(10...90)) * scale)
        for _ in 0..<large {
            let category = World.resaleCategories[crime.below(World.resaleCategories.count)]
            plan(remotePurchase(customer, category: category, dollars: 320 * crime.spread(0.5), at: time), incident)
            time += max(1, Int64(Double(minutes(1...20)) * scale))
        }
    }

    /// A new device from another country; transfers to straw accounts, each a little smaller; then cash.
    private func takeOver(_ incident: Incident, size: Int) {
        let customer = victim(at: incident.time)
        let who = population.customers[customer]
        let scale = timeScale(incident, needs: 3 * CivilDate.millisPerHour)
        var dollars = crime.within(900...2600) * (0.4 + 0.6 * who.level)
        var time = incident.time
        let straws = crime.whole(1...3)
        let accounts = (0..<straws).map { _ in strawAccount(at: incident.time) }
        for step in 0..<size {
            if step == size - 1 && crime.chance(0.5) {
                var cash = SimulatedTransaction(
                    time: time, amount: Int64(dollars / 20 + 1) * 2000, type: .cashOut, channel: .atm, account: .customer(customer),
                    country: who.country)
                cash.card = Identities.card(configuration.seed, customer, who.card)
                plan(cash, incident)
                break
            }
            let straw = accounts[step % straws]
            var transfer = SimulatedTransaction(
                time: time, amount: max(100, Int64(dollars) * 100), type: .transfer, channel: crime.chance(0.5) ? .online : .mobile,
                account: .customer(customer),
                counterparty: .customer(straw == customer ? (straw + 1) % configuration.customers : straw), country: thief.country,
                counterpartyCountry: population.customers[straw].country)
            transfer.device = Identities.thiefDevice(configuration.seed, thief.number)
            transfer.ip = Identities.thiefAddress(configuration.seed, thief.number, 0)
            plan(transfer, incident)
            dollars *= crime.within(0.5...0.95)
            time += max(1, Int64(Double(minutes(1...30)) * scale))
        }
    }

    /// For one to four weeks a merchant charges cards that never were there, at all hours and for its usual prices and more.
    private func compromiseMerchant(_ incident: Incident, size: Int) {
        let merchant = crime.below(configuration.merchants)
        let shop = merchants.all[merchant]
        let category = World.categories[Int(shop.category)]
        let length = Double(min(incident.room, Int64(crime.within(7...28.0) * Double(CivilDate.millisPerDay))))
        for _ in 0..<size {
            let time = incident.time + Int64(crime.unit() * length)
            let customer = victim(at: time)
            let dollars = category.median * shop.price * crime.spread(category.deviation) * crime.within(1...3)
            var purchase = SimulatedTransaction(
                time: time, amount: max(50, Int64(min(dollars, 900_000) * 100)), type: .purchase, channel: shop.isOnline ? .online : .pos,
                account: .customer(customer), merchant: Int32(merchant), category: shop.category, country: shop.country,
                counterpartyCountry: shop.country)
            purchase.card = Identities.card(configuration.seed, customer, population.customers[customer].card)
            if shop.isOnline {
                purchase.device = Identities.thiefDevice(configuration.seed, thief.number)
                purchase.ip = Identities.thiefAddress(configuration.seed, thief.number, UInt64(crime.below(8)))
            }
            plan(purchase, incident)
        }
    }

    /// For up to two weeks, purchases without the card at about five times what the customer spends.
    private func useLeakedCard(_ incident: Incident, size: Int) {
        let customer = victim(at: incident.time)
        let level = population.customers[customer].level
        let length = Double(min(incident.room, Int64(crime.within(3...14.0) * Double(CivilDate.millisPerDay))))
        for _ in 0..<size {
            let category = everydayCategories.draw(&crime)
            let dollars = World.categories[category].median * level * crime.within(3...7) * crime.spread(0.3)
            let time = incident.time + Int64(crime.unit() * length)
            plan(remotePurchase(customer, category: category, dollars: dollars, at: time), incident)
        }
    }

    private func spendLargeAmount(_ incident: Incident) {
        let customer = victim(at: incident.time)
        let category = World.resaleCategories[crime.below(World.resaleCategories.count)]
        let dollars = 900 * max(0.5, population.customers[customer].level) * crime.spread(0.5)
        plan(remotePurchase(customer, category: category, dollars: dollars, at: incident.time), incident)
    }

    /// Several senders within a day or two, and most of it out again some hours after it came.
    private func collectAndPassOn(_ incident: Incident, size: Int) {
        let account = strawAccount(at: incident.time)
        let who = population.customers[account]
        let incoming = size * 2 / 3
        let length = Double(min(incident.room / 2, Int64(crime.within(8...40.0) * 3_600_000)))
        var collected = 0.0
        for _ in 0..<incoming {
            let sender = victim(at: incident.time)
            let dollars = crime.within(300...1900)
            collected += dollars
            var transfer = SimulatedTransaction(
                time: incident.time + Int64(crime.unit() * length), amount: Int64(dollars) * 100, type: .transfer, channel: .online,
                account: .customer(sender == account ? (sender + 1) % configuration.customers : sender), counterparty: .customer(account),
                country: population.customers[sender].country, counterpartyCountry: who.country)
            transfer.device = Identities.phone(configuration.seed, sender, population.customers[sender].phone)
            transfer.ip = Identities.homeAddress(
                configuration.seed, population.customers[sender].household,
                population.customers[Int(population.customers[sender].household)].line)
            plan(transfer, incident)
        }
        let outgoing = size - incoming
        for step in 0..<outgoing {
            let share = collected * crime.within(0.85...0.98) / Double(outgoing)
            let pause = Double(min(incident.room / 8, Int64(crime.within(1...6.0) * 3_600_000)))
            let time = incident.time + Int64(length * (0.3 + 0.7 * Double(step + 1) / Double(outgoing)) + pause)
            let takesCash = crime.chance(0.4)
            var out = SimulatedTransaction(
                time: time, amount: takesCash ? Int64(share / 20) * 2000 : Int64(share) * 100, type: takesCash ? .cashOut : .transfer,
                channel: takesCash ? .atm : .mobile, account: .customer(account), country: who.country)
            if takesCash {
                out.card = Identities.card(configuration.seed, account, who.card)
            } else {
                let next = strawAccount(at: incident.time)
                out.counterparty = .customer(next == account ? (next + 1) % configuration.customers : next)
                out.counterpartyCountry = population.customers[next].country
                out.device = Identities.thiefDevice(configuration.seed, thief.number)
                out.ip = Identities.thiefAddress(configuration.seed, thief.number, 1)
            }
            plan(out, incident)
        }
    }

    /// What times are multiplied with so that an incident fits into what is left of the simulation.
    private func timeScale(_ incident: Incident, needs length: Int64) -> Double {
        min(1, Double(incident.room) / Double(length))
    }
}
