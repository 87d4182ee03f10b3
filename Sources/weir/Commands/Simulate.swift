import Files
import Scoring
import Simulation

/// `weir simulate`: transactions of an invented bank, with the truth beside them.
enum Simulate: Command {
    static let spec = Spec(
        "simulate", "writes synthetic transactions with labelled fraud and laundering",
        options: [
            .value("customers", "c", "N", "customers of the bank; 5000 by default"),
            .value("merchants", "m", "N", "merchants; a fifth of the customers by default"),
            .value("days", "d", "N", "length in event time, 30 by default"),
            .value("count", "n", "N", "ends after so many transactions"),
            .value("start", nil, "TIME", "the first event time: a date, or a time with or without offset; 2026-01-01 by default"),
            .value("seed", "s", "N", "equal seeds give equal bytes; 1 by default"),
            .value("rate", "r", "N", "everyday transactions a second of event time; two a customer a day by default"),
            .flag("steady", nil, "as many at every hour; by default nights are quiet and evenings busy, around that rate"),
            .value("fraud-share", nil, "SHARE", "share of fraud, 0.005 by default"),
            .value("laundering-share", nil, "SHARE", "share of laundering, 0.001 by default"),
            .value("look-alike-share", nil, "SHARE", "share of what looks like laundering and is none, 0.001 by default"),
            .value("late-share", nil, "SHARE", "share that comes late, 0 by default"),
            .value("max-delay", nil, "DURATION", "how late that is at most, 6h by default"),
            .value("duplicate-share", nil, "SHARE", "share that comes twice, 0 by default"),
            .flag("local-currencies", nil, "customers pay in their country's currency, not all in USD"),
            .value("format", "f", "FORMAT", "json or csv; by default as the output's name says, else json"),
            .flag("with-truth", nil, "adds label, laundering and scenario to each transaction; scorers ignore them"),
            .value("out", "o", "FILE", "where transactions go, - (stdout) by default"),
            .value("labels", "l", "FILE", "what is fraud or laundering, by which scenario, as CSV"),
            .value("feedback", nil, "FILE", "feedback records, in the order in which labels become known"),
            .value("feedback-delay", nil, "DURATION", "when a label is known at the latest, 7d by default"),
            .value("rates", nil, "FILE", "the exchange rates of --local-currencies, for FX_RATES_FILE"),
        ],
        examples: [
            .init("weir simulate --count 1000", "a thousand transactions to look at"),
            .init(
                "weir simulate --customers 2000 --days 60 -o transactions.jsonl --labels labels.csv --feedback feedback.jsonl",
                "two months of a small bank, the truth, and what the bank is told of it"),
            .init("weir simulate --days 7 --late-share 0.01 --duplicate-share 0.005 | weir replay -", "a week with late and repeated ones, scored"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let configuration = try configuration(arguments)
        let count = try arguments.integer("count", in: 1...Int.max) ?? Int.max
        let path = arguments.text("out") ?? "-"
        let format = try arguments.choice("format", of: ["json", "csv"]) ?? (path.hasSuffix(".csv") ? "csv" : "json")
        let writer = TransactionWriter(
            format: format == "csv" ? .csv : .json, showsTruth: arguments.has("with-truth"), seed: configuration.seed)

        var transactions = try TextFile(path)
        var labels = try arguments.text("labels").map { try TextFile($0) }
        var feedback = try arguments.text("feedback").map { try TextFile($0) }
        if let rates = arguments.text("rates") {
            var file = try TextFile(rates)
            try file.write { text in TransactionWriter.exchangeRates().utf8.withContiguousStorageIfAvailable { text.append($0) } }
            try file.end()
        }

        let simulator = Simulator(configuration)
        try transactions.write { writer.header(into: &$0) }
        try labels?.write { writer.truthHeader(into: &$0) }
        var written = 0
        while written < count, let transaction = simulator.next() {
            written += 1
            try transactions.write { writer.write(transaction, into: &$0) }
            try labels?.write { writer.writeTruth(transaction, into: &$0) }
            // Taken off also when nobody asked for them: they would pile up.
            while let label = simulator.nextFeedback(until: transaction.time) { try feedback?.write { writer.write(label, into: &$0) } }
        }
        if feedback != nil {
            while let label = simulator.nextFeedback(until: .max) { try feedback?.write { writer.write(label, into: &$0) } }
        }
        try transactions.end()
        try labels?.end()
        try feedback?.end()
        return .done
    }

    static func configuration(_ arguments: Arguments) throws -> SimulationConfiguration {
        var configuration = SimulationConfiguration()
        configuration.customers = try arguments.integer("customers", in: 1...10_000_000) ?? configuration.customers
        configuration.merchants = try arguments.integer("merchants", in: 1...10_000_000) ?? max(1, configuration.customers / 5)
        if let seed = arguments.text("seed") {
            guard let number = UInt64(seed) else { throw arguments.wrong("seed", "a whole number below 2^64") }
            configuration.seed = number
        }
        if let start = arguments.text("start") {
            guard let time = UTCText.millis(start) else { throw arguments.wrong("start", "YYYY-MM-DD, or a time YYYY-MM-DDTHH:MM:SSZ") }
            configuration.start = time
        }
        let days = try arguments.number("days", in: 0.0001...36_500)
        if days != nil || arguments.text("count") == nil { configuration.duration = Int64((days ?? 30) * 86_400_000) }
        configuration.rate = try arguments.number("rate", in: 0.000_001...1_000_000)
        configuration.isSteady = arguments.has("steady")
        let shares: [(String, WritableKeyPath<SimulationConfiguration, Double>)] = [
            ("fraud-share", \.fraudShare), ("laundering-share", \.launderingShare), ("look-alike-share", \.lookAlikeShare), ("late-share", \.lateShare),
            ("duplicate-share", \.duplicateShare),
        ]
        for (name, path) in shares {
            if let share = try arguments.number(name, in: 0...0.5) { configuration[keyPath: path] = share }
        }
        configuration.maxDelay = try arguments.duration("max-delay") ?? configuration.maxDelay
        configuration.feedbackDelay = try arguments.duration("feedback-delay") ?? configuration.feedbackDelay
        configuration.localCurrencies = arguments.has("local-currencies")
        if let fault = configuration.fault { throw UsageError(fault) }
        return configuration
    }
}

/// A file that text goes to in large pieces.
private struct TextFile: ~Copyable {
    private let file: OutputFile
    private var text = TextBuffer(capacity: 128 * 1024)

    init(_ path: String) throws(FileError) { file = try OutputFile(path: path) }

    mutating func write(_ body: (inout TextBuffer) -> Void) throws(FileError) {
        body(&text)
        if text.count > 64 * 1024 { try pass() }
    }

    mutating func end() throws(FileError) {
        try pass()
        try file.flush()
    }

    private mutating func pass() throws(FileError) {
        try text.withBytes { bytes throws(FileError) in try file.append(bytes) }
        text.removeAll()
    }
}
