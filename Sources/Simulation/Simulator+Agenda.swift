extension Simulator {
    /// Makes the agenda of the next day when time has come to it: salaries, rents, bills and subscriptions that fall on it.
    ///
    /// - Complexity: O(customers) once a day
    func openAgenda() {
        let now = Int64(everydayTime)
        while agendaNext == agenda.count && (agendaDay + 1) * CivilDate.millisPerDay <= now {
            agendaDay += 1
            agenda.removeAll(keepingCapacity: true)
            agendaNext = 0
            let day = UInt8(CivilDate(daysSinceEpoch: agendaDay).day)
            for customer in population.customers.indices where population.customers[customer].openedAt < agendaDay * CivilDate.millisPerDay {
                let who = population.customers[customer]
                if who.payday == day { paySalary(customer, who) }
                if who.rentDay == day { payRent(customer, who) }
                if who.billDay == day { payUtilities(customer, who) }
                if who.subscriptionDay == day { renewSubscription(customer, who) }
            }
            // A simulation may begin in the middle of a day.
            agenda.removeAll { $0.time < configuration.start }
            agenda.sort { ($0.time, $0.account.number, $0.counterparty.number) < ($1.time, $1.account.number, $1.counterparty.number) }
        }
    }

    /// A time of this day between two hours.
    private func appointment(_ hours: ClosedRange<Double>) -> Int64 {
        agendaDay * CivilDate.millisPerDay + Int64(monthly.within(hours) * Double(CivilDate.millisPerHour))
    }

    private func paySalary(_ customer: Int, _ who: Customer) {
        let amount = Int64(Double(who.income) * monthly.within(0.99...1.01))
        agenda.append(
            SimulatedTransaction(
                time: appointment(5...7), amount: max(100, amount), type: .transfer, channel: .online, account: who.employer,
                counterparty: .customer(customer), country: who.country, counterpartyCountry: who.country))
    }

    private func payRent(_ customer: Int, _ who: Customer) {
        let landlord = Random.mix(configuration.seed ^ UInt64(who.household) << 16) % UInt64(max(10, configuration.customers / 10))
        agenda.append(
            SimulatedTransaction(
                time: appointment(7...10), amount: max(100, who.rent), type: .transfer, channel: .online, account: .customer(customer),
                counterparty: Party(kind: .biller, number: UInt32(landlord) + 1_000_000), country: who.country,
                counterpartyCountry: who.country))
    }

    private func payUtilities(_ customer: Int, _ who: Customer) {
        let dollars = 60 * (0.5 + 0.5 * who.level) * monthly.spread(0.15)
        agenda.append(
            SimulatedTransaction(
                time: appointment(8...18), amount: max(100, Int64(dollars * 100)), type: .payment, channel: .online,
                account: .customer(customer), counterparty: Party(kind: .biller, number: UInt32(who.country)), country: who.country,
                counterpartyCountry: who.country))
    }

    /// Always the same merchant and amount.
    private func renewSubscription(_ customer: Int, _ who: Customer) {
        var generator = Random(seed: configuration.seed ^ UInt64(customer), stream: 9)
        let merchant = merchants.draw(category: 6, country: Int(who.country), online: true, &generator)
        let shop = merchants.all[merchant]
        var purchase = SimulatedTransaction(
            time: appointment(1...6), amount: who.subscription, type: .purchase, channel: .online, account: .customer(customer),
            merchant: Int32(merchant), category: shop.category, country: who.country, counterpartyCountry: shop.country)
        purchase.card = Identities.card(configuration.seed, customer, who.card)
        agenda.append(purchase)
    }
}
