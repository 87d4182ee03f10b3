import Foundation
import Testing

@testable import Scoring

/// Every number of evidence, computed again from the raw transactions by loops and sets.
@Suite struct EvidenceTests {
    /// A transaction as its sender wrote it; its place in the list is its offset.
    struct Raw {
        var offset = 0
        var account = ""
        var to = ""
        var time: Int64 = 0
        /// Cents.
        var cents: Int64 = 0
        var type = "transfer"
        var country = "US"
        var toCountry = "US"

        var isDebit: Bool { type != "cash_in" && type != "refund" }
        var isCashOrTransfer: Bool { ["transfer", "cash_in", "cash_out"].contains(type) }
        /// Ends of the movement; empty is outside.
        var from: String? { type == "refund" || (type == "purchase" && to.isEmpty) ? nil : type == "cash_in" ? "" : account }
        var into: String { type == "cash_in" ? account : to }

        var tx: Tx {
            var fields = ["type": type, "country": country]
            if !to.isEmpty {
                fields["counterparty_id"] = to
                fields["counterparty_country"] = toCountry
            }
            return Tx("t\(offset)", account, at: time, "\(Double(cents) / 100)", fields)
        }
    }

    static let t: Int64 = 1_000_000
    static let span = 8 * day

    /// A small world in which everything happens: payments at random, chains, rings, fans, deposits just below T.
    static func world(_ count: Int) -> [Raw] {
        var random = SplitMix(state: 7)
        func below(_ n: Int) -> Int { Int.random(in: 0..<n, using: &random) }
        var all: [Raw] = []
        var planned: [Raw] = []
        var time = noon - 200 * day
        var hasSlept = false
        func account() -> String { "A\(below(below(4) == 0 ? 12 : 120))" }
        while all.count < count {
            time += Int64(below(12 * 60_000)) + (below(300) == 0 ? day : 0)
            // A silence that makes sleepers of those who were seen before.
            if all.count > 60, !hasSlept {
                hasSlept = true
                time += 95 * day
            }
            var raw = Raw(account: account(), to: account(), time: time, cents: [5_000, 100_000, 300_000, 12_345, 950_000, 1_200_000, 777_700][below(7)])
            switch below(12) {
            case 0: (raw.type, raw.to) = ("cash_in", "")
            case 1: (raw.type, raw.to) = ("cash_out", "")
            case 2: (raw.type, raw.to) = ("purchase", below(2) == 0 ? "" : raw.to)
            case 3: raw.type = "payment"
            case 4: raw.toCountry = ["MM", "KE", "FR"][below(3)]
            case 5: raw.account = "sleeper\(below(3))"
            case 6 where below(3) == 0:
                // A sum that goes on from one to the next, and comes home in the end.
                var (from, amount) = (account(), Int64(400_000 + below(500_000)))
                let home = from
                for step in 0..<(2 + below(4)) {
                    let to = step >= 2 && below(2) == 0 ? home : account()
                    planned.append(Raw(account: from, to: to, time: time + Int64(step + 1) * Int64(1 + below(20)) * hour, cents: amount))
                    from = to
                    amount = amount * Int64(900 + below(100)) / 1_000
                }
            case 7 where below(3) == 0:
                let (source, sink) = (account(), account())
                for i in 0..<5 {
                    let middle = "M\(below(30))"
                    planned.append(Raw(account: source, to: middle, time: time + Int64(i + 1) * minute, cents: 150_000))
                    planned.append(Raw(account: middle, to: sink, time: time + Int64(i + 1) * hour, cents: 140_000))
                }
            case 8 where below(3) == 0:
                let hub = account()
                for i in 0..<6 { planned.append(Raw(account: account(), to: hub, time: time + Int64(i + 1) * minute, cents: 220_000)) }
                for i in 0..<4 { planned.append(Raw(account: hub, to: account(), time: time + Int64(i + 2) * hour, cents: 320_000)) }
            default: break
            }
            planned.append(raw)
            planned.sort { $0.time < $1.time }
            while let first = planned.first, first.time <= time {
                var next = planned.removeFirst()
                next.offset = all.count
                all.append(next)
            }
        }
        return all
    }

    /// Computes what a typology's evidence should say, given what it says of its leg and window.
    struct Recomputed {
        let all: [Raw]
        let me: Raw
        let said: [String: Double]
        let before: ArraySlice<Raw>

        init(_ all: [Raw], _ me: Raw, _ said: [String: Double]) {
            (self.all, self.me, self.said) = (all, me, said)
            before = all[..<me.offset]
        }

