/// Curves of straight pieces over features, evaluated one after the other: flat before the first point and after the last.
struct PiecewiseTable: ~Copyable {
    /// Points of one curve, x strictly ascending.
    struct Curve {
        var feature: Int
        var points: [(x: Double, y: Double)]
    }

    let count: Int
    private let features: UnsafeMutablePointer<Int>
    private let lengths: UnsafeMutablePointer<Int>
    private let xs: UnsafeMutablePointer<Double>
    private let ys: UnsafeMutablePointer<Double>

    /// Points that a curve may have.
    static var stride: Int { 4 }

    init(_ curves: [Curve]) {
        count = curves.count
        features = .allocate(capacity: max(1, count))
        lengths = .allocate(capacity: max(1, count))
        xs = .allocate(capacity: max(1, count * Self.stride))
        ys = .allocate(capacity: max(1, count * Self.stride))
        xs.initialize(repeating: 0, count: max(1, count * Self.stride))
        ys.initialize(repeating: 0, count: max(1, count * Self.stride))
        for (c, curve) in curves.enumerated() {
            precondition((2...Self.stride).contains(curve.points.count), "a curve has 2 to \(Self.stride) points")
            precondition(zip(curve.points, curve.points.dropFirst()).allSatisfy { $0.x < $1.x }, "a curve's points ascend")
            (features + c).initialize(to: curve.feature)
            (lengths + c).initialize(to: curve.points.count)
            for (i, point) in curve.points.enumerated() {
                xs[c * Self.stride + i] = point.x
                ys[c * Self.stride + i] = point.y
            }
        }
    }

    deinit {
        features.deallocate()
        lengths.deallocate()
        xs.deallocate()
        ys.deallocate()
    }

    @inline(__always)
    func feature(_ curve: Int) -> Int { features[curve] }

    /// The height of a curve at `x`.
    @inline(__always)
    func value(_ curve: Int, at x: Double) -> Double {
        let xs = self.xs + curve * Self.stride
        let ys = self.ys + curve * Self.stride
        if x <= xs[0] { return ys[0] }
        let n = lengths[curve]
        var i = 1
        while i < n {
            if x < xs[i] { return ys[i - 1] + (ys[i] - ys[i - 1]) * ((x - xs[i - 1]) / (xs[i] - xs[i - 1])) }
            i += 1
        }
        return ys[n - 1]
    }

    /// The highest of all curves at these features; 0 when there are none.
    @inline(__always)
    func highest(_ values: UnsafeMutablePointer<Double>) -> Double {
        var highest = 0.0
        for c in 0..<count {
            let x = values[features[c]]
            if x > xs[c * Self.stride] { highest = max(highest, value(c, at: x)) }
        }
        return highest
    }
}
