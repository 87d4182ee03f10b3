/// How far searches may go. Only movements that are retained, and in the window asked for, count against a bound.
public struct GraphLimits: Sendable, Equatable {
    /// Movements that one search looks at before it is cut.
    public var edges = 1_000
    /// Movements of one account in one direction in the window. An account between the ends that has more is a hub, and is passed over; at the
    /// ends so many of the newest are looked at.
    public var degree = 200

    public init() {}
}

/// What a search took.
public struct SearchCost: Sendable, Equatable {
    /// Movements looked at.
    public var edges = 0
    /// The bound on movements was met: what was found is true, more may be there.
    public var isCut = false
    /// Accounts over the bound on degree: passed over between the ends, looked at in part at the ends.
    public var hubs = 0

    public init() {}
}

/// Memory that searches use again and again, so that they allocate nothing.
final class GraphScratch {
    struct Step {
        var edge: UInt32
        /// The step that led here: later in time, nearer to the payer.
        var parent: Int32
        var depth: Int32
    }

    static let capacity = 1 << 12
    let steps = UnsafeMutablePointer<Step>.allocate(capacity: capacity)
    /// Edges that were taken up, with the search that took them.
    private let seen = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity * 2)
    private var search: UInt64 = 0
    /// References of a path that was found, oldest first.
    let path = UnsafeMutablePointer<UInt32>.allocate(capacity: 8)
    let list = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
    let numbers = UnsafeMutablePointer<Int64>.allocate(capacity: capacity)
    /// The newest epoch that marks of accounts were given.
    private(set) var epoch: UInt32 = 0

    init() { seen.initialize(repeating: 0, count: Self.capacity * 2) }

    deinit {
        steps.deallocate()
        seen.deallocate()
        path.deallocate()
        list.deallocate()
        numbers.deallocate()
    }

    var bytes: Int { Self.capacity * (MemoryLayout<Step>.stride + 16 + 4 + 8) }

    func beginSearch() { search += 1 }

    /// Whether the edge is taken up for the first time in this search.
    func takeUp(_ edge: UInt32) -> Bool {
        let mask = Self.capacity * 2 - 1
        let value = search << 32 | UInt64(edge)
        var i = Int(truncatingIfNeeded: (UInt64(edge) &* 0x9e37_79b9_7f4a_7c15) >> 40) & mask
        while seen[i] >> 32 == search {
            if seen[i] == value { return false }
            i = (i + 1) & mask
        }
        seen[i] = value
        return true
    }

    /// A new epoch for marks; nil when the numbers are used up and all marks must be wiped first.
    func nextEpoch() -> UInt32? {
        guard epoch < .max else {
            epoch = 0
            return nil
        }
        epoch += 1
        return epoch
    }
}
