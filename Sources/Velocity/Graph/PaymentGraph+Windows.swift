extension PaymentGraph {
    /// One side of an account in each of the windows, by one walk over the longest: newest first, at most `limits.degree` movements.
    ///
    /// A partner is new in a window when all its movements on this side that were looked at lie in it.
    /// - Parameters:
    ///   - windows: lengths in ms, ascending.
    ///   - readings: one a window; overwritten.
    ///   - newPartners: one a window; overwritten.
    /// - Returns: ms since the newest movement; −1 without one.
    /// - Complexity: O(`limits.degree` + windows).
    @discardableResult
    public func readWindows(
        _ key: UInt64, _ side: Side, at moment: Moment, _ windows: [Int64], _ limits: GraphLimits, _ readings: UnsafeMutablePointer<SideReading>,
        _ newPartners: UnsafeMutablePointer<Int64>
    ) -> Int64 {
        readings.update(repeating: SideReading(), count: windows.count)
        newPartners.update(repeating: 0, count: windows.count)
        let node = key == 0 ? 0 : node(key)
        guard node != 0 else { return -1 }
        let list = side == .out ? nodes[Int(node)].out : nodes[Int(node)].in
        let epoch = freshEpoch()
        var newest: Int64 = -1
        // Every movement is counted in the shortest window that holds it.
        var w = 0
        var looked = 0
        var i = count(list, upTo: moment.time) - 1
        walk: while i >= 0 {
            let reference = lists.reference(list, i)
            i -= 1
            if reference == moment.own { continue }
            let edge = edges[Int(reference)]
            let age = moment.time - edge.time(watermark)
            if newest < 0 { newest = age }
            while age >= windows[w] {
                w += 1
                if w == windows.count { break walk }
            }
            if looked == limits.degree {
                readings[w].isCut = true
                break
            }
            looked += 1
            let r = readings + w
            r.pointee.count += 1
            r.pointee.sum += edge.amount
            r.pointee.max = max(r.pointee.max, edge.amount)
            let a = Double(edge.amount)
            r.pointee.squares += a * a
            let partner = marks + Int(side == .out ? edge.to : edge.from)
            if (side == .out ? edge.to : edge.from) == 0 { continue }
            if partner.pointee.epoch != epoch {
                partner.pointee.epoch = epoch
                r.pointee.partners += 1
            } else {
                newPartners[Int(partner.pointee.count)] -= 1
            }
            partner.pointee.count = UInt32(w)
            newPartners[w] += 1
        }
        for w in 1..<max(1, windows.count) {
            let (shorter, r) = (readings[w - 1], readings + w)
            r.pointee.count += shorter.count
            r.pointee.sum += shorter.sum
            r.pointee.max = max(r.pointee.max, shorter.max)
            r.pointee.squares += shorter.squares
            r.pointee.partners += shorter.partners
            r.pointee.isCut = r.pointee.isCut || shorter.isCut
            newPartners[w] += newPartners[w - 1]
        }
        return newest
    }

    /// Two accounts, and the shorter of the two lists that hold what the first paid the second; nil where one of them is not known.
    private func pairList(_ from: UInt64, _ to: UInt64) -> (payer: UInt32, receiver: UInt32, list: EdgeList)? {
        guard from != 0, to != 0 else { return nil }
        let payer = node(from)
        let receiver = node(to)
        guard payer != 0, receiver != 0 else { return nil }
        let (out, into) = (nodes[Int(payer)].out, nodes[Int(receiver)].in)
        return (payer, receiver, out.count <= into.count ? out : into)
    }

    /// The account's payments to one other in the window before the moment: how many, and ms since the newest; (0, −1) without one.
    ///
    /// - Complexity: O(`limits.degree`).
    public func pair(from: UInt64, to: UInt64, at moment: Moment, window: Int64, _ limits: GraphLimits) -> (count: Int64, millisSince: Int64) {
        guard let (payer, receiver, list) = pairList(from, to) else { return (0, -1) }
        var found: (count: Int64, millisSince: Int64) = (0, -1)
        var i = count(list, before: moment.time, moment.place) - 1
        var looked = 0
        while i >= 0, looked < limits.degree {
            let edge = edges[Int(lists.reference(list, i))]
            let age = moment.time - edge.time(watermark)
            if age >= window { break }
            if edge.from == payer, edge.to == receiver {
                found.count += 1
                if found.millisSince < 0 { found.millisSince = age }
            }
            looked += 1
            i -= 1
        }
        return found
    }

    /// How many of the account's payments to one other that are held are later than the moment: what is asked about came late.
    ///
    /// - Complexity: O(log movements) where there are none, else O(`limits.degree`).
    public func pairAfter(from: UInt64, to: UInt64, at moment: Moment, _ limits: GraphLimits) -> Int64 {
        guard let (payer, receiver, list) = pairList(from, to) else { return 0 }
        var found: Int64 = 0
        let first = count(list, before: moment.time, moment.place)
        for i in first..<min(Int(list.count), first + limits.degree) {
            let reference = lists.reference(list, i)
            let edge = edges[Int(reference)]
            if reference != moment.own, edge.from == payer, edge.to == receiver { found += 1 }
        }
        return found
    }
}
