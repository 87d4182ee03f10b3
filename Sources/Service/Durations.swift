/// Durations as settings and options spell them: a whole number and one of `ms s m h d`.
public enum Durations {
    private static let units: [(name: String, millis: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// Milliseconds; nil when it is not a duration. `0` needs no unit.
    public static func millis(_ text: String) -> Int64? {
        let digits = text.utf8.prefix { (48...57).contains($0) }
        guard !digits.isEmpty, digits.count <= 12, let number = Int64(Substring(digits)) else { return nil }
        let unit = text.utf8.dropFirst(digits.count)
        if unit.isEmpty { return number == 0 ? 0 : nil }
        return units.first { $0.name.utf8.elementsEqual(unit) }.map { number * $0.millis }
    }

    /// The shortest spelling: `90d`, `100ms`.
    public static func text(_ millis: Int64) -> String {
        let unit = units.last { millis % $0.millis == 0 && millis >= $0.millis } ?? units[1]
        return "\(millis / unit.millis)\(unit.name)"
    }
}
