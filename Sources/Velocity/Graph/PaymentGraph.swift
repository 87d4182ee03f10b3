import Glibc

/// Who paid whom, when and how much, inside the longest window and the allowed lateness: compact adjacency that is searched for patterns.
///
/// What it answers is a function of the movements that are retained, whatever the order in which they came: edges are looked at by (time,
/// partition, offset). An edge takes 24 bytes, a reference in the list of each end, and one in the order of all. One thread owns it.
public final class PaymentGraph {
    /// How long a movement is retained behind the watermark, ms.
    let span: Int64
    /// The highest event time applied, movements or not; `Int64.min` before the first.
    public internal(set) var watermark = Int64.min
    /// Movements at or below it are gone, whatever the watermark says; only rises.
    public internal(set) var horizon = Int64.min
    /// The event time of the first transaction that was applied: what came before it is not known here. `Int64.max` before it.
    public internal(set) var beginning = Int64.max

    struct Node {
        /// Of a free node the number of the next free one.
        var key: UInt64 = 0
        var isFree = false
        var out = EdgeList()
        var `in` = EdgeList()
    }

    /// What a search notes at an account. It is no state: it means nothing after the search.
    struct Mark {
        var epoch: UInt32 = 0
        var seen: UInt32 = 0
        var count: UInt32 = 0
        var last: UInt32 = 0
    }

    private(set) var edges: UnsafeMutablePointer<Edge>
    private var edgeCapacity = 1 << 10
    private var edgeTop = 0
    private var freeEdge = Edge.none
    /// Movements held: exactly those that are retained.
    public private(set) var edgeCount = 0
    /// Of their hashes.
    private var sum: UInt64 = 0

    private(set) var nodes: UnsafeMutablePointer<Node>
    private(set) var marks: UnsafeMutablePointer<Mark>
    private var nodeCapacity = 1 << 8
    /// Node 0 is outside.
    private var nodeTop = 1
    private var freeNode: UInt32 = 0
    /// Accounts that have a movement.
    public private(set) var accountCount = 0
    /// Accounts that received, and that paid, among the movements held.
    public private(set) var receiverCount = 0
    public private(set) var payerCount = 0

    /// Open addressing with linear probing; 0 is empty.
    private var table: UnsafeMutablePointer<UInt32>
    private var tableMask = (1 << 9) - 1

    let lists = EdgeListArena()
    let order = EdgeOrder()
    /// While a snapshot is written: the movements that are new since it began.
    var newcomers: Newcomers?
    let scratch = GraphScratch()

    public init(_ configuration: VelocityConfiguration) {
        span = configuration.windows.last! + configuration.allowedLateness
        precondition(span < 1 << 39, "windows and lateness: less than 17 years")
        edges = Growable.make(edgeCapacity)
        nodes = Growable.make(nodeCapacity)
        nodes.initialize(to: Node())
        marks = Growable.make(nodeCapacity)
        marks.initialize(repeating: Mark(), count: nodeCapacity)
        table = .allocate(capacity: tableMask + 1)
        table.initialize(repeating: 0, count: tableMask + 1)
    }

    deinit {
        free(edges)
        free(nodes)
        free(marks)
        table.deallocate()
    }

    // MARK: Applying

    /// Moves the watermark on, as every applied transaction does, and takes the movement in where it is kept and retained.
    ///
    /// - Complexity: O(1) for the newest one, O(later movements of its ends) for a late one, and O(1) for each one that is gone by it.
    public func apply(time: Int64, _ movement: Movement?) {
        if watermark == .min { beginning = time }
        if time > watermark {
            expire(floor(time))
            watermark = time
        }
        guard let movement, movement.isKept, movement.time > floor(watermark) else { return }
        let from = movement.from == 0 ? 0 : makeNode(movement.from)
        let to = movement.to == 0 ? 0 : makeNode(movement.to)
        let reference = take(Edge(movement, from: from, to: to))
        newcomers?.insert(reference)
        if from != 0 {
            let list = nodes + Int(from)
            if list.pointee.out.count == 0 { payerCount += 1 }
            insert(reference, into: &list.pointee.out)
        }
        if to != 0 {
            let list = nodes + Int(to)
            if list.pointee.in.count == 0 { receiverCount += 1 }
            insert(reference, into: &list.pointee.in)
        }
        order.insert(reference, edges, watermark)
        edgeCount += 1
        sum &+= Self.hash(self.movement(reference))
        if lists.isSparse { lists.compact(nodes, nodeTop) }
    }

