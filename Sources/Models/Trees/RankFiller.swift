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
        var missingLeft: Bool
        var words: Range<Int>
    }

    /// A categorical feature: its sets follow each other, and so do their columns.
    private struct Group {
        var place: Int
        var sets: Range<Int>
        /// Categories that have a row of answers, from 0 on; three rows follow them: for those beyond, for what is no category, for not-a-number.
        var categories: Int
        /// Of the answers: a row has one for each set.
        var answers: Int
    }

    /// Bytes of answers for one ensemble; features beyond are looked up set by set.
    private static let mostAnswers = 1 << 18

    private let isSingle: Bool
    private let slots: Int
    private let twins: [Twin]
    private let sets: [Set]
    private let words: [UInt32]
    private let groups: [Group]
    /// 0 for left, 255 for right.
    private let answers: UnsafeMutablePointer<UInt8>

    init(_ columns: RankColumns, places: [Int]) {
        isSingle = columns.isSingle
        slots = columns.slots.count
        twins = columns.twins.map {
            let slot = columns.slots[$0.slot]
            return Twin(slot: $0.slot, place: places[slot.feature], missing: slot.missing, missingLeft: !slot.missingLeft)
        }
        var words: [UInt32] = []
        let sets = columns.sets.map {
            let begin = words.count
            words += $0.words
            return Set(missingLeft: $0.missingLeft, words: begin..<words.count)
        }
        var groups: [Group] = []
        var size = 0
        var begin = 0
        while begin < sets.count {
            let feature = columns.sets[begin].feature
            let end = columns.sets[begin...].firstIndex { $0.feature != feature } ?? sets.count
            let categories = 32 * (sets[begin..<end].map(\.words.count).max() ?? 0)
            let bytes = (categories + 3) * (end - begin)
            let isTold = size + bytes <= Self.mostAnswers
            groups.append(Group(place: places[feature], sets: begin..<end, categories: isTold ? categories : -1, answers: size))
            if isTold { size += bytes }
            begin = end
        }
        answers = .allocate(capacity: max(1, size))
        for group in groups where group.categories >= 0 {
            let values = (0..<group.categories).map(Double.init) + [Double(group.categories), -1, .nan]
            var at = group.answers
            for value in values {
                for i in group.sets {
                    (answers + at).initialize(to: Self.goesLeft(sets[i], words, value, isSingle) ? 0 : 255)
                    at += 1
                }
            }
        }
        self.sets = sets
        self.words = words
        self.groups = groups
    }

    deinit { answers.deallocate() }

    @inline(__always)
    func fill<Rank: FixedWidthInteger & UnsignedInteger>(_ row: UnsafePointer<Double>, _ ranks: UnsafeMutablePointer<Rank>) {
        for i in twins.indices {
            let twin = twins[i]
            ranks[slots + i] = twin.missing.includes(row[twin.place]) ? (twin.missingLeft ? 0 : .max) : ranks[twin.slot]
        }
        let first = slots + twins.count
        for group in groups {
            let x = row[group.place]
            guard group.categories >= 0 else {
                for i in group.sets { ranks[first + i] = Self.goesLeft(sets[i], words, x, isSingle) ? 0 : .max }
                continue
            }
            let told = answers + group.answers + rowOf(x, group.categories) * group.sets.count
            // As signed, 255 is −1: all bits, in whatever width.
            for i in 0..<group.sets.count { ranks[first + group.sets.lowerBound + i] = Rank(truncatingIfNeeded: Int8(bitPattern: told[i])) }
        }
    }

    /// Which row of answers a value has.
    private func rowOf(_ x: Double, _ categories: Int) -> Int {
        if x.isNaN { return categories + 2 }
        let value = isSingle ? Double(Float(x)) : x
        guard isSingle ? value >= 0 && value < 16_777_216 : value > -1 && value < 2_147_483_648 else { return categories + 1 }
        return min(Int(value), categories)
    }

    /// As the libraries have it: see `ReferencePredictor`.
    private static func goesLeft(_ set: Set, _ words: [UInt32], _ x: Double, _ isSingle: Bool) -> Bool {
        if x.isNaN { return set.missingLeft }
        if isSingle {
            let single = Float(x)
            guard single >= 0, single < 16_777_216 else { return true }
            return !contains(set, words, Int64(single))
        }
        guard x > -1, x < 2_147_483_648 else { return false }
        return contains(set, words, Int64(x))
    }

    private static func contains(_ set: Set, _ words: [UInt32], _ category: Int64) -> Bool {
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
