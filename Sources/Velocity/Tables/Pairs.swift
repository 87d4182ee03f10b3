/// What is remembered of an account's debits to one counterparty, in 24 bytes.
///
/// `a` holds the highest time (49 bits), the number (11) and the sum's highest 4 bits; `b` how far the highest time but one lies before it (34 bits, 198
/// days) and the sum's lower 30. What does not fit is kept beside, in a `Spill`, whose handle `b` is then.
struct Pair: FlatEntry {
    /// Dense ids.
    var account: UInt32 = 0
    var counterparty: UInt32 = 0
    var a: UInt64 = 0
    var b: UInt64 = 0

    @inline(__always) var isEmpty: Bool { account == 0 }
    @inline(__always) var hash: UInt64 {
        var z = (UInt64(account) << 32 | UInt64(counterparty)) &* 0x9e37_79b9_7f4a_7c15
        z = (z ^ z >> 32) &* 0xd6e8_feb8_6659_fd93
        return z ^ z >> 32
    }
    @inline(__always)
    func hasSameKey(_ other: Pair) -> Bool { account == other.account && counterparty == other.counterparty }

    static let isSpilled: UInt64 = 0x7ff
    static let noSecond: UInt64 = 1 << 34 - 1

    @inline(__always) var last: Int64 { Int64(bitPattern: a >> 15) &- Header.bias }
    @inline(__always) var countBits: UInt64 { a >> 4 & 0x7ff }
}

/// What a pair, or an account, did since it was last forgotten.
struct Memory {
    /// The highest time.
    var last: Int64
    /// The highest time but one; `Int64.min`: there is none.
    var second: Int64
    var count: Int64
    var sum: UInt128

    @inline(__always)
    mutating func add(_ time: Int64, _ amount: Int64) {
        if time >= last {
            second = last
            last = time
        } else if time > second {
            second = time
        }
        count += 1
        sum += UInt128(amount)
    }
}

/// The pairs (account, counterparty).
final class Pairs {
    private struct Spill {
        var second: Int64
        var count: Int64
        var sum: UInt128
    }

    private let arena: Arena
    let table: FlatTable<Pair>
    private var spills = 0

    init(_ arena: Arena) {
        self.arena = arena
        table = FlatTable(arena)
    }

    private var spillSize: Int { arena.size(forBytes: MemoryLayout<Spill>.stride) }

    @inline(__always)
    private func spill(_ pair: Pair) -> UnsafeMutablePointer<Spill> {
        arena[UInt32(truncatingIfNeeded: pair.b)].assumingMemoryBound(to: Spill.self)
    }

    @inline(__always)
    func find(_ account: UInt32, _ counterparty: UInt32) -> UnsafeMutablePointer<Pair>? {
        account == 0 || counterparty == 0 ? nil : table.find(Pair(account: account, counterparty: counterparty))
    }

    func memory(_ pair: Pair) -> Memory {
        if pair.countBits == Pair.isSpilled {
            let spill = spill(pair).pointee
            return Memory(last: pair.last, second: spill.second, count: spill.count, sum: spill.sum)
        }
        let delta = pair.b >> 30
        return Memory(
            last: pair.last, second: delta == Pair.noSecond ? Int64.min : pair.last - Int64(delta), count: Int64(pair.countBits),
            sum: UInt128((pair.a & 15) << 30 | pair.b & (1 << 30 - 1)))
    }

    func set(_ pair: UnsafeMutablePointer<Pair>, _ memory: Memory) {
        let time = UInt64(bitPattern: memory.last &+ Header.bias) << 15
        let delta = memory.second == Int64.min ? Pair.noSecond : UInt64(bitPattern: memory.last &- memory.second)
        let isSmall = memory.count < Int64(Pair.isSpilled) && memory.sum >> 34 == 0 && (delta < Pair.noSecond || memory.second == Int64.min)
        if isSmall {
            release(pair)
            let sum = UInt64(truncatingIfNeeded: memory.sum)
            pair.pointee.a = time | UInt64(memory.count) << 4 | sum >> 30
            pair.pointee.b = delta << 30 | sum & (1 << 30 - 1)
            return
        }
        if pair.pointee.countBits != Pair.isSpilled {
            pair.pointee.b = UInt64(arena.allocate(size: spillSize))
            spills += 1
        }
        pair.pointee.a = time | Pair.isSpilled << 4
        spill(pair.pointee).pointee = Spill(second: memory.second, count: memory.count, sum: memory.sum)
    }

    func insert(_ account: UInt32, _ counterparty: UInt32, _ memory: Memory) {
        var pair = Pair(account: account, counterparty: counterparty)
        set(&pair, memory)
        table.insert(pair)
    }

    /// Gives back what is kept beside the pair.
    func release(_ pair: UnsafeMutablePointer<Pair>) {
        if pair.pointee.countBits != Pair.isSpilled { return }
        arena.free(UInt32(truncatingIfNeeded: pair.pointee.b), size: spillSize)
        pair.pointee.a = 0
        spills -= 1
    }

    // MARK: Snapshots

    /// What is kept beside the pair: the highest time but one, number and sum.
    func spilled(_ pair: Pair) -> Memory? { pair.countBits == Pair.isSpilled ? memory(pair) : nil }

    /// Puts a pair in as it was written; false where it is there, or cannot be one.
    func adopt(_ pair: Pair) -> Bool {
        if pair.isEmpty || pair.countBits == Pair.isSpilled || table.find(pair) != nil { return false }
        table.insert(pair)
        return true
    }

    /// The same for one of which something is kept beside it.
    func adopt(_ account: UInt32, _ counterparty: UInt32, _ memory: Memory) -> Bool {
        if account == 0 || find(account, counterparty) != nil { return false }
        insert(account, counterparty, memory)
        return true
    }

    var count: Int { table.count }
    var bytes: Int { table.bytes + spills * MemoryLayout<Spill>.stride }
}

/// A label that counts, by the transaction that it belongs to.
struct LabelEntry: FlatEntry {
    var account: UInt64 = 0
    var transaction: UInt64 = 0
    var merchant: UInt64 = 0
    var time: Int64 = 0
    /// The label's own time.
    var labelTime: Int64 = 0
    /// Bit 0: it says fraud; bits 1 and 2: labels of its time said fraud, said legitimate; bit 3: the slot is taken.
    var flags: UInt64 = 0

    @inline(__always) var isEmpty: Bool { flags == 0 }
    @inline(__always) var isFraud: Bool { flags & 1 != 0 }
    @inline(__always) var hash: UInt64 {
        var z = (account ^ transaction &* 0x9e37_79b9_7f4a_7c15) &+ (merchant ^ UInt64(bitPattern: time)) &* 0xd6e8_feb8_6659_fd93
        z = (z ^ z >> 32) &* 0xd6e8_feb8_6659_fd93
        return z ^ z >> 32
    }
    @inline(__always)
    func hasSameKey(_ other: LabelEntry) -> Bool {
        transaction == other.transaction && account == other.account && merchant == other.merchant && time == other.time
    }
}
