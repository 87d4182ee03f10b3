import Velocity

/// The peer: a deque for each window of each entity, in plain Swift with the same statistics, but for late events, duplicates, labels and pairs.
final class PlainDeques {
    private struct Entry {
        var time: Int64
        var amount: Int64
        var values: (UInt64, UInt64, UInt64, UInt64)
    }

    private struct Window {
        let length: Int64
        var events: [Entry] = []
        var first = 0
        var sum: Int128 = 0
        var squares: UInt128 = 0
        var counts: [[UInt64: Int]]
        var maxima: [(time: Int64, amount: Int64)] = []
        var firstMax = 0

        init(_ length: Int64, _ dimensions: Int) {
            self.length = length
            counts = Array(repeating: [:], count: dimensions)
        }

        private func value(_ entry: Entry, _ d: Int) -> UInt64 {
            switch d {
            case 0: entry.values.0
            case 1: entry.values.1
            case 2: entry.values.2
            default: entry.values.3
            }
        }

        mutating func advance(_ now: Int64) {
            while first < events.count, events[first].time <= now - length {
                let entry = events[first]
                sum -= Int128(entry.amount)
                squares -= UInt128(entry.amount) * UInt128(entry.amount)
                for d in counts.indices {
                    let left = counts[d][value(entry, d)]! - 1
                    counts[d][value(entry, d)] = left == 0 ? nil : left
                }
                first += 1
            }
            while firstMax < maxima.count, maxima[firstMax].time <= now - length { firstMax += 1 }
            if first > 64, first * 2 > events.count {
                events.removeFirst(first)
                first = 0
            }
            if firstMax > 64, firstMax * 2 > maxima.count {
                maxima.removeFirst(firstMax)
                firstMax = 0
            }
        }

        mutating func add(_ entry: Entry) {
            events.append(entry)
            sum += Int128(entry.amount)
            squares += UInt128(entry.amount) * UInt128(entry.amount)
            for d in counts.indices { counts[d][value(entry, d), default: 0] += 1 }
            while maxima.count > firstMax, maxima[maxima.count - 1].amount <= entry.amount { maxima.removeLast() }
            maxima.append((entry.time, entry.amount))
        }
    }

    private var tables: [[UInt64: [Window]]] = Array(repeating: [:], count: 6)
    private let lengths: [Int64] = [3_600_000, 86_400_000, 604_800_000]
    private(set) var checksum: Int128 = 0

    func apply(_ e: Event) {
        let own = Entry(time: e.time, amount: e.amount, values: (e.account, 0, 0, 0))
        update(0, e.account, Entry(time: e.time, amount: e.amount, values: (e.merchant, e.counterparty, e.device, e.country)), 4)
        update(1, e.counterparty, own, 1)
        update(2, e.card, own, 1)
        update(3, e.device, own, 1)
        update(4, e.ip, own, 1)
        update(5, e.merchant, own, 1)
    }

    private func update(_ table: Int, _ key: UInt64, _ entry: Entry, _ dimensions: Int) {
        if key == 0 { return }
        var windows = tables[table].removeValue(forKey: key) ?? lengths.map { Window($0, dimensions) }
        for w in windows.indices {
            windows[w].advance(entry.time)
            windows[w].add(entry)
            checksum += windows[w].sum + Int128(windows[w].counts[0].count) + Int128(windows[w].maxima[windows[w].firstMax].amount)
        }
        tables[table][key] = windows
    }
}
