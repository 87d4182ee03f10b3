/// The merchants: each of one category and country, with its own prices, more or less known.
struct Merchants {
    struct Merchant {
        var category: Int8
        var country: Int8
        var isOnline: Bool
        /// Its prices relative to its category's.
        var price: Double
    }

    private(set) var all: [Merchant] = []
    /// Shops of a category in a country, the best known first: a range of `all`, at `category * countries + country`.
    private var shops: [Range<Int>] = []
    /// Online merchants of a category, the best known first: a range of `all`.
    private var online: [Range<Int>] = []

    init(count: Int, random: inout Random) {
        let categoryShares = World.categories.map { $0.share.squareRoot() }
        // Travellers' countries have shops although no customer lives there.
        let countryShares = World.countries.map { max($0.share, 0.01) }
        for _ in 0..<count {
            let category = random.pick(categoryShares)
            all.append(
                Merchant(
                    category: Int8(category), country: Int8(random.pick(countryShares)),
                    isOnline: random.chance(World.categories[category].online), price: random.spread(0.25)))
        }
        func place(_ merchant: Merchant) -> Int {
            let country = merchant.isOnline ? World.countries.count : Int(merchant.country)
            return Int(merchant.category) * (World.countries.count + 1) + country
        }
        // Sorting by place alone would leave the order of equals to the library's sort, so the index is part of the key.
        let order = all.indices.sorted { (place(all[$0]), $0) < (place(all[$1]), $1) }
        all = order.map { all[$0] }
        var next = 0
        for category in World.categories.indices {
            for country in 0...World.countries.count {
                let first = next
                while next < count && place(all[next]) == category * (World.countries.count + 1) + country { next += 1 }
                if country < World.countries.count { shops.append(first..<next) } else { online.append(first..<next) }
            }
        }
    }

    /// A merchant of the category, known ones more often: online, or in the country where there is one, else anywhere.
    func draw(category: Int, country: Int, online wantsOnline: Bool, _ random: inout Random) -> Int {
        let preferred = wantsOnline ? online[category] : shops[category * World.countries.count + country]
        if !preferred.isEmpty { return preferred.lowerBound + random.zipf(preferred.count) }
        let other = wantsOnline ? shops[category * World.countries.count + country] : online[category]
        if !other.isEmpty { return other.lowerBound + random.zipf(other.count) }
        return random.below(all.count)
    }
}
