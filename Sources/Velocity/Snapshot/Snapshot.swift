/// How far a snapshot has come, in the order in which it is written: kind by kind, within a kind by the keys' hashes.
///
/// What stands before the boundary after a piece is as it was when that piece was written, and takes part from there on.
public struct SnapshotBoundary: Comparable, Sendable {
    /// The order matters: what a list's marks are told from (pairs, labels) comes before the list.
    enum Kind: UInt8, CaseIterable {
        case header, pairs, labels, accounts, cards, devices, ips, merchants, rest, end
    }

    public let kind: UInt8
    public let position: UInt64

    init(_ kind: Kind, _ position: UInt64) {
        self.kind = kind.rawValue
        self.position = position
    }

    /// From its parts, as they were kept beside the snapshot.
    public init(kind: UInt8, position: UInt64) {
        self.kind = kind
        self.position = position
    }

    @inline(__always)
    func includes(_ kind: Kind, _ position: UInt64) -> Bool {
        kind.rawValue < self.kind || kind.rawValue == self.kind && position < self.position
    }

    public static func < (a: Self, b: Self) -> Bool { a.kind == b.kind ? a.position < b.position : a.kind < b.kind }
}

/// Why a snapshot is not used. None of it is fatal: the log is the truth.
public enum SnapshotError: Error, Equatable, Sendable {
    /// It does not begin as one.
    case notASnapshot
    /// Written by another version of the format.
    case version(UInt32)
    /// Made under other windows, lateness, retentions or feedback settings, or other limits of the lists.
    case otherSettings
    /// A frame's checksum, length or number is not what it must be.
    case corrupt(frame: Int)
    /// It ends before its end.
    case truncated
    /// A frame is whole, and says what cannot be.
    case impossible(String)
}

enum SnapshotFormat {
    static let magic: UInt64 = 0x5745_4952_534e_4150
    static let version: UInt32 = 1
    /// Bytes of a frame's head: length, number, checksum.
    static let headBytes = 16
    static let frameBytes = 1 << 18
    /// A frame never has more: a frame is closed when it is full, and an item is smaller than a block's largest piece.
    static let largestFrame = frameBytes + 4096

    /// Types of items.
    enum Item: UInt8 {
        case header = 1, bucket, pieceEnd, pair, spilledPair, label, account, entity, block, name, country, end
    }

    /// Four sums over words, each step of which can be undone: no single change of a word leaves the sum as it was.
    static func checksum(_ bytes: UnsafeRawBufferPointer, _ seed: UInt64) -> UInt64 {
        let prime: UInt64 = 0x9e37_79b9_7f4a_7c15
        var a = seed &+ prime
        var b = seed ^ 0xd6e8_feb8_6659_fd93
        var c = seed &- prime
        var d = ~seed
        var i = 0
        let count = bytes.count
        guard let p = bytes.baseAddress else { return mixed(a ^ b) }
        @inline(__always) func word(_ i: Int) -> UInt64 { UInt64(littleEndian: (p + i).loadUnaligned(as: UInt64.self)) }
        @inline(__always) func step(_ h: inout UInt64, _ w: UInt64) {
            h = (h ^ w) &* prime
            h = h << 29 | h >> 35
        }
        while i + 32 <= count {
            step(&a, word(i))
            step(&b, word(i + 8))
            step(&c, word(i + 16))
            step(&d, word(i + 24))
            i += 32
        }
        while i + 8 <= count {
            step(&a, word(i))
            i += 8
        }
        while i < count {
            step(&b, UInt64(p.load(fromByteOffset: i, as: UInt8.self)))
            i += 1
        }
        return mixed(mixed(mixed(mixed(a) &+ b) &+ c) &+ d ^ UInt64(count))
    }

    private static func mixed(_ x: UInt64) -> UInt64 {
        var z = (x ^ x >> 32) &* 0xd6e8_feb8_6659_fd93
        z = (z ^ z >> 32) &* 0xd6e8_feb8_6659_fd93
        return z ^ z >> 32
    }

    /// What two states must have in common so that one's lists can be the other's.
    static func form(_ store: VelocityStore) -> [Int64] {
        let c = store.configuration
        return c.windows + [
            -1, c.allowedLateness, c.accountRetention, c.pairRetention, c.feedbackDelay, c.feedbackEnabled ? 1 : 0, Int64(store.debits.layout.full),
            Int64(store.debits.layout.timeBytes),
        ]
    }
}
