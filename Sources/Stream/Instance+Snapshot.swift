import Scoring

/// Snapshots: written while the state goes on, and what a start begins from (rules 9 and 11).
extension Instance {
    /// What is known of the snapshot at hand, if there is one.
    struct Snapshotting {
        let place: any SnapshotPlace
        var sink: (any SnapshotSink)?
        /// The state's end in it, the entry that it stands behind, and the committed next offsets behind that entry, once they are known.
        var cut: (state: StateCut, entry: Entry, places: [InputPartition: Int64])?
        /// One that was sealed, until it counts.
        var sealed: (any SnapshotSink)?
        /// When the last one was begun, and what had been applied then.
        var begun: Int64
        var places: [InputPartition: Int64] = [:]
        /// The state was itself read from a snapshot.
        var isOrigin = false
        /// Entries that were read lately, and where they stand.
        var read: [(n: Int64, process: UInt64, offset: Int64)] = []
    }

    // MARK: - Writing

    /// Looks after the snapshot that is being written, or begins one when it is time. To be called again and again.
    ///
    /// - Parameter isStill: what was given to the engine ends with the last entry, and nothing is scored that is not committed.
    func tendSnapshot(isStill: Bool) {
        guard var s = snapshots else { return }
        defer { snapshots = s }
        if let sealed = s.sealed, sealed.waitForEnd(milliseconds: 0) || sealed.failure != nil {
            if let failure = sealed.failure { snapshotFailed(failure) } else { observer.snapshot(written: true) }
            s.sealed = nil
        }
        if let sink = s.sink, let failure = sink.failure {
            runner.order(.cancel)
            sink.drop()
            s.sink = nil
            s.cut = nil
            return snapshotFailed(failure)
        }
        if s.sink == nil {
            let isDue = cluster.now - s.begun >= configuration.snapshotInterval && s.sealed == nil
            // One that says nothing new only keeps the journal's end in reach.
            guard isDue, isReady, base != nil, !diverged, s.places != places || cluster.now - s.begun >= 12 * configuration.snapshotInterval else { return }
            beginSnapshot(&s)
        } else if s.cut == nil, isStill, isWhole, let last, runner.isSnapshotNearEnd {
            if let state = runner.cutSnapshot() { s.cut = (state, last, places) }
        }
        sealSnapshot(&s)
    }

    private func beginSnapshot(_ s: inout Snapshotting) {
        let sink = s.place.begin()
        s.sink = sink
        s.begun = cluster.now
        s.places = places
        runner.order(.begin(sink))
    }

    private func snapshotFailed(_ why: String) {
        observer.snapshot(written: false)
        note(.warning, "snapshot not written", [("why", why)])
    }

    /// Drops the snapshot at hand: where its entry stood is no longer to be found out.
    func giveUpSnapshot() {
        guard let sink = snapshots?.sink else { return }
        runner.order(.cancel)
        sink.drop()
        snapshots?.sink = nil
        snapshots?.cut = nil
        snapshotFailed("the journal is lost")
    }

    /// A buffer is committed with which a snapshot ends.
    func snapshotCommitted(_ cut: StateCut?, _ entry: Entry) {
        // One that was given up meanwhile ends no other.
        guard let cut, snapshots?.sink === cut.sink else { return }
        snapshots?.cut = (cut, entry, places)
    }

    /// Remembers where an entry stands.
    func noteForSnapshot(_ entry: Entry) {
        guard snapshots != nil else { return }
        snapshots?.read.append((entry.n, entry.process, entry.offset))
        if snapshots!.read.count > 128 { snapshots?.read.removeFirst(64) }
    }

