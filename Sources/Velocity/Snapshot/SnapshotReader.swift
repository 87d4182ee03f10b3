import CPlatform
import Glibc

/// Builds a store from a snapshot's bytes, as they come: in pieces of any size.
///
/// Nothing of a frame is looked at before its checksum is right. After the last byte `finish` gives the store, which must then be brought on: what had been
/// applied between its first piece and its last is applied again, to what was written before, by `VelocityStore.bringOn`.
public final class SnapshotReader {
    private let store: VelocityStore
    private var frame = 0
    private var items: UInt64 = 0
    private var pending: [UInt8] = []
    private var hasHeader = false
    private var isEnded = false
    /// Where the snapshot stood after each of its pieces.
    public private(set) var boundaries: [SnapshotBoundary] = []

    /// Of an entity being read: its lists, in their order, of which the first `listsRead` are there.
    private var lists: [Expected] = []
    private var listsRead = 0
    /// Blocks of the list that is being read.
    private var handles: [UInt32] = []
    private enum List { case debits, credits, inflow, plain, sales }
    private struct Expected {
        let list: List
        /// Blocks to come; the highest bit: of a large list.
        let chunks: UInt32
        let slot: UnsafeMutablePointer<UInt32>
    }

    /// - Parameter configuration: what the snapshot must have been made under.
    public init(_ configuration: VelocityConfiguration) {
        store = VelocityStore(configuration)
        store.holdsIDs = true
    }

    init(_ configuration: VelocityConfiguration, _ limits: Limits) {
        store = VelocityStore(configuration, limits)
        store.holdsIDs = true
    }

