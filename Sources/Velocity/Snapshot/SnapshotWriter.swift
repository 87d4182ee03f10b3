import Glibc

/// Writes a state piece by piece, between whose pieces the state goes on.
///
/// A piece is what one call of `step` writes. Whoever calls notes beside it how far the input had been applied then, and `boundary` after it. Until the last
/// piece, or `cancel`, the store keeps ids that it would give back. No copy of the state is made: one buffer of 256 KB, and the ids of entities that are new.
public final class SnapshotWriter {
    private let store: VelocityStore
    private var kind = SnapshotBoundary.Kind.header
    private var position: UInt64 = 0
    private let buffer: UnsafeMutableRawPointer
    private var filled = SnapshotFormat.headBytes
    private var frame: UInt32 = 0
    private var items: UInt64 = 0
    private var written = 0
    private var pieces: UInt32 = 0
    public private(set) var isDone = false

    /// What has been written up to now.
    public var boundary: SnapshotBoundary { SnapshotBoundary(kind, position) }

    /// Begins a snapshot. One at a time may be written of a store.
    public init(of store: VelocityStore) {
        precondition(!store.holdsIDs, "one snapshot at a time, and none while one is brought on")
        self.store = store
        buffer = .allocate(byteCount: SnapshotFormat.largestFrame + SnapshotFormat.headBytes, alignment: 16)
        store.holdsIDs = true
        for table in store.tables { table.born = [] }
    }

    deinit {
        cancel()
        buffer.deallocate()
    }

    /// Ends without the rest. What was written cannot be used.
    public func cancel() {
        if isDone { return }
        isDone = true
        store.holdsIDs = false
        for table in store.tables { table.born = nil }
    }

    /// All is written but the last piece, which is small.
    public var isLastNext: Bool { kind == .rest }

    /// Writes the next piece: some `budget` bytes, more where a single list is larger. The last one is always one of its own.
    ///
    /// - Parameter write: takes the bytes, which are borrowed, several times; what it is given over all steps is the snapshot.
    /// - Returns: whether there is more.
    /// - Complexity: O(budget, or the largest list): some 2 GB/s, plus what `write` takes.
    public func step(budget: Int, _ write: (UnsafeRawBufferPointer) -> Void) -> Bool {
        precondition(!isDone, "the snapshot has an end")
        let start = written
        repeat {
            switch kind {
            case .header:
                writeHeader(write)
                go(to: .pairs)
            case .pairs: slice(.labels, FlatTable<Pair>.positions, store.pairs.table.slice(from: position) { self.pair($0.pointee, write) })
            case .labels: slice(.accounts, FlatTable<LabelEntry>.positions, store.labels.slice(from: position) { self.label($0.pointee, write) })
            case .accounts: slice(.cards, EntityTable.positions, store.accounts.slice(from: position) { self.account($0, write) })
            case .cards: entities(.devices, store.cards, store.plain, write)
            case .devices: entities(.ips, store.devices, store.plain, write)
            case .ips: entities(.merchants, store.ips, store.plain, write)
            case .merchants: entities(.rest, store.merchants, store.sales, write)
            case .rest:
                writeRest(write)
                go(to: .end)
            case .end: break
            }
        } while kind < .rest && written + filled - start < budget
        pieces += 1
        put(.pieceEnd, 16, write) { p in
            p.storeBytes(of: position.littleEndian, as: UInt64.self)
            p.storeBytes(of: pieces.littleEndian, toByteOffset: 8, as: UInt32.self)
            p.storeBytes(of: UInt32(kind.rawValue).littleEndian, toByteOffset: 12, as: UInt32.self)
        }
        if kind == .end { put(.end, 8, write) { $0.storeBytes(of: items.littleEndian, as: UInt64.self) } }
        flush(write)
        if kind == .end { cancel() }
        return !isDone
    }

    private func go(to kind: SnapshotBoundary.Kind) {
        self.kind = kind
        position = 0
    }

    private func slice(_ next: SnapshotBoundary.Kind, _ positions: UInt64, _ until: UInt64) {
        position = until
        if until >= positions { go(to: next) }
    }

    private func entities<S: Shape>(_ next: SnapshotBoundary.Kind, _ table: EntityTable, _ lists: Lists<S>, _ write: (UnsafeRawBufferPointer) -> Void) {
        slice(
            next, EntityTable.positions,
            table.slice(from: position) { id in
                let handle = (table.record(id) + 8).load(as: UInt32.self)
                self.put(.entity, 20, write) { p in
                    p.storeBytes(of: table.key(id).littleEndian, as: UInt64.self)
                    p.storeBytes(of: id.littleEndian, toByteOffset: 8, as: UInt32.self)
                    p.storeBytes(of: self.chunks(lists, handle).littleEndian, toByteOffset: 12, as: UInt32.self)
                    p.storeBytes(of: UInt32(self.kind.rawValue).littleEndian, toByteOffset: 16, as: UInt32.self)
                }
                self.list(lists, handle, write)
            })
    }

