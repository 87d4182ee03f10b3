import Scoring

/// Taking over: taking the transactional id, reading the journal to its end, writing an epoch's first entries (rules 1, 2, 7 and 8).
extension Instance {
    /// - Returns: false when it was fenced on the way, or the broker could not be reached.
    func stand() throws(StreamExit) -> Bool {
        role = .candidate
        let how = candidacyKind
        backoff = min(16, backoff * 2)
        note(.info, "standing", [("because", how.rawValue), ("entry", "\(last?.n ?? 0)")])
        let began = cluster.now
        guard try takeLead() else {
            if let why = cluster.trouble, !isStopping() { note(.warning, "cannot lead", [("why", why)]) }
            return false
        }
        took(since: began)
        try readJournalToItsEnd()
        if try !hasLastEntry() {
            try loseJournal()
            try readJournalToItsEnd()
        }
        if isJournalLost { try checkOffsets() }
        inflight = nil  // what is not in the journal now was not committed
        term = (last?.epoch ?? 0) + 1
        let wasNew = base == nil
        // By what the journal ends with now, whatever it was when this instance made up its mind: a rival may have led since.
        let wait = Self.secondEntryDelay(after: last)
        if let seen = offsetsSeen, seen.n == last?.n { compare(seen.offsets) }
        if !hasKept { try adoptOwnRates() }
        let first = try firstEntry()
        guard try put(first) else { return false }
        if wasNew {
            try begin(from: first)
            guard try put(try firstEntry()) else { return false }
        }
        becomeReady()
        guard !hasKept else { return true }  // the first kept one is the second entry
        if !wasNew { try sleep(wait) }
        return try put(blank())
    }

    /// Takes the transactional id, unless another one's entry comes before it has it: that one leads, and is let be.
    private func takeLead() throws(StreamExit) -> Bool {
        var failure: StreamExit?
        let isTaken = cluster.takeLead(timeout: 30_000) {
            if isStopping() { return true }
            do throws(StreamExit) { try fetchJournal() } catch { failure = error }
            return failure != nil || entries.contains { $0.process != process }
        }
        if let failure { throw failure }
        return isTaken
    }

    /// The journal decides where answering goes on. Offsets of the group that somebody else set, or that are gone, are said; the first entry overwrites them.
    private func compare(_ found: [InputPartition: Int64]) {
        let others = partitions.filter { places[$0] ?? 0 != found[$0] ?? 0 }
        guard let first = others.first else { return }
        observer.offsetsOverwritten(others.count)
        note(.warning, "group offsets differ", [
            ("partitions", "\(others.count)"), ("topic", configuration.topics.name(first.topic) ?? ""), ("partition", "\(first.number)"),
            ("offset", found[first].map { "\($0)" } ?? "none"), ("journal", "\(places[first] ?? 0)"),
        ])
    }

    /// Why an instance stands.
    enum Candidacy: String { case silence, own, handover, empty }

    /// How long it waits between its epoch's first two entries, ms, when `last` stands before them.
    private static func secondEntryDelay(after last: Entry?) -> Int64 { last?.handover == true ? 100 : 600 }

    private var candidacyKind: Candidacy {
        guard backoff == 1 else { return .silence }
        guard let last else { return .empty }
        if last.process == process { return .own }
        return last.handover ? .handover : .silence
    }

    /// Reads up to what was stable when the id was taken, and applies it.
    private func readJournalToItsEnd() throws(StreamExit) {
        var losses = journalLosses
        var end = try waitForBounds(.journal, every: 50).next
        while journalNext < end || !entries.isEmpty {
            try fetchJournal()
            while !entries.isEmpty { try take(entries.removeFirst()) }
            if losses != journalLosses {
                losses = journalLosses
                end = try waitForBounds(.journal, every: 50).next
            }
            if journalNext < end { try pause(10) }
        }
        try waitForEngine()
    }

    /// Whether the journal has the entry that this state stands behind: one that was made anew and has grown beyond its place is otherwise taken for the same.
    private func hasLastEntry() throws(StreamExit) -> Bool {
        guard let last, base != nil, !isJournalLost else { return true }
        guard last.offset >= 0, let found = try journalEntry(at: last.offset, until: .max) else { return false }
        return found.n == last.n && found.process == last.process
    }

    /// Without a journal the group's offsets say how far was answered: a state that stands there goes on, any other is of no use (rule 12). Partitions without one say nothing.
    private func checkOffsets() throws(StreamExit) {
        let asked = Set(places.keys).union(partitions).union(cluster.inputPartitions() ?? [])
        let found = try waitForCommitted(asked.filter(isRead).sorted())
        guard let other = found.keys.sorted().first(where: { found[$0]! != places[$0] ?? 0 }) else {
            return note(.warning, "going on without the journal", [("entry", "\(last?.n ?? 0)")])
        }
        throw .rebuild(
            "the journal is lost, and the group's offset of partition \(other.number) of \(configuration.topics.name(other.topic) ?? "") is \(found[other]!), not \(places[other] ?? 0)")
    }

