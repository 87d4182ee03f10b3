import Files
import Models
import Scoring
import Service

/// What the `weir model` commands have in common.
enum ModelCommands {
    /// The folder of artefacts: the argument, else the one that the service would use.
    static func root(_ arguments: Arguments) throws -> String {
        if let folder = arguments.files.first { return folder }
        let settings = try Settings(environment: ProcessFacts.environment)
        switch ModelFolder(settings.models.uri) {
        case .folder(let folder): return folder
        case .none: throw UsageError("there is no models folder: name one, or set MODEL_URI")
        case .remote(let uri): throw UsageError("\(uri) is not a folder: name one")
        }
    }

    /// Versions of every name in a folder of artefacts, names and versions ascending.
    static func versions(_ root: String) throws(ModelRefusal) -> [(name: String, version: String, path: String)] {
        try Catalogue.list(root).map { ($0.name, $0.version, "\(root)/\($0.name)/\($0.version)") }
    }

    /// An artefact that the service would take, with the settings that are set.
    ///
    /// - Parameters:
    ///   - name, version: of its folder; nil: whatever the manifest says.
    static func load(_ path: String, name: String? = nil, version: String? = nil, _ features: FeatureSet) throws(ModelRefusal) -> Artefact {
        let artefact = try Artefact.load(path, name: name, version: version)
        if let why = ModelKeeper.refusal(of: artefact, features) { throw ModelRefusal(.features, why) }
        return artefact
    }

    static func features() throws -> FeatureSet { try Settings(environment: ProcessFacts.environment).engineConfiguration().features }

    static func shape(_ ensemble: Ensemble) -> String {
        let leaves = ensemble.trees.map(\.leaves.count)
        return "\(ensemble.library.rawValue) \(ensemble.fileVersion), \(ensemble.trees.count) trees, at most \(leaves.max() ?? 0) leaves, "
            + "\(ensemble.usedFeatures.count) of \(ensemble.featureCount) features used"
    }
}

