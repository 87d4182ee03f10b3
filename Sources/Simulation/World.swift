/// A country of the simulated world, with its currency.
struct Country {
    var code: StaticString
    var currency: StaticString
    /// Units of the currency for one US dollar: fixed, round, and of no day in particular.
    var unitsPerDollar: Double
    /// Digits after the decimal point, as ISO 4217 has them.
    var digits: Int
    /// Share of customers who live there.
    var share: Double
}

/// A kind of merchant: what is bought there, by whom and for how much.
struct Category {
    /// ISO 18245 merchant category code.
    var code: StaticString
    /// Relative frequency of purchases.
    var share: Double
    /// Median price in US dollars, and the deviation of its logarithm.
    var median: Double
    var deviation: Double
    /// Share of its merchants that sell online only.
    var online: Double
}

/// How a group of customers lives.
struct Segment {
    var share: Double
    /// Spending and number of purchases, relative to the average customer.
    var level: Double
    var activity: Double
    /// Share of purchases that are made online.
    var online: Double
    /// Monthly income in US dollars, 0 when nobody pays a regular one.
    var income: Double
    /// Weight of each hour (UTC: the simulated world has one time zone, since the hour features are in UTC).
    var weekday: [Double]
    var weekend: [Double]
}

/// The tables of the simulated world. All figures are invented; they are meant to look like a retail bank's day, not to be one's.
enum World {
    static let countries: [Country] = [
        Country(code: "US", currency: "USD", unitsPerDollar: 1, digits: 2, share: 0.52),
        Country(code: "GB", currency: "GBP", unitsPerDollar: 0.8, digits: 2, share: 0.12),
        Country(code: "DE", currency: "EUR", unitsPerDollar: 0.9, digits: 2, share: 0.09),
        Country(code: "FR", currency: "EUR", unitsPerDollar: 0.9, digits: 2, share: 0.07),
        Country(code: "CA", currency: "CAD", unitsPerDollar: 1.4, digits: 2, share: 0.06),
        Country(code: "ES", currency: "EUR", unitsPerDollar: 0.9, digits: 2, share: 0.04),
        Country(code: "PL", currency: "PLN", unitsPerDollar: 4, digits: 2, share: 0.03),
        Country(code: "JP", currency: "JPY", unitsPerDollar: 150, digits: 0, share: 0.03),
        Country(code: "BR", currency: "BRL", unitsPerDollar: 5, digits: 2, share: 0.02),
        Country(code: "IN", currency: "INR", unitsPerDollar: 85, digits: 2, share: 0.02),
        // Nobody of the bank lives here; people travel here, and thieves sit here as elsewhere.
        Country(code: "NG", currency: "NGN", unitsPerDollar: 1500, digits: 2, share: 0),
        Country(code: "RO", currency: "RON", unitsPerDollar: 4.5, digits: 2, share: 0),
        Country(code: "TH", currency: "THB", unitsPerDollar: 35, digits: 2, share: 0),
        Country(code: "AE", currency: "AED", unitsPerDollar: 3.7, digits: 2, share: 0),
        Country(code: "MM", currency: "MMK", unitsPerDollar: 2100, digits: 2, share: 0),
    ]

    /// One that the Financial Action Task Force lists.
    static let listedCountry: Int8 = 14

    static let categories: [Category] = [
        Category(code: "5411", share: 0.25, median: 38, deviation: 0.75, online: 0.08),  // groceries
        Category(code: "5812", share: 0.12, median: 32, deviation: 0.55, online: 0.05),  // restaurants
        Category(code: "5814", share: 0.11, median: 11, deviation: 0.45, online: 0.15),  // fast food
        Category(code: "5541", share: 0.08, median: 45, deviation: 0.35, online: 0),  // fuel
        Category(code: "5912", share: 0.06, median: 19, deviation: 0.7, online: 0.1),  // drug stores
        Category(code: "4121", share: 0.06, median: 14, deviation: 0.5, online: 0.6),  // taxis
        Category(code: "5815", share: 0.06, median: 11, deviation: 0.5, online: 1),  // digital media
        Category(code: "5651", share: 0.05, median: 58, deviation: 0.7, online: 0.4),  // clothing
        Category(code: "5311", share: 0.05, median: 48, deviation: 0.8, online: 0.4),  // department stores
        Category(code: "5200", share: 0.03, median: 52, deviation: 0.9, online: 0.2),  // home supply
        Category(code: "5942", share: 0.02, median: 24, deviation: 0.5, online: 0.5),  // books
        Category(code: "5732", share: 0.02, median: 160, deviation: 0.9, online: 0.5),  // electronics
        Category(code: "5947", share: 0.02, median: 35, deviation: 0.6, online: 0.4),  // gifts and gift cards
        Category(code: "8011", share: 0.02, median: 75, deviation: 0.7, online: 0),  // doctors
        Category(code: "7832", share: 0.015, median: 26, deviation: 0.4, online: 0.3),  // cinemas
        Category(code: "7995", share: 0.01, median: 40, deviation: 1, online: 0.8),  // betting
        Category(code: "7011", share: 0.01, median: 210, deviation: 0.6, online: 0.3),  // hotels
        Category(code: "4511", share: 0.008, median: 290, deviation: 0.6, online: 0.9),  // airlines
        Category(code: "5944", share: 0.004, median: 240, deviation: 0.9, online: 0.2),  // jewellers
    ]
    /// Where stolen cards are turned into something that can be sold again: electronics, gift cards, jewellers.
    static let resaleCategories = [11, 12, 18]
    /// Where a stolen card is tried: digital media, fast food, taxis.
    static let testingCategories = [6, 2, 5]

