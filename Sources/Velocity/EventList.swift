/// The events of one entity, ascending by time; of equal times, in the order of application.
final class EventList {
    var times: [Int64] = []
    var amounts: [Int64] = []
    var transactions: [UInt64] = []
    /// One array a dimension of distinct values; 0 is absent.
    var values: [[UInt64]]
    /// Whether the event is the newest of its value in this list.
    var latest: [[Bool]]
    /// The account's first debit to this counterparty.
    var isFirst: [Bool] = []
    var isFraud: [Bool] = []

    init(dimensions: Int) {
        values = Array(repeating: [], count: dimensions)
        latest = Array(repeating: [], count: dimensions)
    }

    var count: Int { times.count }

    /// Index of the first event whose time is above `time`.
    func upperBound(_ time: Int64) -> Int {
        var low = 0
        var high = times.count
        if high > 0, times[high - 1] <= time { return high }
        while low < high {
            let middle = (low + high) / 2
            if times[middle] > time { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Index of the newest event before `end` and not before `start` with this value, or −1.
    func newest(_ value: UInt64, _ dimension: Int, _ start: Int, _ end: Int) -> Int {
        values[dimension].withUnsafeBufferPointer { v in
            var i = end - 1
            while i >= start {
                if v[i] == value { return i }
                i -= 1
            }
            return -1
        }
    }

    func insert(time: Int64, amount: Int64, transaction: UInt64, _ dimensions: [UInt64], isFirst first: Bool, isFraud fraud: Bool) {
        let at = upperBound(time)
        let end = times.count
        times.insert(time, at: at)
        amounts.insert(amount, at: at)
        transactions.insert(transaction, at: at)
        isFirst.insert(first, at: at)
        isFraud.insert(fraud, at: at)
        for (d, value) in dimensions.enumerated() {
            values[d].insert(value, at: at)
            var isLatest = false
            if value != 0 {
                let newest = self.newest(value, d, 0, end + 1)
                isLatest = newest == at
                if isLatest {
                    let previous = self.newest(value, d, 0, at)
                    if previous >= 0 { latest[d][previous] = false }
                }
            }
            latest[d].insert(isLatest, at: at)
        }
    }

    func dropExpired(_ floor: Int64) {
        let k = upperBound(floor)
        guard k > 0, k == count || k > 32 || k * 4 > count else { return }
        times.removeFirst(k)
        amounts.removeFirst(k)
        transactions.removeFirst(k)
        isFirst.removeFirst(k)
        isFraud.removeFirst(k)
        for d in values.indices {
            values[d].removeFirst(k)
            latest[d].removeFirst(k)
        }
    }

    /// Number of distinct values among the events a ..< b.
    func distinct(_ d: Int, _ a: Int, _ b: Int) -> Int64 {
        var n: Int64 = 0
        latest[d].withUnsafeBufferPointer { flags in
            var i = a
            while i < b {
                n += flags[i] ? 1 : 0
                i += 1
            }
        }
        guard b < count else { return n }
        var seen = Set<UInt64>()
        for j in b..<count {
            let value = values[d][j]
            if value != 0, seen.insert(value).inserted, newest(value, d, a, b) >= 0 { n += 1 }
        }
        return n
    }

    func sums(_ a: Int, _ b: Int) -> (sum: Int128, max: Int64) {
        amounts.withUnsafeBufferPointer { v in
            var sum: Int128 = 0
            var max: Int64 = 0
            var i = a
            while i < b {
                sum &+= Int128(v[i])
                max = Swift.max(max, v[i])
                i += 1
            }
            return (sum, max)
        }
    }
}
