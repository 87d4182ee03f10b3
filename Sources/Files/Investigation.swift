public import Scoring
internal import Velocity

/// One account of a file: its windows, whom it dealt with, the typologies of its transactions, and the payments around it.
///
/// All payments of the file are held by pair: memory grows with the pairs of accounts in it.
public struct Investigation {
    struct Pair: Hashable {
        var from: Int
        var to: Int
    }

    struct Flow {
        var count = 0
        /// Minor units.
        var sum: Int64 = 0
    }

    /// A transaction of the account, or to it, for which typologies fired.
    struct Finding {
        var transaction: String
        var time: String
        var score: String
        var decision: String
        var isIncoming: Bool
        /// The verdict's own JSON.
        var typologies: String
        var codes: UInt32
    }

    private let account: String
    private let decimals: Int
    private let windows: [WindowLabel]
    private var numbers: [String: Int] = [:]
    private(set) var names: [String] = []
    private(set) var flows: [Pair: Flow] = [:]
    private(set) var findings: [Finding] = []
    private var fired = [Int](repeating: 0, count: Typology.allCases.count)
    private(set) var own = 0
    private(set) var incoming = 0
    private var firstTime = ""
    private var lastTime = ""
    private var totals: [(out: (Int64, Int128), in: (Int64, Int128))] = []
    /// Counterparties that the account shares a finding with.
    private var suspects = Set<Int>()

    /// - Parameter decimals: of the base currency's minor unit.
    public init(account: String, _ engine: Engine) {
        self.account = account
        decimals = engine.configuration.rules.baseCurrency.minorDigits
        windows = engine.configuration.windows
    }

    /// Whether the account was seen, as payer or as receiver.
    public var isKnown: Bool { own + incoming > 0 }

    public mutating func add(_ scored: OfflineScorer.Scored, _ engine: Engine) {
        let transaction = scored.transaction
        let payer = String(decoding: transaction.account.bytes, as: UTF8.self)
        let receiver = transaction.counterparty.isPresent ? String(decoding: transaction.counterparty.bytes, as: UTF8.self) : ""
        let isOwn = payer == account
        let isIncoming = receiver == account && transaction.type.isDebit && !isOwn
        if transaction.type.isDebit, !receiver.isEmpty, receiver != payer {
            let pair = Pair(from: number(payer), to: number(receiver))
            flows[pair, default: Flow()].count += 1
            flows[pair]!.sum += transaction.amount
        }
        guard isOwn || isIncoming else { return }
        let verdict = String(decoding: scored.aml, as: UTF8.self)
        let time = Self.text("event_time", verdict)
        if firstTime.isEmpty { firstTime = time }
        lastTime = time
        if isOwn {
            own += 1
            totals = windows.indices.map { w in
                let (a, b) = (engine.reading.account[w], engine.reading.inflow[w])
                return ((a.count, a.sum), (b.count, b.sum))
            }
        } else {
            incoming += 1
        }
        guard scored.typologies != 0 else { return }
        for typology in Typology.allCases where scored.typologies >> UInt32(typology.rawValue) & 1 == 1 { fired[Int(typology.rawValue)] += 1 }
        if !receiver.isEmpty { suspects.insert(number(isOwn ? receiver : payer)) }
        findings.append(
            Finding(
                transaction: String(decoding: scored.id.bytes, as: UTF8.self), time: time, score: Self.number("score", verdict),
                decision: Self.text("decision", verdict), isIncoming: isIncoming, typologies: Self.typologies(verdict), codes: scored.typologies))
    }

    private mutating func number(_ name: String) -> Int {
        if let known = numbers[name] { return known }
        numbers[name] = names.count
        names.append(name)
        return names.count - 1
    }

    // MARK: The account, as text

    /// What is known of the account; at most so many counterparties and findings, the largest and the newest.
    public func text(limit: Int = 20) -> String {
        var text = "account \(account)\n\(own) transactions of its own, \(incoming) payments received from others, \(firstTime) to \(lastTime)\n"
        if !totals.isEmpty {
            text += "\nwindows at its last own transaction\n" + Self.columns(["", "paid", "sum", "received", "sum"])
            for (w, total) in zip(windows, totals) {
                text += Self.columns([w.name, "\(total.out.0)", money(total.out.1), "\(total.in.0)", money(total.in.1)])
            }
        }
        let partners = self.partners()
        text += "\ncounterparties: \(partners.count)\n"
        if !partners.isEmpty { text += Self.columns(["", "paid", "sum", "received", "sum"]) }
        for p in partners.prefix(limit) {
            text += Self.columns([names[p.number], "\(p.out.count)", money(Int128(p.out.sum)), "\(p.in.count)", money(Int128(p.in.sum))])
        }
        text += "\ntypologies: \(findings.count) transactions\n"
        for typology in Typology.allCases where fired[Int(typology.rawValue)] > 0 { text += Self.columns(["\(typology.code)", "\(fired[Int(typology.rawValue)])"]) }
        for finding in findings.suffix(limit) {
            text += "\n\(finding.time) \(finding.transaction) \(finding.isIncoming ? "received" : "own") \(finding.decision) \(finding.score)\n  \(finding.typologies)\n"
        }
        return text
    }