    static let segments: [Segment] = [
        Segment(  // employees
            share: 0.40, level: 1.0, activity: 1.0, online: 0.30, income: 3400,
            weekday: [1, 0.5, 0.3, 0.2, 0.4, 1, 3, 7, 7, 4, 4, 6, 11, 9, 5, 5, 7, 12, 14, 12, 9, 6, 4, 2],
            weekend: [3, 2, 1, 0.5, 0.3, 0.3, 0.6, 2, 4, 8, 12, 14, 14, 13, 12, 11, 10, 9, 10, 10, 9, 8, 6, 4]),
        Segment(  // students
            share: 0.14, level: 0.45, activity: 1.1, online: 0.45, income: 900,
            weekday: [5, 3, 2, 1, 0.5, 0.5, 1, 2, 4, 6, 7, 9, 12, 11, 9, 9, 10, 11, 12, 12, 12, 11, 9, 7],
            weekend: [9, 8, 6, 3, 1, 0.5, 0.5, 1, 2, 4, 6, 9, 11, 12, 12, 11, 11, 11, 12, 12, 12, 12, 12, 11]),
        Segment(  // families
            share: 0.23, level: 1.25, activity: 1.35, online: 0.35, income: 4600,
            weekday: [0.3, 0.1, 0.1, 0.1, 0.2, 0.5, 2, 6, 8, 9, 9, 8, 8, 7, 7, 9, 12, 13, 11, 8, 7, 5, 2, 0.7],
            weekend: [0.5, 0.2, 0.1, 0.1, 0.1, 0.3, 1, 4, 9, 13, 15, 15, 13, 12, 12, 12, 11, 9, 8, 6, 5, 3, 2, 1]),
        Segment(  // the retired
            share: 0.16, level: 0.8, activity: 0.7, online: 0.12, income: 2100,
            weekday: [0.1, 0.1, 0.1, 0.1, 0.2, 0.8, 3, 8, 13, 15, 15, 13, 10, 9, 9, 9, 8, 6, 4, 3, 2, 1, 0.4, 0.2],
            weekend: [0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 2, 6, 10, 12, 12, 11, 10, 8, 7, 7, 6, 5, 4, 3, 2, 1, 0.4, 0.2]),
        Segment(  // night workers
            share: 0.05, level: 0.85, activity: 1.0, online: 0.40, income: 3000,
            weekday: [12, 11, 11, 11, 10, 9, 9, 7, 4, 2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 10, 11, 12],
            weekend: [12, 11, 10, 9, 7, 5, 4, 3, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 11, 12, 12, 12]),
        Segment(  // small businesses
            share: 0.02, level: 3.5, activity: 2.5, online: 0.55, income: 0,
            weekday: [0.2, 0.1, 0.1, 0.1, 0.2, 1, 4, 10, 14, 15, 15, 14, 11, 13, 14, 13, 11, 8, 4, 2, 1, 1, 0.5, 0.3],
            weekend: [0.2, 0.1, 0.1, 0.1, 0.1, 0.3, 1, 2, 3, 4, 4, 3, 2, 2, 2, 2, 2, 1, 1, 1, 0.5, 0.5, 0.3, 0.2]),
    ]

    /// `currency,rate` lines: units of US dollars for one unit, in the form that `FX_RATES_FILE` takes.
    static func exchangeRates() -> [(currency: StaticString, rate: Double)] {
        var rates: [(StaticString, Double)] = []
        for country in countries where !rates.contains(where: { "\($0.0)" == "\(country.currency)" }) {
            rates.append((country.currency, 1 / country.unitsPerDollar))
        }
        return rates
    }
}
