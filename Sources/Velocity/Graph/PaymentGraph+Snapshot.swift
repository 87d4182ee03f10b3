/// Which movements came while a snapshot is being written: those are brought on from what is applied meanwhile, and are not written twice.
struct Newcomers {
    private var bits: [UInt64] = []

    mutating func insert(_ reference: UInt32) {
        let word = Int(reference >> 6)
        if word >= bits.count { bits.append(contentsOf: repeatElement(0, count: max(word + 1 - bits.count, bits.count))) }
        bits[word] |= 1 << UInt64(reference & 63)
    }

    func contains(_ reference: UInt32) -> Bool {
        let word = Int(reference >> 6)
        return word < bits.count && bits[word] >> UInt64(reference & 63) & 1 != 0
    }
}

extension PaymentGraph {
    /// What a state read from a snapshot begins with, besides its movements.
    public struct Moments: Sendable, Equatable {
        public var watermark: Int64
        public var horizon: Int64
        public var beginning: Int64

        public init(watermark: Int64, horizon: Int64, beginning: Int64) {
            self.watermark = watermark
            self.horizon = horizon
            self.beginning = beginning
        }
    }

    /// How far a snapshot has come: the time and place of the last movement written.
    public struct SnapshotCursor: Sendable {
        var time = Int64.min
        var place: UInt64 = 0
        public init() {}
    }

    public var moments: Moments { Moments(watermark: watermark, horizon: horizon, beginning: beginning) }

    /// From here on it is remembered which movements are new, until `endSnapshot`.
    public func beginSnapshot() {
        precondition(newcomers == nil, "one snapshot at a time")
        newcomers = Newcomers()
    }

    public func endSnapshot() { newcomers = nil }

    /// Calls with the next movements, oldest first, that were held when the snapshot began and still are.
    ///
    /// - Returns: whether there may be more.
    /// - Complexity: O(limit + log movements).
    public func forEach(after cursor: inout SnapshotCursor, limit: Int, _ body: (Movement) -> Void) -> Bool {
        var left = limit
        order.forEach(
            after: { edge in
                let time = edge.time(watermark)
                return time > cursor.time || time == cursor.time && edge.place > cursor.place
            }, edges
        ) { reference in
            if left == 0 { return false }
            left -= 1
            let edge = edges[Int(reference)]
            cursor.time = edge.time(watermark)
            cursor.place = edge.place
            if newcomers?.contains(reference) != true { body(movement(reference)) }
            return true
        }
        return left == 0
    }

    /// Begins an empty graph as the one was of which a snapshot was begun.
    public func adopt(_ moments: Moments) {
        precondition(watermark == .min && edgeCount == 0, "an empty graph")
        watermark = moments.watermark
        horizon = moments.horizon
        beginning = moments.beginning
    }
}
