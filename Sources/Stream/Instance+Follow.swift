import Scoring

/// Following: applying what the journal says, in its order, never beyond; and noticing that nobody writes it any more.
extension Instance {
    /// Returns when this instance should stand.
    func follow() throws(StreamExit) {
        if role != .restoring { role = .follower }
        heard = cluster.now
        while true {
            try fetchJournal()
            while !entries.isEmpty {
                try take(entries.removeFirst())
                heard = cluster.now
                backoff = 1
                try fetchJournal()
            }
            if journalAtEnd, role == .restoring {
                try waitForEngine()
                role = .follower
                heard = cluster.now
            }
            // Also one that stood in vain before the journal had its first full entry.
            if journalAtEnd, !isReady, base != nil {
                try waitForEngine()
                becomeReady()
            }
            if journalAtEnd, let wait = candidacy() {
                // Not later: from the last look at the journal to the first entry, every moment is one in which a rival may stand too.
                offsetsSeen = nil
                if base != nil, let last, let offsets = cluster.committed(partitions, timeout: 200) { offsetsSeen = (last.n, offsets) }
                try sleep(wait)
                try fetchJournal()
                if entries.isEmpty, journalAtEnd { return }
                continue
            }
            tendSnapshot(isStill: !hasKept)
            try fetchInputs()
            try pause(20)
        }
    }

    func becomeReady() {
        guard !isReady else { return }
        sayIncomplete()
        isReady = true
        note(
            .info, "state ready",
            [
                ("entry", "\(last?.n ?? 0)"), ("records", "\(restored.done)"), ("seconds", "\(Double(cluster.now - restoreBegan) / 1000)"),
            ])
    }

    /// Windows are not whole before the end of what was lost, also where nothing has come since in its partition that would say so.
    func sayIncomplete() {
        guard let time = lostUpTo.values.max() else { return }
        lostUpTo.removeAll()
        runner.perform { $0.incomplete.since = max($0.incomplete.since, time) }
    }

    /// How long to wait before standing, ms; nil while there is no reason to (rule 7).
    private func candidacy() -> Int64? {
        let isFirst = backoff == 1
        if let last {
            if last.process == process, isFirst { return 1 }
            if last.handover, isFirst { return 1 + cluster.random(0..<300) }
        } else if isFirst {
            return 1 + cluster.random(0..<300)
        }
        let silence = cluster.now - max(heard, cluster.lastDoubt)
        return silence >= patience * backoff ? 1 + cluster.random(0..<300) : nil
    }

    /// Waits until the engine has applied all that was given to it.
    ///
    /// - Throws: `.refused` when it could not.
    func waitForEngine() throws(StreamExit) {
        runner.perform { _ in }
        if let unfit = runner.unfit { throw anotherRecord(unfit.partition, unfit.offset) }
    }

    /// A state that does not fit into memory follows no further, and never leads; it stands still until it is told to end.
    func standStillWhereOverfull() throws(StreamExit) {
        guard runner.isOverfull else { return }
        note(.error, "state does not fit into memory", [("entry", "\(last?.n ?? 0)")])
        while true { try pause(500) }
    }

    /// Takes one entry that was read.
    func take(_ entry: Entry) throws(StreamExit) {
        try standStillWhereOverfull()
        defer { runner.put(.mark(entry.n)) }
        if let last, entry.n <= last.n, entry.process == process { return noteOwn(entry) }  // already known to be committed
        if let last, entry.n != last.n + 1 {
            throw .rebuild("entry \(entry.n) follows entry \(last.n) in the journal")
        }
        // A journal that was made anew and has grown beyond where this one read: whoever leads after another begins with a head (rule 8).
        if let last, entry.process != last.process, entry.head == nil {
            throw .rebuild("entry \(entry.n) is of \(entry.instance), which began elsewhere: the journal is another one than that which had entry \(last.n)")
        }
        if let inflight, entry.process == process, entry.n == inflight.n {
            note(.info, "own entry found", [("entry", "\(entry.n)")])
            finish(inflight)
            last?.offset = entry.offset
            if base == nil, entry.full != nil { try begin(from: entry) }
            return
        }
        if hasKept {
            throw .rebuild("entry \(entry.n) of \(entry.instance) follows, while \(runner.keptBytes) bytes are scored and not committed")
        }
        inflight = nil
        if let head = entry.head { try adoptRates(head.rates) }
        if base == nil {
            guard entry.full != nil else {
                // A journal whose head was deleted: wait for the next full entry.
                last = entry
                return
            }
            try begin(from: entry)
        } else if let full = entry.full {
            try checkRecords(full)
        }
        try heed(entry, base)
        if let head = entry.head, let last, last.process != entry.process {
            note(.info, "leader", [("instance", entry.instance), ("epoch", "\(entry.epoch)"), ("version", head.version)])
        }
        try apply(entry)
        last = entry
        isJournalLost = false
        if entry.full != nil { try compare(entry) }
    }

