/// Nodes and weights on (0, 1) that integrate polynomials up to degree 2n − 1 exactly, from the four operations alone.
///
/// The roots of the Legendre polynomial of degree n lie between those of degree n − 1, one in each gap; bisection finds them to the last bit, the same
/// on every processor. (Abramowitz and Stegun, 25.4.29.)
enum GaussLegendre {
    /// - Returns: nodes ascending, and their weights, which sum to 1.
    /// - Complexity: O(n³).
    static func rule(_ n: Int) -> (nodes: [Double], weights: [Double]) {
        precondition(n >= 1, "at least one node")
        var roots: [Double] = []
        for degree in 1...n {
            let ends = [-1.0] + roots + [1.0]
            roots = (0..<degree).map { root(degree, ends[$0], ends[$0 + 1]) }
        }
        let nodes = roots.map { ($0 + 1) / 2 }
        let weights = roots.map { x in
            let slope = legendre(n, x).slope
            return 1 / ((1 - x * x) * slope * slope)
        }
        return (nodes, weights)
    }

    private static func root(_ degree: Int, _ low: Double, _ high: Double) -> Double {
        var (low, high) = (low, high)
        let signLow = low == -1 ? (degree % 2 == 0 ? 1.0 : -1.0) : legendre(degree, low).value
        while true {
            let middle = (low + high) / 2
            if middle <= low || middle >= high { return middle }
            let value = legendre(degree, middle).value
            if value == 0 { return middle }
            if (value > 0) == (signLow > 0) { low = middle } else { high = middle }
        }
    }

    /// P_n(x) and its derivative, for x inside (−1, 1).
    private static func legendre(_ n: Int, _ x: Double) -> (value: Double, slope: Double) {
        var (before, value) = (1.0, x)
        if n >= 2 {
            for k in 2...n {
                let next = (Double(2 * k - 1) * x * value - Double(k - 1) * before) / Double(k)
                (before, value) = (value, next)
            }
        }
        return (value, Double(n) * (before - x * value) / (1 - x * x))
    }
}
