import Files

/// `weir replay`: files through the engine, verdicts out.
enum Replay: Command {
    static let spec = Spec(
        "replay", "scores files offline: the same engine, verdicts as JSON Lines",
        options: Offline.options, files: .many("FILE"),
        examples: [
            .init("weir replay transactions.jsonl > verdicts.jsonl", "a fraud and an aml verdict for each transaction, in the file's order"),
            .init(
                "weir replay --map TX_AMOUNT=amount --map TX_DATETIME=timestamp --map CUSTOMER_ID=account_id --map TRANSACTION_ID=transaction_id tx.csv.gz",
                "a packed CSV with foreign column names"),
            .init("weir simulate | weir replay - --rejects rejects.jsonl", "from stdin; what cannot be scored goes to a file"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let offline = try Offline(arguments, command: "replay", keepsFeatures: false)
        let output = offline.output
        try offline.run(arguments.files) { scored throws(FileError) in
            try output.append { out in
                out += scored.fraud
                out.append(10)
                out += scored.aml
                out.append(10)
            }
        }
        return .done
    }
}
