/// How far a snapshot has come, in the order in which it is written: kind by kind, within a kind by the keys' hashes.
///
/// What stands before the boundary after a piece is as it was when that piece was written, and takes part from there on.
public struct SnapshotBoundary: Comparable, Sendable {
    /// The order matters: what a list's marks are told from (pairs, labels) comes before the list.
    enum Kind: UInt8, CaseIterable, Comparable {
        case header, pairs, labels, accounts, cards, devices, ips, merchants, rest, end

        static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
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
        case header = 1, bucket, pieceEnd, pair, spilledPair, label, account, entity, block, name, country, end, size
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
