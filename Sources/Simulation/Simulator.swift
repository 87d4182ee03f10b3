/// Transactions of an invented bank, in the order of their delivery; without late ones that is the order of event time.
///
/// Customers live by habits (merchants, hours, amounts, devices, people they pay), and now and then somebody steals. Everyday
/// transactions are one Poisson stream whose rate follows the hour; monthly ones come from an agenda made for each day; an incident is
/// a list of transactions planned ahead. What customers do does not depend on the share of fraud, nor on how things are delivered.
///
/// Pure: the configuration alone decides what comes out, to the last bit, on every machine. Not thread-safe; one owner.
public final class Simulator {
    public let configuration: SimulationConfiguration
    let merchants: Merchants
    var population: Population

    // Everyday life.
    var everyday: Random
    /// The time of the next everyday transaction, in milliseconds with a fraction.
    var everydayTime: Double
    var hourEnd: Double
    /// Everyday transactions a millisecond in this hour, and the share of each segment in them.
    var hourRate = 0.0
    var hourShares: [Double] = []
    /// Everyday transactions a millisecond for one unit of customers' activity.
    var activityRate = 0.0

    // The day's agenda, sorted by time.
    var monthly: Random
    var agenda: [SimulatedTransaction] = []
    var agendaNext = 0
    var agendaDay: Int64

    // Incidents and everything else that is planned ahead.
    var crime: Random
    var planned = Schedule<SimulatedTransaction>()
    var incidents: UInt32 = 0
    var thief = Thief()
    var fraud = Budget()
    var laundering = Budget()
    var lookAlikes = Budget()

    // Delivery.
    var delivery: Random
    private var held = Schedule<SimulatedTransaction>()
    var labels = Schedule<SimulatedFeedback>()
    private var number: UInt64 = 0
    private let end: Int64

    /// - Precondition: the configuration has no `fault`.
    /// - Complexity: O(customers + merchants); about a microsecond for each.
    public init(_ configuration: SimulationConfiguration) {
        precondition(configuration.fault == nil, configuration.fault ?? "")
        self.configuration = configuration
        let seed = configuration.seed
        var creation = Random(seed: seed, stream: 0)
        merchants = Merchants(count: configuration.merchants, random: &creation)
        population = Population(configuration, merchants: merchants, random: &creation)
        everyday = Random(seed: seed, stream: 1)
        monthly = Random(seed: seed, stream: 2)
        crime = Random(seed: seed, stream: 3)
        delivery = Random(seed: seed, stream: 4)
        end = configuration.duration.map { configuration.start + $0 } ?? .max
        everydayTime = Double(configuration.start)
        hourEnd = everydayTime
        agendaDay = CivilDate.days(of: configuration.start) - 1
        beginEveryday()
        beginIncidents()
    }

    /// The end of event time, exclusive; `Int64.max` when there is none.
    public var endTime: Int64 { end }

    /// The next transaction to be delivered; nil at the end. - Complexity: O(log of what is planned), amortised
    public func next() -> SimulatedTransaction? {
        while true {
            openAgenda()
            let agendaTime = agendaNext < agenda.count ? agenda[agendaNext].time : Int64.max
            let time = min(agendaTime, planned.nextTime, Int64(everydayTime))
            if held.nextTime <= time || (time >= end && !held.isEmpty) { return held.take() }
            if time >= end { return nil }
            var transaction: SimulatedTransaction
            if agendaTime == time {
                transaction = agenda[agendaNext]
                agendaNext += 1
            } else if planned.nextTime == time, let due = planned.take() {
                transaction = due
            } else {
                let lived = live()
                advanceEveryday()
                guard let lived else { continue }
                transaction = lived
            }
            number += 1
            transaction.number = number
            complete(&transaction)
            plotIncidents(after: transaction)
            if let delivered = deliver(transaction) { return delivered }
        }
    }

    /// Currency and the account's age, which every transaction gets alike.
    private func complete(_ transaction: inout SimulatedTransaction) {
        var home = max(transaction.country, 0)
        if transaction.account.kind == .customer {
            let customer = population.customers[Int(transaction.account.number)]
            transaction.accountOpenedAt = customer.openedAt
            home = customer.country
        }
        guard configuration.localCurrencies else { return }
        let country = World.countries[Int(home)]
        transaction.currency = home
        let local = Double(transaction.amount) * country.unitsPerDollar
        transaction.amount = country.digits == 0 ? Int64(local / 100 + 0.5) * 100 : Int64(local + 0.5)
        transaction.amount = max(transaction.amount, country.digits == 0 ? 100 : 1)
    }

    /// The transaction as it is delivered now, or nil when it is held back; plans its label and its duplicate.
    private func deliver(_ transaction: SimulatedTransaction) -> SimulatedTransaction? {
        planLabel(transaction)
        let isDoubled = delivery.chance(configuration.duplicateShare)
        let isLate = delivery.chance(configuration.lateShare)
        if isDoubled {
            held.add(transaction, at: transaction.time + 1 + Int64(delivery.below(60_000)))
        }
        guard isLate else { return transaction }
        // Most are seconds late, some hours: the square leans to the short ones.
        let share = delivery.unit()
        held.add(transaction, at: transaction.time + 1 + Int64(share * share * Double(configuration.maxDelay - 1)))
        return nil
    }
}
