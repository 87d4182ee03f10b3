/// A customer's circumstances and habits.
struct Customer {
    var segment: Int8
    var country: Int8
    /// Spending relative to a median customer.
    var level: Double
    /// Share of purchases made online.
    var online: Double
    /// Unix epoch milliseconds.
    var openedAt: Int64
    /// The first member of the household, who stands for it.
    var household: UInt32
    /// A new number is a new phone, computer, card or line.
    var phone: UInt16 = 0
    var computer: UInt16 = 0
    var card: UInt16 = 0
    var line: UInt16 = 0
    /// `.none` without a regular income.
    var employer = Party.none
    /// Hundredths of a dollar a month.
    var income: Int64 = 0
    /// Days of the month, 1 … 28; 0: never.
    var payday: UInt8 = 0
    var rentDay: UInt8 = 0
    var billDay: UInt8 = 0
    var subscriptionDay: UInt8 = 0
    /// Hundredths of a dollar a month.
    var rent: Int64 = 0
    var subscription: Int64 = 0
    /// Abroad until then.
    var tripEnd = Int64.min
    var tripCountry: Int8 = 0
}

/// Draws an index in proportion to fixed weights in O(1): Walker's alias method, tables by Vose.
struct AliasTable {
    private var keep: [Double]
    private var other: [UInt32]

    /// - Parameter weights: at least one, none negative, one above 0.
    init(_ weights: [Double]) {
        var total = 0.0
        for weight in weights { total += weight }
        keep = weights.map { $0 * Double(weights.count) / total }
        other = Array(repeating: 0, count: weights.count)
        var small: [Int] = []
        var large: [Int] = []
        for index in keep.indices { if keep[index] < 1 { small.append(index) } else { large.append(index) } }
        while let less = small.popLast(), let more = large.last {
            other[less] = UInt32(more)
            keep[more] -= 1 - keep[less]
            if keep[more] < 1 {
                large.removeLast()
                small.append(more)
            }
        }
        // What rounding leaves over keeps itself.
        for index in large + small { keep[index] = 1 }
    }

    func draw(_ random: inout Random) -> Int {
        let index = random.below(keep.count)
        return random.unit() < keep[index] ? index : Int(other[index])
    }
}

/// The customers, grouped by the way they live.
struct Population {
    static let favouritesPerCustomer = 12
    static let contactsPerCustomer = 5

    var customers: [Customer] = []
    /// `favouritesPerCustomer` merchants for each customer, the dearest first.
    private(set) var favourites: [Int32] = []
    /// The members of each segment, their draw by activity, and the sum of their activities.
    private(set) var members: [[UInt32]] = []
    private(set) var draws: [AliasTable?] = []
    private(set) var weights: [Double] = []
    /// Those whose account was opened within a month of the start or later, in the order of opening: what is used for crime is often new.
    private(set) var newcomers: [UInt32] = []

    init(_ configuration: SimulationConfiguration, merchants: Merchants, random: inout Random) {
        let count = configuration.customers
        customers.reserveCapacity(count)
        favourites.reserveCapacity(count * Population.favouritesPerCustomer)
        var activities = Array(repeating: [Double](), count: World.segments.count)
        members = Array(repeating: [], count: World.segments.count)
        let segmentShares = World.segments.map(\.share)
        let countryShares = World.countries.map(\.share)
        let categoryShares = World.categories.map(\.share)
        let joiningSpan = min(configuration.duration ?? .max, 180 * CivilDate.millisPerDay)
        var household = 0
        for index in 0..<count {
            let isRelative = index > 0 && index - household < 4 && random.chance(0.5)
            if !isRelative { household = index }
            let kind = random.pick(segmentShares)
            let segment = World.segments[kind]
            let country = isRelative ? Int(customers[household].country) : random.pick(countryShares)
            var customer = Customer(
                segment: Int8(kind), country: Int8(country), level: segment.level * random.spread(0.45),
                online: min(0.95, segment.online * random.within(0.4...1.6)), openedAt: 0, household: UInt32(household))
            if random.chance(0.03) {
                customer.openedAt = configuration.start + Int64(random.unit() * Double(joiningSpan))
            } else {
                customer.openedAt = configuration.start - Int64(random.within(5...4000.0) * Double(CivilDate.millisPerDay))
            }
            if customer.openedAt > configuration.start - 30 * CivilDate.millisPerDay { newcomers.append(UInt32(index)) }
            Population.settle(&customer, segment: segment, of: count, random: &random)
            for _ in 0..<Population.favouritesPerCustomer {
                let category = random.pick(categoryShares)
                favourites.append(
                    Int32(merchants.draw(category: category, country: country, online: random.chance(customer.online), &random)))
            }
            members[kind].append(UInt32(index))
            // A few hardly use their account: dormant ones that may wake up.
            activities[kind].append(segment.activity * random.spread(0.5) * (random.chance(0.01) ? 0.02 : 1))
            customers.append(customer)
        }
        let openings = customers
        newcomers.sort { (openings[Int($0)].openedAt, $0) < (openings[Int($1)].openedAt, $1) }
        for kind in World.segments.indices {
            draws.append(members[kind].isEmpty ? nil : AliasTable(activities[kind]))
            weights.append(activities[kind].reduce(0, +))
        }
    }

    /// Income, rent and what is paid every month.
    private static func settle(_ customer: inout Customer, segment: Segment, of count: Int, random: inout Random) {
        if segment.income > 0 && random.chance(0.93) {
            let dollars = segment.income * (0.5 + 0.5 * customer.level / segment.level) * random.within(0.8...1.25)
            customer.income = Int64(dollars) * 100
            customer.employer = Party(kind: .employer, number: UInt32(random.zipf(max(1, count / 20))))
            // An employer pays everyone on one day.
            customer.payday = [25, 28, 27, 1, 15, 26, 28, 20][Int(customer.employer.number) % 8]
        }
        if random.chance(0.6) {
            customer.rentDay = UInt8(random.whole(1...5))
            customer.rent = Int64(random.within(450...1100.0) * (0.6 + 0.4 * customer.level)) * 100
        }
        if random.chance(0.8) { customer.billDay = UInt8(random.whole(1...28)) }
        if random.chance(0.6) {
            customer.subscriptionDay = UInt8(random.whole(1...28))
            customer.subscription = [799, 999, 1099, 1299, 1599, 1999][random.below(6)]
        }
    }

    func favourite(of customer: Int, rank: Int) -> Int { Int(favourites[customer * Population.favouritesPerCustomer + rank]) }

    /// Whom a customer sends money to again and again: relatives first, then people nearby. The same for the same rank.
    func contact(of customer: Int, rank: Int) -> Int {
        let sibling = Int(customers[customer].household) + rank
        if sibling < customers.count && sibling != customer && customers[sibling].household == customers[customer].household {
            return sibling
        }
        let reach = min(customers.count, 400)
        let step = Int(Random.mix(UInt64(customer) << 8 | UInt64(rank)) % UInt64(reach))
        let other = (customer + step - reach / 2 + customers.count) % customers.count
        return other != customer ? other : (customer + 1) % customers.count
    }
}