    /// Takes the journal's table of rates: whatever table an instance was started with, all convert alike.
    func adoptRates(_ csv: String) throws(StreamExit) {
        guard csv != rates else { return }
        let table = try parse(csv)
        rates = csv
        areRatesRefused = areRatesRefused && csv != configuration.rates
        runner.perform { $0.apply(.rates(table)) }
    }

    /// Takes this instance's own table of rates, as far as it only adds to what is in force.
    func adoptOwnRates() throws(StreamExit) {
        areRatesRefused = false
        guard configuration.rates != rates else { return }
        let inForce = try parse(rates)
        let own = try parse(configuration.rates)
        if let change = own.firstChange(from: inForce) {
            areRatesRefused = true
            note(.error, "exchange rates refused, those before stay in force", [("why", change)])
            return
        }
        rates = configuration.rates
        runner.perform { $0.apply(.rates(own)) }
    }

    private func parse(_ csv: String) throws(StreamExit) -> RateTable {
        let base = runner.perform { $0.configuration.rules.baseCurrency }
        do throws(RateTableError) {
            return csv.isEmpty ? RateTable() : try RateTable(csv: Array(csv.utf8), base: base)
        } catch {
            throw .refused("the journal's exchange rates cannot be read: \(error)")
        }
    }

    /// Applies an entry's runs.
    private func apply(_ entry: Entry) throws(StreamExit) {
        isWhole = false
        for run in entry.runs {
            guard isRead(run.partition) else {
                carried += changes(of: run, in: entry)
                continue
            }
            try know(run.partition)
            try apply(run, of: entry)
            places[run.partition] = run.last + 1
        }
        isWhole = true
    }

    /// Makes sure that a partition is read: one that is new begins at 0.
    private func know(_ partition: InputPartition) throws(StreamExit) {
        while lanes[partition] == nil {
            if cluster.inputPartitions()?.contains(partition) == true {
                open(partition, at: places[partition] ?? 0)
                return
            }
            try pause(100)
        }
    }

    private func changes(of run: Run, in entry: Entry) -> [Change] {
        entry.changes.filter { $0.partition == run.partition && (run.first...run.last).contains($0.offset) }
    }

    private func apply(_ run: Run, of entry: Entry) throws(StreamExit) {
        let partition = run.partition
        let outcomes = entry.outcomes.filter { $0.partition == partition && $0.last >= run.first && $0.first <= run.last }
        var changes = changes(of: run, in: entry)[...]
        var doubts = Doubts(since: cluster.now)
        while lanes[partition]!.next <= run.last {
            while !runner.hasRoom { try pause(5) }
            if !lostRuns.isEmpty { lose(run, of: entry) }
            // Of one record there may be several changes; those of a record that is gone take effect with the next one.
            let head = lanes[partition]!.first?.offset ?? lanes[partition]!.next
            let stop = changes.first { $0.offset > head }?.offset ?? Int64.max
            if let slice = lanes[partition]!.take(limit: configuration.bounds.sliceRecords, while: { $0.offset <= run.last && $0.offset < stop }) {
                let first = slice.run.first
                var piece = FollowPiece(slice: slice, outcomes: expand(outcomes, slice), changes: carried)
                carried = []
                lostUpTo[partition] = nil
                if gapPending.remove(partition) != nil, !isAudit {
                    piece.changes.append(Change(partition: partition, offset: first, kind: .since(slice.records[0].time)))
                }
                while let change = changes.first, change.offset <= first { piece.changes.append(changes.removeFirst()) }
                runner.put(.follow([piece]))
                observer.followed(partition, records: slice.range.count)
                if role == .restoring { restored.done += Int64(slice.range.count) }
            } else if lanes[partition]!.first.map({ $0.offset > run.last }) ?? (lanes[partition]!.isAtEnd && lanes[partition]!.end > run.last) {
                // A run ends with a record, and it does not come any more: the rest is gone.
                lostRuns.append(Run(partition: partition, first: lanes[partition]!.next, last: run.last))
                lanes[partition]!.next = run.last + 1
            } else {
                try fetchInputs()
                if lanes[partition]!.isEmpty {
                    try doubt(&doubts, run)
                    try pause(20)
                }
            }
        }
        if !lostRuns.isEmpty { lose(run, of: entry) }
        carried += changes
        lanes[partition]!.next = max(lanes[partition]!.next, run.last + 1)
    }

