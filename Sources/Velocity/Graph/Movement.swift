/// Money that moves from one account to another, or over the edge of what is seen: what the payment graph keeps of a transaction.
///
/// Ends are keys as in `Event`; 0 is *outside*: cash, or a counterparty that was not named.
public struct Movement: Sendable {
    /// Event time, Unix epoch milliseconds, of the years 0 to 9999.
    public var time: Int64
    /// Minor units of the base currency, 0 ..< 10^14.
    public var amount: Int64
    /// Key of the account that pays; 0: outside.
    public var from: UInt64
    /// Key of the account that receives; 0: outside.
    public var to: UInt64
    /// Cash or a transfer, as against a payment for something.
    public var isCashOrTransfer: Bool
    /// Place in the input: orders movements of one millisecond.
    public var partition: Int32
    public var offset: Int64

    public init(
        time: Int64, amount: Int64, from: UInt64, to: UInt64, isCashOrTransfer: Bool = true, partition: Int32 = 0, offset: Int64 = 0
    ) {
        self.time = time
        self.amount = amount
        self.from = from
        self.to = to
        self.isCashOrTransfer = isCashOrTransfer
        self.partition = partition
        self.offset = offset
    }

    /// Whether the graph keeps it: one end is an account, and no account pays itself.
    public var isKept: Bool { from != to }
}

/// From when the graph is looked at: only what lies before it, by (time, partition, offset), is searched.
public struct Moment: Sendable {
    public var time: Int64
    var place: UInt64
    /// The movement that is asked about, where the graph holds it already; else `Edge.none`.
    var own = Edge.none

    public init(time: Int64, partition: Int32, offset: Int64) {
        self.time = time
        place = Edge.place(partition, offset)
    }

    /// The movement that is asked about is held by the graph.
    public var isHeld: Bool { own != Edge.none }

    init(time: Int64, place: UInt64, own: UInt32 = Edge.none) {
        self.time = time
        self.place = place
        self.own = own
    }
}

/// A movement as the graph holds it: 24 bytes.
///
/// Of the time the low 40 bits are kept: all that is held lies within `span` behind the watermark, which gives the rest.
struct Edge {
    /// No edge.
    static let none = UInt32.max

    /// time (40), payer (24)
    private var first: UInt64
    /// amount (47), cash or transfer (1), place (its upper 16)
    private var second: UInt64
    /// place (its lower 40), receiver (24)
    private var third: UInt64

    init(_ movement: Movement, from: UInt32, to: UInt32) {
        let place = Self.place(movement.partition, movement.offset)
        first = UInt64(bitPattern: movement.time) << 24 | UInt64(from)
        second = UInt64(movement.amount) << 17 | (movement.isCashOrTransfer ? 1 << 16 : 0) | place >> 40
        third = place << 24 | UInt64(to)
    }

    /// A free record, chained to the next one.
    init(next: UInt32) {
        first = 0
        second = 0
        third = UInt64(next)
    }

    /// What orders movements of one millisecond: partition (16 bits), offset (40).
    @inline(__always)
    static func place(_ partition: Int32, _ offset: Int64) -> UInt64 {
        UInt64(min(partition, 0xffff)) << 40 | UInt64(min(offset, (1 << 40) - 1))
    }

    /// The time, given any time less than 2^40 ms (34 years) behind which it lies.
    @inline(__always)
    func time(_ watermark: Int64) -> Int64 { watermark &- Int64(bitPattern: (UInt64(bitPattern: watermark) &- (first >> 24)) & 0xff_ffff_ffff) }
    @inline(__always) var from: UInt32 { UInt32(truncatingIfNeeded: first & 0xff_ffff) }
    @inline(__always) var to: UInt32 { UInt32(truncatingIfNeeded: third & 0xff_ffff) }
    @inline(__always) var amount: Int64 { Int64(second >> 17) }
    @inline(__always) var isCashOrTransfer: Bool { second >> 16 & 1 == 1 }
    @inline(__always) var place: UInt64 { (second & 0xffff) << 40 | third >> 24 }
    /// Of a free record.
    var next: UInt32 { UInt32(truncatingIfNeeded: third) }
    var partition: Int32 { Int32(place >> 40) }
    var offset: Int64 { Int64(place & 0xff_ffff_ffff) }
}
