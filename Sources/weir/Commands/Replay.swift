import Files

/// `weir replay`: files through the engine, verdicts out.
enum Replay: Command {
    static let spec = Spec(
        "replay", "scores files offline: the same engine, verdicts as JSON Lines; with labels, what decisions were worth",
        options: [
            .value("for", nil, "fraud|aml", "verdicts of one kind alone; both by default"),
            .flag("summary", nil, "with --for aml: not the verdicts, but how often each typology fired, and how well where labels are given"),
        ] + Offline.options, files: .many("FILE"),
        examples: [
            .init("weir replay transactions.jsonl > verdicts.jsonl", "a fraud and an aml verdict for each transaction, in the file's order"),
            .init(
                "weir replay --map TX_AMOUNT=amount --map TX_DATETIME=timestamp --map CUSTOMER_ID=account_id --map TRANSACTION_ID=transaction_id tx.csv.gz",
                "a packed CSV with foreign column names"),
            .init(
                "FRAUD_SHADOW_MODEL_VERSION=1.1.0 weir replay t.jsonl --feedback labels.jsonl > /dev/null",
                "champion and challenger over the same log, by the labels that became known"),
            .init(
                "weir replay --for aml --summary transactions.csv --label-column is_laundering",
                "precision and recall of each typology"),
            .init("weir simulate | weir replay - --rejects rejects.jsonl", "from stdin; what cannot be scored goes to a file"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let kind = try arguments.choice("for", of: ["fraud", "aml"])
        if arguments.has("summary") {
            guard kind == "aml" else { throw UsageError("--summary needs --for aml") }
            return try summarise(arguments)
        }
        let offline = try Offline(arguments, command: "replay", .verdicts)
        let output = offline.output
        var backtest = Backtest()
        try offline.run(arguments.files) { scored throws(FileError) in
            backtest.add(scored)
            try output.append { out in
                if kind != "aml" {
                    out += scored.fraud
                    out.append(10)
                }
                if kind != "fraud" {
                    out += scored.aml
                    out.append(10)
                }
            }
        }
        for line in backtest.summary { printError("weir replay: \(line)\n") }
        return .done
    }

    private static func summarise(_ arguments: Arguments) throws -> ExitCode {
        let offline = try Offline(arguments, command: "replay", .outcomes)
        var summary = TypologySummary(hasLabels: offline.hasLabels)
        try offline.run(arguments.files) { scored throws(FileError) in summary.add(scored) }
        try offline.output.append { $0 += Array(summary.text.utf8) }
        try offline.output.flush()
        return .done
    }
}
