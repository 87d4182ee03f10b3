import Foundation
import Testing

@testable import Service

@Suite struct DocumentationTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs/reference")
        .standardized
    private static let (begin, end) = ("<!-- begin -->\n", "<!-- end -->\n")

    @Test(arguments: [("settings.md", Documentation.settings), ("metrics.md", Documentation.metrics)])
    func `has the tables of the code`(_ file: String, _ table: String) throws {
        let url = Self.folder.appendingPathComponent(file)
        let text = try String(contentsOf: url, encoding: .utf8)
        let begin = try #require(text.range(of: Self.begin))
        let end = try #require(text.range(of: Self.end))
        if ProcessInfo.processInfo.environment["WEIR_WRITE_DOCS"] != nil {
            try text.replacingCharacters(in: begin.upperBound..<end.lowerBound, with: table).write(to: url, atomically: true, encoding: .utf8)
        } else {
            #expect(text[begin.upperBound..<end.lowerBound] == table, "\(file) is behind the code; it says itself how to write it")
        }
    }

    @Test func `describes each path and code that is answered`() throws {
        let text = try String(contentsOf: Self.folder.appendingPathComponent("openapi.yaml"), encoding: .utf8)
        var described: [String: Set<Int>] = [:]
        var path: String?
        for line in text.split(separator: "\n") {
            if let match = line.wholeMatch(of: #/  (/\w+):/#) { path = String(match.1) } else if !line.hasPrefix("  ") { path = nil }
            if let path, let match = line.prefixMatch(of: #/        "(\d{3})":/#), let code = Int(match.1) {
                described[path, default: []].insert(code)
            }
        }
        for endpoint in Endpoint.allCases where endpoint != .other {
            // A request is refused as too slow before it is known where it wanted to go; who asks must know all the same.
            let late: Set<Int> = [.predict, .amlCheck].contains(endpoint) ? [408] : []
            #expect(described[endpoint.rawValue] == Set(endpoint.codes).union(late), "\(endpoint.rawValue)")
        }
        #expect(described.count == Endpoint.allCases.count - 1)
        #expect(text.contains("  version: \(Build.version)\n"))
        #expect(text.contains("enum: [\(DegradedPart.allCases.map(\.rawValue).joined(separator: ", "))]"))
    }
}
