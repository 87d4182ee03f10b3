internal import Velocity

/// Labels that are not due yet, the earliest first; of one time, in the order in which they came.
struct PendingLabels {
    private struct Element {
        var label: Label
        var order: UInt64
        func isBefore(_ other: Element) -> Bool { (label.labelTime, order) < (other.label.labelTime, other.order) }
    }

    /// A binary heap: each element comes before those at 2i + 1 and 2i + 2.
    private var heap: [Element] = []
    private var added: UInt64 = 0

    var count: Int { heap.count }

    /// - Complexity: O(log n)
    mutating func add(_ label: Label) {
        heap.append(Element(label: label, order: added))
        added += 1
        var i = heap.count - 1
        while i > 0, heap[i].isBefore(heap[(i - 1) / 2]) {
            heap.swapAt(i, (i - 1) / 2)
            i = (i - 1) / 2
        }
    }

    /// Takes out the earliest label if it is due at `time`.
    /// - Complexity: O(log n)
    mutating func next(upTo time: Int64) -> Label? {
        guard let first = heap.first, first.label.labelTime <= time else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var i = 0
        while true {
            var least = i
            for child in [2 * i + 1, 2 * i + 2] where child < heap.count && heap[child].isBefore(heap[least]) { least = child }
            if least == i { return first.label }
            heap.swapAt(i, least)
            i = least
        }
    }
}

/// Which label each transaction has in the end: of several the one with the highest label time, of equal ones the later.
struct FinalLabels {
    private struct Key: Hashable {
        var account: UInt64
        var transaction: UInt64
        var merchant: UInt64
        var time: Int64
    }

    private var labels: [Key: (time: Int64, isFraud: Bool)] = [:]

    private static func key(_ label: Label) -> Key {
        Key(account: label.account, transaction: label.transaction, merchant: label.merchant, time: label.transactionTime)
    }

    mutating func add(_ label: Label) {
        let key = Self.key(label)
        if let known = labels[key], known.time > label.labelTime { return }
        labels[key] = (label.labelTime, label.isFraud)
    }

    /// The label of the transaction that `label` is for, whatever that one says itself.
    func isFraud(_ label: Label) -> Bool? { labels[Self.key(label)]?.isFraud }
}