/// `weir model list`: what is there, and what would be taken.
enum ModelList: Command {
    static let spec = Spec(
        "model list", "lists the artefacts of a models folder, and which of them are whole", files: .optional("FOLDER"),
        examples: [
            .init("weir model list", "those that the service would use"),
            .init("weir model list build/models", "those of another folder"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let root = try ModelCommands.root(arguments)
        let versions = try ModelCommands.versions(root)
        let features = try ModelCommands.features()
        let latest = Dictionary(versions.map { ($0.name, "latest") }, uniquingKeysWith: { a, _ in a })
        let registry = Registry(root, wanted: latest) { ModelKeeper.refusal(of: $0, features) }
        _ = registry.look(now: 0)
        for (name, version, path) in versions {
            let mark = registry.standing(name).artefact?.manifest.version == version ? "latest" : ""
            do throws(ModelRefusal) {
                let artefact = try ModelCommands.load(path, name: name, version: version, features)
                printOut("\(name)\t\(version)\t\(artefact.manifest.sha256.prefix(12))\t\(mark.isEmpty ? "whole" : mark)\n")
            } catch {
                printOut("\(name)\t\(version)\t-\tbroken: \(error)\n")
            }
        }
        return .done
    }
}

/// `weir model inspect`: one artefact in words.
enum ModelInspect: Command {
    static let spec = Spec(
        "model inspect", "shows an artefact: its model's shape, features, thresholds, calibration", files: .one("DIR"),
        examples: [.init("weir model inspect models/fraud/1.0.0", "the folder that holds manifest.json")])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let artefact = try Artefact.load(arguments.files[0])
        let manifest = artefact.manifest
        var lines = ["name         \(manifest.name)", "version      \(manifest.version)", "sha256       \(manifest.sha256)"]
        if let ensemble = artefact.ensemble {
            lines.append("model        \(ModelCommands.shape(ensemble))")
            lines.append("layout here  \(try FastPredictor(ensemble).layout.rawValue)")
        }
        for (name, value) in manifest.thresholds.sorted(by: { $0.key < $1.key }) { lines.append("threshold    \(name) \(value)") }
        switch manifest.calibration {
        case .none: lines.append("calibration  none")
        case .platt(let a, let b): lines.append("calibration  platt, a \(a), b \(b)")
        case .isotonic(let x, _): lines.append("calibration  isotonic, \(x.count) points")
        }
        let used = Set(artefact.ensemble?.usedFeatures ?? [])
        for (i, feature) in manifest.features.enumerated() { lines.append("feature      \(feature)\(used.isEmpty || used.contains(i) ? "" : " (unused)")") }
        for q in manifest.quantiles { lines.append("quantiles    \(q.feature) \(q.p90) \(q.p99) \(q.p999)") }
        for d in manifest.drift { lines.append("drift        \(d.feature), \(d.shares.count) bins") }
        printOut(lines.joined(separator: "\n") + "\n")
        return .done
    }
}

/// `weir model verify`: whether artefacts are what they say.
enum ModelVerify: Command {
    static let spec = Spec(
        "model verify", "checks artefacts: checksum, structure, features under the settings that are set, and that every way to predict says the same", files: .optional("DIR"),
        examples: [
            .init("weir model verify models/fraud/1.0.0", "one artefact"),
            .init("weir model verify models", "all of a models folder; exit code 1 if any is broken"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let root = try ModelCommands.root(arguments)
        let features = try ModelCommands.features()
        var artefacts: [(name: String?, version: String?, path: String)] = [(nil, nil, root)]
        do throws(ModelRefusal) {
            _ = try Artefact.load(root)
        } catch {
            let isFolderOfArtefacts = error.reason == .missing && error.message.hasPrefix("manifest.json")
            if isFolderOfArtefacts { artefacts = try ModelCommands.versions(root).map { ($0.name, $0.version, $0.path) } }
        }
        guard !artefacts.isEmpty else { throw UsageError("\(root) holds no artefact") }
        var isWhole = true
        for (name, version, path) in artefacts {
            do throws(ModelRefusal) {
                let artefact = try ModelCommands.load(path, name: name, version: version, features)
                if let why = try artefact.ensemble.flatMap({ (ensemble) throws(ModelRefusal) in try SelfCheck.fault(ensemble) }) {
                    throw ModelRefusal(.malformed, why)
                }
                printOut("\(path): whole\n")
            } catch {
                printOut("\(path): \(error)\n")
                isWhole = false
            }
        }
        return isWhole ? .done : .failed
    }
}

/// `weir model score`: a table of features through a model.
enum ModelScore: Command {
    static let spec = Spec(
        "model score", "scores a CSV of features, one line a row",
        options: [
            .value("input", "i", "CSV", "a header of feature names, empty for missing; - is stdin"),
            .flag("contributions", nil, "each feature's exact part in the score too, in log-odds"),
            .value("output", "o", "FILE", "instead of stdout"),
        ],
        files: .one("DIR"),
        examples: [
            .init("weir model score models/fraud/1.0.0 --input features.csv", "the table that weir features writes"),
            .init("weir model score my-model --input - --contributions < rows.csv", "any artefact, with any names of features"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard let input = arguments.text("input") else { throw UsageError("needs --input CSV") }
        let artefact = try Artefact.load(arguments.files[0])
        let manifest = artefact.manifest
        guard let ensemble = artefact.ensemble else { throw UsageError("\(manifest.name) \(manifest.version) holds quantiles and no model") }
        let predictor = try FastPredictor(ensemble)
        let table: NumberTable
        do throws(FileError) {
            table = try NumberTable(input, columns: manifest.features)
        } catch {
            if error.isUsage { throw UsageError(error.description) }
            throw error
        }
        let explains = arguments.has("contributions")
        let output = try OutputFile(path: arguments.text("output") ?? "-")
        let names = ["score"] + (explains ? (manifest.features + ["bias"]).map { quoted("contribution_" + $0) } : [])
        try output.append { $0 += (names.joined(separator: ",") + "\n").utf8 }
        var row = [Double](repeating: 0, count: ensemble.featureCount)
        var parts = row
        while try row.withUnsafeMutableBufferPointer({ try table.next(into: $0.baseAddress!) }) {
            let logOdds = predictor.logOdds(row)
            var line = "\(manifest.calibration.probability(logOdds))"
            if explains {
                let bias = predictor.contributions(row, logOdds: logOdds, into: &parts)
                for part in parts { line += ",\(part)" }
                line += ",\(bias)"
            }
            try output.append {
                $0 += line.utf8
                $0.append(10)
            }
        }
        try output.flush()
        return .done
    }

    /// A cell of CSV.
    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