    // MARK: Items

    private func writeHeader(_ write: (UnsafeRawBufferPointer) -> Void) {
        let form = SnapshotFormat.form(store)
        put(.header, 40 + 8 * form.count, write) { p in
            p.storeBytes(of: SnapshotFormat.magic.littleEndian, as: UInt64.self)
            p.storeBytes(of: SnapshotFormat.version.littleEndian, toByteOffset: 8, as: UInt32.self)
            p.storeBytes(of: UInt32(form.count).littleEndian, toByteOffset: 12, as: UInt32.self)
            p.storeBytes(of: store.watermark.littleEndian, toByteOffset: 16, as: Int64.self)
            p.storeBytes(of: store.eventHorizon.littleEndian, toByteOffset: 24, as: Int64.self)
            p.storeBytes(of: store.memoryHorizon.littleEndian, toByteOffset: 32, as: Int64.self)
            for (i, value) in form.enumerated() { p.storeBytes(of: value.littleEndian, toByteOffset: 40 + 8 * i, as: Int64.self) }
        }
        // How large the tables are: what comes in the order of the hashes would crowd a table that grows meanwhile.
        for (number, count) in (store.tables.map(\.count) + [store.pairs.count]).enumerated() {
            put(.size, 16, write) { p in
                p.storeBytes(of: UInt64(number).littleEndian, as: UInt64.self)
                p.storeBytes(of: UInt64(count).littleEndian, toByteOffset: 8, as: UInt64.self)
            }
        }
        store.eventRing.forEach { number, count, sum in
            put(.bucket, 24, write) { p in
                p.storeBytes(of: number.littleEndian, as: Int64.self)
                p.storeBytes(of: count.littleEndian, toByteOffset: 8, as: Int64.self)
                p.storeBytes(of: sum.littleEndian, toByteOffset: 16, as: UInt64.self)
            }
        }
    }

    private func pair(_ pair: Pair, _ write: (UnsafeRawBufferPointer) -> Void) {
        if let spilled = store.pairs.spilled(pair) {
            put(.spilledPair, 48, write) { p in
                p.storeBytes(of: pair.account.littleEndian, as: UInt32.self)
                p.storeBytes(of: pair.counterparty.littleEndian, toByteOffset: 4, as: UInt32.self)
                p.storeBytes(of: spilled.last.littleEndian, toByteOffset: 8, as: Int64.self)
                p.storeBytes(of: spilled.second.littleEndian, toByteOffset: 16, as: Int64.self)
                p.storeBytes(of: spilled.count.littleEndian, toByteOffset: 24, as: Int64.self)
                p.storeBytes(of: spilled.sum._low.littleEndian, toByteOffset: 32, as: UInt64.self)
                p.storeBytes(of: spilled.sum._high.littleEndian, toByteOffset: 40, as: UInt64.self)
            }
        } else {
            put(.pair, 24, write) { p in
                p.storeBytes(of: pair.account.littleEndian, as: UInt32.self)
                p.storeBytes(of: pair.counterparty.littleEndian, toByteOffset: 4, as: UInt32.self)
                p.storeBytes(of: pair.a.littleEndian, toByteOffset: 8, as: UInt64.self)
                p.storeBytes(of: pair.b.littleEndian, toByteOffset: 16, as: UInt64.self)
            }
        }
    }

    private func label(_ label: LabelEntry, _ write: (UnsafeRawBufferPointer) -> Void) {
        put(.label, 48, write) { p in
            p.storeBytes(of: label.account.littleEndian, as: UInt64.self)
            p.storeBytes(of: label.transaction.littleEndian, toByteOffset: 8, as: UInt64.self)
            p.storeBytes(of: label.merchant.littleEndian, toByteOffset: 16, as: UInt64.self)
            p.storeBytes(of: label.time.littleEndian, toByteOffset: 24, as: Int64.self)
            p.storeBytes(of: label.labelTime.littleEndian, toByteOffset: 32, as: Int64.self)
            p.storeBytes(of: label.flags.littleEndian, toByteOffset: 40, as: UInt64.self)
        }
    }