    /// Takes the next bytes.
    ///
    /// - Throws: where they cannot be what a `SnapshotWriter` wrote under the same settings. The reader is of no use then.
    public func read(_ bytes: UnsafeRawBufferPointer) throws(SnapshotError) {
        var rest = bytes
        while true {
            if pending.isEmpty {
                let used = try readFrame(rest)
                if used == 0 {
                    pending.append(contentsOf: rest)
                    return
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[used...])
                if rest.isEmpty { return }
            } else {
                if rest.isEmpty { return }
                // As much as the begun frame needs.
                var wanted = SnapshotFormat.headBytes
                if pending.count >= 4 { wanted += pending.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))) } }
                if pending.count >= 4, wanted > SnapshotFormat.largestFrame { throw .corrupt(frame: frame) }
                let more = min(rest.count, max(0, wanted - pending.count))
                pending.append(contentsOf: rest[..<more])
                rest = UnsafeRawBufferPointer(rebasing: rest[more...])
                let used = try readPending()
                if used > 0 { pending.removeAll(keepingCapacity: true) } else if more == 0 { return }
            }
        }
    }

    private func readPending() throws(SnapshotError) -> Int {
        let bytes = pending
        let result = bytes.withUnsafeBytes { p -> Result<Int, SnapshotError> in
            do throws(SnapshotError) { return .success(try readFrame(p)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The store, with all that the snapshot holds.
    public func finish() throws(SnapshotError) -> VelocityStore {
        guard isEnded, pending.isEmpty else { throw .truncated }
        return store
    }

    /// Bytes of the frame that they begin with; 0: it is not all there.
    private func readFrame(_ bytes: UnsafeRawBufferPointer) throws(SnapshotError) -> Int {
        let head = SnapshotFormat.headBytes
        if bytes.count < head { return 0 }
        let count = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        let number = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        if isEnded || count == 0 || count > SnapshotFormat.largestFrame - head || number != UInt32(truncatingIfNeeded: frame) {
            throw frame == 0 ? .notASnapshot : .corrupt(frame: frame)
        }
        if bytes.count < head + count { return 0 }
        let sum = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        let payload = UnsafeRawBufferPointer(rebasing: bytes[head..<head + count])
        if Checksum.of(payload, seed: UInt64(number) << 32 | UInt64(count)) != sum {
            throw frame == 0 && !isMagic(payload) ? .notASnapshot : .corrupt(frame: frame)
        }
        prepare(payload)
        var at = try takePairs(payload)
        while at < count {
            guard count - at >= 4 else { throw .impossible("an item without a head") }
            let word = UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            let length = Int(word >> 8)
            guard let item = SnapshotFormat.Item(rawValue: UInt8(truncatingIfNeeded: word)), length <= count - at - 4 else {
                throw .impossible("an item that is not one")
            }
            try take(item, UnsafeRawBufferPointer(rebasing: payload[at + 4..<at + 4 + length]))
            items += 1
            at += 4 + (length + 3) & ~3
        }
        frame += 1
        return head + count
    }

    /// Brings the records of a frame's entities into the cache: they come in the order of their keys, and lie in the order of their ids.
    private func prepare(_ payload: UnsafeRawBufferPointer) {
        var at = 0
        while payload.count - at >= 24 {
            func u32(_ i: Int) -> UInt32 { UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: at + i, as: UInt32.self)) }
            switch SnapshotFormat.Item(rawValue: UInt8(truncatingIfNeeded: u32(0))) {
            case .account: weir_prefetch(store.accounts.record(u32(4)))
            case .entity: if let table = table(u32(20)) { weir_prefetch(table.record(u32(12))) }
            default: break
            }
            at += 4 + (Int(u32(0) >> 8) + 3) & ~3
        }
    }

    /// The table of a kind of entities that have one list.
    private func table(_ kind: UInt32) -> EntityTable? {
        switch SnapshotBoundary.Kind(rawValue: UInt8(truncatingIfNeeded: kind)) {
        case .cards: store.cards
        case .devices: store.devices
        case .ips: store.ips
        case .merchants: store.merchants
        default: nil
        }
    }

    /// Takes the pairs that a frame begins with, of which there are more than of anything else; bytes of them.
    private func takePairs(_ payload: UnsafeRawBufferPointer) throws(SnapshotError) -> Int {
        let word = UInt32(littleEndian: 24 << 8 | UInt32(SnapshotFormat.Item.pair.rawValue))
        let bytes = 4 + 24
        let pairs = store.pairs
        var at = 0
        guard hasHeader, lists.isEmpty else { return 0 }
        while payload.count - at >= bytes, payload.loadUnaligned(fromByteOffset: at, as: UInt32.self) == word {
            guard pairs.adopt(Self.pair(payload, at + 4)) else { throw .impossible("a pair") }
            items += 1
            at += bytes
        }
        return at
    }

    @inline(__always)
    private static func pair(_ p: UnsafeRawBufferPointer, _ at: Int) -> Pair {
        func u32(_ i: Int) -> UInt32 { UInt32(littleEndian: p.loadUnaligned(fromByteOffset: at + i, as: UInt32.self)) }
        func u64(_ i: Int) -> UInt64 { UInt64(littleEndian: p.loadUnaligned(fromByteOffset: at + i, as: UInt64.self)) }
        return Pair(account: u32(0), counterparty: u32(4), a: u64(8), b: u64(16))
    }

    private func isMagic(_ payload: UnsafeRawBufferPointer) -> Bool {
        payload.count >= 12 && UInt64(littleEndian: payload.loadUnaligned(fromByteOffset: 4, as: UInt64.self)) == SnapshotFormat.magic
    }

    // MARK: Items

    private func take(_ item: SnapshotFormat.Item, _ p: UnsafeRawBufferPointer) throws(SnapshotError) {
        func u32(_ at: Int) -> UInt32 { UInt32(littleEndian: p.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
        func u64(_ at: Int) -> UInt64 { UInt64(littleEndian: p.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
        func i64(_ at: Int) -> Int64 { Int64(bitPattern: u64(at)) }
        let needed =
            switch item {
            case .header: 40
            case .pieceEnd, .name, .country, .size: 16
            case .pair, .bucket: 24
            case .spilledPair, .label, .account: 48
            case .entity: 20
            case .block, .end: 8
            }
        guard p.count >= needed else { throw .impossible("an item that is too short") }
        guard hasHeader == (item != .header), !isEnded else { throw item == .header ? .impossible("a second header") : .notASnapshot }
        guard lists.isEmpty || item == .block else { throw .impossible("a list without its blocks") }
        switch item {
        case .header:
            guard u64(0) == SnapshotFormat.magic else { throw .notASnapshot }
            guard u32(8) == SnapshotFormat.version else { throw .version(u32(8)) }
            let form = SnapshotFormat.form(store)
            guard Int(u32(12)) == form.count, p.count >= 40 + 8 * form.count, form.indices.allSatisfy({ i64(40 + 8 * $0) == form[$0] }) else {
                throw .otherSettings
            }
            store.watermark = i64(16)
            store.eventHorizon = i64(24)
            store.memoryHorizon = i64(32)
            hasHeader = true
        case .size:
            let tables = store.tables
            guard u64(0) <= tables.count, u64(8) < UInt64(EntityTable.capacity) else { throw .impossible("the size of a table") }
            if u64(0) == tables.count { store.pairs.table.reserve(Int(u64(8))) } else { tables[Int(u64(0))].reserve(Int(u64(8))) }
        case .bucket: store.eventRing.adopt(number: i64(0), count: i64(8), sum: u64(16))
        case .pieceEnd:
            boundaries.append(SnapshotBoundary(kind: UInt8(truncatingIfNeeded: u32(12)), position: u64(0)))
        case .pair:
            guard store.pairs.adopt(Self.pair(p, 0)) else { throw .impossible("a pair") }
        case .spilledPair:
            let memory = Memory(last: i64(8), second: i64(16), count: i64(24), sum: UInt128(_low: u64(32), _high: u64(40)))
            guard store.pairs.adopt(u32(0), u32(4), memory) else { throw .impossible("a pair") }
        case .label:
            let label = LabelEntry(account: u64(0), transaction: u64(8), merchant: u64(16), time: i64(24), labelTime: i64(32), flags: u64(40))
            guard !label.isEmpty, store.labels.find(label) == nil else { throw .impossible("a label") }
            store.labels.insert(label)
        case .account:
            let id = u32(0)
            guard store.accounts.adopt(id, u64(4)) else { throw .impossible("an account") }
            let record = AccountRecord(store.accounts.record(id))
            record.p.copyMemory(from: p.baseAddress! + 4, byteCount: 32)
            expect(.debits, u32(36), record.debits)
            expect(.credits, u32(40), record.credits)
            expect(.inflow, u32(44), record.inflow)
        case .entity:
            guard let table = table(u32(16)), table.adopt(u32(8), u64(0)) else { throw .impossible("an entity") }
            expect(table === store.merchants ? .sales : .plain, u32(12), (table.record(u32(8)) + 8).assumingMemoryBound(to: UInt32.self))
        case .block: try takeBlock(p)
        case .name:
            let tables = store.tables
            guard Int(u32(12)) < tables.count, tables[Int(u32(12))].adopt(u32(8), u64(0)) else { throw .impossible("a name") }
        case .country:
            guard store.countries.adopt(u32(12), u64(0)) else { throw .impossible("a country") }
            (store.countries.record(u32(12)) + 8).copyMemory(from: p.baseAddress! + 8, byteCount: 4)
        case .end:
            guard u64(0) == items else { throw .impossible("the number of items") }
            isEnded = true
        }
    }

    private func expect(_ list: List, _ chunks: UInt32, _ slot: UnsafeMutablePointer<UInt32>) {
        if chunks != 0 { lists.append(Expected(list: list, chunks: chunks, slot: slot)) }
    }

    private func takeBlock(_ p: UnsafeRawBufferPointer) throws(SnapshotError) {
        guard listsRead < lists.count else { throw .impossible("a block without its list") }
        switch lists[listsRead].list {
        case .debits: try takeBlock(store.debits, p)
        case .credits: try takeBlock(store.credits, p)
        case .inflow: try takeBlock(store.inflows, p)
        case .plain: try takeBlock(store.plain, p)
        case .sales: try takeBlock(store.sales, p)
        }
    }

    private func takeBlock<S: Shape>(_ lists: Lists<S>, _ p: UnsafeRawBufferPointer) throws(SnapshotError) {
        guard let handle = lists.adopted(p) else { throw .impossible("a block") }
        let next = self.lists[listsRead]
        if next.chunks == 1 {
            next.slot.pointee = handle
        } else {
            handles.append(handle)
            guard handles.count == Int(next.chunks & 0x7fff_ffff) else { return }
            // Of several blocks a list is always a large one.
            guard next.chunks >> 31 != 0, let large = lists.assembled(handles) else { throw .impossible("a list") }
            next.slot.pointee = large
            handles.removeAll(keepingCapacity: true)
        }
        lists.lists += 1
        listsRead += 1
        if listsRead == self.lists.count {
            self.lists.removeAll(keepingCapacity: true)
            listsRead = 0
        }
    }
}
