import Files
import Kafka
import Scoring
import Service

/// `weir produce`: files to the transactions topic, keyed and placed as Java's producers do.
enum Produce: Command {
    static let spec = Spec(
        "produce", "sends files to the transactions topic",
        options: [
            .list("map", "m", "COLUMN=FIELD", "which of Weir's fields a CSV column is, COLUMN= for none; may be repeated"),
            .value("format", nil, "csv|json", "instead of what the name says (.csv: CSV, anything else: JSON Lines)"),
            .value("rate", "r", "N", "records a second; as fast as the broker takes them by default"),
            .flag("pace", nil, "at the pace of the event times"),
            .flag("event-time", nil, "the record time is the event time, not the present; for topics with CreateTime"),
            .value("rejects", nil, "FILE", "where rows that are no transaction are told, instead of stderr"),
        ],
        files: .many("FILE"),
        examples: [
            .init("KAFKA_BOOTSTRAP_SERVERS=localhost:9092 weir produce transactions.jsonl", "each line is a record, as it is"),
            .init("weir simulate | KAFKA_BOOTSTRAP_SERVERS=localhost:9092 weir produce --rate 500 -", "a simulated bank, 500 records a second"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let settings = try Settings(environment: ProcessFacts.environment)
        guard !settings.isAlone else { throw UsageError("KAFKA_BOOTSTRAP_SERVERS is not set") }
        let (format, mappings) = (try Offline.format(arguments), try Offline.mappings(arguments))
        let rate = try arguments.number("rate", in: 0.001...10_000_000)
        var sender = try Sender(settings, isPaced: rate != nil || arguments.has("pace"))
        sender.rate = rate
        sender.keepsPace = arguments.has("pace")
        sender.sendsEventTime = arguments.has("event-time")
        let rejects = try Rejects(path: arguments.text("rejects"))
        let decoder = Decoder(slots: 1, rules: try settings.engineConfiguration().rules)
        var json: [UInt8] = []
        for path in arguments.files {
            let reader = try RecordReader(path, format: format, mappings: mappings)
            while let record = try reader.next() {
                switch record.content {
                case .json(let bytes):
                    // Sent as it is: what is no transaction has its place in the dead letters. Without an account it has no key.
                    let transaction = try? decoder.transaction(record.content)
                    try sender.send(bytes, key: transaction.map { UnsafeRawBufferPointer($0.account.bytes) }, time: transaction?.time)
                case .row(let fields):
                    let transaction: Transaction
                    do throws(Refusal) {
                        transaction = try decoder.transaction(record.content)
                    } catch {
                        try rejects.add(file: path, line: record.line, error)
                        continue
                    }
                    json.removeAll(keepingCapacity: true)
                    try TransactionJSON.append(fields, decoder, to: &json)
                    try json.withUnsafeBytes { bytes in
                        try sender.send(bytes, key: UnsafeRawBufferPointer(transaction.account.bytes), time: transaction.time)
                    }
                case .unreadable(let refusal): try rejects.add(file: path, line: record.line, refusal)
                }
            }
        }
        try rejects.flush()
        let failed = try sender.finish()
        printError("weir produce: \(sender.sent) records sent, \(failed) failed, \(rejects.count) rejected\n")
        return failed == 0 ? .done : .failed
    }
}
