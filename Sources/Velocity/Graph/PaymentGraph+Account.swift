/// Which of an account's movements are looked at.
public enum Side: Sendable {
    /// What it paid.
    case out
    /// What it received.
    case `in`
}

/// Movements of one account and side in a window, counted. All that were applied and lie in `(t − W, t]`, the one asked about not among them.
public struct SideReading: Sendable, Equatable {
    public var count: Int64 = 0
    /// Minor units.
    public var sum: Int64 = 0
    public var max: Int64 = 0
    /// Sum of squares, in square minor units, as a double: exact up to 2^53.
    public var squares: Double = 0
    /// Accounts on the other side, outside not among them.
    public var partners: Int64 = 0
    /// Only the newest were looked at.
    public var isCut = false

    public init() {}
}

/// Movements that satisfy what was asked.
public struct MatchReading: Sendable, Equatable {
    public var count: Int64 = 0
    /// Minor units.
    public var sum: Int64 = 0
    /// All that were looked at, matching or not.
    public var total: Int64 = 0
    public var isCut = false

    public init() {}
}

/// How quickly money goes out again.
public struct DwellReading: Sendable, Equatable {
    /// Debits that an inflow in the window precedes, the one asked about included.
    public var debits: Int64 = 0
    /// The lower median over them of the time since the newest such inflow, ms; −1 without one.
    public var median: Int64 = -1
    public var isCut = false

    public init() {}
}

/// An account that gathered and then scatters.
public struct GatherScatterReading: Sendable, Equatable {
    public var senders: Int64 = 0
    public var inflow: Int64 = 0
    /// Receivers and sum of what was paid after the gathering stood, the payment asked about included.
    public var receivers: Int64 = 0
    public var outflow: Int64 = 0
    public var isCut = false

    public init() {}
}

/// An account's own sums of whole days behind it.
public struct HabitReading: Sendable, Equatable {
    /// Days looked at, not the last 24 h.
    public var days: Int64 = 0
    /// Days among them with a movement.
    public var activeDays: Int64 = 0
    /// Of the days' sums, minor units.
    public var mean: Double = 0
    /// Population standard deviation.
    public var deviation: Double = 0
    public var isCut = false

    public init() {}
}

extension PaymentGraph {
    @inline(__always)
    private func list(_ key: UInt64, _ side: Side) -> EdgeList? {
        let node = key == 0 ? 0 : node(key)
        guard node != 0 else { return nil }
        return side == .out ? nodes[Int(node)].out : nodes[Int(node)].in
    }

    /// Movements held of one side of an account.
    public func movementCount(_ key: UInt64, _ side: Side) -> Int { list(key, side).map { Int($0.count) } ?? 0 }

    /// Calls the body with each movement in `(t − W, t]`, newest first, at most `limits.degree` of them, without the one asked about.
    ///
    /// - Returns: whether there were more.
    @inline(__always)
    private func each(_ list: EdgeList, _ moment: Moment, _ window: Int64, _ limits: GraphLimits, _ body: (Edge) -> Void) -> Bool {
        let end = count(list, upTo: moment.time)
        let low = moment.time &- window
        var i = end - 1
        var looked = 0
        while i >= 0 {
            let reference = lists.reference(list, i)
            let edge = edges[Int(reference)]
            if edge.time(watermark) <= low { return false }
            if reference != moment.own {
                if looked == limits.degree { return true }
                looked += 1
                body(edge)
            }
            i -= 1
        }
        return false
    }

    /// What an account's movements in a window come to, minor units.
    ///
    /// - Complexity: O(`limits.degree`).
    public func sum(_ key: UInt64, _ side: Side, at moment: Moment, window: Int64, _ limits: GraphLimits) -> Int64 {
        guard let list = list(key, side) else { return 0 }
        var sum: Int64 = 0
        _ = each(list, moment, window, limits) { sum += $0.amount }
        return sum
    }

    /// Counts an account's movements in a window.
    ///
    /// - Complexity: O(`limits.degree`).
    public func read(_ key: UInt64, _ side: Side, at moment: Moment, window: Int64, _ limits: GraphLimits) -> SideReading {
        var r = SideReading()
        guard let list = list(key, side) else { return r }
        let epoch = freshEpoch()
        r.isCut = each(list, moment, window, limits) { edge in
            r.count += 1
            r.sum += edge.amount
            r.max = Swift.max(r.max, edge.amount)
            let a = Double(edge.amount)
            r.squares += a * a
            let partner = Int(side == .out ? edge.to : edge.from)
            if partner != 0, marks[partner].epoch != epoch {
                marks[partner].epoch = epoch
                r.partners += 1
            }
        }
        return r
    }

    func freshEpoch() -> UInt32 {
        if let epoch = scratch.nextEpoch() { return epoch }
        wipeMarks()
        return scratch.nextEpoch()!
    }

    /// Cash and transfers with amounts in `low ..< high`, minor units.
    public func band(_ key: UInt64, _ side: Side, at moment: Moment, window: Int64, _ low: Int64, _ high: Int64, _ limits: GraphLimits) -> MatchReading {
        var r = MatchReading()
        guard let list = list(key, side) else { return r }
        r.isCut = each(list, moment, window, limits) { edge in
            r.total += 1
            if edge.isCashOrTransfer, edge.amount >= low, edge.amount < high {
                r.count += 1
                r.sum += edge.amount
            }
        }
        return r
    }

