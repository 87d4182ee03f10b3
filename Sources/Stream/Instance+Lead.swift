import Scoring

/// Leading: taking records in the order of a merge by record time, and committing what was made of them.
extension Instance {
    /// Returns when the lead is lost.
    ///
    /// - Throws: `.stopped` after a hand-over, or another end.
    func lead() throws(StreamExit) {
        role = .leader
        observer.becameLeader()
        note(.info, "leading", [("epoch", "\(term)"), ("entry", "\(last?.n ?? 0)")])
        tell(force: true)
        runner.allowScoring(true)
        lastFull = cluster.now
        var closeAsked = cluster.now
        while true {
            let isEnding = isStopping()
            if isEnding {
                if stopDeadlinePassed { throw .stopped }
                // In this order: what is drained scores nothing more.
                if runner.isDrained, !hasKept { break }
            } else {
                try admitNewPartitions()
                try fetchInputs()
                try dispatch()
            }
            try fetchJournal()
            if isJournalLost {
                loseLead()
                return
            }
            if let other = entries.first(where: { $0.process != process }) {
                note(.warning, "another leads", [("instance", other.instance), ("entry", "\(other.n)")])
                loseLead()
                return
            }
            for entry in entries { noteOwn(entry) }
            entries.removeAll()
            takeClosed()
            let now = cluster.now
            let isFullDue = now - lastFull >= configuration.fullInterval
            if kept.isEmpty, runner.openCount > 0, isEnding || now - closeAsked >= configuration.commitInterval {
                runner.askClose(full: isFullDue)
                closeAsked = now
            } else if kept.isEmpty, runner.isDrained, !runner.hasScored, now - (lastCommit ?? 0) >= configuration.heartbeat {
                guard try put(heartbeat(full: isFullDue)) else {
                    loseLead()
                    return
                }
            }
            while let next = kept.first {
                guard try put(entry(of: next.buffer), next) else {
                    loseLead()
                    return
                }
                takeClosed()
                if isStopping(), stopDeadlinePassed { throw .stopped }
            }
            tendSnapshot(isStill: kept.isEmpty && runner.isDrained && !runner.hasScored)
            tell()
            let closeDue = runner.openCount > 0 ? closeAsked + configuration.commitInterval : Int64.max
            cluster.wait(until: min(closeDue, cluster.now + 50))
        }
        // Full, so that who begins here next finds out whether the input is still the same.
        var entry = try heartbeat(full: true)
        entry.handover = true
        if try put(entry) { note(.info, "handed over", [("entry", "\(entry.n)")]) }
        role = .follower
        throw .stopped
    }

    /// Where its last entry stands is known once that was read.
    func noteOwn(_ entry: Entry) {
        if entry.n == last?.n, entry.process == process { last?.offset = entry.offset }
    }

    private func takeClosed() {
        for buffer in runner.takeClosed() { kept.append(KeptBuffer(buffer: buffer, bytes: buffer.byteCount)) }
    }

    /// What the journal says of a closed buffer.
    private func entry(of buffer: OutputBuffer) -> Entry {
        var entry = blank()
        entry.runs = buffer.runs
        entry.outcomes = buffer.outcomes
        entry.changes = buffer.changes
        if buffer.isFull {
            lastFull = cluster.now
            var start = buffer.start
            for (partition, offset) in places where start[partition] == nil { start[partition] = Place(offset: offset, checksum: 0) }
            entry.full = FullEntry(
                places: start, base: base, eventHorizon: buffer.eventHorizon, memoryHorizon: buffer.memoryHorizon, since: buffer.since,
                digest: buffer.digest, form: configuration.form)
        }
        return entry
    }

    private func heartbeat(full: Bool) throws(StreamExit) -> Entry {
        var entry = blank()
        guard full else { return entry }
        lastFull = cluster.now
        let applied = runner.applied
        entry.full = try fullEntry(places: places.mapValues { Place(offset: $0, checksum: 0) }.merging(applied) { $1 })
        return entry
    }

    /// The producer is of no use any more, or another leads: the engine stands still, and what was fetched is read again.
    private func loseLead() {
        runner.allowScoring(false)
        cluster.leaveLead()
        rewind()
        // What is open is kept too: closed, it says how the state was before its first record.
        runner.askClose(full: false)
        runner.perform { _ in }
        runner.perform { _ in }  // the first may have come before the closing
        takeClosed()
        role = .follower
    }

    /// A partition that is new begins at 0.
    private func admitNewPartitions() throws(StreamExit) {
        for partition in cluster.inputPartitions() ?? [] where lanes[partition] == nil {
            note(.info, "new partition", [
                ("topic", configuration.topics.name(partition.topic) ?? ""), ("partition", "\(partition.number)"),
            ])
            open(partition, at: places[partition] ?? 0)
        }
    }

    /// Gives the engine what is next, as long as it takes more.
    private func dispatch() throws(StreamExit) {
        while runner.hasRoom, !runner.isAtBound, let (slice, lagging) = nextSlice() {
            var changes: [Change] = []
            let partition = slice.batch.partition
            if gapPending.remove(partition) != nil {
                changes.append(Change(partition: partition, offset: slice.run.first, kind: .since(slice.records[0].time)))
            }
            runner.put(.score(slice, lagging: lagging, changes: changes))
            if lanes[partition]!.isEmpty { try fetchInputs() }
        }
    }

    /// The next records in the merge by record time: from the lowest head on, as long as they stay within 10 ms above the lowest of
    /// the other heads.
    ///
    /// A partition that is behind its end with nothing fetched is waited for, up to 2 s, then passed by until it delivers again.
    private func nextSlice() -> (Slice, lagging: Bool)? {
        var lowest: (time: Int64, partition: InputPartition)?
        var second = Int64.max - 10
        var isPassedBy = false
        let now = cluster.now
        for partition in partitions {
            if let first = lanes[partition]!.first {
                if lowest == nil || first.time < lowest!.time {
                    if let lowest { second = min(second, lowest.time) }
                    lowest = (first.time, partition)
                } else {
                    second = min(second, first.time)
                }
            } else if !lanes[partition]!.isAtEnd {
                if lanes[partition]!.emptySince == nil { lanes[partition]!.emptySince = now }
                if !lanes[partition]!.isPassedBy {
                    guard now - lanes[partition]!.emptySince! >= 2000 else { return nil }
                    lanes[partition]!.isPassedBy = true
                    note(.warning, "partition passed by", [
                        ("topic", configuration.topics.name(partition.topic) ?? ""), ("partition", "\(partition.number)"),
                    ])
                }
                isPassedBy = true
            }
        }
        guard let lowest else { return nil }
        let limit = second + 10
        guard let slice = lanes[lowest.partition]!.take(limit: configuration.bounds.sliceRecords, while: { $0.time <= limit }) else {
            return nil
        }
        return (slice, isPassedBy)
    }
}
