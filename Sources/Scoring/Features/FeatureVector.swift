import CPlatform
import Glibc
import Velocity

/// The features of one transaction, in the order of its `FeatureSet`. One is made at the start and filled again for each transaction.
public final class FeatureVector {
    public let set: FeatureSet
    let values: UnsafeMutablePointer<Double>
    let count: Int
    private let windowCount: Int
    private let hasFraudRate: Bool
    /// Minor units in a major unit, as a double: 100, or 1000.
    private let minor: Double
    let withoutWindow: Int
    let ofTransaction: Int
    private let types: Int

    /// - Parameter minorUnits: minor units of the base currency in a major one.
    init(_ set: FeatureSet, minorUnits: Int64) {
        self.set = set
        count = set.count
        values = .allocate(capacity: set.count)
        values.initialize(repeating: 0, count: set.count)
        windowCount = set.windows.count
        hasFraudRate = set.hasFraudRate
        minor = Double(minorUnits)
        withoutWindow = set.index(of: FeatureSet.withoutWindow[0])!
        ofTransaction = set.index(of: FeatureSet.ofTransaction[0])!
        types = ofTransaction + FeatureSet.ofTransaction.count
    }

    deinit { values.deallocate() }

    /// The features, in the set's order. Valid until the vector is filled again.
    public var features: UnsafeBufferPointer<Double> { UnsafeBufferPointer(start: values, count: count) }

    /// Computes every feature of a transaction from what the state says of it.
    ///
    /// Nothing but the four operations and the square root of IEEE 754 doubles is used, so that every processor gives the same bits.
    /// - Complexity: O(features).
    func fill(_ transaction: Transaction, _ event: Event, _ reading: Reading) {
        var p = values
        account(reading.account, &p)
        flow(reading.inflow, &p)
        if event.counterparty != 0 { flow(reading.counterparty, &p) } else { zero(windowCount * 5, &p) }
        if event.card != 0 { entity(reading.card, &p) } else { zero(windowCount * 3, &p) }
        if event.device != 0 { entity(reading.device, &p) } else { zero(windowCount * 3, &p) }
        if event.ip != 0 { entity(reading.ip, &p) } else { zero(windowCount * 3, &p) }
        merchant(reading.merchant, isNamed: event.merchant != 0, &p)
        fillWithoutWindow(transaction, event, reading, p)
        fillOwn(transaction, event, values + ofTransaction)
    }

    // MARK: Windows

    @inline(__always)
    private func zero(_ n: Int, _ p: inout UnsafeMutablePointer<Double>) {
        p.update(repeating: 0, count: n)
        p += n
    }

    @inline(__always)
    private func account(_ windows: UnsafeMutablePointer<AccountWindow>, _ p: inout UnsafeMutablePointer<Double>) {
        for w in 0..<windowCount {
            let n = windows[w].count
            let sum = double(windows[w].sum) / minor
            p[0] = Double(n)
            p[1] = sum
            p[2] = n == 0 ? 0 : sum / Double(n)
            p[3] = Double(windows[w].max) / minor
            p[4] = Double(windows[w].distinctMerchants)
            p[5] = Double(windows[w].distinctCounterparties)
            p[6] = Double(windows[w].distinctDevices)
            p[7] = Double(windows[w].distinctCountries)
            p[8] = Double(windows[w].newCounterparties)
            p += 9
        }
    }

    @inline(__always)
    private func flow(_ windows: UnsafeMutablePointer<FlowWindow>, _ p: inout UnsafeMutablePointer<Double>) {
        for w in 0..<windowCount {
            let n = windows[w].count
            let sum = double(windows[w].sum) / minor
            p[0] = Double(n)
            p[1] = sum
            p[2] = n == 0 ? 0 : sum / Double(n)
            p[3] = Double(windows[w].max) / minor
            p[4] = Double(windows[w].distinctAccounts)
            p += 5
        }
    }

    @inline(__always)
    private func entity(_ windows: UnsafeMutablePointer<EntityWindow>, _ p: inout UnsafeMutablePointer<Double>) {
        for w in 0..<windowCount {
            p[0] = Double(windows[w].count)
            p[1] = double(windows[w].sum) / minor
            p[2] = Double(windows[w].distinctAccounts)
            p += 3
        }
    }

    @inline(__always)
    private func merchant(_ windows: UnsafeMutablePointer<EntityWindow>, isNamed: Bool, _ p: inout UnsafeMutablePointer<Double>) {
        guard isNamed else { return zero(windowCount * (hasFraudRate ? 5 : 4), &p) }
        for w in 0..<windowCount {
            let n = windows[w].count
            let sum = double(windows[w].sum) / minor
            p[0] = Double(n)
            p[1] = sum
            p[2] = n == 0 ? 0 : sum / Double(n)
            p[3] = Double(windows[w].distinctAccounts)
            p += 4
            if hasFraudRate {
                let delayed = windows[w].delayedCount
                p[0] = delayed == 0 ? 0 : Double(windows[w].delayedFrauds) / Double(delayed)
                p += 1
            }
        }
    }