    private func account(_ id: UInt32, _ write: (UnsafeRawBufferPointer) -> Void) {
        let record = AccountRecord(store.accounts.record(id))
        put(.account, 48, write) { p in
            p.storeBytes(of: id.littleEndian, as: UInt32.self)
            p.copyMemory(from: record.p, byteCount: 32, at: 4)
            p.storeBytes(of: chunks(store.debits, record.debits.pointee).littleEndian, toByteOffset: 36, as: UInt32.self)
            p.storeBytes(of: chunks(store.credits, record.credits.pointee).littleEndian, toByteOffset: 40, as: UInt32.self)
            p.storeBytes(of: chunks(store.inflows, record.inflow.pointee).littleEndian, toByteOffset: 44, as: UInt32.self)
        }
        list(store.debits, record.debits.pointee, write)
        list(store.credits, record.credits.pointee, write)
        list(store.inflows, record.inflow.pointee, write)
    }

    /// Number of a list's blocks; the highest bit says that they are a large list's.
    private func chunks<S: Shape>(_ lists: Lists<S>, _ handle: UInt32) -> UInt32 {
        if handle == 0 { return 0 }
        return lists.isLarge(handle) ? 1 << 31 | UInt32(lists.large(handle).pointee.range.count) : 1
    }

    private func list<S: Shape>(_ lists: Lists<S>, _ handle: UInt32, _ write: (UnsafeRawBufferPointer) -> Void) {
        if handle == 0 { return }
        if lists.isLarge(handle) {
            let h = lists.large(handle)
            for k in h.pointee.range { block(h.pointee.chunks[k].handle, write) }
        } else {
            block(handle, write)
        }
    }

    private func block(_ handle: UInt32, _ write: (UnsafeRawBufferPointer) -> Void) {
        let p = store.arena[handle]
        let size = store.arena.bytes(ofSize: Header(p.load(as: UInt64.self)).size)
        put(.block, size, write) { $0.copyMemory(from: p, byteCount: size) }
    }

    private func writeRest(_ write: (UnsafeRawBufferPointer) -> Void) {
        for (number, table) in store.tables.enumerated() {
            for id in table.born ?? [] {
                put(.name, 16, write) { p in
                    p.storeBytes(of: table.key(id).littleEndian, as: UInt64.self)
                    p.storeBytes(of: id.littleEndian, toByteOffset: 8, as: UInt32.self)
                    p.storeBytes(of: UInt32(number).littleEndian, toByteOffset: 12, as: UInt32.self)
                }
            }
        }
        let countries = store.countries
        if countries.lastID == 0 { return }
        for id in 1...countries.lastID where !countries.isFree(id) {
            put(.country, 16, write) { p in
                p.copyMemory(from: countries.record(id), byteCount: 12)
                p.storeBytes(of: id.littleEndian, toByteOffset: 12, as: UInt32.self)
            }
        }
    }

    // MARK: Frames

    @inline(__always)
    private func put(_ item: SnapshotFormat.Item, _ count: Int, _ write: (UnsafeRawBufferPointer) -> Void, _ body: (UnsafeMutableRawPointer) -> Void) {
        // Type and length first; all of an item lies in one frame.
        if filled + count + 8 > SnapshotFormat.frameBytes { flush(write) }
        let p = buffer + filled
        p.storeBytes(of: (UInt32(count) << 8 | UInt32(item.rawValue)).littleEndian, as: UInt32.self)
        body(p + 4)
        filled += (count + 4 + 3) & ~3
        items += 1
    }

    private func flush(_ write: (UnsafeRawBufferPointer) -> Void) {
        let count = filled - SnapshotFormat.headBytes
        if count == 0 { return }
        let sum = Checksum.of(
            UnsafeRawBufferPointer(start: buffer + SnapshotFormat.headBytes, count: count), seed: UInt64(frame) << 32 | UInt64(count))
        buffer.storeBytes(of: UInt32(count).littleEndian, as: UInt32.self)
        buffer.storeBytes(of: frame.littleEndian, toByteOffset: 4, as: UInt32.self)
        buffer.storeBytes(of: sum.littleEndian, toByteOffset: 8, as: UInt64.self)
        write(UnsafeRawBufferPointer(start: buffer, count: filled))
        written += filled
        filled = SnapshotFormat.headBytes
        frame += 1
    }
}

extension UnsafeMutableRawPointer {
    fileprivate func copyMemory(from source: UnsafeRawPointer, byteCount: Int, at offset: Int) {
        (self + offset).copyMemory(from: source, byteCount: byteCount)
    }
}

extension VelocityStore {
    /// All tables of entities, in the order that a snapshot numbers them.
    var tables: [EntityTable] { [accounts, cards, devices, ips, merchants, countries] }
}
