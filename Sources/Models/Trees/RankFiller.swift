/// Fills a row's ranks on any processor, 16 bits each. One thread at a time.
final class RankFiller {
    /// Above every limit.
    static let highest = UInt16.max

    private struct Plan {
        var place: Int
        var begin: Int
        var count: Int
        var missing: Node.Missing
        var missingLeft: Bool
    }

    /// One a column.
    let ranks: UnsafeMutablePointer<UInt16>
    private let count: Int
    private let isSingle: Bool
    private let plans: UnsafeMutablePointer<Plan>
    private let thresholds: UnsafeMutablePointer<Double>
    private let rest: RankRest

    /// - Parameter places: where each feature of the ensemble stands in a row.
    init(_ columns: RankColumns, places: [Int]) {
        count = columns.slots.count
        isSingle = columns.isSingle
        rest = RankRest(columns, places: places)
        plans = .allocate(capacity: max(1, count))
        thresholds = .allocate(capacity: max(1, columns.slots.reduce(0) { $0 + $1.thresholds.count }))
        ranks = .allocate(capacity: columns.count + 1)
        ranks.initialize(repeating: 0, count: columns.count + 1)
        var end = 0
        for (i, slot) in columns.slots.enumerated() {
            (plans + i).initialize(
                to: Plan(
                    place: places[slot.feature], begin: end, count: slot.thresholds.count, missing: slot.missing, missingLeft: slot.missingLeft))
            for t in slot.thresholds {
                (thresholds + end).initialize(to: t)
                end += 1
            }
        }
    }

    deinit {
        ranks.deallocate()
        plans.deallocate()
        thresholds.deallocate()
    }

    /// - Complexity: O(features · log thresholds).
    func fill(_ row: UnsafePointer<Double>) {
        for i in 0..<count {
            let plan = plans[i]
            var x = row[plan.place]
            if isSingle { x = Double(Float(x)) }
            if plan.missing.includes(x) {
                ranks[i] = plan.missingLeft ? 0 : Self.highest
                continue
            }
            if x.isNaN { x = 0 }
            var t = thresholds + plan.begin
            var n = plan.count
            while n > 1 {
                let half = n / 2
                t = t[half - 1] < x ? t + half : t
                n -= half
            }
            let below = t - (thresholds + plan.begin) + (t.pointee < x ? 1 : 0)
            ranks[i] = UInt16(truncatingIfNeeded: below)
        }
        rest.fill(row, ranks)
    }
}

/// The columns behind the slots: twins and sets of categories. There are none in most ensembles.
final class RankRest {
    private struct Twin {
        var slot: Int
        var place: Int
        var missing: Node.Missing
        /// On the twin's side.
        var missingLeft: Bool
    }

    private struct Set {
        var place: Int
        var missingLeft: Bool
        var words: Range<Int>
    }

    private let isSingle: Bool
    private let slots: Int
    private let twins: [Twin]
    private let sets: [Set]
    private let words: [UInt32]

    init(_ columns: RankColumns, places: [Int]) {
        isSingle = columns.isSingle
        slots = columns.slots.count
        twins = columns.twins.map {
            let slot = columns.slots[$0.slot]
            return Twin(slot: $0.slot, place: places[slot.feature], missing: slot.missing, missingLeft: !slot.missingLeft)
        }
        var words: [UInt32] = []
        sets = columns.sets.map {
            let begin = words.count
            words += $0.words
            return Set(place: places[$0.feature], missingLeft: $0.missingLeft, words: begin..<words.count)
        }
        self.words = words
    }

    @inline(__always)
    func fill<Rank: FixedWidthInteger & UnsignedInteger>(_ row: UnsafePointer<Double>, _ ranks: UnsafeMutablePointer<Rank>) {
        for i in twins.indices {
            let twin = twins[i]
            ranks[slots + i] = twin.missing.includes(row[twin.place]) ? (twin.missingLeft ? 0 : .max) : ranks[twin.slot]
        }
        for i in sets.indices {
            ranks[slots + twins.count + i] = goesLeft(sets[i], row[sets[i].place]) ? 0 : .max
        }
    }

    /// As the libraries have it: see `ReferencePredictor`.
    private func goesLeft(_ set: Set, _ x: Double) -> Bool {
        if x.isNaN { return set.missingLeft }
        if isSingle {
            let single = Float(x)
            guard single >= 0, single < 16_777_216 else { return true }
            return !contains(set, Int64(single))
        }
        guard x > -1, x < 2_147_483_648 else { return false }
        return contains(set, Int64(x))
    }

    private func contains(_ set: Set, _ category: Int64) -> Bool {
        let word = Int(category / 32)
        return word < set.words.count && words[set.words.lowerBound + word] >> UInt32(category % 32) & 1 == 1
    }
}

extension Node.Missing {
    @inline(__always)
    func includes(_ x: Double) -> Bool {
        switch self {
        case .never: false
        case .nan: x.isNaN
        case .zero: !(x.magnitude > ReferencePredictor.zero)
        }
    }
}
