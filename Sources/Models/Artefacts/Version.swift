/// The order of versions: numbers by their value, texts by their letters, a pre-release (`1.0.0-rc.1`) before its release, as semantic versioning has it.
///
/// Any text is a version, so that a folder `2026-11-24` can be one; what follows a `+` does not count.
public struct Version: Comparable, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private let release: [Part]
    private let before: [Part]

    private enum Part: Comparable, Hashable {
        case number(UInt64)
        case text(String)
    }

    public init(_ text: String) {
        description = text
        let counted = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let halves = counted.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        func parts(_ text: Substring) -> [Part] {
            text.split(separator: ".").map { part in UInt64(part).map(Part.number) ?? .text(String(part)) }
        }
        release = parts(halves[0])
        before = halves.count > 1 ? parts(halves[1]) : []
    }

    public static func < (a: Version, b: Version) -> Bool {
        if a.release != b.release { return isLower(a.release, b.release) }
        if a.before != b.before {
            if a.before.isEmpty || b.before.isEmpty { return b.before.isEmpty }
            return isLower(a.before, b.before)
        }
        return a.description < b.description
    }

    private static func isLower(_ a: [Part], _ b: [Part]) -> Bool {
        for (x, y) in zip(a, b) where x != y { return x < y }
        return a.count < b.count
    }
}
