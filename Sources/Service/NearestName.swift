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

    /// The nearest of `names`, the first of equals; nil when there is none.
    public static func closest(to name: String, among names: [String]) -> String? {
        names.map { (name: $0, distance: distance(name, $0)) }.min { $0.distance < $1.distance }?.name
    }

    /// The nearest of `names` if it is near enough to have been meant: one that goes on where `name` stops, or one with at most a third of its letters wrong.
    public static func suggestion(for name: String, among names: [String]) -> String? {
        if name.utf8.count >= 2, let longer = names.first(where: { $0.hasPrefix(name) }) { return longer }
        guard let closest = closest(to: name, among: names) else { return nil }
        return distance(name, closest) <= max(1, name.utf8.count / 3) ? closest : nil
    }
}