    /// The first entry of an epoch: full and without runs.
    private func firstEntry() throws(StreamExit) -> Entry {
        sayIncomplete()
        var entry = blank()
        let applied = runner.applied
        if base == nil {
            entry.full = FullEntry(
                places: try startPlaces(), base: nil, eventHorizon: Int64.min, memoryHorizon: Int64.min, since: Int64.min, digest: nil,
                form: configuration.form)
        } else {
            var next: [InputPartition: Place] = [:]
            for partition in Set(places.keys).union(partitions) {
                let offset = places[partition] ?? 0
                let mine = applied[partition]
                next[partition] = Place(offset: offset, checksum: mine?.offset == offset ? mine!.checksum : 0)
            }
            entry.full = try fullEntry(places: next)
        }
        entry.head = EpochHead(
            version: configuration.version, settings: configuration.settings, rates: rates,
            models: kept.first?.buffer.models ?? runner.perform { $0.models.journalled })
        return entry
    }

    /// What a full entry says of the state as it is now; with kept bytes, as it was before them and without a digest.
    func fullEntry(places: [InputPartition: Place]) throws(StreamExit) -> FullEntry {
        if let first = kept.first?.buffer {
            return FullEntry(
                places: places, base: base, eventHorizon: first.eventHorizon, memoryHorizon: first.memoryHorizon, since: first.since,
                digest: nil, form: configuration.form)
        }
        let state = runner.perform { ($0.stateDigest, $0.eventHorizon, $0.memoryHorizon, $0.wholeSince) }
        return FullEntry(
            places: places, base: base, eventHorizon: state.1, memoryHorizon: state.2, since: state.3,
            digest: hasKept ? nil : state.0, form: configuration.form)
    }

    /// Where answering begins when the journal says nothing: the group's offsets, else as `START_FROM` says.
    private func startPlaces() throws(StreamExit) -> [InputPartition: Place] {
        var found = cluster.inputPartitions() ?? []
        while found.isEmpty {
            try pause(100)
            found = cluster.inputPartitions() ?? []
        }
        let committed = try waitForCommitted(found)
        var places: [InputPartition: Place] = [:]
        for partition in found {
            var offset = committed[partition]
            if offset == nil, configuration.startFrom == .now, last == nil, committed.isEmpty {
                offset = try waitForBounds(.input(partition)).next
            }
            places[partition] = Place(offset: offset ?? 0, checksum: 0)
        }
        return places
    }

    var inputTopics: [String] { [configuration.topics.transactions] + [configuration.topics.feedback].compactMap { $0 } }

    /// An entry of this process without runs, continuing the last one.
    func blank() -> Entry {
        var entry = Entry()
        entry.n = (last?.n ?? 0) + 1
        entry.epoch = term
        entry.process = process
        entry.instance = configuration.instance
        entry.group = configuration.group
        entry.topics = inputTopics
        entry.silence = max(configuration.leaderTimeout, 3 * (recentTimes.max() ?? 0))
        return entry
    }

    /// Commits an entry, with what it speaks of.
    ///
    /// - Returns: false when the producer is of no use any more; the journal then says whether it was committed.
    func put(_ entry: Entry, _ buffer: KeptBuffer? = nil) throws(StreamExit) -> Bool {
        var entry = entry
        let began = cluster.now
        let losses = journalLosses
        commitBegan = began
        var pause: Int64 = 50
        while true {
            inflight = entry
            var offsets = entry.full?.places.mapValues(\.offset) ?? [:]
            offsets.merge(entry.next) { $1 }
            let outgoing = Outgoing(buffer: buffer?.buffer, entry: coding.encode(entry), offsets: offsets)
            let given = cluster.now
            switch cluster.commit(outgoing, deadline: { [self] in commitDeadline(given) }) {
            case .committed:
                took(since: began)
                finish(entry)
                return true
            case .aborted(let tooLarge):
                observer.aborted()
                note(.warning, "transaction aborted", [
                    ("entry", "\(entry.n)"), ("too_large", "\(tooLarge.count)"), ("why", cluster.trouble ?? ""),
                ])
                if let buffer = buffer?.buffer, !tooLarge.isEmpty {
                    buffer.divert(tooLarge)
                    entry.outcomes = buffer.outcomes
                    continue
                }
                guard try waitAfterAbort(pause), losses == journalLosses else { return false }
                pause = min(2 * pause, 1000)
            case .broken(let why):
                took(since: began)
                observer.broke()
                note(.warning, "producer lost", [("entry", "\(entry.n)"), ("why", why)])
                return false
            }
        }
    }

    /// Between two tries, in which the journal may turn out to be gone.
    ///
    /// - Returns: false when there is no time left for another one.
    private func waitAfterAbort(_ milliseconds: Int64) throws(StreamExit) -> Bool {
        let end = cluster.now + milliseconds
        let losses = journalLosses
        while cluster.now < end, losses == journalLosses {
            if stopDeadlinePassed { return false }
            tell()
            try fetchJournal()
            cluster.wait(until: end)
        }
        return true
    }

    /// An entry is known to be committed.
    func finish(_ entry: Entry) {
        inflight = nil
        last = entry
        isJournalLost = false
        lastCommit = cluster.now
        for (partition, place) in entry.full?.places ?? [:] { places[partition] = place.offset }
        places.merge(entry.next) { $1 }
        guard !entry.runs.isEmpty, let first = kept.first else { return }
        kept.removeFirst()
        snapshotCommitted(first.buffer.cut, entry)
        runner.release(first.buffer, bytes: first.bytes)
        precondition(first.buffer.counts.isBalanced, "consumed = scored + duplicates + dead_lettered")
        observer.committed(
            CommitReport(
                counts: first.buffer.counts, recordTimes: first.buffer.recordTimes, samples: first.buffer.sink.samples, commitMillis: cluster.now - commitBegan, at: wallMillis()))
    }
}
