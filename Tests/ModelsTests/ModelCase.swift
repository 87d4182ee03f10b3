import Foundation
import Models
import TestSupport

/// A model file and what its own library says of some rows (`Tests/Fixtures/models/make_models.py`).
struct ModelCase: CustomStringConvertible {
    var name: String
    var path: String
    var rows: [[Double]] = []
    var margins: [Double] = []
    var probabilities: [Double] = []
    /// A part for each feature, then the bias; empty where the library has none.
    var contributions: [[Double]] = []

    var description: String { name }

    var bytes: [UInt8] { [UInt8](FileManager.default.contents(atPath: path)!) }

    func ensemble() throws -> Ensemble { try ModelFile.read(bytes) }

    /// The committed ones, and what `make models` has put beside the build.
    static let all: [ModelCase] = folder(fixtures.appending(path: "small")) + (generated ?? [])

    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures/models")

    /// Nil, and said aloud, where there is none.
    static let generated: [ModelCase]? = {
        let root = ProcessInfo.processInfo.environment["WEIR_TEST_MODELS"].map { URL(filePath: $0) }
            ?? fixtures.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: ".build/models")
        let cases = folder(root.appending(path: "new")) + folder(root.appending(path: "old"))
        if cases.isEmpty {
            print("skipped: ensembles made by the libraries themselves; scripts/make-test-models.sh makes them (pip), in \(root.path)")
            return nil
        }
        return cases
    }()

    private static func folder(_ url: URL) -> [ModelCase] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return names.filter { $0.hasSuffix(".txt") || $0.hasSuffix(".json") }.sorted().compactMap { file in
            read(String(file[..<file.lastIndex(of: ".")!]), url.appending(path: file).path)
        }
    }

    private static func read(_ name: String, _ path: String) -> ModelCase? {
        let table = path[..<path.lastIndex(of: ".")!] + ".csv"
        guard let text = FileManager.default.contents(atPath: String(table)) else { return nil }
        var lines = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true)
        let header = lines.removeFirst().split(separator: ",")
        let width = header.firstIndex(of: "margin")!
        var result = ModelCase(name: name, path: path)
        for line in lines {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map { $0.isEmpty ? Double.nan : Double($0)! }
            result.rows.append(Array(cells[..<width]))
            result.margins.append(cells[width])
            result.probabilities.append(cells[width + 1])
            if cells.count > width + 2 { result.contributions.append(Array(cells[(width + 2)...])) }
        }
        return result
    }
}
