import Files
import Scoring
import Service

/// What `replay` and `features` have in common: options, reading, rejects, the summary.
struct Offline {
    static let options: [Option] = [
        .list("map", "m", "COLUMN=FIELD", "which of Weir's fields a CSV column is, COLUMN= for none; may be repeated"),
        .value("label-column", nil, "COLUMN", "CSV column of labels (1/0, true/false, fraud/legitimate); each arrives FEEDBACK_DELAY after its transaction"),
        .value("feedback", nil, "FILE", "feedback records, CSV or JSON Lines"),
        .value("format", nil, "csv|json", "instead of what the name says (.csv: CSV, anything else: JSON Lines)"),
        .value("rejects", nil, "FILE", "where refused records are told, by line and reason, instead of stderr"),
        .value("output", "o", "FILE", "instead of stdout"),
    ]

    let scorer: OfflineScorer
    let output: OutputFile
    let hasLabels: Bool
    private let rejects: Rejects
    private let command: String

    init(_ arguments: Arguments, command: String, _ wanted: OfflineScorer.Wanted) throws {
        self.command = command
        let settings = try Settings(environment: ProcessFacts.environment)
        for warning in settings.warnings { printError("weir: \(warning)\n") }
        var reading = OfflineScorer.Reading()
        reading.format = try Self.format(arguments)
        reading.mappings = try Self.mappings(arguments)
        switch (arguments.text("feedback"), arguments.text("label-column")) {
        case (nil, nil): break
        case (let file?, nil): reading.labels = .file(file)
        case (nil, let column?): reading.labels = .column(column)
        case (_?, _?): throw UsageError("--feedback and --label-column exclude each other")
        }
        hasLabels = if case .none = reading.labels { false } else { true }
        var configuration = try settings.engineConfiguration()
        if wanted == .verdicts || wanted == .outcomes { configuration.models = settings.engineModels(configuration.features) { printError("weir: \($0)\n") } }
        let rejects = try Rejects(path: arguments.text("rejects"))
        self.rejects = rejects
        scorer = try Self.asUsage { [reading] () throws(FileError) in
            try OfflineScorer(configuration, reading, rejects: rejects, wanted)
        }
        output = try OutputFile(path: arguments.text("output") ?? "-")
    }

    /// `--format`; nil: as the file's name says.
    static func format(_ arguments: Arguments) throws -> FileFormat? {
        try arguments.choice("format", of: FileFormat.allCases.map(\.rawValue)).flatMap(FileFormat.init(rawValue:))
    }

    /// `--map`, each of one of a transaction's fields.
    static func mappings(_ arguments: Arguments) throws -> [ColumnMapping] {
        try arguments.texts("map").map { text in
            guard let mapping = ColumnMapping(text) else { throw arguments.wrong("map", "COLUMN=FIELD") }
            guard mapping.isOfTransaction else {
                let names = TransactionField.allCases.map(\.name)
                let near = NearestName.suggestion(for: mapping.field, among: names)
                throw UsageError("--map: no field is named '\(mapping.field)'" + (near.map { ", did you mean \($0)?" } ?? "; there are \(names.joined(separator: ", "))"))
            }
            return mapping
        }
    }

    /// Scores all files and says in the end what became of them.
    func run(_ files: [String], _ body: (OfflineScorer.Scored) throws(FileError) -> Void) throws {
        var progress = Progress(command)
        for file in files {
            try Self.asUsage { () throws(FileError) in
                try scorer.score(file, progress: { progress.update($0, scorer.counts.records) }, body)
            }
        }
        try output.flush()
        try rejects.flush()
        progress.end()
        let counts = scorer.counts
        printError(
            "weir \(command): \(counts.records) records: \(counts.scored) scored, \(counts.duplicates) duplicates, \(counts.rejected) rejected"
                + (hasLabels ? "; \(counts.labels) labels applied" : "") + "\n")
    }

    /// What a file lacks of what the arguments ask for is wrong usage.
    private static func asUsage<Result>(_ body: () throws(FileError) -> Result) throws -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            if error.isUsage { throw UsageError(error.description) }
            throw error
        }
    }
}
