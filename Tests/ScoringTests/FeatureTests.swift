import Foundation
import Testing
import Velocity

@testable import Scoring

@Suite struct FeatureTests {
    /// Features of transactions scored one after the other, by name.
    private func features(_ txs: [Tx], _ configuration: EngineConfiguration = .init()) -> [[String: Double]] {
        let engine = Engine(configuration)
        let sink = VerdictSink(keepsVerdicts: false, keepsFeatures: true)
        Records(txs.map(\.json)).borrow { engine.score($0, into: sink) }
        let names = engine.features.names
        return stride(from: 0, to: sink.features.count, by: names.count).map { row in
            Dictionary(uniqueKeysWithValues: zip(names, sink.features[row..<row + names.count]))
        }
    }

    @Test func namesAreTheContractsInItsOrder() {
        let set = FeatureSet(windows: [WindowLabel(name: "1h", millis: hour), WindowLabel(name: "7d", millis: 7 * day)], hasFraudRate: true)
        #expect(Array(set.names.prefix(11)) == [
            "account_1h_count", "account_1h_sum", "account_1h_mean", "account_1h_max", "account_1h_distinct_merchants",
            "account_1h_distinct_counterparties", "account_1h_distinct_devices", "account_1h_distinct_countries", "account_1h_new_counterparties",
            "account_7d_count", "account_7d_sum",
        ])
        let windows = ["1h", "7d"]
        var expected: Set<String> = []
        for (entity, statistics) in [
            "account": "count sum mean max distinct_merchants distinct_counterparties distinct_devices distinct_countries new_counterparties",
            "inflow": "count sum mean max distinct_accounts", "counterparty": "count sum mean max distinct_accounts", "card": "count sum distinct_accounts",
            "device": "count sum distinct_accounts", "ip": "count sum distinct_accounts", "merchant": "count sum mean distinct_accounts fraud_rate",
        ] {
            for window in windows { for statistic in statistics.split(separator: " ") { expected.insert("\(entity)_\(window)_\(statistic)") } }
        }
        expected.formUnion(
            """
            account_seconds_since_last account_age_seconds account_amount_zscore account_amount_ratio pair_count pair_seconds_since_last pair_amount_ratio \
            amount hour_of_day day_of_week is_night is_weekend type_purchase type_transfer type_cash_in type_cash_out type_payment type_refund \
            channel_online channel_pos channel_atm channel_mobile channel_branch channel_other is_cross_border
            """.split(separator: " ").map(String.init))
        #expect(Set(set.names) == expected)
        #expect(set.names.count == expected.count)
        for (i, name) in set.names.enumerated() { #expect(set.index(of: name) == i) }
        #expect(set.index(of: "account_24h_count") == nil)
        let without = FeatureSet(windows: set.windows, hasFraudRate: false)
        #expect(Set(without.names) == expected.filter { !$0.hasSuffix("fraud_rate") })
    }

    @Test func aWindowIsTakenElseTheNextLongerElseTheLongest() {
        let set = FeatureSet(windows: [30 * minute, day, 7 * day].map { WindowLabel(millis: $0) }, hasFraudRate: false)
        for (millis, name) in [(minute, "30m"), (hour, "24h"), (day, "24h"), (day + 1, "7d"), (90 * day, "7d")] {
            #expect(set.window(atLeast: millis).name == name)
        }
    }

    @Test func ofTheTransactionItself() {
        let cases: [(name: String, time: String, fields: [String: String], expected: [String: Double])] = [
            (
                "Tuesday noon", "2026-11-24T12:59:59.999Z", [:],
                ["amount": 129.95, "hour_of_day": 12, "day_of_week": 1, "is_night": 0, "is_weekend": 0, "type_purchase": 1, "is_cross_border": 0]
            ),
            (
                "Saturday, the last minute of the night", "2026-11-28T06:59:59Z", ["type": "cash_in", "channel": "atm"],
                ["hour_of_day": 6, "day_of_week": 5, "is_night": 1, "is_weekend": 1, "type_cash_in": 1, "type_purchase": 0, "channel_atm": 1]
            ),
            (
                "Sunday seven", "2026-11-29T07:00:00Z", ["type": "refund", "channel": "fax"],
                ["hour_of_day": 7, "day_of_week": 6, "is_night": 0, "is_weekend": 1, "type_refund": 1, "channel_other": 1, "channel_online": 0]
            ),
            (
                "Monday midnight", "2026-11-30T00:00:00Z", ["type": "transfer", "channel": "other"],
                ["hour_of_day": 0, "day_of_week": 0, "is_night": 1, "is_weekend": 0, "type_transfer": 1, "channel_other": 1]
            ),
            ("another offset", "2026-11-30T00:30:00+02:00", ["type": "payment"], ["hour_of_day": 22, "day_of_week": 6, "is_weekend": 1, "type_payment": 1]),
            ("before 1970", "1969-12-31T23:00:00Z", ["type": "cash_out"], ["hour_of_day": 23, "day_of_week": 2, "type_cash_out": 1]),
            ("over a border", "2026-11-24T12:00:00Z", ["country": "US", "counterparty_country": "GB"], ["is_cross_border": 1]),
            ("at home", "2026-11-24T12:00:00Z", ["country": "US", "counterparty_country": "US"], ["is_cross_border": 0]),
            ("one side alone", "2026-11-24T12:00:00Z", ["country": "US"], ["is_cross_border": 0]),
            ("the channels", "2026-11-24T12:00:00Z", ["channel": "mobile"], ["channel_mobile": 1, "channel_other": 0]),
            ("no channel", "2026-11-24T12:00:00Z", [:], ["channel_other": 0, "channel_online": 0, "channel_pos": 0]),
        ]
        for one in cases {
            var text = "{\"transaction_id\":\"1\",\"account_id\":\"A\",\"timestamp\":\"\(one.time)\",\"amount\":129.95"
            for (name, value) in one.fields { text += ",\"\(name)\":\"\(value)\"" }
            let engine = Engine(.init())
            let sink = VerdictSink(keepsFeatures: true)
            Records([text + "}"]).borrow { engine.score($0, into: sink) }
            for (name, value) in one.expected {
                #expect(sink.features[engine.features.index(of: name)!] == value, "\(one.name): \(name)")
            }
            let types = engine.features.names.indices.filter { engine.features.names[$0].hasPrefix("type_") }
            #expect(types.reduce(0) { $0 + sink.features[$1] } == 1)
        }
    }

    @Test func ofAccountAndPair() {
        let pay = ["type": "transfer", "counterparty_id": "B"]
        let rows = features([
            Tx("1", at: noon, "10", pay), Tx("2", at: noon + 1_500, "30", pay), Tx("3", at: noon + 2_000, "20", ["type": "cash_in"]),
            Tx("4", at: noon + 2_000, "0.5", pay), Tx("5", at: noon + 1_000, "40", ["counterparty_id": "C"]),
        ])
        let expected: [[String: Double]] = [
            [
                "account_seconds_since_last": -1, "account_age_seconds": 0, "account_amount_ratio": 1, "pair_count": 0, "pair_seconds_since_last": -1,
                "pair_amount_ratio": 1, "account_7d_new_counterparties": 1,
            ],
            [
                "account_seconds_since_last": 1.5, "account_age_seconds": 1.5, "account_amount_ratio": 3, "pair_count": 1, "pair_seconds_since_last": 1.5,
                "pair_amount_ratio": 3, "account_7d_new_counterparties": 1, "account_7d_mean": 20, "account_7d_max": 30, "counterparty_1h_sum": 40,
            ],
            [
                "account_seconds_since_last": 0.5, "account_age_seconds": 2, "account_amount_ratio": 1, "pair_count": 0, "inflow_1h_sum": 20,
                "account_7d_count": 2, "account_7d_new_counterparties": 1, "inflow_1h_distinct_accounts": 1,
            ],
            ["account_seconds_since_last": 0, "pair_count": 2, "pair_amount_ratio": 0.025, "account_amount_ratio": 0.025, "account_7d_mean": 40.5 / 3],
            ["account_seconds_since_last": 0, "account_age_seconds": 1, "pair_count": 0, "account_amount_ratio": 4, "account_7d_new_counterparties": 2],
        ]
        for (i, names) in expected.enumerated() {
            for (name, value) in names { #expect(rows[i][name] == value, "row \(i): \(name)") }
        }
    }

    @Test func anOpeningTimeMakesTheAccountOlder() {
        let text = { (opened: Int64) in
            "{\"transaction_id\":\"\(opened)\",\"account_id\":\"A\",\"timestamp\":\(noon),\"amount\":1,\"account_opened_at\":\(opened)}"
        }
        let engine = Engine(.init())
        let sink = VerdictSink(keepsFeatures: true)
        Records([text(noon - 90 * day), text(noon + 1), Tx("x").json]).borrow { engine.score($0, into: sink) }
        let age = engine.features.index(of: "account_age_seconds")!
        #expect((0..<3).map { sink.features[$0 * engine.features.count + age] } == [Double(90 * 86_400), 0, 0])
    }

    @Test func theZScoreIsExact() {
        // (amount, earlier amounts) against a computation in Decimal, of 38 digits.
        let cases: [(Int64, [Int64])] = [
            (100, []), (100, [1, 2]), (100, [5, 5, 5]), (300, [100, 200, 300]), (0, [1, 2, 3]), (99_999_999_999_99, [1, 2, 3, 4]),
            (10_000_000_000_001, [10_000_000_000_000, 10_000_000_000_001, 10_000_000_000_002]), (1, [99_999_999_999_99, 99_999_999_999_98, 99_999_999_999_97]),
        ]
        for (amount, earlier) in cases {
            let n = Int64(earlier.count)
            let s = earlier.reduce(Int128(0)) { $0 + Int128($1) }
            let q = earlier.reduce(UInt128(0)) { $0 + UInt128($1) * UInt128($1) }
            let z = zscore(amount, n: n, s: s, q: q)
            let spread = Int128(n) * Int128(q) - s * s
            let expected = n < 3 || spread == 0 ? 0 : Double(Int128(n) * Int128(amount) - s) / Double(spread).squareRoot()
            #expect(z == expected, "\(amount) after \(earlier)")
        }
        // Beyond 2^126 in double: a million amounts near the largest and as many of 0.
        let n: Int64 = 2_000_000
        let s = Int128(1_000_000) * 9_999_999_999_999
        let q = UInt128(1_000_000) * UInt128(9_999_999_999_999) * UInt128(9_999_999_999_999)
        #expect(UInt128(n) * q > UInt128(1) << 126)
        #expect(abs(zscore(9_999_999_999_999, n: n, s: s, q: q) - 1) < 1e-9)
    }

    @Test func exactSumsConvertToTheNearestDouble() {
        let values: [Int128] = [
            0, 1, -1, Int128(1) << 53, (Int128(1) << 53) + 1, Int128(1) << 62, Int128(1) << 64, (Int128(1) << 100) + 1, -(Int128(1) << 90), .max, .min,
        ]
        for value in values {
            #expect(double(value) == Double(value))
            #expect(double(value.magnitude) == Double(value.magnitude))
        }
    }
}