        var window: Int64 { Int64((said["window_seconds"] ?? 0) * 1_000) }
        var isCounterparty: Bool { said["of_counterparty"] == 1 }
        var key: String { isCounterparty ? me.to : me.account }
        func money(_ cents: Int64) -> Double { Double(cents) / 100 }

        /// Movements of the window before this transaction, oldest first.
        func movements(_ window: Int64) -> [Raw] { before.filter { $0.time > me.time - window && $0.from != nil && $0.from != $0.into } }
        func side(_ window: Int64) -> [Raw] {
            let isIn = isCounterparty || !me.isDebit
            return movements(window).filter { (isIn ? $0.into : $0.from!) == key } + [me]
        }
        /// What came in to an account in a window, as the contract counts inflow, this transaction included.
        func inflow(_ account: String, _ window: Int64) -> [(from: String, cents: Int64)] {
            (Array(before) + [me]).filter { $0.time > me.time - window }.compactMap { raw in
                if raw.isDebit { return raw.to == account ? (raw.account, raw.cents) : nil }
                return raw.account == account ? (account, raw.cents) : nil
            }
        }
        func outflow(_ window: Int64) -> Int64 {
            (Array(before) + [me]).filter { $0.time > me.time - window && $0.isDebit && $0.account == me.account }.reduce(0) { $0 + $1.cents }
        }

        func hops(_ newestFirst: Bool, _ n: Int) -> [String: Double] {
            var expected: [String: Double] = [:]
            for i in 1...n {
                let raw = all[Int(said["hop_\(i)_offset"] ?? -1)]
                expected["hop_\(i)_amount"] = money(raw.cents)
                expected["hop_\(i)_partition"] = 0
                expected["hop_\(i)_offset"] = Double(raw.offset)
            }
            return expected
        }
        func hop(_ i: Int) -> Raw { all[Int(said["hop_\(i)_offset"] ?? -1)] }

        /// Movements of all other accounts on this side, on average, in such a window.
        func population(_ key: String, isIn: Bool) -> Double {
            let now = before.map(\.time).max() ?? me.time
            let held = before.filter { $0.time > now - span && $0.from != nil && $0.from != $0.into && (isIn ? $0.into : $0.from) != key }
            let accounts = Set(held.map { isIn ? $0.into : $0.from! }.filter { !$0.isEmpty }).count
            return accounts == 0 ? 0 : Double(held.count) / Double(accounts) * Double(window) / Double(span)
        }

        func fan(_ partners: String, _ key: String, isIn: Bool) -> [String: Double] {
            let population = population(key, isIn: isIn)
            let count =
                isIn
                ? Set(inflow(key, window).map(\.from)).count
                : Set((Array(before) + [me]).filter { $0.time > me.time - window && $0.isDebit && $0.account == key && !$0.to.isEmpty }.map(\.to)).count
            return [partners: Double(count), "population_mean": population, "threshold": max(5, 3 * population), "window_seconds": 604_800]
        }

