/// What is said of the events of a list in one window.
struct Totals {
    var count: Int64 = 0
    /// Marked events: first debits to a counterparty, or frauds.
    var special: Int64 = 0
    var max: Int64 = 0
    var sum: UInt128 = 0
    /// Of the longest window alone.
    var squares: UInt128 = 0
    /// One a value.
    var distinct: (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)

    @inline(__always)
    subscript(_ d: Int) -> Int64 {
        get {
            switch d {
            case 0: distinct.0
            case 1: distinct.1
            case 2: distinct.2
            default: distinct.3
            }
        }
        set {
            switch d {
            case 0: distinct.0 = newValue
            case 1: distinct.1 = newValue
            case 2: distinct.2 = newValue
            default: distinct.3 = newValue
            }
        }
    }
}

/// A window of a reading, filled from what a list says of it.
protocol WindowOutput {
    init()
    mutating func set(count: Int64, sum: Int128, max: Int64, special: Int64, _ distinct: (Int64, Int64, Int64, Int64))
    /// Adds an event; bit d of `news` says that its value of that dimension is a new one.
    mutating func add(_ amount: Int64, isSpecial: Bool, news: Int)
}

extension WindowOutput {
    @inline(__always)
    mutating func set(_ totals: Totals, max: Int64) {
        set(count: totals.count, sum: Int128(_low: totals.sum._low, _high: Int64(bitPattern: totals.sum._high)), max: max, special: totals.special, totals.distinct)
    }
}

extension AccountWindow: WindowOutput {
    @inline(__always)
    mutating func set(count: Int64, sum: Int128, max: Int64, special: Int64, _ distinct: (Int64, Int64, Int64, Int64)) {
        self.count = count
        self.sum = sum
        self.max = max
        newCounterparties = special
        (distinctMerchants, distinctCounterparties, distinctDevices, distinctCountries) = distinct
    }

    mutating func add(_ amount: Int64, isSpecial: Bool, news: Int) {
        count += 1
        sum += Int128(amount)
        max = Swift.max(max, amount)
        newCounterparties += isSpecial ? 1 : 0
        distinctMerchants += Int64(news & 1)
        distinctCounterparties += Int64(news >> 1 & 1)
        distinctDevices += Int64(news >> 2 & 1)
        distinctCountries += Int64(news >> 3 & 1)
    }
}

extension FlowWindow: WindowOutput {
    @inline(__always)
    mutating func set(count: Int64, sum: Int128, max: Int64, special: Int64, _ distinct: (Int64, Int64, Int64, Int64)) {
        self.count = count
        self.sum = sum
        self.max = max
        distinctAccounts = distinct.0
    }

    mutating func add(_ amount: Int64, isSpecial: Bool, news: Int) {
        count += 1
        sum += Int128(amount)
        max = Swift.max(max, amount)
        distinctAccounts += Int64(news & 1)
    }
}

extension EntityWindow: WindowOutput {
    @inline(__always)
    mutating func set(count: Int64, sum: Int128, max: Int64, special: Int64, _ distinct: (Int64, Int64, Int64, Int64)) {
        self.count = count
        self.sum = sum
        distinctAccounts = distinct.0
        delayedCount = 0
        delayedFrauds = 0
    }

    mutating func add(_ amount: Int64, isSpecial: Bool, news: Int) {
        count += 1
        sum += Int128(amount)
        distinctAccounts += Int64(news & 1)
    }
}