    /// Moves the horizon up (never down): what lies at or below it is gone.
    public func raise(horizon: Int64) {
        guard horizon > self.horizon else { return }
        self.horizon = horizon
        if watermark != .min { expire(floor(watermark)) }
    }

    /// Movements above it are retained at this watermark.
    func floor(_ watermark: Int64) -> Int64 {
        let (value, overflow) = watermark.subtractingReportingOverflow(span)
        return max(overflow ? .min : value, horizon)
    }

    private func expire(_ floor: Int64) {
        while !order.isEmpty {
            let reference = order.oldest
            let edge = edges[Int(reference)]
            if edge.time(watermark) > floor { return }
            sum &-= Self.hash(movement(reference))
            order.removeOldest()
            // The oldest of all is the oldest of each of its ends.
            if edge.from != 0 {
                let node = nodes + Int(edge.from)
                lists.removeFirst(&node.pointee.out)
                if node.pointee.out.count == 0 {
                    payerCount -= 1
                    if node.pointee.in.count == 0 { removeNode(edge.from) }
                }
            }
            if edge.to != 0 {
                let node = nodes + Int(edge.to)
                lists.removeFirst(&node.pointee.in)
                if node.pointee.in.count == 0 {
                    receiverCount -= 1
                    if node.pointee.out.count == 0 { removeNode(edge.to) }
                }
            }
            edges[Int(reference)] = Edge(next: freeEdge)
            freeEdge = reference
            edgeCount -= 1
        }
    }

    private func insert(_ reference: UInt32, into list: inout EdgeList) {
        let edge = edges[Int(reference)]
        lists.insert(reference, at: count(list, before: edge.time(watermark), edge.place), into: &list)
    }

    private func take(_ edge: Edge) -> UInt32 {
        if freeEdge != Edge.none {
            let reference = freeEdge
            freeEdge = edges[Int(reference)].next
            edges[Int(reference)] = edge
            return reference
        }
        if edgeTop == edgeCapacity {
            precondition(edgeCapacity < 1 << 31, "more movements than 32 bits can name")
            edgeCapacity *= 2
            edges = Growable.grown(edges, to: edgeCapacity)
        }
        edges[edgeTop] = edge
        edgeTop += 1
        return UInt32(edgeTop - 1)
    }

    // MARK: Accounts

