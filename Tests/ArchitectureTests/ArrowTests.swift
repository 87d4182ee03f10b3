import Foundation
import Testing

/// Holds `Sources` to the arrows of `docs/explanation/architecture.md`: who may import whom, and nothing from outside.
@Suite struct ArrowTests {
    /// What each Swift module may import besides the toolchain's own and `CPlatform`. Whoever adds a module, or an arrow, adds it here and says why on that page.
    private static let arrows: [String: Set<String>] = [
        "weir": ["Service", "Lambda", "Stream", "Files", "Simulation", "Scoring", "Models", "Velocity", "Kafka", "AWS", "HTTP"],
        "Service": ["Stream", "Scoring", "Models", "Velocity", "Kafka", "AWS", "HTTP"],
        "Lambda": ["Stream", "Scoring", "Models", "Velocity", "Kafka", "AWS", "HTTP"],
        "Stream": ["Scoring", "Models", "Velocity", "Kafka"],
        "Files": ["Scoring", "Models", "Velocity", "CZlib"],
        "Simulation": [],
        "Scoring": ["Models", "Velocity", "CSimdjson"],
        "Models": [],
        "Velocity": ["CLanes"],
        "AWS": ["HTTP", "CCrypto"],
        "Kafka": ["CRdkafka"],
        "HTTP": ["CBeast", "CCurl"],
    ]
    /// Of the toolchain, what costs next to nothing. Foundation is 50 MB of image and 10 of memory, and has a clock, a locale and a JSON of its own.
    private static let toolchain: Set<String> = ["Glibc", "Synchronization"]

    private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Sources").standardized

    private static let modules = folders(in: sources)

    @Test func `Every module has its place`() {
        #expect(Self.modules.count >= 12)
        for module in Self.modules where !Self.isC(module) { #expect(Self.arrows[module] != nil, "\(module) is not in the table of arrows") }
    }

    @Test func `Arrows point down only`() {
        // Were there a way from a module to itself, then some layer would depend on one above it.
        for module in Self.arrows.keys { #expect(!Self.reachable(from: module).contains(module), "\(module) reaches itself") }
    }

    @Test func `A module imports what it may, and no more`() throws {
        var count = 0
        for module in Self.modules where !Self.isC(module) {
            let allowed = Self.arrows[module, default: []].union(Self.toolchain).union(["CPlatform"])
            for file in try Self.files(of: module, "swift") {
                for imported in Self.imports(in: try String(contentsOf: file, encoding: .utf8)) {
                    count += 1
                    #expect(allowed.contains(imported), "\(module)/\(file.lastPathComponent) imports \(imported)")
                }
            }
        }
        #expect(count > 100)  // else the imports were not read
    }

    @Test func `A C module has one Swift module around it`() throws {
        for module in Self.modules where Self.isC(module) && module != "CPlatform" {
            let around = Self.arrows.filter { $0.value.contains(module) }.map(\.key)
            #expect(around.count == 1, "\(module) is imported by \(around.sorted())")
        }
    }

    @Test func `C stays in C modules, and knows no module of Swift`() throws {
        for module in Self.modules where !Self.isC(module) {
            for ending in ["c", "cpp", "h", "hpp"] { #expect(try Self.files(of: module, ending).isEmpty, "\(module)") }
        }
        for module in Self.modules where Self.isC(module) { #expect(try Self.files(of: module, "swift").isEmpty, "\(module)") }
    }

    @Test func `The package says the same arrows`() throws {
        let manifest = try String(contentsOf: Self.sources.appendingPathComponent("../Package.swift"), encoding: .utf8)
        var found = 0
        for match in manifest.matches(of: #/(?:library\(\s*"|executableTarget\(\s*name: ")(\w+)",\s*(?:dependencies: )?\[([^\]]*)\]/#) {
            found += 1
            let module = String(match.1)
            let allowed = Self.arrows[module, default: []].union(["CPlatform"])
            for dependency in match.2.matches(of: #/"(\w+)"/#) {
                #expect(allowed.contains(String(dependency.1)), "Package.swift lets \(module) depend on \(dependency.1)")
            }
        }
        #expect(found == Self.modules.filter { !Self.isC($0) }.count)
        #expect(!manifest.contains(".package("), "no package from outside")
    }

    @Test func `Reads imports in every spelling`() {
        let text = """
            import A
            public import B
            @testable internal import C
            import struct D.Part
            @preconcurrency import E.Sub
            // import F
            let text = "import G"
            #if os(Linux)
                import H
            #endif
            """
        #expect(Self.imports(in: text) == ["A", "B", "C", "D", "E", "H"])
    }

    // MARK: Reading

    private static func imports(in text: String) -> [String] {
        let line = #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:typealias|struct|class|enum|protocol|let|var|func|actor)\s+)?(\w+)/#
        return text.split(separator: "\n").compactMap { $0.prefixMatch(of: line).map { String($0.1) } }
    }

    private static func isC(_ module: String) -> Bool {
        // As the toolchain's own: a C before a name that begins anew. No Swift module of ours is named so.
        module.wholeMatch(of: #/C[A-Z]\w+/#) != nil
    }

    private static func reachable(from module: String) -> Set<String> {
        var seen: Set<String> = []
        var rest = Array(arrows[module, default: []])
        while let next = rest.popLast() {
            if seen.insert(next).inserted { rest += arrows[next, default: []] }
        }
        return seen
    }

    private static func folders(in url: URL) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return names.filter { (try? FileManager.default.contentsOfDirectory(atPath: url.appendingPathComponent($0).path)) != nil }.sorted()
    }

    private static func files(of module: String, _ ending: String) throws -> [URL] {
        let folder = sources.appendingPathComponent(module)
        return try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix("." + ending) }.sorted().map { folder.appendingPathComponent($0) }
    }
}
