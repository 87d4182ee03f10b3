import Files
import Glibc
import Service
import Stream

/// `weir audit`: committed verdicts, recomputed from the log.
enum AuditVerdicts: Command {
    static let spec = Spec(
        "audit", "recomputes committed verdicts from the log, in the journal's order, and compares them byte for byte",
        options: [
            .value("verdicts", nil, "FILE", "verdicts as JSON Lines, - for stdin: those, instead of all of the verdict topics"),
            .list("from", nil, "FILE", "the log as a dump, as --dump or kcat -J writes it, instead of a broker; may be repeated"),
            .flag("dump", nil, "audits nothing: writes inputs, journal and verdicts to stdout, one record a line, for --from"),
            .flag("quiet", "q", "leaves out the lines of identical ones"),
        ],
        examples: [
            .init("KAFKA_BOOTSTRAP_SERVERS=localhost:9092 weir audit --quiet", "every verdict of the group; ends with 0 when all are identical"),
            .init("KAFKA_BOOTSTRAP_SERVERS=localhost:9092 weir audit --verdicts disputed.jsonl", "these alone"),
            .init("KAFKA_BOOTSTRAP_SERVERS=localhost:9092 weir audit --dump | gzip > log.jsonl.gz", "keeps all that an audit needs"),
            .init("weir audit --from log.jsonl.gz", "and without a broker, years later"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let environment = ProcessFacts.environment
        let settings = try Settings(environment: environment)
        let dumps = arguments.texts("from")
        guard !settings.isAlone || !dumps.isEmpty else { throw UsageError("KAFKA_BOOTSTRAP_SERVERS is not set, and no --from is given") }
        let output = try OutputFile(path: "-")
        if arguments.has("dump") { return try dump(settings, output) }
        let isQuiet = arguments.has("quiet")
        var failed: FileError?
        let audit = Audit(
            settings.streamConfiguration(try settings.engineConfiguration()), log: dumps.isEmpty ? .kafka(settings.streamProperties) : .dump(try load(dumps, settings)),
            making: settings.auditMaking(environment),
            report: { line in
                guard failed == nil, !isQuiet || line.result != .identical else { return }
                do throws(FileError) { try output.append { $0 += line.json + [10] } } catch { failed = error }
            },
            note: { printError("weir audit: \($0)\n") })
        let summary: Audit.Summary
        let lines = try arguments.text("verdicts").map(Self.lines)
        do throws(StreamExit) {
            summary = try audit.run(lines: lines)
        } catch {
            if case .refused(let why) = error { printError("weir audit: \(why)\n") }
            return .failed
        }
        if let error = failed { throw error }
        try output.flush()
        printError(
            "weir audit: \(summary.identical) identical, \(summary.different) different, \(summary.cannotBeRecomputed) cannot be recomputed"
                + (summary.diverged > 0 ? ", \(summary.diverged) digests of the journal differ" : "") + "\n")
        return summary.isClean ? .done : .failed
    }

    private static func dump(_ settings: Settings, _ output: OutputFile) throws -> ExitCode {
        do throws(StreamExit) {
            try LogDump.write(settings.streamProperties, topics: settings.topics, group: settings.kafka.group) { (line) throws(StreamExit) in
                do throws(FileError) { try output.append { $0 += line + [10] } } catch { throw .refused("\(error)") }
            }
        } catch {
            if case .refused(let why) = error { printError("weir audit: \(why)\n") }
            return .failed
        }
        try output.flush()
        return .done
    }

    private static func load(_ paths: [String], _ settings: Settings) throws -> LogDump {
        let dump = LogDump(topics: settings.topics)
        for path in paths {
            let reader = try RecordReader(path, format: .json, lineLimit: 64 << 20)
            while let record = try reader.next() {
                guard case .json(let bytes) = record.content else { throw FileError(path, "line \(record.line) cannot be read") }
                do throws(StreamExit) { try dump.add(bytes) } catch {
                    if case .refused(let why) = error { throw FileError(path, why) }
                }
            }
        }
        return dump
    }

    /// The lines of a file of verdicts, one after the other.
    private static func lines(_ path: String) throws -> () throws(StreamExit) -> [UInt8]? {
        let reader = try RecordReader(path, format: .json, mappings: [])
        return { () throws(StreamExit) in
            let record: RecordReader.Record?
            do throws(FileError) { record = try reader.next() } catch { throw .refused("\(error)") }
            guard let record else { return nil }
            guard case .json(let bytes) = record.content else { throw .refused("\(path): line \(record.line) cannot be read") }
            return Array(bytes)
        }
    }
}