        func evidence(_ code: String) -> [String: Double] {
            var e: [String: Double] = said["window_seconds"] == nil ? [:] : ["window_seconds": Double(window) / 1_000]
            if isCounterparty { e["of_counterparty"] = 1 }
            switch code {
            case "LARGE_AMOUNT": return ["amount": money(me.cents), "threshold": money(t)]
            case "STRUCTURING":
                let found = side(window).filter { $0.isCashOrTransfer && $0.cents >= 700_000 && $0.cents < t }
                e["count"] = Double(found.count)
                e["sum"] = money(found.reduce(0) { $0 + $1.cents })
                (e["from"], e["below"]) = (7_000, 10_000)
            case "SMURFING":
                let found = inflow(key, window)
                let sum = found.reduce(0) { $0 + $1.cents }
                e["senders"] = Double(Set(found.map(\.from)).count)
                (e["count"], e["sum"], e["mean"]) = (Double(found.count), money(sum), money(sum) / Double(found.count))
                e["threshold"] = max(5, 3 * population(key, isIn: true))
            case "FAN_IN": return fan("senders", me.to, isIn: true)
            case "FAN_OUT": return fan("receivers", me.account, isIn: false)
            case "GATHER_SCATTER":
                let ins = movements(window).filter { $0.into == me.account }
                var senders = Set<String>()
                var stood = Int.max
                for raw in ins where !raw.from!.isEmpty {
                    senders.insert(raw.from!)
                    if senders.count == 3 { stood = min(stood, raw.offset) }
                }
                let outs = movements(window).filter { $0.from == me.account && $0.offset > stood } + [me]
                let (a, b) = (ins.reduce(0) { $0 + $1.cents }, outs.reduce(0) { $0 + $1.cents })
                (e["senders"], e["receivers"]) = (Double(senders.count), Double(Set(outs.map(\.into).filter { !$0.isEmpty }).count))
                (e["inflow"], e["outflow"], e["ratio"]) = (money(a), money(b), Double(b) / Double(a))
                e["sender_threshold"] = max(3, 3 * population(me.account, isIn: true))
                e["receiver_threshold"] = max(3, 3 * population(me.account, isIn: false))
            case "SCATTER_GATHER":
                let all = movements(window)
                var best: (paths: Int, source: Raw)?
                for source in all.reversed() where source.into == me.account && !source.from!.isEmpty && source.from != me.to {
                    var middles: Set<String> = [me.account]
                    for second in all where second.into == me.to && !second.from!.isEmpty {
                        if all.contains(where: { $0.from == source.from && $0.into == second.from && $0.offset < second.offset }) { middles.insert(second.from!) }
                    }
                    if middles.count > best?.paths ?? 0 { best = (middles.count, source) }
                }
                (e["paths"], e["source_amount"]) = (Double(best?.paths ?? 0), money(best?.source.cents ?? 0))
                e["ratio"] = Double(me.cents) / Double(best?.source.cents ?? 0)
                (e["source_partition"], e["source_offset"]) = (0, Double(best?.source.offset ?? -1))
            case "CYCLE":
                let n = shortestCycle()
                let way = (1..<max(n, 2)).map(hop) + [me]
                e.merge(hops(false, way.count - 1)) { $1 }
                var ratio = Double.infinity
                for (a, b) in zip(way, way.dropFirst()) {
                    #expect(a.into == b.from && a.offset < b.offset && b.cents * 10 >= a.cents * 7)
                    ratio = min(ratio, Double(b.cents) / Double(a.cents))
                }
                #expect(way[0].from == me.to)
                (e["hops"], e["least_ratio"], e["seconds"]) = (Double(n), ratio, Double(me.time - way[0].time) / 1_000)
            case "BIPARTITE", "STACK":
                let all = movements(window)
                let others = Set(all.filter { $0.from == me.account && !$0.into.isEmpty && $0.into != me.to }.map(\.into))
                var (sources, sinks) = (Set<String>(), Set<String>())
                for source in Set(all.filter { $0.into == me.to && !$0.from!.isEmpty && $0.from != me.account }.map { $0.from! }) {
                    let shared = Set(all.filter { $0.from == source && others.contains($0.into) }.map(\.into))
                    if !shared.isEmpty { sources.insert(source) }
                    sinks.formUnion(shared)
                }
                (e["sources"], e["sinks"]) = (Double(sources.count + 1), Double(sinks.count + 1))
                if code == "STACK" {
                    func payers(_ account: String) -> Set<String> { Set(all.filter { $0.into == account && !$0.from!.isEmpty }.map { $0.from! }) }
                    e["layer"] = Double(sources.map { payers(me.account).intersection(payers($0)).count }.max() ?? 0)
                }
            case "PASS_THROUGH":
                let a = inflow(me.account, window).reduce(0) { $0 + $1.cents }
                (e["inflow"], e["outflow"], e["ratio"]) = (money(a), money(outflow(window)), Double(outflow(window)) / Double(a))
                let dwell = (movements(window).filter { $0.from == me.account } + [me]).compactMap { debit -> Int64? in
                    let newest = before.last { $0.from != nil && $0.from != $0.into && $0.into == me.account && $0.offset < debit.offset }
                    guard let newest, newest.time > me.time - window else { return nil }
                    return debit.time - newest.time
                }.sorted()
                (e["debits"], e["median_dwell_seconds"]) = (Double(dwell.count), Double(dwell[(dwell.count - 1) / 2]) / 1_000)
            case "LAYERING":
                let n = longestChain(me, 0)
                e.merge(hops(true, n)) { $1 }
                var debit = me
                for i in 1...n {
                    #expect(fits(hop(i), debit))
                    debit = hop(i)
                }
                (e["hops"], e["ratio"], e["seconds"]) = (Double(n), Double(me.cents) / Double(debit.cents), Double(me.time - debit.time) / 1_000)
            case "DORMANT_REACTIVATED":
                let last = before.filter { $0.account == me.account }.map(\.time).max() ?? 0
                return ["seconds_since_last": Double(me.time - last) / 1_000, "amount": money(me.cents), "amount_threshold": 3_000]
            case "NEW_ACCOUNT_LARGE":
                let first = before.filter { $0.account == me.account }.map(\.time).min() ?? me.time
                e["age_seconds"] = Double(me.time - first) / 1_000
                e["sum"] = money(max(outflow(window), inflow(me.account, window).reduce(0) { $0 + $1.cents }))
                e["threshold"] = money(t)
            case "ROUND_AMOUNTS":
                let found = side(window)
                (e["count"], e["of"], e["unit"]) = (Double(found.filter { $0.cents > 0 && $0.cents % 100_000 == 0 }.count), Double(found.count), 1_000)
            case "HIGH_RISK_GEOGRAPHY":
                let levels = ["MM": 2.0, "KE": 1.0]
                return [
                    "country_level": levels[me.country] ?? 0, "counterparty_country_level": me.to.isEmpty ? 0 : levels[me.toCountry] ?? 0,
                    "crosses_border": !me.to.isEmpty && me.country != me.toCountry ? 1 : 0, "list_date": 20_251_024,
                ]
            case "RAPID_MOVEMENT":
                let mine = side(20 * day).dropLast()
                let days = (1...6).map { d in
                    Double(mine.filter { $0.time <= me.time - Int64(d) * day && $0.time > me.time - Int64(d + 1) * day }.reduce(0) { $0 + $1.cents })
                }
                let sum = side(day).reduce(0) { $0 + $1.cents }
                let mean = days.reduce(0, +) / 6
                let deviation = (days.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 6).squareRoot()
                (e["sum"], e["mean"], e["deviation"]) = (money(sum), mean / 100, deviation / 100)
                e["zscore"] = (Double(sum) - mean) / max(deviation, 0.1 * mean, 0.01 * Double(t))
                (e["days"], e["active_days"]) = (6, Double(days.filter { $0 > 0 }.count))
            default: break
            }
            return e
        }