    /// Seals what is cut, once it is known where its entry stands in the journal.
    private func sealSnapshot(_ s: inout Snapshotting) {
        guard let (state, entry, places) = s.cut, let sink = s.sink else { return }
        var offset = entry.offset
        if offset < 0 { offset = s.read.last { $0.n == entry.n && $0.process == entry.process }?.offset ?? -1 }
        guard offset >= 0 else { return }
        var seal = Entry()
        (seal.n, seal.epoch, seal.process, seal.instance) = (entry.n, entry.epoch, entry.process, entry.instance)
        (seal.group, seal.topics, seal.silence, seal.handover) = (configuration.group, inputTopics, entry.silence, entry.handover)
        var next: [InputPartition: Place] = [:]
        for partition in Set(places.keys).union(state.applied.keys) {
            next[partition] = state.applied[partition] ?? Place(offset: places[partition]!, checksum: 0)
        }
        seal.full = FullEntry(
            places: next, base: base, eventHorizon: state.eventHorizon, memoryHorizon: state.memoryHorizon, since: state.since, digest: state.digest,
            form: configuration.form)
        seal.head = EpochHead(version: configuration.version, settings: configuration.settings, rates: rates)
        if state.isLagging { seal.changes = [Change(partition: InputPartition(.transactions, 0), offset: 0, kind: .lagging(true))] }
        sink.seal(StateWriter.seal(SnapshotSeal(entry: seal, offset: offset).bytes(coding)), entry: entry.n)
        note(.debug, "snapshot sealed", [("entry", "\(entry.n)")])
        s.sealed = sink
        s.sink = nil
        s.cut = nil
    }

    /// At a clean stop: the state as it is now, as long as there is time.
    func lastSnapshot() {
        guard snapshots != nil, isReady, base != nil, isWhole, !hasKept, !diverged, runner.isDrained else { return }
        let began = cluster.now
        let end = commitDeadline(began)
        do {
            if snapshots!.sink == nil { beginSnapshot(&snapshots!) }
            while cluster.now < end {
                tendSnapshot(isStill: true)
                guard snapshots!.sink != nil else { break }
                cluster.wait(until: cluster.now + 5)
                try fetchJournal()
            }
        } catch {
            // The journal cannot be read any more: what is not sealed by now is not.
        }
        if let sealed = snapshots?.sealed {
            while cluster.now < end, !sealed.waitForEnd(milliseconds: 0), sealed.failure == nil { cluster.wait(until: cluster.now + 5) }
            if sealed.waitForEnd(milliseconds: 0) {
                observer.snapshot(written: true)
                note(.info, "snapshot", [("entry", "\(last?.n ?? 0)"), ("seconds", "\(Double(cluster.now - began) / 1000)")])
            } else {
                sealed.drop()
                snapshotFailed(sealed.failure ?? "there was no time left")
            }
        } else if let sink = snapshots?.sink {
            runner.order(.cancel)
            sink.drop()
            snapshotFailed("there was no time left")
        }
        snapshots = nil
    }

    // MARK: - Beginning

    /// Takes the newest usable snapshot; false where there is none.
    func beginFromSnapshot() throws(StreamExit) -> Bool {
        guard let place = snapshots?.place else { return false }
        for source in place.all() {
            let began = cluster.now
            var failure: StreamExit?
            var isAdopted = false
            do throws(SnapshotRefusal) {
                try source.read { bytes throws(SnapshotRefusal) in
                    let seal = try SnapshotSeal.decode(wrapped { () throws(StateError) in try StateReader.seal(of: bytes) }, coding, group: configuration.group)
                    let standing: Standing
                    switch found(seal) {
                    case .success(let found): standing = found
                    case .failure(let exit):
                        failure = exit
                        throw SnapshotRefusal("")
                    }
                    if case .no(let why) = standing { throw SnapshotRefusal(why) }
                    let velocity = runner.perform { $0.configuration.velocity }
                    let state = try wrapped { () throws(StateError) in try StateReader.state(in: bytes, velocity) }
                    let digest = state.digest()
                    if digest != (seal.entry.full!.digest!.windows, seal.entry.full!.digest!.memory) { throw SnapshotRefusal("\(StateError.otherState)") }
                    failure = adopt(seal, state, standing)
                }
                isAdopted = true
            } catch {
                if failure == nil { note(.warning, "snapshot not used", [("snapshot", source.name), ("why", error.description)]) }
            }
            if let failure { throw failure }
            guard isAdopted else { continue }
            note(.info, "restored from a snapshot", [
                ("snapshot", source.name), ("entry", "\(last?.n ?? 0)"), ("seconds", "\(Double(cluster.now - began) / 1000)"),
            ])
            return true
        }
        return false
    }

