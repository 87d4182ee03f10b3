import Files
import Scoring

/// `weir investigate`: one account of a file, for somebody who has to judge it.
enum Investigate: Command {
    static let spec = Spec(
        "investigate", "shows one account of a file: windows, counterparties, typologies, and the payments around it",
        options: [
            .value("svg", nil, "FILE", "a picture of the payments around the account"),
            .value("dot", nil, "FILE", "the same for Graphviz"),
            .value("limit", nil, "N", "counterparties, findings and accounts of a ring of the picture at most; 20 and 16 by default"),
        ] + Offline.options,
        files: .many("ACCOUNT FILE"),
        examples: [
            .init("weir investigate A-1001 transactions.jsonl --svg A-1001.svg", "an account as text, and the payments around it as a picture"),
            .init(
                "weir investigate 20892 amlsim.csv.gz --map sender=account_id --map receiver=counterparty_id --map tx_id=transaction_id --map type= --dot 20892.dot",
                "of a CSV with foreign column names, for Graphviz"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard arguments.files.count >= 2 else { throw UsageError("an ACCOUNT, then at least one FILE") }
        let limit = try arguments.integer("limit", in: 1...1_000)
        let offline = try Offline(arguments, command: "investigate", .verdicts)
        let engine = offline.scorer.engine
        var investigation = Investigation(account: arguments.files[0], engine)
        try offline.run(Array(arguments.files.dropFirst())) { scored throws(FileError) in investigation.add(scored, engine) }
        guard investigation.isKnown else {
            printError("weir investigate: no transaction names the account \(arguments.files[0])\n")
            return .failed
        }
        try offline.output.append { $0 += Array(investigation.text(limit: limit ?? 20).utf8) }
        try offline.output.flush()
        for (option, text) in [("svg", investigation.svg(limit: limit ?? 16)), ("dot", investigation.graphviz(limit: limit ?? 16))] {
            guard let path = arguments.text(option) else { continue }
            let file = try OutputFile(path: path)
            try file.append { $0 += Array(text.utf8) }
            try file.flush()
        }
        return .done
    }
}