    /// Movements whose amount is a multiple of `unit`, minor units, and not 0.
    public func multiples(_ key: UInt64, _ side: Side, at moment: Moment, window: Int64, of unit: Int64, _ limits: GraphLimits) -> MatchReading {
        var r = MatchReading()
        guard let list = list(key, side) else { return r }
        r.isCut = each(list, moment, window, limits) { edge in
            r.total += 1
            if edge.amount > 0, edge.amount % unit == 0 {
                r.count += 1
                r.sum += edge.amount
            }
        }
        return r
    }

    /// How long what came in stayed before debits of the window, the debit of this moment among them.
    ///
    /// - Complexity: O(`limits.degree` · log).
    public func dwell(_ key: UInt64, at moment: Moment, window: Int64, _ limits: GraphLimits) -> DwellReading {
        var r = DwellReading()
        guard let incoming = list(key, .in), let outgoing = list(key, .out) else { return r }
        let low = moment.time &- window
        let times = scratch.numbers
        var n = 0
        func add(_ time: Int64, _ place: UInt64) {
            let before = count(incoming, before: time, place)
            guard before > 0 else { return }
            let inflow = edges[Int(lists.reference(incoming, before - 1))].time(watermark)
            guard inflow > low else { return }
            times[n] = time - inflow
            n += 1
        }
        add(moment.time, moment.place)
        r.isCut = each(outgoing, moment, window, limits) { add($0.time(watermark), $0.place) }
        guard n > 0 else { return r }
        // Insertion sort: there are few.
        for i in 1..<max(n, 1) {
            let value = times[i]
            var j = i
            while j > 0, times[j - 1] > value {
                times[j] = times[j - 1]
                j -= 1
            }
            times[j] = value
        }
        r.debits = Int64(n)
        r.median = times[(n - 1) / 2]
        return r
    }

    /// What an account gathered in the window, and what it paid after its `senders`th sender had paid it, with the payment of `amount` to `to`.
    ///
    /// - Complexity: O(`limits.degree`).
    public func gatherScatter(
        _ key: UInt64, to: UInt64, amount: Int64, at moment: Moment, window: Int64, senders minimum: Int64, _ limits: GraphLimits
    ) -> GatherScatterReading {
        var r = GatherScatterReading()
        guard let incoming = list(key, .in), let outgoing = list(key, .out) else { return r }
        var epoch = freshEpoch()
        let end = count(incoming, before: moment.time, moment.place)
        let low = moment.time &- window
        var first = count(incoming, upTo: low)
        if end - first > limits.degree {
            r.isCut = true
            first = end - limits.degree
        }
        var stood: (time: Int64, place: UInt64)?
        var i = first
        while i < end {
            let edge = edges[Int(lists.reference(incoming, i))]
            i += 1
            r.inflow += edge.amount
            let sender = Int(edge.from)
            if sender == 0 || marks[sender].epoch == epoch { continue }
            marks[sender].epoch = epoch
            r.senders += 1
            if r.senders == minimum { stood = (edge.time(watermark), edge.place) }
        }
        guard let stood else { return r }
        epoch = freshEpoch()
        let receiver = to == 0 ? 0 : node(to)
        r.outflow = amount
        r.receivers = to == 0 ? 0 : 1
        if receiver != 0 { marks[Int(receiver)].epoch = epoch }
        let last = count(outgoing, before: moment.time, moment.place)
        var begin = count(outgoing, before: stood.time, stood.place)
        if last - begin > limits.degree {
            r.isCut = true
            begin = last - limits.degree
        }
        i = begin
        while i < last {
            let edge = edges[Int(lists.reference(outgoing, i))]
            i += 1
            r.outflow += edge.amount
            let to = Int(edge.to)
            if to == 0 || marks[to].epoch == epoch { continue }
            marks[to].epoch = epoch
            r.receivers += 1
        }
        return r
    }

    /// Accounts on the other side in the window of this length that ended one such window ago: `(t − 2 W, t − W]`.
    ///
    /// - Complexity: O(`limits.degree`).
    public func partnersBefore(_ key: UInt64, _ side: Side, at moment: Moment, window: Int64, _ limits: GraphLimits) -> Int64 {
        let earlier = Moment(time: moment.time &- window, place: .max, own: moment.own)
        return read(key, side, at: earlier, window: window, limits).partners
    }

    /// The account's sums by day of `day` ms, counted back from the moment: the `days` before the last.
    ///
    /// - Parameter days: at most 128.
    /// - Complexity: O(`limits.degree` + days).
    public func habit(_ key: UInt64, _ side: Side, at moment: Moment, day: Int64, days: Int, _ limits: GraphLimits) -> HabitReading {
        var r = HabitReading()
        guard days > 0, let list = list(key, side) else { return r }
        let sums = scratch.numbers
        sums.update(repeating: 0, count: days)
        let end = Moment(time: moment.time &- day, place: .max, own: moment.own)
        // The day that is counted, and where it begins: times only fall.
        var back = 0
        var begin = end.time &- day
        r.isCut = each(list, end, day * Int64(days), limits) { edge in
            let time = edge.time(watermark)
            while time <= begin {
                back += 1
                begin &-= day
            }
            if sums[back] == 0, edge.amount > 0 { r.activeDays += 1 }
            sums[back] += edge.amount
        }
        r.days = Int64(days)
        var total = 0.0
        for d in 0..<days { total += Double(sums[d]) }
        r.mean = total / Double(days)
        var squares = 0.0
        for d in 0..<days {
            let off = Double(sums[d]) - r.mean
            squares += off * off
        }
        r.deviation = (squares / Double(days)).squareRoot()
        return r
    }
}
