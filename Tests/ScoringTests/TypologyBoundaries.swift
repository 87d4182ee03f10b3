/// Where each typology's windows, amounts and counts end: on either side by a millisecond, a cent, one.
extension TypologyTests {
    static let boundaries: [Case] = amountBoundaries + partnerBoundaries + setBoundaries + flowBoundaries + pastBoundaries

    /// Five senders of 2500 to one, the first of them at a time of its own.
    private static func collected(_ first: Int64) -> [Tx] {
        [transfer("1", "S1", "B", first, "2500")] + (2...4).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "2500") }
    }

    /// As many senders as are named pay 3000 in all, for what follows from noon on.
    private static func gathered(_ senders: Int, first: Int64 = noon - 6 * hour) -> [Tx] {
        (1...senders).map { transfer("i\($0)", "S\($0)", "A", $0 == 1 ? first : noon - 5 * hour + Int64($0), "\(3_000 / senders)") }
    }

    private static func scattered(_ receivers: Int, _ amount: String) -> [Tx] {
        (1...receivers).map { transfer("o\($0)", "A", "R\($0)", noon - hour + Int64($0), amount) }
    }

    private static let amountBoundaries: [Case] = [
        Case(
            name: "the first a day ago to the millisecond counts in the week", code: "STRUCTURING",
            before: [cash("1", "A", noon - day, "9000"), cash("2", "A", noon - hour, "9000")], last: cash("x", "A", noon, "9000"), fires: true,
            evidence: ["count": 3, "window_seconds": 604_800]),
        Case(
            name: "the first a millisecond less than a day ago", code: "STRUCTURING",
            before: [cash("1", "A", noon - day + 1, "9000"), cash("2", "A", noon - hour, "9000")], last: cash("x", "A", noon, "9000"), fires: true,
            evidence: ["count": 3, "window_seconds": 86_400]),
        Case(
            name: "the first of five senders a week ago to the millisecond", code: "SMURFING", before: collected(noon - 7 * day), last: transfer("x", "S5", "B", noon, "2500"),
            fires: false),
        Case(
            name: "the first of five senders a millisecond later", code: "SMURFING", before: collected(noon - 7 * day + 1), last: transfer("x", "S5", "B", noon, "2500"),
            fires: true, evidence: ["senders": 5, "sum": 12_500]),
        Case(
            name: "the mean at 0.3 T", code: "SMURFING",
            before: (1...5).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "3000") }, last: transfer("x", "S6", "B", noon, "3000"), fires: true,
            evidence: ["mean": 3_000]),
        Case(
            name: "the sum at T", code: "SMURFING",
            before: (1...4).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "2000") }, last: transfer("x", "S5", "B", noon, "2000"), fires: true,
            evidence: ["sum": 10_000], score: 0),
        Case(
            name: "half of it passed on", code: "SMURFING",
            before: (1...6).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "2500") }, last: transfer("x", "B", "C", noon, "7500"), fires: true),
        Case(
            name: "a cent less than half of it", code: "SMURFING",
            before: (1...6).map { transfer("\($0)", "S\($0)", "B", noon - Int64($0) * hour, "2500") }, last: transfer("x", "B", "C", noon, "7499.99"), fires: false),
        Case(
            name: "two", code: "ROUND_AMOUNTS", before: [transfer("1", "A", "B", noon - 2 * day, "3000")], last: transfer("x", "A", "D", noon, "2000"), fires: false),
        Case(
            name: "the first a week ago to the millisecond", code: "ROUND_AMOUNTS",
            before: [transfer("1", "A", "B", noon - 7 * day, "3000"), transfer("2", "A", "C", noon - day, "1000")], last: transfer("x", "A", "D", noon, "2000"), fires: false),
        Case(
            name: "the first a millisecond later", code: "ROUND_AMOUNTS",
            before: [transfer("1", "A", "B", noon - 7 * day + 1, "3000"), transfer("2", "A", "C", noon - day, "1000")], last: transfer("x", "A", "D", noon, "2000"),
            fires: true, evidence: ["count": 3]),
        Case(
            name: "one more than half of the account's", code: "ROUND_AMOUNTS",
            before: [
                transfer("1", "A", "B", noon - 2 * day, "3000"), transfer("2", "A", "C", noon - day, "1000"), transfer("3", "A", "C", noon - 5, "10"),
                transfer("4", "A", "C", noon - 4, "11"),
            ], last: transfer("x", "A", "D", noon, "2000"), fires: true, evidence: ["count": 3, "of": 5]),
        Case(
            name: "a cent less than 0.05 T", code: "HIGH_RISK_GEOGRAPHY", before: [],
            last: Tx("x", "A", at: noon, "499.99", ["type": "transfer", "counterparty_id": "B", "country": "US", "counterparty_country": "IR"]), fires: true,
            score: 0.99999),
    ]

    private static let partnerBoundaries: [Case] = [
        Case(
            name: "the first of five a week ago to the millisecond", code: "FAN_IN", before: population + [transfer("1", "S9", "B", noon - 7 * day, "500")] + fan(3),
            last: transfer("x", "S4", "B", noon, "500"), fires: false),
        Case(
            name: "the first of five a millisecond later", code: "FAN_IN", before: population + [transfer("1", "S9", "B", noon - 7 * day + 1, "500")] + fan(3),
            last: transfer("x", "S4", "B", noon, "500"), fires: true, evidence: ["senders": 5, "threshold": 5]),
        Case(
            name: "the first of five a week ago to the millisecond", code: "FAN_OUT",
            before: population + [transfer("1", "A", "R9", noon - 7 * day, "500")] + scattered(3, "500"), last: transfer("x", "A", "R4", noon, "500"), fires: false),
        Case(
            name: "the first of five a millisecond later", code: "FAN_OUT",
            before: population + [transfer("1", "A", "R9", noon - 7 * day + 1, "500")] + scattered(3, "500"), last: transfer("x", "A", "R4", noon, "500"), fires: true,
            evidence: ["receivers": 5, "threshold": 5]),
        Case(
            name: "the tenth was paid before the week", code: "FAN_OUT", before: population + [transfer("1", "A", "R10", noon - 7 * day, "500")] + scattered(9, "500"),
            last: transfer("x", "A", "R10", noon, "500"), fires: false),
        Case(
            name: "the tenth was paid a millisecond later", code: "FAN_OUT",
            before: population + [transfer("1", "A", "R10", noon - 7 * day + 1, "500")] + scattered(9, "500"), last: transfer("x", "A", "R10", noon, "500"), fires: true,
            evidence: ["receivers": 10]),
        Case(name: "from two", code: "GATHER_SCATTER", before: gathered(2) + scattered(2, "1000"), last: transfer("x", "A", "R3", noon, "1000"), fires: false),
        Case(name: "to two", code: "GATHER_SCATTER", before: gathered(3) + scattered(2, "1000"), last: transfer("x", "A", "R2", noon, "1000"), fires: false),
        Case(name: "out at 0.8 of in", code: "GATHER_SCATTER", before: gathered(3) + scattered(2, "800"), last: transfer("x", "A", "R3", noon, "800"), fires: true, score: 0),
        Case(
            name: "out at 1.2 of in", code: "GATHER_SCATTER", before: gathered(3) + scattered(2, "1200"), last: transfer("x", "A", "R3", noon, "1200"), fires: true,
            evidence: ["inflow": 3_000, "outflow": 3_600], score: 0),
        Case(name: "a cent more than 1.2", code: "GATHER_SCATTER", before: gathered(3) + scattered(2, "1200"), last: transfer("x", "A", "R3", noon, "1200.01"), fires: false),
        Case(
            name: "the first in a week ago to the millisecond", code: "GATHER_SCATTER", before: gathered(3, first: noon - 7 * day) + scattered(2, "1000"),
            last: transfer("x", "A", "R3", noon, "1000"), fires: false),
        Case(
            name: "the first in a millisecond later", code: "GATHER_SCATTER", before: gathered(3, first: noon - 7 * day + 1) + scattered(2, "1000"),
            last: transfer("x", "A", "R3", noon, "1000"), fires: true, evidence: ["senders": 3, "inflow": 3_000]),
    ]

    /// One source pays three, the first of them at a time of its own, and two of them one.
    private static func spread(_ first: Int64) -> [Tx] {
        (1...3).map { transfer("s\($0)", "X", "M\($0)", $0 == 1 ? first : noon - 5 * hour, "100") } + (1...2).map { transfer("g\($0)", "M\($0)", "R", noon - hour, "90") }
    }

    private static let shared = [transfer("2", "B", "C", noon - 2, "5"), transfer("3", "B", "D", noon - 1, "5")]

    private static func above(_ first: Int64) -> [Tx] {
        [transfer("XA", "X", "A", first, "5"), transfer("XB", "X", "B", noon - hour, "5"), transfer("YA", "Y", "A", noon - hour, "5"), transfer("YB", "Y", "B", noon - hour, "5")]
            + [transfer("1", "A", "C", noon - 3, "5")] + shared
    }

    private static let setBoundaries: [Case] = [
        Case(
            name: "the first way begun a week ago to the millisecond", code: "SCATTER_GATHER", before: spread(noon - 7 * day), last: transfer("x", "M3", "R", noon, "90"),
            fires: false),
        Case(
            name: "the first way begun a millisecond later", code: "SCATTER_GATHER", before: spread(noon - 7 * day + 1), last: transfer("x", "M3", "R", noon, "90"),
            fires: true, evidence: ["paths": 3]),
        Case(name: "0.7 of what the source paid", code: "SCATTER_GATHER", before: spread(noon - 6 * hour), last: transfer("x", "M3", "R", noon, "70"), fires: true, score: 0.25),
        Case(
            name: "a cent less than 0.7", code: "SCATTER_GATHER", before: spread(noon - 6 * hour), last: transfer("x", "M3", "R", noon, "69.99"), fires: true,
            score: 0.25 * (0.25 + 0.75 * 0.3999 / 0.4)),
        Case(
            name: "0.3 of it", code: "SCATTER_GATHER", before: spread(noon - 6 * hour), last: transfer("x", "M3", "R", noon, "30"), fires: true, score: 0.0625),
        Case(
            name: "a cent more than 0.3", code: "SCATTER_GATHER", before: spread(noon - 6 * hour), last: transfer("x", "M3", "R", noon, "30.01"), fires: true,
            score: 0.25 * (0.25 + 0.75 * 0.0001 / 0.4)),
        Case(
            name: "the first a week ago to the millisecond", code: "BIPARTITE", before: [transfer("1", "A", "C", noon - 7 * day, "5")] + shared,
            last: transfer("x", "A", "D", noon, "5"), fires: false),
        Case(
            name: "the first a millisecond later", code: "BIPARTITE", before: [transfer("1", "A", "C", noon - 7 * day + 1, "5")] + shared,
            last: transfer("x", "A", "D", noon, "5"), fires: true, evidence: ["sources": 2, "sinks": 2]),
        Case(
            name: "one above paid a week ago to the millisecond", code: "STACK", before: above(noon - 7 * day), last: transfer("x", "A", "D", noon, "5"), fires: false),
        Case(
            name: "one above paid a millisecond later", code: "STACK", before: above(noon - 7 * day + 1), last: transfer("x", "A", "D", noon, "5"), fires: true,
            evidence: ["layer": 2]),
    ]

    private static let flowBoundaries: [Case] = [
        Case(
            name: "0.9 of it", code: "PASS_THROUGH", before: [transfer("1", "S", "A", noon - 2 * hour, "6000")], last: transfer("x", "A", "B", noon, "5400"), fires: true,
            evidence: ["ratio": 0.9], score: 0),
        Case(
            name: "0.3 T", code: "PASS_THROUGH", before: [transfer("1", "S", "A", noon - 2 * hour, "3000")], last: transfer("x", "A", "B", noon, "3000"), fires: true,
            evidence: ["inflow": 3_000], score: 0),
        Case(
            name: "another inflow a day ago to the millisecond is none of this day's", code: "PASS_THROUGH",
            before: [transfer("1", "S", "A", noon - day, "6000"), transfer("2", "S", "A", noon - 2 * hour, "6000")], last: transfer("x", "A", "B", noon, "6000"),
            fires: true, evidence: ["inflow": 6_000, "ratio": 1]),
        Case(
            name: "another inflow a millisecond later is", code: "PASS_THROUGH",
            before: [transfer("1", "S", "A", noon - day + 1, "6000"), transfer("2", "S", "A", noon - 2 * hour, "6000")], last: transfer("x", "A", "B", noon, "6000"),
            fires: false),
        Case(
            name: "0.9 of it, twice", code: "LAYERING", before: [transfer("1", "A", "B", noon - 2 * day, "5000"), transfer("2", "B", "C", noon - day, "4500")],
            last: transfer("x", "C", "D", noon, "4050"), fires: true, evidence: ["hops": 2, "ratio": 0.81], score: 0.6),
        Case(
            name: "all of it, twice", code: "LAYERING", before: [transfer("1", "A", "B", noon - 2 * day, "5000"), transfer("2", "B", "C", noon - day, "5000")],
            last: transfer("x", "C", "D", noon, "5000"), fires: true, evidence: ["hops": 2, "ratio": 1]),
        Case(
            name: "a millisecond less than three days after", code: "LAYERING",
            before: [transfer("1", "A", "B", noon - 4 * day, "5000"), transfer("2", "B", "C", noon - 3 * day + 1, "4800")], last: transfer("x", "C", "D", noon, "4700"),
            fires: true, evidence: ["hops": 2]),
    ]

    /// Six days of as much.
    private static func daily(_ amount: String, days: Int = 6) -> [Tx] {
        (0..<days).map { transfer("d\($0)", "A", "B", noon - Int64($0 + 1) * day - hour, amount) }.reversed()
    }

    private static let pastBoundaries: [Case] = [
        Case(
            name: "before a payment that has come already", code: "DORMANT_REACTIVATED", before: [Tx("1", "A", at: noon - 90 * day, "5"), Tx("2", "A", at: noon + minute, "5")],
            last: transfer("x", "A", "B", noon, "9000"), fires: false),
        Case(
            name: "half of T a day ago to the millisecond", code: "NEW_ACCOUNT_LARGE", before: [beginning, transfer("1", "A", "B", noon - day, "5000")],
            last: transfer("x", "A", "B", noon, "5000"), fires: false),
        Case(
            name: "half of T a millisecond later", code: "NEW_ACCOUNT_LARGE", before: [beginning, transfer("1", "A", "B", noon - day + 1, "5000")],
            last: transfer("x", "A", "B", noon, "5000"), fires: true, evidence: ["sum": 10_000]),
        Case(name: "0.3 T", code: "RAPID_MOVEMENT", before: daily("100"), last: transfer("x", "A", "C", noon, "3000"), fires: true, evidence: ["sum": 3_000], score: 0),
        Case(
            name: "half of it a day ago to the millisecond", code: "RAPID_MOVEMENT", before: daily("100") + [transfer("h", "A", "B", noon - day, "1500")],
            last: transfer("x", "A", "C", noon, "1500"), fires: false),
        Case(
            name: "half of it a millisecond later", code: "RAPID_MOVEMENT", before: daily("100") + [transfer("h", "A", "B", noon - day + 1, "1500")],
            last: transfer("x", "A", "C", noon, "1500"), fires: true, evidence: ["sum": 3_000, "mean": 100]),
        Case(
            name: "three deviations over its habit", code: "RAPID_MOVEMENT", before: daily("3000"), last: transfer("x", "A", "C", noon, "3900"), fires: true,
            evidence: ["zscore": 3], score: 0),
        Case(name: "a cent less than three deviations", code: "RAPID_MOVEMENT", before: daily("3000"), last: transfer("x", "A", "C", noon, "3899.99"), fires: false),
        Case(
            name: "three days behind it", code: "RAPID_MOVEMENT", before: daily("100", days: 3), last: transfer("x", "A", "C", noon, "3100"), fires: true,
            evidence: ["active_days": 3]),
        Case(name: "two days behind it", code: "RAPID_MOVEMENT", before: daily("100", days: 2), last: transfer("x", "A", "C", noon, "3100"), fires: false),
    ]
}
