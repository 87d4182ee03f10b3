import Glibc

/// References to edges, ascending by (time, place): 16 bytes, and a block in the arena. A single reference lies in the list itself.
struct EdgeList {
    /// The block; with size class 0 the reference itself.
    var block: UInt32 = 0
    var start: UInt32 = 0
    var count: UInt32 = 0
    var sizeClass: UInt32 = 0
}

/// Blocks of references in size classes, four a doubling; a block that is given back is used again, and when many wait for that all are laid out anew.
final class EdgeListArena {
    /// References, in units of two.
    private(set) var words: UnsafeMutablePointer<UInt32>
    private var capacity: Int
    private var top = 0
    /// References a block of each class holds.
    private let sizes: UnsafeMutablePointer<Int>
    private let free: UnsafeMutablePointer<UInt32>
    private static var classes: Int { 120 }
    /// References in blocks that wait to be used again.
    private var waiting = 0

    init() {
        capacity = 1 << 12
        words = Growable.make(capacity)
        sizes = .allocate(capacity: Self.classes)
        free = .allocate(capacity: Self.classes)
        free.initialize(repeating: .max, count: Self.classes)
        var size = 0
        for i in 0..<Self.classes {
            // 1, 2, 4, 6, 8, then in quarters of the last power of two: 10, 12, 14, 16, 20, 24, 28, 32, 40, …
            size = i == 0 ? 1 : i <= 4 ? (i == 1 ? 2 : size + 2) : size + max(2, (1 << (Int.bitWidth - 1 - size.leadingZeroBitCount)) / 4)
            (sizes + i).initialize(to: size)
        }
    }

    deinit {
        Glibc.free(words)
        sizes.deallocate()
        free.deallocate()
    }

    /// Bytes in use, blocks that wait to be used again included.
    var bytes: Int { top * 4 }

    /// The references of a list that is not empty. Valid until a list grows.
    @inline(__always)
    func references(_ list: borrowing EdgeList) -> UnsafeMutablePointer<UInt32> { words + (Int(list.block) * 2 + Int(list.start)) }

    @inline(__always)
    func reference(_ list: EdgeList, _ i: Int) -> UInt32 {
        list.sizeClass == 0 ? list.block : words[Int(list.block) * 2 + Int(list.start) + i]
    }

    /// - Complexity: O(references behind `i`).
    func insert(_ reference: UInt32, at i: Int, into list: inout EdgeList) {
        if list.sizeClass == 0 {
            if list.count == 0 {
                list.block = reference
                list.count = 1
                return
            }
            let only = list.block
            list = EdgeList(block: take(1), start: 0, count: 1, sizeClass: 1)
            references(list)[0] = only
        }
        let size = sizes[Int(list.sizeClass)]
        if Int(list.start + list.count) == size {
            if Int(list.start) * 8 >= size {
                let p = references(list)
                (p - Int(list.start)).update(from: p, count: Int(list.count))
                list.start = 0
            } else {
                move(&list, to: list.sizeClass + 1)
            }
        }
        let p = references(list)
        memmove(p + i + 1, p + i, (Int(list.count) - i) * 4)
        p[i] = reference
        list.count += 1
    }

    /// Takes the oldest reference out.
    func removeFirst(_ list: inout EdgeList) {
        precondition(list.count > 0, "there is a first")
        list.count -= 1
        if list.sizeClass == 0 { return }
        list.start += 1
        if list.count == 0 {
            give(list.block, list.sizeClass)
            list = EdgeList()
        } else if list.count == 1 {
            let only = references(list)[0]
            give(list.block, list.sizeClass)
            list = EdgeList(block: only, start: 0, count: 1, sizeClass: 0)
        } else if Int(list.count) * 3 <= sizes[Int(list.sizeClass)] {
            let target = sizeClass(for: Int(list.count))
            if target < list.sizeClass { move(&list, to: target) }
        }
    }

    /// The class for a list of so many references: room for a sixteenth more.
    private func sizeClass(for count: Int) -> UInt32 {
        var c = 1
        while sizes[c] < count + count / 16 { c += 1 }
        return UInt32(c)
    }

    /// Whether more than a tenth waits to be used again.
    var isSparse: Bool { waiting * 10 > top && top > 1 << 12 }

    /// Lays the blocks of all lists out anew, without gaps.
    ///
    /// - Complexity: O(references + lists); at most once in so many references given back.
    func compact(_ nodes: UnsafeMutablePointer<PaymentGraph.Node>, _ count: Int) {
        var needed = 0
        func add(_ list: EdgeList) { if list.sizeClass > 0 { needed += sizes[Int(sizeClass(for: Int(list.count)))] } }
        for i in 0..<count where !nodes[i].isFree {
            add(nodes[i].out)
            add(nodes[i].in)
        }
        let old = words
        capacity = max(capacity, needed)
        words = Growable.make(capacity)
        top = 0
        waiting = 0
        free.update(repeating: .max, count: Self.classes)
        func copy(_ list: inout EdgeList) {
            guard list.sizeClass > 0 else { return }
            let c = sizeClass(for: Int(list.count))
            let block = UInt32(top / 2)
            (words + top).update(from: old + (Int(list.block) * 2 + Int(list.start)), count: Int(list.count))
            top += sizes[Int(c)]
            list = EdgeList(block: block, start: 0, count: list.count, sizeClass: c)
        }
        for i in 0..<count where !nodes[i].isFree {
            copy(&nodes[i].out)
            copy(&nodes[i].in)
        }
        precondition(top == needed, "each list is laid out once")
        Glibc.free(old)
    }

    private func move(_ list: inout EdgeList, to sizeClass: UInt32) {
        let block = take(sizeClass)
        (words + Int(block) * 2).update(from: references(list), count: Int(list.count))
        give(list.block, list.sizeClass)
        list = EdgeList(block: block, start: 0, count: list.count, sizeClass: sizeClass)
    }

    private func take(_ sizeClass: UInt32) -> UInt32 {
        let c = Int(sizeClass)
        if free[c] != .max {
            let block = free[c]
            free[c] = words[Int(block) * 2]
            waiting -= sizes[c]
            return block
        }
        let begin = top
        top += sizes[c]
        if top > capacity {
            precondition(top / 2 < Int(UInt32.max), "more references than 32 bits can name")
            let larger = max(top, capacity * 2)
            words = Growable.grown(words, to: larger)
            capacity = larger
        }
        return UInt32(begin / 2)
    }

    private func give(_ block: UInt32, _ sizeClass: UInt32) {
        words[Int(block) * 2] = free[Int(sizeClass)]
        free[Int(sizeClass)] = block
        waiting += sizes[Int(sizeClass)]
    }
}