    /// What was gone of a run that others applied is from now on part of the base's losses (rule 6): one range for what was lost at once.
    private func noteLosses(_ run: Run) {
        for lost in lostRuns where lost.partition == run.partition && lost.first <= run.last && run.first <= lost.last {
            let part = Run(partition: run.partition, first: max(lost.first, run.first), last: min(lost.last, run.last))
            if let i = base?.lost.firstIndex(where: { $0.partition == lost.partition && lost.first <= $0.first && $0.last <= lost.last }) {
                base!.lost[i].last = max(base!.lost[i].last, part.last)
            } else {
                base?.lost.append(part)
            }
        }
    }

    /// Looks at a partition that has ended where others read on: it may only be slow to come.
    private struct Doubts {
        var since: Int64
        var count = 0
    }

    /// - Throws: where the broker says, five times in as many seconds, that the log ends below what was answered.
    private func doubt(_ doubts: inout Doubts, _ run: Run) throws(StreamExit) {
        guard lanes[run.partition]!.isAtEnd, cluster.now - doubts.since >= 1000 else { return }
        doubts.since = cluster.now
        guard let bounds = cluster.bounds(.input(run.partition), timeout: 2000) else { return }
        doubts.count = bounds.next <= run.last ? doubts.count + 1 : 0
        if doubts.count == 5 { throw madeAnew(run.partition, end: bounds.next, below: run.last + 1) }
    }

    /// Takes what is gone of a run for lost: from now on the base is as old as that.
    private func lose(_ run: Run, of entry: Entry) {
        defer { lostRuns.removeAll { $0.partition == run.partition && $0.last <= run.last } }
        guard lostRuns.contains(where: { $0.partition == run.partition && $0.first <= run.last && run.first <= $0.last }) else { return }
        noteLosses(run)
        base!.age = max(base!.age, newest(with: entry) + configuration.maxClockSkew)
        if gapPending.contains(run.partition), entry.time >= 0 { lostUpTo[run.partition] = entry.time }
        // Run after run may be lost, one range each, and of a compacted topic's scattered records any number.
        let ranges = base!.lost.indices.filter { base!.lost[$0].partition == run.partition }.suffix(2)
        if ranges.count == 2, base!.lost[ranges.first!].last + 1 == base!.lost[ranges.last!].first || base!.lost.count > 256 {
            base!.lost[ranges.first!].last = base!.lost[ranges.last!].last
            base!.lost.remove(at: ranges.last!)
        }
        miss()
    }

    /// One outcome a record.
    private func expand(_ ranges: [OutcomeRange], _ slice: Slice) -> [Outcome] {
        let usual: Outcome = slice.batch.partition.topic == .transactions ? .scored : .applied
        var outcomes = [Outcome](repeating: usual, count: slice.range.count)
        guard !ranges.isEmpty else { return outcomes }
        for (i, record) in slice.records.enumerated() {
            if let range = ranges.first(where: { $0.first <= record.offset && record.offset <= $0.last }) { outcomes[i] = range.outcome }
        }
        return outcomes
    }

    /// Compares the state with what a full entry says of its writer's (rules 13 and 14).
    ///
    /// - Throws: where it differs and was read from a snapshot, which may be what is wrong.
    private func compare(_ entry: Entry) throws(StreamExit) {
        guard let full = entry.full, let theirs = full.digest, let theirBase = full.base, let base, full.form == configuration.form else {
            return
        }
        let mine = runner.perform { ($0.stateDigest, $0.oldestRetained, $0.wholeSince, $0.eventHorizon) }
        let isSame = base.isSame(theirBase)
        let limit = max(base.age, theirBase.age, max(mine.2, full.since), max(mine.3, full.eventHorizon))
        let windowsComparable = isSame || mine.1 > limit
        guard windowsComparable && mine.0.windows != theirs.windows || isSame && mine.0.memory != theirs.memory else { return }
        diverged = true
        observer.diverged()
        note(
            .error, "state differs from the leader's",
            [
                ("entry", "\(entry.n)"), ("instance", entry.instance), ("windows", "\(mine.0.windows == theirs.windows)"),
                ("memory", "\(mine.0.memory == theirs.memory)"),
            ])
        if let snapshots, snapshots.isOrigin {
            snapshots.place.removeAll()
            throw .rebuild("the state, which was read from a snapshot, differs from the leader's at entry \(entry.n)")
        }
    }
}
