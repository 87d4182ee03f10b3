import Scoring

/// Fetching: inputs into lanes, the journal into entries.
extension Instance {
    /// Starts to read a partition from `offset` on, or again.
    func open(_ partition: InputPartition, at offset: Int64) {
        if lanes[partition] == nil {
            partitions.append(partition)
            partitions.sort()
        }
        lanes[partition] = Lane(next: offset)
        cluster.read(.input(partition), from: offset)
    }

    /// Reads all partitions again from where the state stands; what was fetched and not applied is dropped.
    func rewind() {
        runner.discardQueued()
        let applied = runner.applied
        for partition in partitions { open(partition, at: applied[partition]?.offset ?? places[partition] ?? 0) }
    }

    /// Moves what has arrived into the lanes, each up to its bound.
    func fetchInputs() throws(StreamExit) {
        for partition in partitions {
            var failure: StreamExit?
            guard lanes[partition]!.recordCount < 8192, lanes[partition]!.byteCount < 4 << 20 else { continue }
            var outOfRange = false
            cluster.fetch(.input(partition), limit: 2048) { fetched in
                switch fetched {
                case .records(let batch):
                    lanes[partition]!.append(batch)
                    let end = cluster.cachedEnd(partition)
                    if end >= 0, batch.records[batch.records.count - 1].offset + 1 >= end { lanes[partition]!.isAtEnd = true }
                case .end(let offset):
                    lanes[partition]!.isAtEnd = true
                    lanes[partition]!.end = offset
                    if offset < lanes[partition]!.next { failure = madeAnew(partition, end: offset, below: lanes[partition]!.next) }
                case .outOfRange: outOfRange = true
                case .entry, .failed: break
                }
            }
            if outOfRange { try skipGap(partition) }
            if let failure { throw failure }
        }
    }

    func madeAnew(_ partition: InputPartition, end: Int64, below next: Int64) -> StreamExit {
        let name = configuration.topics.name(partition.topic) ?? ""
        return .refused(
            "partition \(partition.number) of \(name) ends at \(end), below \(next), which was answered: the topic was made anew; take a new group or bring it back")
    }

    /// Whether this instance reads such partitions: one without feedback knows of none of its.
    func isRead(_ partition: InputPartition) -> Bool { partition.topic != .feedback || configuration.topics.feedback != nil }

    /// The wanted offset is gone: records were deleted below it, or the topic is another one.
    private func skipGap(_ partition: InputPartition) throws(StreamExit) {
        guard let bounds = cluster.bounds(.input(partition), timeout: 2000) else {
            // Not known now: read again, and the answer comes again.
            cluster.read(.input(partition), from: lanes[partition]!.next)
            return
        }
        let next = lanes[partition]!.next
        if bounds.next < next { throw madeAnew(partition, end: bounds.next, below: next) }
        guard bounds.first > next else {
            cluster.read(.input(partition), from: next)
            return
        }
        let name = configuration.topics.name(partition.topic) ?? ""
        note(.warning, "records lost", [("topic", name), ("partition", "\(partition.number)"), ("from", "\(next)"), ("to", "\(bounds.first)")])
        observer.recordsLost(partition, count: bounds.first - next)
        lostRuns.append(Run(partition: partition, first: next, last: bounds.first - 1))
        gapPending.insert(partition)
        open(partition, at: bounds.first)
    }

    /// First and next offset that can be read; waits until the broker says them.
    func waitForBounds(_ source: Source, every milliseconds: Int64 = 100) throws(StreamExit) -> (first: Int64, next: Int64) {
        while true {
            if let bounds = cluster.bounds(source, timeout: 2000) { return bounds }
            try pause(milliseconds)
        }
    }

    /// The same of several partitions, asked at once.
    func waitForBounds(_ partitions: [InputPartition]) throws(StreamExit) -> [InputPartition: (first: Int64, next: Int64)] {
        while true {
            if let bounds = cluster.bounds(partitions, timeout: 2000) { return bounds }
            try pause(100)
        }
    }

    /// The group's offsets; waits until the broker says them.
    func waitForCommitted(_ partitions: [InputPartition]) throws(StreamExit) -> [InputPartition: Int64] {
        while true {
            if let committed = cluster.committed(partitions, timeout: 2000) { return committed }
            try pause(100)
        }
    }

    /// Takes new entries of the journal, in order.
    func fetchJournal() throws(StreamExit) {
        var failure: StreamExit?
        var lostHead = false
        cluster.fetch(.journal, limit: 64) { fetched in
            switch fetched {
            case .entry(let offset, let time, let bytes):
                journalAtEnd = false
                journalNext = offset + 1
                do {
                    var entry = try coding.decode(bytes, group: configuration.group)
                    (entry.offset, entry.time) = (offset, time)
                    noteForSnapshot(entry)
                    entries.append(entry)
                    if role != .leader { unapplied.append((entry.n, cluster.now)) }
                } catch EntryCoding.Failure.foreign(let group, let topics) {
                    failure = .refused(
                        "the journal \(configuration.topics.journal) belongs to group \(group) over \(topics.joined(separator: ", ")); take a journal of its own (JOURNAL_TOPIC)")
                } catch {
                    failure = .refused("the journal \(configuration.topics.journal) holds something that is no entry, at offset \(offset)")
                }
            case .end(let offset):
                journalAtEnd = true
                if offset < journalNext { lostHead = true }
                journalNext = offset
            case .outOfRange: lostHead = true
            case .records, .failed: break
            }
        }
        if let failure { throw failure }
        if lostHead { try loseJournal() }
    }

    /// The journal was deleted, or cut off behind what was read of it: it is read from its start. Whether this state may go on is found out by what follows there; where nothing does, by the
    /// group's offsets (rule 12).
    ///
    /// - Throws: `.rebuild` for a state that is not whole yet: a restart begins it anew.
    func loseJournal() throws(StreamExit) {
        journalLosses += 1
        (journalNext, journalAtEnd) = (0, false)
        cluster.readJournalFromStart()
        guard last != nil || base != nil else { return }
        guard base != nil, role != .restoring else { throw .rebuild("the journal no longer has what follows entry \(last?.n ?? 0)") }
        if !isJournalLost { note(.warning, "journal lost", [("entry", "\(last?.n ?? 0)")]) }
        isJournalLost = true
        giveUpSnapshot()
    }
}
