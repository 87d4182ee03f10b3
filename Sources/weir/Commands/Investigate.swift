import Files
import Scoring
import Service
import Stream

/// `weir investigate`: one account of a file or of the transactions topic, for somebody who has to judge it.
enum Investigate: Command {
    static let spec = Spec(
        "investigate", "shows one account of a file, or of the topic: windows, counterparties, typologies, and the payments around it",
        options: [
            .value("svg", nil, "FILE", "a picture of the payments around the account"),
            .value("dot", nil, "FILE", "the same for Graphviz"),
            .value("limit", nil, "N", "counterparties, findings and accounts of a ring of the picture at most; 20 and 16 by default"),
        ] + Offline.options,
        files: .many("ACCOUNT FILE"),
        examples: [
            .init("KAFKA_BOOTSTRAP_SERVERS=localhost:9092 weir investigate A-1001", "of the transactions topic, from its start to its end"),
            .init("weir investigate A-1001 transactions.jsonl --svg A-1001.svg", "an account as text, and the payments around it as a picture"),
            .init(
                "weir investigate 20892 amlsim.csv.gz --map sender=account_id --map receiver=counterparty_id --map tx_id=transaction_id --map type= --dot 20892.dot",
                "of a CSV with foreign column names, for Graphviz"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard !arguments.files.isEmpty else { throw UsageError("an ACCOUNT, then FILEs, or none for the topic") }
        let limit = try arguments.integer("limit", in: 1...1_000)
        let offline = try Offline(arguments, command: "investigate", .verdicts)
        let engine = offline.scorer.engine
        var investigation = Investigation(account: arguments.files[0], engine)
        if arguments.files.count > 1 {
            try offline.run(Array(arguments.files.dropFirst())) { scored throws(FileError) in investigation.add(scored, engine) }
        } else if try !readTopic(offline, { investigation.add($0, engine) }) {
            return .failed
        }
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

    /// Scores the transactions topic from its start; false, and said why, where it cannot be read.
    private static func readTopic(_ offline: Offline, _ body: (OfflineScorer.Scored) -> Void) throws -> Bool {
        let settings = try Settings(environment: ProcessFacts.environment)
        guard !settings.isAlone else { throw UsageError("an ACCOUNT, then at least one FILE; or KAFKA_BOOTSTRAP_SERVERS") }
        let topic = settings.topics.transactions
        do throws(StreamExit) {
            let isWhole = try TopicHistory.read(settings.streamProperties, topic: topic, group: settings.kafka.group) { (bytes) throws(StreamExit) in
                do throws(FileError) {
                    try offline.scorer.score(bytes, place: topic) { scored throws(FileError) in body(scored) }
                } catch {
                    throw .refused("\(error)")
                }
            }
            if !isWhole { printError("weir investigate: \(topic) has lost its first records: what they would say is not seen\n") }
        } catch {
            if case .refused(let why) = error { printError("weir investigate: \(why)\n") }
            return false
        }
        return true
    }
}
