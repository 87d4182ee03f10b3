/// For mistyped names: which of the known ones was meant.
public enum NearestName {
    /// The least number of letters to insert, leave out, replace or swap with their neighbour (optimal string alignment), to make one word of the other.
    ///
    /// - Complexity: O(*n* × *m*)
    public static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.utf8)
        let b = Array(b.utf8)
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
                row.append(best)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }

    /// The nearest of `names`, the first of equals; nil when there is none. One that has all the words of `name`, in order, is nearer than any other: words are left out more often than letters.
    public static func closest(to name: String, among names: [String]) -> String? {
        let words = words(name)
        return names.map { (name: $0, isLonger: hasWords(words, $0), distance: distance(name, $0)) }
            .min { ($0.isLonger ? 0 : 1, $0.distance) < ($1.isLonger ? 0 : 1, $1.distance) }?.name
    }

    private static func words(_ name: String) -> [Substring] { name.split { $0 == "_" || $0 == "-" } }

    private static func hasWords(_ words: [Substring], _ name: String) -> Bool {
        var rest = words[...]
        for word in self.words(name) where word == rest.first { rest = rest.dropFirst() }
        return rest.isEmpty
    }

    /// The nearest of `names` if it is near enough to have been meant: one that goes on where `name` stops, or one with at most a third of its letters wrong.
    public static func suggestion(for name: String, among names: [String]) -> String? {
        if name.utf8.count >= 2, let longer = names.first(where: { $0.hasPrefix(name) }) { return longer }
        guard let closest = closest(to: name, among: names) else { return nil }
        return distance(name, closest) <= max(1, name.utf8.count / 3) ? closest : nil
    }
}