    struct Partner {
        var number: Int
        var out = Flow()
        var `in` = Flow()
        var sum: Int64 { out.sum + self.in.sum }
    }

    /// By all that went between, the largest first; of equal ones by name.
    func partners() -> [Partner] {
        guard let me = numbers[account] else { return [] }
        var partners: [Int: Partner] = [:]
        for (pair, flow) in flows {
            if pair.from == me { partners[pair.to, default: Partner(number: pair.to)].out = flow }
            if pair.to == me { partners[pair.from, default: Partner(number: pair.from)].in = flow }
        }
        return partners.values.sorted { $0.sum != $1.sum ? $0.sum > $1.sum : names[$0.number] < names[$1.number] }
    }

    // MARK: The graph around it

    /// Accounts of the picture: itself, its largest counterparties and those of findings, then theirs; with the payments between them.
    func surroundings(_ limit: Int) -> (inner: [Int], outer: [Int], edges: [(pair: Pair, flow: Flow)]) {
        guard let me = numbers[account] else { return ([], [], []) }
        let partners = self.partners().map(\.number)
        let inner = Array((partners.filter { suspects.contains($0) } + partners.filter { !suspects.contains($0) }).prefix(limit))
        var shown = Set(inner)
        shown.insert(me)
        var weight: [Int: Int64] = [:]
        for (pair, flow) in flows {
            if shown.contains(pair.from), !shown.contains(pair.to), pair.from != me { weight[pair.to, default: 0] += flow.sum }
            if shown.contains(pair.to), !shown.contains(pair.from), pair.to != me { weight[pair.from, default: 0] += flow.sum }
        }
        let outer = weight.sorted { $0.value != $1.value ? $0.value > $1.value : names[$0.key] < names[$1.key] }.prefix(limit).map(\.key)
        shown.formUnion(outer)
        let edges = flows.filter { shown.contains($0.key.from) && shown.contains($0.key.to) }.map { (pair: $0.key, flow: $0.value) }
            .sorted { (names[$0.pair.from], names[$0.pair.to]) < (names[$1.pair.from], names[$1.pair.to]) }
        return (inner, outer, edges)
    }

    /// The graph around the account for Graphviz.
    public func graphviz(limit: Int = 16) -> String {
        let (inner, outer, edges) = surroundings(limit)
        var text = "digraph investigation {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n"
        for (name, style) in [(account, "style=filled, fillcolor=\"#f4b6b6\"")] + inner.map({ (names[$0], suspects.contains($0) ? "style=filled, fillcolor=\"#fbe3c0\"" : "style=solid") })
            + outer.map({ (names[$0], "style=dashed") })
        {
            text += "  \(Self.quoted(name)) [\(style)];\n"
        }
        for edge in edges {
            text += "  \(Self.quoted(names[edge.pair.from])) -> \(Self.quoted(names[edge.pair.to])) [label=\"\(edge.flow.count) × \(money(Int128(edge.flow.sum)))\"];\n"
        }
        return text + "}\n"
    }

    private static func quoted(_ name: String) -> String {
        "\"" + name.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "\""
    }

    func money(_ minor: Int128) -> String {
        let unit: Int128 = decimals == 2 ? 100 : 1_000
        let fraction = String(minor % unit)
        return "\(minor / unit)." + String(repeating: "0", count: decimals - fraction.utf8.count) + fraction
    }

    private static func columns(_ cells: [String]) -> String {
        var line = "  " + cells[0] + String(repeating: " ", count: max(1, 22 - cells[0].count))
        for cell in cells.dropFirst() { line += String(repeating: " ", count: max(1, 15 - cell.count)) + cell }
        while line.last == " " { line.removeLast() }
        return line + "\n"
    }

    // MARK: Reading the verdict's own words

    private static func text(_ name: String, _ verdict: String) -> String {
        after("\"\(name)\":\"", verdict).map { String($0.prefix { $0 != "\"" }) } ?? ""
    }

    private static func number(_ name: String, _ verdict: String) -> String {
        after("\"\(name)\":", verdict).map { String($0.prefix { $0 != "," && $0 != "}" }) } ?? ""
    }

    private static func typologies(_ verdict: String) -> String {
        guard let rest = after("\"typologies\":[", verdict) else { return "" }
        return String(rest.prefix { $0 != "]" })
    }

    private static func after(_ key: String, _ verdict: String) -> Substring? {
        let (bytes, wanted) = (Array(verdict.utf8), Array(key.utf8))
        guard bytes.count >= wanted.count else { return nil }
        // Strings of a verdict have their quotes escaped, so that a key with its quotes is found where it stands.
        for i in 0...(bytes.count - wanted.count) where bytes[i] == wanted[0] && bytes[i..<(i + wanted.count)].elementsEqual(wanted) {
            return verdict[verdict.utf8.index(verdict.startIndex, offsetBy: i + wanted.count)...]
        }
        return nil
    }
}
