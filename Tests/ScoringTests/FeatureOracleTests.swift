import Foundation
import Scoring
import Testing
import Velocity

/// The contract's features by lists and loops, without any cleverness: what was applied is kept for ever, and looked through for every feature.
struct FeatureOracle {
    struct Event {
        var tx: Tx
        var amount: Int64
        var type: String { tx.fields["type"] ?? "purchase" }
        var isDebit: Bool { type != "cash_in" && type != "refund" }
        func field(_ name: String) -> String? { tx.fields[name] }
    }

    let windows: [WindowLabel]
    let lateness: Int64
    private(set) var watermark = Int64.min
    /// Applied and retained then.
    private var past: [Event] = []

    init(windows: [WindowLabel], lateness: Int64) {
        self.windows = windows
        self.lateness = lateness
    }

    private var longest: Int64 { windows.map(\.millis).max()! }

    /// Applies a transaction and says its features.
    mutating func apply(_ tx: Tx) -> [String: Double] {
        let now = Event(tx: tx, amount: NSDecimalNumber(decimal: Decimal(string: tx.amount)! * 100).int64Value)
        let earlier = past
        watermark = max(watermark, tx.time)
        let floor = watermark - longest - lateness
        let isRetained = tx.time > floor
        if isRetained { past.append(now) }
        let held = past.filter { $0.tx.time > floor }

        var features: [String: Double] = [:]
        for window in windows {
            let inside = held.filter { $0.tx.time > tx.time - window.millis && $0.tx.time <= tx.time }
            func money(_ minor: Int64) -> Double { Double(minor) / 100 }
            func count(_ values: [String?]) -> Double { Double(Set(values.compactMap { $0 }).count) }
            func put(_ entity: String, _ events: [Event], _ statistics: String) {
                let sum = money(events.reduce(0) { $0 + $1.amount })
                let all: [String: Double] = [
                    "count": Double(events.count), "sum": sum, "mean": events.isEmpty ? 0 : sum / Double(events.count),
                    "max": money(events.map(\.amount).max() ?? 0), "distinct_accounts": count(events.map(\.tx.account)),
                    "distinct_merchants": count(events.map { $0.field("merchant_id") }), "distinct_devices": count(events.map { $0.field("device_id") }),
                    "distinct_counterparties": count(events.map { $0.field("counterparty_id") }), "distinct_countries": count(events.map { $0.field("country") }),
                    "fraud_rate": 0,
                ]
                for statistic in statistics.split(separator: " ") { features["\(entity)_\(window.name)_\(statistic)"] = all[String(statistic)]! }
            }
            func inflow(_ account: String?) -> [Event] {
                inside.filter { account != nil && ($0.isDebit ? $0.field("counterparty_id") == account : $0.tx.account == account) }
            }
            func sharing(_ field: String) -> [Event] { inside.filter { $0.field(field) != nil && $0.field(field) == now.field(field) } }

            put(
                "account", inside.filter { $0.isDebit && $0.tx.account == tx.account },
                "count sum mean max distinct_merchants distinct_counterparties distinct_devices distinct_countries")
            let firsts = Dictionary(
                grouping: past.filter { $0.isDebit && $0.tx.account == tx.account && $0.field("counterparty_id") != nil }, by: { $0.field("counterparty_id")! }
            ).mapValues { $0.map(\.tx.time).min()! }
            features["account_\(window.name)_new_counterparties"] = Double(
                firsts.values.filter { $0 > tx.time - window.millis && $0 <= tx.time && $0 > floor }.count)
            put("inflow", inflow(tx.account), "count sum mean max distinct_accounts")
            put("counterparty", inflow(now.field("counterparty_id")), "count sum mean max distinct_accounts")
            put("card", sharing("card_id"), "count sum distinct_accounts")
            put("device", sharing("device_id"), "count sum distinct_accounts")
            put("ip", sharing("ip"), "count sum distinct_accounts")
            put("merchant", sharing("merchant_id"), "count sum mean distinct_accounts fraud_rate")
        }

        let own = earlier.filter { $0.tx.account == tx.account }
        func since(_ events: [Event]) -> Double { events.isEmpty ? -1 : Double(max(0, tx.time - events.map(\.tx.time).max()!)) / 1000 }
        features["account_seconds_since_last"] = since(own)
        features["account_age_seconds"] = Double(tx.time - min(tx.time, own.map(\.tx.time).min() ?? tx.time)) / 1000

        let debits = own.filter { $0.isDebit && $0.tx.time > tx.time - longest && $0.tx.time <= tx.time && $0.tx.time > floor }.map { Int128($0.amount) }
        let (n, s, q) = (Int128(debits.count), debits.reduce(0, +), debits.reduce(0) { $0 + $1 * $1 })
        let a = Int128(now.amount)
        features["account_amount_ratio"] = s == 0 ? 1 : Double(n * a) / Double(s)
        features["account_amount_zscore"] = n < 3 || n * q == s * s ? 0 : Double(n * a - s) / Double(n * q - s * s).squareRoot()

        let pair = now.isDebit && now.field("counterparty_id") != nil
            ? own.filter { $0.isDebit && $0.field("counterparty_id") == now.field("counterparty_id") } : []
        let pairSum = pair.reduce(Int128(0)) { $0 + Int128($1.amount) }
        features["pair_count"] = Double(pair.count)
        features["pair_seconds_since_last"] = since(pair)
        features["pair_amount_ratio"] = pairSum == 0 ? 1 : Double(Int128(pair.count) * a) / Double(pairSum)
        return features
    }
}

@Suite struct FeatureOracleTests {
    @Test(arguments: 1...12 as ClosedRange<UInt64>) func everyFeatureIsTheOraclesToTheLastBit(_ seed: UInt64) throws {
        let lengths: [[Int64]] = [[hour, day, 7 * day], [minute], [30 * minute, 2 * day]]
        let windows = lengths[Int(seed) % 3].map { WindowLabel(millis: $0) }
        let lateness = [day, 0, 3 * day][Int(seed) % 3]
        let engine = Engine(.init(velocity: .init(windows: windows.map(\.millis), allowedLateness: lateness)))
        let sink = VerdictSink(keepsFeatures: true)
        let txs = Traffic(seed: seed).transactions(400)
        Records(txs.map(\.json)).borrow { engine.score($0, into: sink) }

        var oracle = FeatureOracle(windows: windows, lateness: lateness)
        var row = 0
        var compared = 0
        for (tx, result) in zip(txs, sink.results) where result.outcome == .scored {
            for (name, expected) in oracle.apply(tx) {
                let index = try #require(engine.features.index(of: name))
                let found = sink.features[row * engine.features.count + index]
                if found != expected { Issue.record("seed \(seed), \(tx.id), \(name): \(found) instead of \(expected)") }
                compared += 1
            }
            row += 1
        }
        #expect(row > 300)
        #expect(compared == row * (33 * windows.count + 7), "every feature but the transaction's own")
        #expect(engine.watermark == oracle.watermark)
    }
}
