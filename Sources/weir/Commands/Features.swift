import Files
import Scoring

/// `weir features`: files through the engine, features out.
enum Features: Command {
    static let spec = Spec(
        "features", "writes the feature table for training, as CSV",
        options: [.value("for", nil, "fraud|aml", "aml: the payment graph's features and the typologies' scores besides")] + Offline.options, files: .many("FILE"),
        examples: [
            .init("weir features transactions.jsonl --feedback labels.jsonl > features.csv", "every feature of each transaction, and its label"),
            .init(
                "VELOCITY_ANALYSIS_WINDOWS=24h,7d,30d weir features tx.csv.gz --map TX_AMOUNT=amount --map TX_DATETIME=timestamp --map CUSTOMER_ID=account_id --map TERMINAL_ID=merchant_id --map TRANSACTION_ID=transaction_id --label-column TX_FRAUD -o features.csv",
                "a packed CSV with foreign column names; its labels arrive a week after their transactions"),
            .init(
                "VELOCITY_ANALYSIS_WINDOWS=24h,7d,30d weir features --for aml transactions.jsonl > aml.csv",
                "what an AML model is trained on: both ends of each payment, chains, paths, cycles, and a score for each typology"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let isAML = try arguments.choice("for", of: ["fraud", "aml"]) == "aml"
        let offline = try Offline(arguments, command: "features", isAML ? .amlFeatures : .features)
        let output = offline.output
        let table = FeatureTable(hasLabels: offline.hasLabels)
        let engine = offline.scorer.engine
        try output.append { table.appendHeader(isAML ? engine.amlFeatures.names : engine.features.names, to: &$0) }
        try offline.run(arguments.files) { scored throws(FileError) in
            try output.append { table.append(scored, to: &$0) }
        }
        return .done
    }
}