    /// Where a key is looked for first; keys are hashes already.
    @inline(__always)
    private func slot(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key) & tableMask }

    /// The account's number, 0 when it has no movement.
    @inline(__always)
    func node(_ key: UInt64) -> UInt32 {
        var i = slot(key)
        while table[i] != 0 {
            if nodes[Int(table[i])].key == key { return table[i] }
            i = (i + 1) & tableMask
        }
        return 0
    }

    private func makeNode(_ key: UInt64) -> UInt32 {
        let known = node(key)
        if known != 0 { return known }
        let new: UInt32
        if freeNode != 0 {
            new = freeNode
            freeNode = UInt32(truncatingIfNeeded: nodes[Int(new)].key)
        } else {
            if nodeTop == nodeCapacity { growNodes() }
            new = UInt32(nodeTop)
            nodeTop += 1
        }
        (nodes + Int(new)).initialize(to: Node(key: key))
        accountCount += 1
        if accountCount * 2 > tableMask { growTable() } else { put(new) }
        return new
    }

    private func put(_ node: UInt32) {
        var i = slot(nodes[Int(node)].key)
        while table[i] != 0 { i = (i + 1) & tableMask }
        table[i] = node
    }

    private func growNodes() {
        precondition(nodeCapacity < 1 << 24, "more accounts than 24 bits can name")
        nodes = Growable.grown(nodes, to: nodeCapacity * 2)
        marks = Growable.grown(marks, to: nodeCapacity * 2)
        (marks + nodeCapacity).initialize(repeating: Mark(), count: nodeCapacity)
        nodeCapacity *= 2
    }

    private func growTable() {
        table.deallocate()
        tableMask = tableMask * 2 + 1
        table = .allocate(capacity: tableMask + 1)
        table.initialize(repeating: 0, count: tableMask + 1)
        for node in 1..<nodeTop where !nodes[node].isFree { put(UInt32(node)) }
    }

    /// Linear probing without tombstones: what follows in the run moves up where it may.
    private func removeNode(_ node: UInt32) {
        var i = slot(nodes[Int(node)].key)
        while table[i] != node { i = (i + 1) & tableMask }
        var j = i
        while true {
            j = (j + 1) & tableMask
            if table[j] == 0 { break }
            let home = slot(nodes[Int(table[j])].key)
            if (j - home) & tableMask >= (j - i) & tableMask {
                table[i] = table[j]
                i = j
            }
        }
        table[i] = 0
        (nodes + Int(node)).initialize(to: Node(key: UInt64(freeNode), isFree: true))
        freeNode = node
        accountCount -= 1
    }

    // MARK: Reading lists

    /// How many movements of the list lie before a moment.
    ///
    /// - Complexity: O(1) where all do, else O(log movements).
    @inline(__always)
    func count(_ list: EdgeList, before time: Int64, _ place: UInt64) -> Int {
        var high = Int(list.count)
        if high == 0 || isBefore(lists.reference(list, high - 1), time, place) { return high }
        var low = 0
        high -= 1
        while low < high {
            let middle = (low + high) / 2
            if isBefore(lists.reference(list, middle), time, place) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// How many movements of the list have this time or an earlier one.
    @inline(__always)
    func count(_ list: EdgeList, upTo time: Int64) -> Int { count(list, before: time, .max) }

    @inline(__always)
    private func isBefore(_ reference: UInt32, _ time: Int64, _ place: UInt64) -> Bool {
        let edge = edges[Int(reference)]
        let edgeTime = edge.time(watermark)
        return edgeTime < time || (edgeTime == time && edge.place < place)
    }

    /// A movement that a search or a list names.
    public func movement(_ reference: UInt32) -> Movement {
        let edge = edges[Int(reference)]
        return Movement(
            time: edge.time(watermark), amount: edge.amount, from: nodes[Int(edge.from)].key, to: nodes[Int(edge.to)].key,
            isCashOrTransfer: edge.isCashOrTransfer, partition: edge.partition, offset: edge.offset)
    }

    /// The moment of a movement that is held already, so that it is asked as of its own place and leaves itself out; nil when it is not held.
    ///
    /// Of several with the same ends, time and amount, which differ in nothing else that is asked, it is the first.
    public func moment(of movement: Movement) -> Moment? {
        guard movement.isKept else { return nil }
        let node = node(movement.from != 0 ? movement.from : movement.to)
        guard node != 0 else { return nil }
        let list = movement.from != 0 ? nodes[Int(node)].out : nodes[Int(node)].in
        var i = count(list, upTo: movement.time - 1)
        while i < Int(list.count) {
            let reference = lists.reference(list, i)
            let held = self.movement(reference)
            if held.time != movement.time { return nil }
            if held.amount == movement.amount, held.from == movement.from, held.to == movement.to {
                return Moment(time: held.time, place: edges[Int(reference)].place, own: reference)
            }
            i += 1
        }
        return nil
    }

    /// Forgets what searches noted; epochs begin anew.
    func wipeMarks() { marks.update(repeating: Mark(), count: nodeCapacity) }

    // MARK: Counting

    /// A sum over the movements held: order and layout do not matter.
    ///
    /// - Complexity: O(1).
    public func digest() -> UInt64 { sum }

    private static func hash(_ m: Movement) -> UInt64 {
        var h: UInt64 = m.isCashOrTransfer ? 0x9e37_79b9_7f4a_7c15 : 0xd1b5_4a32_d192_ed03
        func add(_ word: UInt64) {
            h = (h ^ word) &* 0xbf58_476d_1ce4_e5b9
            h ^= h >> 31
        }
        add(m.from)
        add(m.to)
        add(UInt64(bitPattern: m.time))
        add(UInt64(m.amount))
        add(Edge.place(m.partition, m.offset))
        add(0x94d0_49bb_1331_11eb)
        return h
    }

    /// Bytes of edges, their lists and their order, those that wait to be used again included.
    public var edgeBytes: Int { edgeTop * MemoryLayout<Edge>.stride + lists.bytes + order.bytes }

    /// All bytes that the graph holds.
    public var stateBytes: Int {
        edgeBytes + nodeTop * (MemoryLayout<Node>.stride + MemoryLayout<Mark>.stride) + (tableMask + 1) * 4 + scratch.bytes
    }
}
