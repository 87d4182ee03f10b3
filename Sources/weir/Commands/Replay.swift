import Files

/// `weir replay`: files through the engine, verdicts out.
enum Replay: Command {
    static let spec = Spec(
        "replay", "scores files offline: the same engine, verdicts as JSON Lines; with labels, what decisions were worth",
        options: Offline.options, files: .many("FILE"),
        examples: [
            .init("weir replay transactions.jsonl > verdicts.jsonl", "a fraud and an aml verdict for each transaction, in the file's order"),
            .init(
                "weir replay --map TX_AMOUNT=amount --map TX_DATETIME=timestamp --map CUSTOMER_ID=account_id --map TRANSACTION_ID=transaction_id tx.csv.gz",
                "a packed CSV with foreign column names"),
            .init(
                "FRAUD_SHADOW_MODEL_VERSION=1.1.0 weir replay t.jsonl --feedback labels.jsonl > /dev/null",
                "champion and challenger over the same log, by the labels that became known"),
            .init("weir simulate | weir replay - --rejects rejects.jsonl", "from stdin; what cannot be scored goes to a file"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let offline = try Offline(arguments, command: "replay", keepsFeatures: false)
        let output = offline.output
        var backtest = Backtest()
        try offline.run(arguments.files) { scored throws(FileError) in
            backtest.add(scored)
            try output.append { out in
                out += scored.fraud
                out.append(10)
                out += scored.aml
                out.append(10)
            }
        }
        for line in backtest.summary { printError("weir replay: \(line)\n") }
        return .done
    }
}