        private func shortestCycle() -> Int {
            let all = movements(window)
            var layer = [me]
            for n in 2...6 {
                var next: [Int: Raw] = [:]
                for later in layer {
                    for raw in all where raw.into == later.from && raw.offset < later.offset && later.cents * 10 >= raw.cents * 7 {
                        if raw.from == me.to { return n }
                        if !raw.from!.isEmpty, raw.from != me.account { next[raw.offset] = raw }
                    }
                }
                layer = Array(next.values)
            }
            return 0
        }

        private func fits(_ inflow: Raw, _ debit: Raw) -> Bool {
            (inflow.isCashOrTransfer || !me.isCashOrTransfer) && inflow.from != nil
                && inflow.from != inflow.into && inflow.into == debit.from && inflow.offset < debit.offset
                && inflow.time > debit.time - 3 * day
                && inflow.time > me.time - span && debit.cents * 1_000 >= inflow.cents * 900 && debit.cents <= inflow.cents
        }

        private func longestChain(_ debit: Raw, _ depth: Int) -> Int {
            guard depth < 6, let from = debit.from, !from.isEmpty else { return 0 }
            return before.filter { fits($0, debit) }.map { 1 + longestChain($0, depth + 1) }.max() ?? 0
        }
    }

    @Test func everyNumberOfAThousandFlaggedVerdictsIsInTheRawData() throws {
        let all = Self.world(4_000)
        let driver = Driver()
        var flagged = 0
        var numbers = 0
        var seen: [String: Int] = [:]
        for raw in all {
            let said = try driver.send(raw.tx)
            guard let aml = said.aml, !aml.typologies.isEmpty else { continue }
            flagged += 1
            for typology in aml.typologies {
                let code = try #require(typology["code"] as? String)
                seen[code, default: 0] += 1
                // The frequent ones are looked at now and then.
                if seen[code]! > 400, raw.offset % 7 != 0 { continue }
                let evidence = try #require(typology["evidence"] as? [String: NSNumber]).mapValues(\.doubleValue)
                let expected = Recomputed(all, raw, evidence).evidence(code)
                #expect(Set(evidence.keys) == Set(expected.keys), "\(code): \(evidence) against \(expected)")
                for (name, value) in evidence {
                    numbers += 1
                    let right = expected[name] ?? .nan
                    #expect(abs(value - right) <= 2e-6 * max(1, abs(right)), "\(code) of \(raw.tx.id): \(name) is \(value), not \(right)")
                }
            }
        }
        #expect(flagged >= 1_000 && numbers >= 5_000, "\(flagged) flagged, \(numbers) numbers")
        for typology in Typology.allCases where typology != .stack { #expect(seen["\(typology.code)", default: 0] > 0, "\(typology.code) never fires: \(seen)") }
    }
}
