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
            .flag("quiet", "q", "leaves out the lines of identical ones"),
        ],
        examples: [
            .init("KAFKA_BOOTSTRAP_SERVERS=localhost:9092 weir audit --quiet", "every verdict of the group; ends with 0 when all are identical"),
            .init("KAFKA_BOOTSTRAP_SERVERS=localhost:9092 weir audit --verdicts disputed.jsonl", "these alone"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let environment = ProcessFacts.environment
        let settings = try Settings(environment: environment)
        guard !settings.isAlone else { throw UsageError("KAFKA_BOOTSTRAP_SERVERS is not set") }
        let output = try OutputFile(path: "-")
        let isQuiet = arguments.has("quiet")
        var failed: FileError?
        let audit = Audit(
            settings.streamConfiguration(try settings.engineConfiguration()), kafka: settings.streamProperties,
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
