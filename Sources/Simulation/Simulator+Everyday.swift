extension Simulator {
    /// Sets the rate, and the first time.
    func beginEveryday() {
        let perMilli = (configuration.rate ?? Double(configuration.customers) * 2 / 86_400) / 1000
        activityRate = perMilli / population.weights.reduce(0, +)
        advanceEveryday()
    }

    /// Draws the time of the next everyday transaction: a Poisson process with a constant rate in each hour. It has no memory, so what is
    /// left of a step at the hour's end is drawn anew.
    func advanceEveryday() {
        while true {
            if hourRate > 0 {
                let time = everydayTime + everyday.exponential() / hourRate
                if time < hourEnd {
                    everydayTime = time
                    return
                }
            }
            everydayTime = hourEnd
            openHour()
        }
    }

    private func openHour() {
        let hour = Int64(everydayTime) / CivilDate.millisPerHour
        hourEnd = Double((hour + 1) * CivilDate.millisPerHour)
        let isWeekend = CivilDate.weekday(daysSinceEpoch: hour / 24) >= 5
        hourShares = World.segments.indices.map { kind in
            let segment = World.segments[kind]
            let week = 5 * segment.weekday.reduce(0, +) + 2 * segment.weekend.reduce(0, +)
            let profile = isWeekend ? segment.weekend : segment.weekday
            return population.weights[kind] * profile[Int(hour % 24)] / week * 168
        }
        hourRate = activityRate * (configuration.isSteady ? population.weights : hourShares).reduce(0, +)
    }

    /// What a customer does at `everydayTime`; nil when the customer who was drawn has no account yet.
    func live() -> SimulatedTransaction? {
        let time = Int64(everydayTime)
        let kind = everyday.pick(hourShares)
        guard let draw = population.draws[kind] else { return nil }
        let customer = Int(population.members[kind][draw.draw(&everyday)])
        if population.customers[customer].openedAt > time { return nil }
        let choice = everyday.unit()
        if choice < 0.035 { return withdraw(customer, at: time) }
        if choice < 0.085 { return payContact(customer, at: time) }
        if choice < 0.105 { return payBill(customer, at: time) }
        if choice < 0.112 { return deposit(customer, at: time) }
        let purchase = shop(customer, at: time)
        if everyday.chance(0.015) { planRefund(of: purchase) }
        if everyday.chance(0.0008) { leave(customer, at: time) }
        return purchase
    }

    // MARK: Shopping

    private func shop(_ customer: Int, at time: Int64) -> SimulatedTransaction {
        let who = population.customers[customer]
        let isAbroad = who.tripEnd > time
        let here = isAbroad ? who.tripCountry : who.country
        let merchant: Int
        if !isAbroad && everyday.chance(0.78) {
            merchant = population.favourite(of: customer, rank: everyday.zipf(Population.favouritesPerCustomer))
        } else {
            let category = everydayCategories.draw(&everyday)
            merchant = merchants.draw(
                category: category, country: Int(here), online: everyday.chance(isAbroad ? 0.1 : who.online), &everyday)
        }
        let shop = merchants.all[merchant]
        let category = World.categories[Int(shop.category)]
        var dollars = category.median * shop.price * who.level * everyday.spread(category.deviation * 0.7)
        // Once in a while something dear: without it every large amount would be theft.
        if everyday.chance(0.003) { dollars *= everyday.within(4...15.0) }
        var purchase = SimulatedTransaction(
            time: time, amount: price(dollars), type: .purchase, channel: .pos, account: .customer(customer),
            merchant: Int32(merchant), category: shop.category, country: here, counterpartyCountry: shop.country)
        purchase.card = Identities.card(configuration.seed, customer, who.card)
        if shop.isOnline || (shop.country != here && !isAbroad) || everyday.chance(who.online * 0.2) {
            goOnline(&purchase, customer)
        }
        if everyday.chance(0.0002) { population.customers[customer].card += 1 }
        return purchase
    }

    /// Prices end as prices do: whole, in .99, or anyhow.
    private func price(_ dollars: Double) -> Int64 {
        let cents = max(50, Int64(min(dollars, 900_000) * 100 + 0.5))
        let ending = everyday.unit()
        if ending < 0.2 { return max(100, (cents + 50) / 100 * 100) }
        if ending < 0.45 { return cents / 100 * 100 + 99 }
        return cents
    }

    /// By phone or by computer, at home, on the way or in a hotel.
    private func goOnline(_ transaction: inout SimulatedTransaction, _ customer: Int) {
        let who = population.customers[customer]
        let seed = configuration.seed
        let isAbroad = who.tripEnd > transaction.time
        let byPhone = isAbroad || everyday.chance(0.65)
        transaction.channel = byPhone && everyday.chance(0.7) ? .mobile : .online
        transaction.device =
            byPhone ? Identities.phone(seed, customer, who.phone) : Identities.computer(seed, who.household, who.computer)
        if isAbroad {
            transaction.ip = Identities.hotelAddress(seed, everyday.zipf(512))
        } else if byPhone && everyday.chance(0.55) {
            transaction.ip = Identities.carrierAddress(everyday.below(max(64, configuration.customers / 40)))
        } else {
            transaction.ip = Identities.homeAddress(seed, who.household, population.customers[Int(who.household)].line)
        }
        if everyday.chance(0.001) { population.customers[customer].phone += 1 }
        if everyday.chance(0.0005) { population.customers[Int(who.household)].line += 1 }
    }

    private func planRefund(of purchase: SimulatedTransaction) {
        var refund = purchase
        refund.type = .refund
        refund.time += Int64(everyday.within(0.5...14.0) * Double(CivilDate.millisPerDay))
        if everyday.chance(0.3) { refund.amount = max(1, refund.amount / 2) }
        refund.device = 0
        refund.ip = 0
        planned.add(refund, at: refund.time)
    }

    /// A journey of some days: purchases come from another country, which is not theft either.
    private func leave(_ customer: Int, at time: Int64) {
        let country = everyday.below(World.countries.count)
        guard country != Int(population.customers[customer].country) else { return }
        population.customers[customer].tripCountry = Int8(country)
        population.customers[customer].tripEnd = time + Int64(everyday.within(1...10.0) * Double(CivilDate.millisPerDay))
    }

    // MARK: Money

    private func withdraw(_ customer: Int, at time: Int64) -> SimulatedTransaction {
        let who = population.customers[customer]
        let notes = 1 + Int64(everyday.exponential() * 3 * who.level)
        var withdrawal = SimulatedTransaction(
            time: time, amount: min(notes, 50) * 2000, type: .cashOut, channel: .atm, account: .customer(customer),
            country: who.tripEnd > time ? who.tripCountry : who.country)
        withdrawal.card = Identities.card(configuration.seed, customer, who.card)
        return withdrawal
    }

    private func deposit(_ customer: Int, at time: Int64) -> SimulatedTransaction {
        let who = population.customers[customer]
        let notes = 1 + Int64(everyday.exponential() * 8 * who.level)
        return SimulatedTransaction(
            time: time, amount: min(notes, 400) * 2000, type: .cashIn, channel: everyday.chance(0.5) ? .branch : .atm,
            account: .customer(customer), country: who.country)
    }

    private func payContact(_ customer: Int, at time: Int64) -> SimulatedTransaction {
        let who = population.customers[customer]
        // One in twelve is a stranger: a second-hand bicycle, a holiday flat.
        let isStranger = everyday.chance(0.08)
        var other =
            isStranger
            ? everyday.below(configuration.customers)
            : population.contact(of: customer, rank: everyday.zipf(Population.contactsPerCustomer))
        if other == customer { other = (customer + 1) % configuration.customers }
        let dollars = 35 * who.level * everyday.spread(isStranger ? 1.3 : 0.9)
        var transfer = SimulatedTransaction(
            time: time, amount: max(100, Int64(min(dollars, 90_000)) * 100), type: .transfer, channel: .online,
            account: .customer(customer), counterparty: .customer(other), country: who.country,
            counterpartyCountry: population.customers[other].country)
        goOnline(&transfer, customer)
        return transfer
    }

    private func payBill(_ customer: Int, at time: Int64) -> SimulatedTransaction {
        let who = population.customers[customer]
        let dollars = 80 * who.level * everyday.spread(0.8)
        var payment = SimulatedTransaction(
            time: time, amount: price(dollars), type: .payment, channel: .online, account: .customer(customer),
            counterparty: Party(kind: .biller, number: UInt32(everyday.zipf(max(10, configuration.customers / 50)))),
            country: who.country, counterpartyCountry: who.country)
        goOnline(&payment, customer)
        return payment
    }
}

/// The draw of a category by its share; made once, since the shares are fixed.
let everydayCategories = AliasTable(World.categories.map(\.share))
