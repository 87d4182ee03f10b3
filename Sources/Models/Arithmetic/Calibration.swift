/// From log-odds to the probability that verdicts carry.
public enum Calibration: Sendable, Equatable {
    /// The logistic function alone.
    case none
    /// Platt's: 1 / (1 + e^−(a · log-odds + b)).
    case platt(a: Double, b: Double)
    /// A rising curve of straight pieces over the logistic function's value; flat beyond its ends.
    case isotonic(x: [Double], y: [Double])

    /// - Returns: 0…1, the same bits on every processor.
    /// - Complexity: O(log points).
    public func probability(_ logOdds: Double) -> Double {
        switch self {
        case .none: return logistic(logOdds)
        case .platt(let a, let b): return logistic(a * logOdds + b)
        case .isotonic(let x, let y):
            let p = logistic(logOdds)
            let last = x.count - 1
            if p <= x[0] { return y[0] }
            if p >= x[last] { return y[last] }
            var (low, high) = (0, last)
            while high - low > 1 {
                let middle = (low + high) / 2
                if x[middle] <= p { low = middle } else { high = middle }
            }
            return y[low] + (y[high] - y[low]) * ((p - x[low]) / (x[high] - x[low]))
        }
    }
}
