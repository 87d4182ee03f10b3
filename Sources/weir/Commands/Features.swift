import Files
import Scoring

/// `weir features`: files through the engine, features out.
enum Features: Command {
    static let spec = Spec(
        "features", "writes the feature table for training, as CSV",
        options: Offline.options, files: .many("FILE"),
        examples: [
            .init("weir features transactions.jsonl --feedback labels.jsonl > features.csv", "every feature of each transaction, and its label"),
            .init(
                "VELOCITY_ANALYSIS_WINDOWS=24h,7d,30d weir features tx.csv.gz --map TX_AMOUNT=amount --map TX_DATETIME=timestamp --map CUSTOMER_ID=account_id --map TERMINAL_ID=merchant_id --map TRANSACTION_ID=transaction_id --label-column TX_FRAUD -o features.csv",
                "a packed CSV with foreign column names; its labels arrive a week after their transactions"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let offline = try Offline(arguments, command: "features", keepsFeatures: true)
        let output = offline.output
        let table = FeatureTable(hasLabels: offline.hasLabels)
        try output.append { table.appendHeader(offline.scorer.engine.features, to: &$0) }
        try offline.run(arguments.files) { scored throws(FileError) in
            try output.append { table.append(scored, to: &$0) }
        }
        return .done
    }
}