    private func wrapped<T>(_ body: () throws(StateError) -> T) throws(SnapshotRefusal) -> T {
        do throws(StateError) { return try body() } catch { throw SnapshotRefusal("\(error)") }
    }

    private enum Standing {
        case no(String)
        /// The journal has its entry: reading goes on behind it.
        case entry
        /// The journal is empty, and the group's offsets are the snapshot's.
        case alone
    }

    private func found(_ seal: SnapshotSeal) -> Result<Standing, StreamExit> {
        do throws(StreamExit) { return .success(try find(seal)) } catch { return .failure(error) }
    }

    /// Whether the journal and the inputs still have all that comes after.
    private func find(_ seal: SnapshotSeal) throws(StreamExit) -> Standing {
        let full = seal.entry.full!
        if full.form != configuration.form { return .no("it was made under other settings") }
        restored = (0, 0)
        let all = try waitForBounds(full.places.keys.sorted())
        for (partition, place) in full.places.sorted(by: { $0.key < $1.key }) {
            let bounds = all[partition]!
            let name = "partition \(partition.number) of \(configuration.topics.name(partition.topic) ?? "")"
            if bounds.first > place.offset { return .no("\(name) begins at \(bounds.first), behind its \(place.offset)") }
            if bounds.next < place.offset { return .no("\(name) ends at \(bounds.next), before its \(place.offset)") }
            restored.of += bounds.next - place.offset
        }
        let journal = try waitForBounds(.journal)
        if journal.first >= journal.next {
            let committed = try waitForCommitted(Array(full.places.keys))
            let isSame = full.places.allSatisfy { $0.value.offset == committed[$0.key] ?? 0 }
            return isSame ? .alone : .no("the journal is empty, and the group's offsets are others")
        }
        guard journal.first <= seal.offset, seal.offset < journal.next else { return .no("the journal no longer has its entry \(seal.entry.n)") }
        guard let found = try journalEntry(at: seal.offset, until: cluster.now + 10_000), found.n == seal.entry.n, found.process == seal.entry.process else {
            return .no("the journal has another entry in the place of its entry \(seal.entry.n)")
        }
        return .entry
    }

    /// The entry at an offset of the journal, behind which reading goes on; nil where there is none, or where nothing was heard of it in time.
    func journalEntry(at offset: Int64, until end: Int64) throws(StreamExit) -> Entry? {
        cluster.read(.journal, from: offset)
        entries.removeAll()
        unapplied.removeAll()
        while cluster.now < end {
            var found: Entry?
            var isOver = false
            cluster.fetch(.journal, limit: 1) { fetched in
                switch fetched {
                case .entry(let at, _, let bytes):
                    isOver = true
                    journalNext = at + 1
                    if at == offset, var entry = try? coding.decode(bytes, group: configuration.group) {
                        entry.offset = at
                        found = entry
                    }
                case .end, .outOfRange: isOver = true
                case .records, .failed: break
                }
            }
            if isOver { return found }
            try pause(20)
        }
        return nil
    }

    /// - Returns: why the process must end all the same.
    private func adopt(_ seal: SnapshotSeal, _ state: State, _ standing: Standing) -> StreamExit? {
        let full = seal.entry.full!
        let isLagging = !seal.entry.changes.isEmpty
        nonisolated(unsafe) let state = state  // handed to the engine's thread, and not used here again
        runner.perform { engine in
            engine.adopt(state)
            engine.wholeSince = full.since
            engine.incomplete.isLagging = isLagging
        }
        do throws(StreamExit) { try adoptRates(seal.entry.head!.rates) } catch { return error }
        var entry = seal.entry
        (entry.full, entry.head, entry.changes) = (nil, nil, [])
        entry.offset = seal.offset
        last = entry
        base = full.base
        for (partition, place) in full.places {
            places[partition] = place.offset
            runner.setPosition(partition, place)
            open(partition, at: place.offset)
        }
        snapshots?.isOrigin = true
        snapshots?.places = places
        if case .alone = standing {
            isJournalLost = true
            cluster.readJournalFromStart()
        }
        return nil
    }
}