    // MARK: Account and pair

    @inline(__always)
    private func fillWithoutWindow(
        _ transaction: Transaction, _ event: Event, _ reading: Reading, _ p: UnsafeMutablePointer<Double>
    ) {
        p[0] = seconds(reading.accountMillisSinceLast)
        let first = min(reading.accountFirstTime, transaction.accountOpenedAt ?? .max)
        p[1] = Double(event.time - first) / 1000
        p[2] = zscore(event.amount, n: reading.earlierCount, s: reading.earlierSum, q: reading.earlierSquares)
        p[3] = ratio(event.amount, n: reading.earlierCount, s: reading.earlierSum)
        p[4] = Double(reading.pairCount)
        p[5] = seconds(reading.pairMillisSinceLast)
        p[6] = ratio(event.amount, n: reading.pairCount, s: reading.pairSum)
    }

    @inline(__always)
    private func seconds(_ millis: Int64) -> Double { millis < 0 ? -1 : Double(millis) / 1000 }

    /// Amount over the mean of `n` amounts that sum to `s`: n·a / s; 1 without any, or where they sum to 0.
    @inline(__always)
    private func ratio(_ amount: Int64, n: Int64, s: Int128) -> Double {
        s == 0 ? 1 : Double(n) * Double(amount) / double(s)
    }

    // MARK: The transaction itself

    @inline(__always)
    private func fillOwn(_ transaction: Transaction, _ event: Event, _ p: UnsafeMutablePointer<Double>) {
        let day = floorDivide(event.time, 86_400_000)
        let hour = (event.time - day * 86_400_000) / 3_600_000
        var weekday = (day + 3) % 7  // 1970-01-01 was a Thursday, and Monday is 0
        if weekday < 0 { weekday += 7 }
        p[0] = Double(event.amount) / minor
        p[1] = Double(hour)
        p[2] = Double(weekday)
        p[3] = hour <= 6 ? 1 : 0
        p[4] = weekday >= 5 ? 1 : 0
        let q = values + types
        q.update(repeating: 0, count: 13)
        q[Int(transaction.type.rawValue)] = 1
        if transaction.channel.count > 0 { q[6 + channelIndex(transaction.channel)] = 1 }
        if transaction.crossesBorder { q[12] = 1 }
    }

    @inline(__always)
    private func channelIndex(_ text: Text) -> Int {
        for (i, name) in channelNames.enumerated() {
            if name.utf8CodeUnitCount == text.count, memcmp(name.utf8Start, text.base!, text.count) == 0 { return i }
        }
        return 5
    }
    private let channelNames: [StaticString] = ["online", "pos", "atm", "mobile", "branch"]
}

extension Transaction {
    /// Both countries are named, and they differ.
    @inline(__always)
    var crossesBorder: Bool {
        country.count > 0 && counterpartyCountry.count > 0
            && (country.count != counterpartyCountry.count || memcmp(country.base!, counterpartyCountry.base!, country.count) != 0)
    }
}

/// (n·a − s) / √(n·q − s²): how many population standard deviations `amount` lies from the mean of `n` amounts with sum `s` and sum of squares `q`.
///
/// Exact in 128 bits up to the one rounding of numerator and denominator, in double where n·q ≥ 2^126. 0 for fewer than 3, or without spread.
func zscore(_ amount: Int64, n: Int64, s: Int128, q: UInt128) -> Double {
    guard n >= 3 else { return 0 }
    let numerator = double(Int128(n) * Int128(amount) - s)
    let (product, overflow) = UInt128(n).multipliedReportingOverflow(by: q)
    let spread: Double
    if !overflow, product < UInt128(1) << 126 {
        spread = double(Int128(product) - s * s)
    } else {
        let sum = double(s)
        spread = Double(n) * double(q) - sum * sum
    }
    guard spread > 0 else { return 0 }
    return numerator / spread.squareRoot()
}

/// The nearest double. Sums fit 64 bits nearly always, and then the processor has an instruction for it.
@inline(__always)
func double(_ value: Int128) -> Double {
    let low = Int64(truncatingIfNeeded: value)
    if Int128(low) == value { return Double(low) }
    return weir_int128_to_double(Int64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value))
}

/// The nearest double of an unsigned sum.
@inline(__always)
func double(_ value: UInt128) -> Double {
    weir_uint128_to_double(UInt64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value))
}

@inline(__always)
func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
    let q = a / b
    return a % b < 0 ? q - 1 : q
}
