import Foundation
import Testing
import Velocity

@testable import Scoring

/// Each typology from its definition: what fires it, what just does not, and where window and amount end.
@Suite struct TypologyTests {
    /// A case: what came before, what is asked, and what must be said of the code.
    struct Case: CustomTestStringConvertible {
        var name: String
        var code: String
        var before: [Tx]
        var last: Tx
        var fires: Bool
        var evidence: [String: Double] = [:]
        var score: Double?
        var windows: [Int64] = [hour, day, 7 * day]
        var testDescription: String { "\(code): \(name)" }
    }

    static func transfer(_ id: String, _ from: String, _ to: String, _ time: Int64, _ amount: String) -> Tx {
        Tx(id, from, at: time, amount, ["type": "transfer", "counterparty_id": to])
    }

    static func cash(_ id: String, _ account: String, _ time: Int64, _ amount: String, out: Bool = false) -> Tx {
        Tx(id, account, at: time, amount, ["type": out ? "cash_out" : "cash_in"])
    }

    /// So long before all others that nothing is within a week of the beginning.
    static let beginning = Tx("beginning", "elsewhere", at: noon - 100 * day)

    static let cases: [Case] = amounts + partners + flows + pasts + boundaries

    static let amounts: [Case] = [
        Case(
            name: "an amount at T", code: "LARGE_AMOUNT", before: [], last: transfer("x", "A", "B", noon, "10000"), fires: true,
            evidence: ["amount": 10_000, "threshold": 10_000]),
        Case(name: "a cent below T", code: "LARGE_AMOUNT", before: [], last: transfer("x", "A", "B", noon, "9999.99"), fires: false),
        Case(
            name: "three deposits below T", code: "STRUCTURING",
            before: [cash("1", "A", noon - 2 * hour, "9500"), cash("2", "A", noon - hour, "7000")], last: cash("x", "A", noon, "9999.99"), fires: true,
            evidence: ["count": 3, "sum": 26_499.99, "from": 7_000, "below": 10_000, "window_seconds": 86_400]),
        Case(name: "two deposits", code: "STRUCTURING", before: [cash("1", "A", noon - hour, "9500")], last: cash("x", "A", noon, "9500"), fires: false),
        Case(
            name: "one of them a cent too small", code: "STRUCTURING",
            before: [cash("1", "A", noon - 2 * hour, "6999.99"), cash("2", "A", noon - hour, "9000")], last: cash("x", "A", noon, "9000"), fires: false),
        Case(
            name: "one of them at T", code: "STRUCTURING",
            before: [cash("1", "A", noon - 2 * hour, "10000"), cash("2", "A", noon - hour, "9000")], last: cash("x", "A", noon, "9000"), fires: false),
        Case(
            name: "the first a week ago to the millisecond", code: "STRUCTURING",
            before: [cash("1", "A", noon - 7 * day, "9000"), cash("2", "A", noon - hour, "9000")], last: cash("x", "A", noon, "9000"), fires: false),
        Case(
            name: "the first a millisecond less ago", code: "STRUCTURING",
            before: [cash("1", "A", noon - 7 * day + 1, "9000"), cash("2", "A", noon - hour, "9000")], last: cash("x", "A", noon, "9000"), fires: true,
            evidence: ["window_seconds": 604_800, "count": 3]),
        Case(
            name: "withdrawals", code: "STRUCTURING",
            before: [cash("1", "A", noon - 2 * hour, "9000", out: true), cash("2", "A", noon - hour, "9000", out: true)],
            last: cash("x", "A", noon, "9000", out: true), fires: true, evidence: ["sum": 27_000]),
        Case(
            name: "transfers of three to one: the counterparty's leg", code: "STRUCTURING",
            before: [transfer("1", "S1", "B", noon - 2 * hour, "9000"), transfer("2", "S2", "B", noon - hour, "9000")],
            last: transfer("x", "S3", "B", noon, "9000"), fires: true, evidence: ["count": 3, "of_counterparty": 1]),
        Case(
            name: "purchases are neither cash nor transfers", code: "STRUCTURING",
            before: [Tx("1", "A", at: noon - 2 * hour, "9000"), Tx("2", "A", at: noon - hour, "9000")], last: Tx("x", "A", at: noon, "9000"), fires: false),
        Case(
            name: "six senders of little to one", code: "SMURFING",
            before: (1...5).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "2500") }, last: transfer("x", "S6", "B", noon, "2500"), fires: true,
            evidence: ["senders": 6, "count": 6, "sum": 15_000, "mean": 2_500, "of_counterparty": 1]),
        Case(
            name: "four senders", code: "SMURFING",
            before: (1...3).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "3000") }, last: transfer("x", "S4", "B", noon, "3000"), fires: false),
        Case(
            name: "the mean over 0.3 T", code: "SMURFING",
            before: (1...5).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "3000") }, last: transfer("x", "S6", "B", noon, "3000.06"), fires: false),
        Case(
            name: "the sum a cent below T", code: "SMURFING",
            before: (1...4).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "2000") }, last: transfer("x", "S5", "B", noon, "1999.99"), fires: false),
        Case(
            name: "consolidated by a debit of the account", code: "SMURFING",
            before: (1...6).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "2500") }, last: transfer("x", "B", "C", noon, "14000"), fires: true,
            evidence: ["senders": 6, "sum": 15_000]),
        Case(
            name: "three round transfers of three", code: "ROUND_AMOUNTS",
            before: [transfer("1", "A", "B", noon - 2 * day, "3000"), transfer("2", "A", "C", noon - day, "1000")], last: transfer("x", "A", "D", noon, "2000"),
            fires: true, evidence: ["count": 3, "of": 3, "unit": 1_000]),
        Case(
            name: "half of the account's", code: "ROUND_AMOUNTS",
            before: [
                transfer("1", "A", "B", noon - 2 * day, "3000"), transfer("2", "A", "C", noon - day, "1000"), transfer("3", "A", "C", noon - 5, "10"),
                transfer("4", "A", "C", noon - 4, "11"), transfer("5", "A", "C", noon - 3, "12"),
            ], last: transfer("x", "A", "D", noon, "2000"), fires: false),
        Case(
            name: "not quite round", code: "ROUND_AMOUNTS",
            before: [transfer("1", "A", "B", noon - 2 * day, "3000"), transfer("2", "A", "C", noon - day, "1000.01")], last: transfer("x", "A", "D", noon, "2000"),
            fires: false),
        Case(
            name: "a listed country over a border", code: "HIGH_RISK_GEOGRAPHY", before: [],
            last: Tx("x", "A", at: noon, "10", ["country": "US", "counterparty_country": "IR"]), fires: true,
            evidence: ["country_level": 0, "counterparty_country_level": 2, "crosses_border": 1, "list_date": 20_251_024], score: 0.51),
        Case(
            name: "a sum sent to one", code: "HIGH_RISK_GEOGRAPHY", before: [],
            last: Tx("x", "A", at: noon, "500", ["type": "transfer", "counterparty_id": "B", "country": "US", "counterparty_country": "IR"]), fires: true, score: 1),
        Case(name: "an unlisted one", code: "HIGH_RISK_GEOGRAPHY", before: [], last: Tx("x", "A", at: noon, "10", ["country": "US", "counterparty_country": "FR"]), fires: false),
        Case(
            name: "a monitored one within its border", code: "HIGH_RISK_GEOGRAPHY", before: [],
            last: Tx("x", "A", at: noon, "10", ["country": "NP", "counterparty_country": "NP"]), fires: true, evidence: ["country_level": 1, "crosses_border": 0]),
    ]

    static func fan(_ n: Int) -> [Tx] { (1...n).map { transfer("f\($0)", "S\($0)", "B", noon - Int64($0) * hour, "500") } }

    /// Forty accounts that pay one other each: what is usual.
    static let population = (1...40).map { transfer("p\($0)", "P\($0)", "Q\($0)", noon - day, "20") }

    static let partners: [Case] = [
        Case(
            name: "ten senders to one", code: "FAN_IN", before: population + fan(9), last: transfer("x", "S10", "B", noon, "500"), fires: true,
            evidence: ["senders": 10]),
        Case(name: "four senders to one", code: "FAN_IN", before: population + fan(3), last: transfer("x", "S4", "B", noon, "500"), fires: false),
        Case(
            name: "the tenth has paid before the week", code: "FAN_IN",
            before: [transfer("g", "S10", "B", noon - 7 * day, "500")] + population + fan(9), last: transfer("x", "S10", "B", noon, "500"), fires: false),
        Case(
            name: "the tenth has paid a millisecond later", code: "FAN_IN",
            before: [transfer("g", "S10", "B", noon - 7 * day + 1, "500")] + population + fan(9), last: transfer("x", "S10", "B", noon, "500"), fires: true,
            evidence: ["senders": 10]),
        Case(
            name: "six senders, the last of them a customer of long", code: "SMURFING",
            before: [transfer("0", "S6", "B", noon - 20 * day, "10")] + (1...5).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "2500") },
            last: transfer("x", "S6", "B", noon, "2500"), fires: false),
        Case(
            name: "six senders, each for the second time that week", code: "SMURFING",
            before: (1...6).map { transfer("a\($0)", "S\($0)", "B", noon - Int64($0) * hour - day, "1000") }
                + (1...5).map { transfer("b\($0)", "S\($0)", "B", noon - Int64($0) * hour, "1000") }, last: transfer("x", "S6", "B", noon, "1000"), fires: true,
            evidence: ["senders": 6, "count": 12]),
        Case(
            name: "ten receivers of one", code: "FAN_OUT",
            before: population + (1...9).map { transfer("f\($0)", "A", "R\($0)", noon - Int64($0) * hour, "500") }, last: transfer("x", "A", "R10", noon, "500"),
            fires: true, evidence: ["receivers": 10]),
        Case(
            name: "four receivers of one", code: "FAN_OUT",
            before: population + (1...3).map { transfer("f\($0)", "A", "R\($0)", noon - Int64($0) * hour, "500") }, last: transfer("x", "A", "R4", noon, "500"),
            fires: false),
        Case(
            name: "as many the week before", code: "FAN_IN",
            before: population + (1...9).map { transfer("g\($0)", "S\($0)", "B", noon - 8 * day, "500") } + fan(9), last: transfer("x", "S10", "B", noon, "500"),
            fires: false, windows: [day, 7 * day, 30 * day]),
        Case(
            name: "three in, three out of as much", code: "GATHER_SCATTER",
            before: (1...3).map { transfer("i\($0)", "S\($0)", "A", noon - 5 * hour + Int64($0), "1000") }
                + (1...2).map { transfer("o\($0)", "A", "R\($0)", noon - hour + Int64($0), "1000") }, last: transfer("x", "A", "R3", noon, "950"), fires: true,
            evidence: ["senders": 3, "receivers": 3, "inflow": 3_000, "outflow": 2_950]),
        Case(
            name: "out before in", code: "GATHER_SCATTER",
            before: (1...2).map { transfer("o\($0)", "A", "R\($0)", noon - 9 * hour + Int64($0), "1000") }
                + (1...3).map { transfer("i\($0)", "S\($0)", "A", noon - 5 * hour + Int64($0), "1000") }, last: transfer("x", "A", "R3", noon, "1000"), fires: false),
        Case(
            name: "a cent less than 0.8", code: "GATHER_SCATTER",
            before: (1...3).map { transfer("i\($0)", "S\($0)", "A", noon - 5 * hour + Int64($0), "1000") }
                + (1...2).map { transfer("o\($0)", "A", "R\($0)", noon - hour + Int64($0), "800") }, last: transfer("x", "A", "R3", noon, "799.99"), fires: false),
        Case(
            name: "one source over three to one", code: "SCATTER_GATHER",
            before: (1...3).map { transfer("s\($0)", "X", "M\($0)", noon - 5 * hour, "100") } + (1...2).map { transfer("g\($0)", "M\($0)", "R", noon - hour, "90") },
            last: transfer("x", "M3", "R", noon, "90"), fires: true, evidence: ["paths": 3, "source_amount": 100, "ratio": 0.9], score: 0.25),
        Case(
            name: "a tenth of what the source paid", code: "SCATTER_GATHER",
            before: (1...3).map { transfer("s\($0)", "X", "M\($0)", noon - 5 * hour, "1000") } + (1...2).map { transfer("g\($0)", "M\($0)", "R", noon - hour, "90") },
            last: transfer("x", "M3", "R", noon, "100"), fires: true, evidence: ["paths": 3, "ratio": 0.1], score: 0.0625),
        Case(
            name: "over two", code: "SCATTER_GATHER",
            before: (1...2).map { transfer("s\($0)", "X", "M\($0)", noon - 5 * hour, "100") } + [transfer("g", "M1", "R", noon - hour, "90"), transfer("h", "Y", "R", noon - hour, "90")],
            last: transfer("x", "M2", "R", noon, "90"), fires: false),
        Case(
            name: "one of the ways goes back in time", code: "SCATTER_GATHER",
            before: [transfer("g1", "M1", "R", noon - 6 * hour, "90")] + (1...3).map { transfer("s\($0)", "X", "M\($0)", noon - 5 * hour, "100") }
                + [transfer("g2", "M2", "R", noon - hour, "90")], last: transfer("x", "M3", "R", noon, "90"), fires: false),
        Case(
            name: "three hops round", code: "CYCLE", before: [transfer("1", "A", "B", noon - 3 * hour, "1000"), transfer("2", "B", "C", noon - 2 * hour, "950")],
            last: transfer("x", "C", "A", noon, "900"), fires: true,
            evidence: ["hops": 3, "seconds": 10_800, "hop_1_amount": 1_000, "hop_1_offset": 1, "hop_2_amount": 950, "hop_2_offset": 2]),
        Case(
            name: "in the wrong order of time", code: "CYCLE",
            before: [transfer("1", "B", "C", noon - 3 * hour, "1000"), transfer("2", "A", "B", noon - 2 * hour, "950")], last: transfer("x", "C", "A", noon, "900"),
            fires: false),
        Case(
            name: "at 0.7 of the one before", code: "CYCLE",
            before: [transfer("1", "A", "B", noon - 3 * hour, "1000"), transfer("2", "B", "C", noon - 2 * hour, "700")], last: transfer("x", "C", "A", noon, "490"),
            fires: true, evidence: ["least_ratio": 0.7]),
        Case(
            name: "a cent less", code: "CYCLE",
            before: [transfer("1", "A", "B", noon - 3 * hour, "1000"), transfer("2", "B", "C", noon - 2 * hour, "700")], last: transfer("x", "C", "A", noon, "489.99"),
            fires: false),
        Case(
            name: "six hops", code: "CYCLE", before: (1...5).map { transfer("\($0)", "A\($0)", "A\($0 + 1)", noon - hour + Int64($0), "100") },
            last: transfer("x", "A6", "A1", noon, "100"), fires: true, evidence: ["hops": 6]),
        Case(
            name: "seven hops", code: "CYCLE", before: (1...6).map { transfer("\($0)", "A\($0)", "A\($0 + 1)", noon - hour + Int64($0), "100") },
            last: transfer("x", "A7", "A1", noon, "100"), fires: false),
        Case(
            name: "begun a week ago to the millisecond", code: "CYCLE",
            before: [transfer("1", "A", "B", noon - 7 * day, "100"), transfer("2", "B", "C", noon - hour, "100")], last: transfer("x", "C", "A", noon, "100"), fires: false),
        Case(
            name: "begun a millisecond later", code: "CYCLE",
            before: [transfer("1", "A", "B", noon - 7 * day + 1, "100"), transfer("2", "B", "C", noon - hour, "100")], last: transfer("x", "C", "A", noon, "100"), fires: true),
        Case(
            name: "two payers share two receivers", code: "BIPARTITE",
            before: [transfer("1", "A", "C", noon - 3, "5"), transfer("2", "B", "C", noon - 2, "5"), transfer("3", "B", "D", noon - 1, "5")],
            last: transfer("x", "A", "D", noon, "5"), fires: true, evidence: ["sources": 2, "sinks": 2]),
        Case(
            name: "they share one", code: "BIPARTITE", before: [transfer("1", "A", "C", noon - 3, "5"), transfer("3", "B", "D", noon - 1, "5")],
            last: transfer("x", "A", "D", noon, "5"), fires: false),
        Case(
            name: "with two payers above both", code: "STACK",
            before: ["X", "Y"].flatMap { from in ["A", "B"].map { transfer(from + $0, from, $0, noon - hour, "5") } }
                + [transfer("1", "A", "C", noon - 3, "5"), transfer("2", "B", "C", noon - 2, "5"), transfer("3", "B", "D", noon - 1, "5")],
            last: transfer("x", "A", "D", noon, "5"), fires: true, evidence: ["layer": 2, "sources": 2, "sinks": 2]),
        Case(
            name: "with one payer above both", code: "STACK",
            before: ["A", "B"].map { transfer("X" + $0, "X", $0, noon - hour, "5") }
                + [transfer("1", "A", "C", noon - 3, "5"), transfer("2", "B", "C", noon - 2, "5"), transfer("3", "B", "D", noon - 1, "5")],
            last: transfer("x", "A", "D", noon, "5"), fires: false),
    ]

    static let flows: [Case] = [
        Case(
            name: "in and out within hours", code: "PASS_THROUGH", before: [transfer("1", "S", "A", noon - 2 * hour, "6000")], last: transfer("x", "A", "B", noon, "5700"),
            fires: true, evidence: ["inflow": 6_000, "outflow": 5_700, "ratio": 0.95, "debits": 1, "median_dwell_seconds": 7_200]),
        Case(
            name: "a cent less than 0.9 of it", code: "PASS_THROUGH", before: [transfer("1", "S", "A", noon - 2 * hour, "6000")],
            last: transfer("x", "A", "B", noon, "5399.99"), fires: false),
        Case(
            name: "after six hours and a millisecond", code: "PASS_THROUGH", before: [transfer("1", "S", "A", noon - 6 * hour - 1, "6000")],
            last: transfer("x", "A", "B", noon, "5700"), fires: false),
        Case(
            name: "after six hours", code: "PASS_THROUGH", before: [transfer("1", "S", "A", noon - 6 * hour, "6000")], last: transfer("x", "A", "B", noon, "5700"), fires: true),
        Case(
            name: "a cent below 0.3 T", code: "PASS_THROUGH", before: [transfer("1", "S", "A", noon - 2 * hour, "2999.99")], last: transfer("x", "A", "B", noon, "2999.99"),
            fires: false),
        Case(
            name: "a sum handed on twice", code: "LAYERING", before: [transfer("1", "A", "B", noon - 2 * day, "5000"), transfer("2", "B", "C", noon - day, "4800")],
            last: transfer("x", "C", "D", noon, "4700"), fires: true,
            evidence: ["hops": 2, "seconds": 172_800, "ratio": 0.94, "hop_1_amount": 4_800, "hop_2_amount": 5_000, "hop_2_offset": 1]),
        Case(
            name: "handed on once", code: "LAYERING", before: [transfer("2", "B", "C", noon - day, "4800")], last: transfer("x", "C", "D", noon, "4700"), fires: false),
        Case(
            name: "the second hop just under 0.9", code: "LAYERING",
            before: [transfer("1", "A", "B", noon - 2 * day, "5000"), transfer("2", "B", "C", noon - day, "4499.99")], last: transfer("x", "C", "D", noon, "4400"), fires: false),
        Case(
            name: "more than came in", code: "LAYERING",
            before: [transfer("1", "A", "B", noon - 2 * day, "5000"), transfer("2", "B", "C", noon - day, "4800")], last: transfer("x", "C", "D", noon, "4800.01"), fires: false),
        Case(
            name: "after three days", code: "LAYERING",
            before: [transfer("1", "A", "B", noon - 4 * day, "5000"), transfer("2", "B", "C", noon - 3 * day, "4800")], last: transfer("x", "C", "D", noon, "4700"),
            fires: false),
    ]

    static let steady = (0..<6).map { transfer("d\($0)", "A", "B", noon - Int64($0 + 1) * day - hour, "100") }

    static let pasts: [Case] = [
        Case(
            name: "ninety days of silence, then 0.3 T", code: "DORMANT_REACTIVATED", before: [Tx("1", "A", at: noon - 90 * day, "5")],
            last: transfer("x", "A", "B", noon, "3000"), fires: true, evidence: ["seconds_since_last": 7_776_000, "amount": 3_000, "amount_threshold": 3_000]),
        Case(
            name: "a millisecond less", code: "DORMANT_REACTIVATED", before: [Tx("1", "A", at: noon - 90 * day + 1, "5")], last: transfer("x", "A", "B", noon, "3000"),
            fires: false),
        Case(
            name: "a cent less", code: "DORMANT_REACTIVATED", before: [Tx("1", "A", at: noon - 90 * day, "5")], last: transfer("x", "A", "B", noon, "2999.99"), fires: false),
        Case(name: "never seen before", code: "DORMANT_REACTIVATED", before: [beginning], last: transfer("x", "A", "B", noon, "9000"), fires: false),
        Case(
            name: "T on the first day", code: "NEW_ACCOUNT_LARGE", before: [beginning, transfer("1", "A", "B", noon - hour, "5000")],
            last: transfer("x", "A", "B", noon, "5000"), fires: true, evidence: ["age_seconds": 3_600, "sum": 10_000, "threshold": 10_000]),
        Case(
            name: "T deposited", code: "NEW_ACCOUNT_LARGE", before: [beginning, cash("1", "A", noon - hour, "6000")], last: cash("x", "A", noon, "6000"), fires: true,
            evidence: ["sum": 12_000]),
        Case(
            name: "a cent below T", code: "NEW_ACCOUNT_LARGE", before: [beginning, transfer("1", "A", "B", noon - hour, "5000")],
            last: transfer("x", "A", "B", noon, "4999.99"), fires: false),
        Case(
            name: "a week old", code: "NEW_ACCOUNT_LARGE", before: [beginning, transfer("1", "A", "B", noon - 7 * day, "1")], last: transfer("x", "A", "B", noon, "12000"),
            fires: true),
        Case(
            name: "a millisecond older", code: "NEW_ACCOUNT_LARGE", before: [beginning, transfer("1", "A", "B", noon - 7 * day - 1, "1")],
            last: transfer("x", "A", "B", noon, "12000"), fires: false),
        Case(
            name: "first seen a week from the beginning", code: "NEW_ACCOUNT_LARGE", before: [Tx("0", "Z", at: noon - 7 * day)], last: transfer("x", "A", "B", noon, "12000"),
            fires: false),
        Case(
            name: "a millisecond later", code: "NEW_ACCOUNT_LARGE", before: [Tx("0", "Z", at: noon - 7 * day - 1)], last: transfer("x", "A", "B", noon, "12000"), fires: true),
        Case(
            name: "opened a day ago, and the record says so", code: "NEW_ACCOUNT_LARGE", before: [],
            last: Tx("x", "A", at: noon, "12000", ["type": "transfer", "counterparty_id": "B", "account_opened_at": "2026-11-23T12:00:00Z"]), fires: true,
            evidence: ["age_seconds": 86_400]),
        Case(
            name: "a steady account's sudden sum", code: "RAPID_MOVEMENT", before: steady.reversed(), last: transfer("x", "A", "C", noon, "3100"), fires: true,
            evidence: ["sum": 3_100, "mean": 100, "days": 6, "active_days": 6, "deviation": 0]),
        Case(name: "a cent below 0.3 T", code: "RAPID_MOVEMENT", before: steady.reversed(), last: transfer("x", "A", "C", noon, "2999.99"), fires: false),
        Case(
            name: "as large as ever", code: "RAPID_MOVEMENT",
            before: (0..<6).map { transfer("d\($0)", "A", "B", noon - Int64(6 - $0) * day - hour, $0 % 2 == 0 ? "2000" : "4000") }, last: transfer("x", "A", "C", noon, "5900"),
            fires: false),
        Case(name: "without a past", code: "RAPID_MOVEMENT", before: [], last: transfer("x", "A", "C", noon, "9000"), fires: false),
    ]

    /// The verdict on the last transaction, and what it says of the code.
    private func said(_ c: Case, _ sequence: [Tx], _ driver: Driver? = nil) throws -> (verdict: SaidVerdict, found: [String: Any]?) {
        let driver = driver ?? Driver(windows: c.windows) { _ in }
        // Offset 0, so that the first of the case's own has 1.
        try driver.send(Tx("zero", "nobody", at: sequence.map(\.time).min()!, "1"))
        let verdict = try #require(try driver.send(sequence).last?.aml)
        return (verdict, verdict.typologies.first { $0["code"] as? String == c.code })
    }

    @Test(arguments: cases)
    func firesWhereItsDefinitionSaysSo(_ c: Case) throws {
        let (verdict, found) = try said(c, c.before + [c.last])
        #expect((found != nil) == c.fires, "\(verdict.text)")
        guard let found else { return }
        let score = try #require(found["score"] as? Double)
        #expect((0...1).contains(score))
        if let right = c.score { #expect(abs(score - right) < 1e-6, "\(verdict.text)") }
        let evidence = try #require(found["evidence"] as? [String: Any])
        for (name, value) in c.evidence {
            let number = try #require(evidence[name] as? NSNumber, "\(name) in \(evidence)")
            #expect(abs(number.doubleValue - value) < 1e-6, "\(name) is \(number), not \(value)")
        }
    }

    @Test func everyTypologyHasCasesThatFireAndThatJustDoNot() {
        for typology in Typology.allCases {
            let mine = Self.cases.filter { $0.code == "\(typology.code)" }
            #expect(mine.contains { $0.fires } && mine.contains { !$0.fires }, "\(typology.code)")
        }
    }

    /// A transaction that comes late itself is judged as of its own time: neither what happened elsewhere since, nor what its own account and counterparty did
    /// later, with each other or with others, is counted.
    @Test(arguments: cases)
    func onesThatComeLateAreJudgedAsOfTheirOwnTime(_ c: Case) throws {
        let straight = try said(c, c.before + [c.last])
        let later = c.last.time + hour
        let elsewhere = try said(c, c.before + [Tx("elsewhere", "elsewhere", at: later), c.last])
        #expect((elsewhere.found?["score"] as? Double) == (straight.found?["score"] as? Double), "\(elsewhere.verdict.text)")
        // The account's last sign of life is that of what was applied before, whatever its time.
        if c.code == "DORMANT_REACTIVATED" { return }
        // Others pay as is usual, so that what is usual stays so.
        var own = [Tx("own", c.last.account, at: later, c.last.amount, c.last.fields)]
        own += (1...20).map { Self.transfer("u\($0)", "U\($0)", "V\($0)", later, "20") }
        if let counterparty = c.last.fields["counterparty_id"] {
            own.append(Self.transfer("others", c.last.account, "another", later + 1, c.last.amount))
            own.append(Self.transfer("to", "another", counterparty, later + 2, c.last.amount))
        }
        let among = try said(c, c.before + own + [c.last])
        #expect((among.found?["score"] as? Double) == (straight.found?["score"] as? Double), "\(among.verdict.text)\n\(straight.verdict.text)")
    }

    /// What came before may come in any order within the lateness, and a repeat of any of it changes nothing.
    @Test(arguments: cases)
    func lateAndRepeatedOnesChangeNothing(_ c: Case) throws {
        let straight = try said(c, c.before + [c.last])
        // All that is retained at the end comes in reverse.
        let span = c.windows.last! + day
        let early = c.before.filter { $0.time <= c.last.time - span }
        let late = c.before.filter { $0.time > c.last.time - span }
        let repeated = try said(c, early + early + late + late + [c.last])
        #expect((repeated.found?["score"] as? Double) == (straight.found?["score"] as? Double))
        let driver = Driver(windows: c.windows) { _ in }
        let reversed = try said(c, early + late.reversed() + [c.last], driver)
        if c.code.hasPrefix("DORMANT") { return }
        #expect((reversed.found?["score"] as? Double) == (straight.found?["score"] as? Double), "\(reversed.verdict.text)\n\(straight.verdict.text)")
        // Asked again over HTTP it is answered from what is held, without itself.
        let (again, isDuplicate) = try driver.ask(.aml, c.last.json).get()
        #expect(isDuplicate)
        let found = again.typologies.first { $0["code"] as? String == c.code }
        #expect((found?["score"] as? Double) == (straight.found?["score"] as? Double), "\(again.text)")
    }

    /// A late transaction closes what lay before it, not what came after.
    @Test func aLateOneIsJudgedAsOfItsOwnTime() throws {
        let driver = Driver()
        _ = try driver.send([
            Self.transfer("1", "A", "B", noon - 5 * hour, "100"), Self.transfer("2", "B", "C", noon - 4 * hour, "100"), Self.transfer("3", "B", "C", noon, "100"),
        ])
        func hops(_ tx: Tx) throws -> Int? {
            let aml = try #require(try driver.send(tx).aml)
            let cycle = aml.typologies.first { $0["code"] as? String == "CYCLE" }
            return (cycle?["evidence"] as? [String: Any])?["hops"] as? Int
        }
        #expect(try hops(Self.transfer("4", "C", "A", noon - 4 * hour - 1, "100")) == nil)
        #expect(try hops(Self.transfer("5", "C", "A", noon - 4 * hour + 1, "100")) == 3)
    }

    /// What lies before in the same millisecond is told by partition and offset.
    @Test func tiesAreOrderedByPartitionAndOffset() throws {
        for (first, second, fires) in [(Int32(0), Int32(1), true), (1, 0, false)] {
            let driver = Driver()
            _ = try driver.send([Self.transfer("1", "A", "B", noon, "100").json], keys: ["A"], partition: first)
            let aml = try #require(try driver.send([Self.transfer("2", "B", "A", noon, "100").json], keys: ["B"], partition: second)[0].aml)
            #expect(aml.typologies.contains { $0["code"] as? String == "CYCLE" } == fires)
        }
    }

    /// The score is the rules' with each typology joined to it, and reasons say what each added.
    @Test func contributionsAddUpToTheScore() throws {
        let c = Self.cases.first { $0.code == "CYCLE" }!
        let (verdict, _) = try said(c, c.before + [c.last])
        var z = -4.0
        for reason in verdict.reasons { z += try #require(reason["contribution"] as? Double) }
        #expect(verdict.reasons.count < 5)
        let score = try #require(verdict.double("score"))
        #expect(abs(1 / (1 + exp(-z)) - score) < 1e-5)
        #expect(verdict.reasonCodes.contains("CYCLE"))
    }

    @Test func switchedOffNothingIsNamed() throws {
        let c = Self.cases.first { $0.code == "CYCLE" }!
        let driver = Driver { $0.isAMLEnabled = false }
        let (verdict, _) = try said(c, c.before + [c.last], driver)
        #expect(verdict.typologies.isEmpty && verdict.degraded == ["aml_disabled"])
    }

    @Test func aFollowerHoldsTheSameGraph() throws {
        let sequence = Self.cases.filter { $0.windows.last == 7 * day }.flatMap { c in (c.before + [c.last]).map { Tx(c.name + $0.id, $0.account, at: $0.time, $0.amount, $0.fields) } }
            .sorted { $0.time < $1.time }
        let leader = Driver()
        let follower = Driver()
        _ = try leader.send(sequence)
        try Records(sequence.map(\.json)).borrow { try follower.engine.follow($0, outcomes: leader.sink.results.map(\.outcome)) }
        #expect(leader.engine.graph.edgeCount > 100)
        #expect(leader.engine.digest() == follower.engine.digest())
    }

    @Test func theListOfCountriesIsOneAndHasADate() {
        let list = HighRiskCountries.bundled
        #expect(list.date >= 20_251_024)
        func level(_ code: String) -> Int64 { Array(code.utf8).withUnsafeBufferPointer { list.level(Text(base: $0.baseAddress, count: $0.count)) } }
        for (code, expected) in [("IR", 2), ("kp", 2), ("MM", 2), ("BG", 1), ("US", 0), ("", 0), ("IRN", 0), ("1R", 0)] as [(String, Int64)] { #expect(level(code) == expected, "\(code)") }
        for broken in ["", "# date: 2025-10-24\n", "country,list,name\nIR,call_for_action,Iran\n", "# date: 2025-10-24\ncountry,list,name\nIR,grey,Iran\n"] {
            #expect(HighRiskCountries(csv: Array(broken.utf8)) == nil)
        }
    }

    @Test func thePagesKnowEveryTypologyWeightAndFeature() throws {
        let page = try ReferenceTests.page("typologies.md")
        let weights = TypologySettings().weights
        for typology in Typology.allCases {
            let row = page.split(separator: "\n").first { $0.hasPrefix("| `\(typology.code)` |") }
            #expect(row?.hasSuffix("| \(weights[Int(typology.rawValue)]) |") == true, "\(typology.code)")
        }
        #expect(weights.count == Typology.allCases.count)
        let features = try ReferenceTests.page("features.md")
        for name in AMLFeatureSet.statistics.map({ "payer_out_<W>_\($0)" }) + AMLFeatureSet.withoutWindow + AMLFeatureSet.sides.dropFirst().map({ "\($0)_<W>_…" })
            + ["payer", "payee"].flatMap({ end in AMLFeatureSet.balances.map { "\(end)_<W>_\($0)" } })
        {
            #expect(features.contains("`\(name)`"), "docs/reference/features.md lacks \(name)")
        }
    }
}
