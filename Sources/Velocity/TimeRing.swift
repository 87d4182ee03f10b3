/// Counts and sums of hashes by time, so that both can be told of all that is above a floor without a look at each.
///
/// Time is cut into some 2,048 to 4,096 buckets a retention. A bucket counts as above a floor when all of it is: what the floor's own bucket holds is left out. What is
/// older than the retention gives its bucket up to newer ones.
final class TimeRing {
    private struct Bucket {
        /// Which bucket of all time it is.
        var number: Int64 = -1
        var count: Int64 = 0
        var sum: UInt64 = 0
    }

    private static let capacity = 8192
    /// Milliseconds a bucket: a power of two, so that an event's is found by a shift.
    let width: Int64
    private let shift: Int64
    private let buckets: UnsafeMutablePointer<Bucket>

    init(retention: Int64) {
        let wanted = max(1, (retention + 4095) / 4096)
        shift = Int64(64 - (wanted - 1).leadingZeroBitCount)
        width = 1 << shift
        buckets = .allocate(capacity: Self.capacity)
        buckets.initialize(repeating: Bucket(), count: Self.capacity)
    }

    deinit { buckets.deallocate() }

    @inline(__always)
    private func number(_ time: Int64) -> Int64 { (time &+ Header.bias) >> shift }

    @inline(__always)
    private func bucket(_ number: Int64) -> UnsafeMutablePointer<Bucket> { buckets + Int(number & Int64(Self.capacity - 1)) }

    @inline(__always)
    func add(_ time: Int64, _ hash: UInt64, count: Int64 = 1) { add(number: number(time), hash, count) }

    @inline(__always)
    private func add(number: Int64, _ hash: UInt64, _ count: Int64) {
        let b = bucket(number)
        if b.pointee.number != number {
            if b.pointee.number > number { return }
            b.pointee = Bucket(number: number)
        }
        b.pointee.count &+= count
        b.pointee.sum &+= hash
    }

    @inline(__always)
    func subtract(_ time: Int64, _ hash: UInt64) {
        let number = number(time)
        let b = bucket(number)
        if b.pointee.number != number { return }
        b.pointee.count &-= 1
        b.pointee.sum &-= hash
    }

    func removeAll() { buckets.update(repeating: Bucket(), count: Self.capacity) }

    /// - Complexity: O(buckets), some 10 µs.
    func total(above floor: Int64, until end: Int64 = .max) -> (count: Int64, sum: UInt64) {
        var count: Int64 = 0
        var sum: UInt64 = 0
        for i in 0..<Self.capacity {
            let b = buckets[i]
            if b.number < 0 || b.count == 0 && b.sum == 0 { continue }
            let start = b.number * width - Header.bias
            if start <= floor || end != .max && start + width - 1 > end { continue }
            count += b.count
            sum &+= b.sum
        }
        return (count, sum)
    }

    // MARK: Snapshots

    /// Every bucket that holds something: its number, count and sum.
    func forEach(_ body: (Int64, Int64, UInt64) -> Void) {
        for i in 0..<Self.capacity where buckets[i].number >= 0 && (buckets[i].count != 0 || buckets[i].sum != 0) {
            body(buckets[i].number, buckets[i].count, buckets[i].sum)
        }
    }

    func adopt(number: Int64, count: Int64, sum: UInt64) { if number >= 0 { add(number: number, sum, count) } }
}

/// Hashes of what is retained, for digests: not against an adversary, who cannot write to a state, but against bugs and broken memory.
///
/// Words are multiplied by odd constants, which a processor does side by side, and the sum is mixed.
enum Mix {
    /// Where a hash has its home among so many slots: hashes in ascending order have homes in ascending order.
    @inline(__always) static func home(_ hash: UInt32, _ slots: Int) -> Int { Int(truncatingIfNeeded: (UInt64(hash) &* UInt64(truncatingIfNeeded: slots)) >> 32) }

    /// The lowest hash that has its home at this slot; 2^32 behind the last one.
    static func hash(at slot: Int, _ slots: Int) -> UInt64 { (UInt64(slot) << 32 + UInt64(slots) - 1) / UInt64(slots) }

    @inline(__always) static func mixed(_ x: UInt64) -> UInt64 {
        var z = (x ^ x >> 32) &* 0xd6e8_feb8_6659_fd93
        z = (z ^ z >> 32) &* 0xd6e8_feb8_6659_fd93
        return z ^ z >> 32
    }

    @inline(__always) static func watermark(_ time: Int64) -> UInt64 { mixed(UInt64(bitPattern: time) &* 0x9e37_79b9_7f4a_7c15) }

    @inline(__always) static func event(_ e: Event) -> UInt64 {
        var h = e.account &* 0x9e37_79b9_7f4a_7c15 &+ e.transaction &* 0xbf58_476d_1ce4_e5b9
        h ^= e.merchant &* 0x94d0_49bb_1331_11eb &+ e.counterparty &* 0xc2b2_ae3d_27d4_eb4f
        h = h &+ (e.device &* 0x1656_67b1_9e37_79f9 ^ e.country &* 0x27d4_eb2f_1656_67c5)
        h ^= e.card &* 0xff51_afd7_ed55_8ccd &+ e.ip &* 0xc4ce_b9fe_1a85_ec53
        h = h &+ (UInt64(bitPattern: e.time) &* 0x9fb2_1c65_1e98_df25 ^ UInt64(bitPattern: e.amount) &* 0xa076_1d64_78bd_642f)
        return mixed(e.isDebit ? h : ~h)
    }

    @inline(__always) static func account(_ key: UInt64, _ times: AccountRecord.Times) -> UInt64 {
        mixed(
            key &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(bitPattern: times.first) &* 0xbf58_476d_1ce4_e5b9 ^ UInt64(bitPattern: times.last)
                &* 0x94d0_49bb_1331_11eb &+ UInt64(bitPattern: times.second) &* 0xc2b2_ae3d_27d4_eb4f)
    }

    @inline(__always) static func pair(_ account: UInt64, _ counterparty: UInt64, _ m: Memory) -> UInt64 {
        let h = account &* 0x9e37_79b9_7f4a_7c15 &+ counterparty &* 0xbf58_476d_1ce4_e5b9
        let i = UInt64(bitPattern: m.last) &* 0x94d0_49bb_1331_11eb &+ UInt64(bitPattern: m.second) &* 0xc2b2_ae3d_27d4_eb4f
        let j = UInt64(bitPattern: m.count) &* 0x1656_67b1_9e37_79f9 &+ m.sum._low &* 0x27d4_eb2f_1656_67c5
        return mixed(h ^ i &+ j)
    }

    static func label(_ l: LabelEntry) -> UInt64 {
        let h = l.account &* 0x9e37_79b9_7f4a_7c15 &+ l.transaction &* 0xbf58_476d_1ce4_e5b9
        let i = l.merchant &* 0x94d0_49bb_1331_11eb &+ UInt64(bitPattern: l.time) &* 0xc2b2_ae3d_27d4_eb4f
        return mixed(h ^ i &+ UInt64(bitPattern: l.labelTime) &* 0x1656_67b1_9e37_79f9 &+ l.flags &* 0x27d4_eb2f_1656_67c5)
    }
}
