import Synchronization

/// A number that only rises. Any thread; relaxed atomics, no lock.
public final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    init() {}

    @inline(__always)
    public func add(_ number: Int = 1) { count.wrappingAdd(number, ordering: .relaxed) }

    public var value: Int { count.load(ordering: .relaxed) }
}

/// A number that rises and falls. Any thread.
public final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(Double(0).bitPattern)

    init() {}

    public func set(_ number: Double) { bits.store(number.bitPattern, ordering: .relaxed) }
    public func set(_ number: Int) { set(Double(number)) }

    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// How often a number fell into which range, and the sum of all. Any thread; relaxed atomics, no lock.
///
/// Whole numbers inside: nanoseconds where seconds are told.
///
/// `@unchecked Sendable`: the pointers are constant, and what they point to are atomics.
public final class Histogram: @unchecked Sendable {
    /// Upper bounds, inclusive, ascending, in the unit that is told.
    let bounds: [Double]
    /// What is observed, for one of what is told.
    private let scale: Double
    private let steps: [Int]
    /// One a bound, one for what is above all of them, then the sum.
    private let cells: UnsafeMutablePointer<Atomic<Int>>

    init(bounds: [Double], scale: Double) {
        self.bounds = bounds
        self.scale = scale
        steps = bounds.map { Int(($0 * scale).rounded()) }
        cells = .allocate(capacity: bounds.count + 2)
        for at in 0..<bounds.count + 2 { (cells + at).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: bounds.count + 2)
        cells.deallocate()
    }

    /// - Parameters:
    ///   - value: nanoseconds, where seconds are told.
    ///   - times: how often it was seen.
    public func observe(_ value: Int, times: Int = 1) {
        var at = 0
        while at < steps.count, value > steps[at] { at += 1 }
        cells[at].wrappingAdd(times, ordering: .relaxed)
        cells[steps.count + 1].wrappingAdd(value &* times, ordering: .relaxed)
    }

    /// The counts of each range, and the sum in the unit that is told.
    var values: (counts: [Int], sum: Double) {
        ((0...bounds.count).map { cells[$0].load(ordering: .relaxed) }, Double(cells[bounds.count + 1].load(ordering: .relaxed)) / scale)
    }

    /// All that was observed.
    public var count: Int { values.counts.reduce(0, +) }
}
