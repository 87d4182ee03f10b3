import Scoring

/// Beginning: what lies before the first full entry is history, applied unanswered and strictly by record time (rule 10).
extension Instance {
    /// Applies the history before a full entry's places, and takes the base that it gives.
    func begin(from entry: Entry) throws(StreamExit) {
        let full = entry.full!
        var since = Int64.min
        restored = (0, 0)
        // Labels that were answered are not read by one that takes none.
        let answered = full.places.filter { isRead($0.key) }
        let starts = try openHistory(answered)
        for (partition, end) in answered { restored.of += max(0, end.offset - starts[partition]!) }
        note(.info, "restoring", [("entry", "\(entry.n)"), ("records", "\(restored.of)")])
        var highest = Int64.min
        try mergeHistory(answered) { partition, slice in
            if gapPending.remove(partition) != nil {
                since = max(since, slice.records[0].time)
            }
            for record in slice.records { highest = max(highest, record.time) }
        }
        // Where all of a partition's history is gone, nothing that is left says how old it was. One that writes the first entry itself is alone with it.
        if entry.offset >= 0, full.places.contains(where: { gapPending.contains($0) && $1.offset > 0 }) { highest = max(highest, newest(with: entry)) }
        try waitForEngine()
        let applied = runner.applied
        places.merge(answered.mapValues(\.offset)) { $1 }
        for (partition, place) in answered {
            if let mine = applied[partition], mine.checksum != 0, place.checksum != 0, starts[partition]! < place.offset,
                mine.checksum != place.checksum
            {
                throw anotherRecord(partition, place.offset - 1)
            }
            let begin = max(place.offset, starts[partition]!)
            runner.setPosition(partition, Place(offset: begin, checksum: applied[partition]?.checksum ?? place.checksum))
            lanes[partition]!.next = max(lanes[partition]!.next, begin)
        }
        let digest = runner.perform { engine in
            engine.incomplete.since = max(engine.incomplete.since, since)
            engine.raise(eventHorizon: full.eventHorizon)
            engine.raise(memoryHorizon: full.memoryHorizon)
            return engine.stateDigest
        }
        let age = highest == Int64.min ? highest : highest + configuration.maxClockSkew
        base = Base(n: entry.n, process: entry.process, digest: digest, age: age, lost: [])
    }

    /// What record times of records that are gone may have been, at most: they had come before the entry that others applied them with. So high that it is never over where that is not known.
    func newest(with entry: Entry) -> Int64 { entry.time < 0 ? Int64.max - configuration.maxClockSkew : entry.time }

    /// The topic is another one than that which the journal speaks of.
    func anotherRecord(_ partition: InputPartition, _ offset: Int64) -> StreamExit {
        let name = configuration.topics.name(partition.topic) ?? ""
        return .refused(
            "the record at offset \(offset) of partition \(partition.number) of \(name) is not the one that was applied: the topic was made anew; take a new group or bring it back")
    }

    /// Holds the records applied here against the checksums of a full entry, which are those before its runs.
    func checkRecords(_ full: FullEntry) throws(StreamExit) {
        try waitForEngine()
        let applied = runner.applied
        for (partition, place) in full.places.sorted(by: { $0.key < $1.key }) {
            guard let mine = applied[partition], mine.offset == place.offset, mine.checksum != 0, place.checksum != 0 else { continue }
            if mine.checksum != place.checksum { throw anotherRecord(partition, place.offset - 1) }
        }
    }

    /// Opens every partition at the first record that is still there (or that the horizon asks for); returns those offsets.
    private func openHistory(_ ends: [InputPartition: Place]) throws(StreamExit) -> [InputPartition: Int64] {
        let wanted = try horizonOffsets(ends)
        let all = try waitForBounds(ends.keys.sorted())
        var starts: [InputPartition: Int64] = [:]
        for (partition, end) in ends.sorted(by: { $0.key < $1.key }) {
            let bounds = all[partition]!
            let start = max(bounds.first, min(wanted[partition] ?? 0, end.offset))
            starts[partition] = start
            open(partition, at: start)
            if bounds.next < end.offset { throw madeAnew(partition, end: bounds.next, below: end.offset) }
            if start > 0 { gapPending.insert(partition) }
            if start > end.offset {
                lostRuns.append(Run(partition: partition, first: end.offset, last: start - 1))
                guard !isAudit else { continue }
                observer.recordsLost(partition, count: start - end.offset)
                note(
                    .warning, "answered offset lies below the log's start",
                    [
                        ("topic", configuration.topics.name(partition.topic) ?? ""), ("partition", "\(partition.number)"),
                        ("from", "\(end.offset)"), ("to", "\(start)"),
                    ])
            }
        }
        return starts
    }

    /// Where a restore that is bounded by record time begins.
    private func horizonOffsets(_ ends: [InputPartition: Place]) throws(StreamExit) -> [InputPartition: Int64] {
        guard let horizon = configuration.restoreHorizon, !ends.isEmpty else { return [:] }
        func offsets(at time: Int64) throws(StreamExit) -> [InputPartition: Int64] {
            while true {
                if let offsets = cluster.offsets(at: time, Array(ends.keys), timeout: 5000) { return offsets }
                try pause(200)
            }
        }
        // The newest record time below the ends: the log is asked, since a clock says nothing of it.
        var (newest, above) = (Int64(0), Int64(1) << 47)
        while above - newest > 1 {
            let middle = (newest + above) / 2
            if try offsets(at: middle).contains(where: { $1 < ends[$0]!.offset }) { newest = middle } else { above = middle }
        }
        return try offsets(at: max(0, newest - horizon))
    }

    /// Gives the engine all records below `ends`, in the order of (record time, partition), waiting for every partition.
    private func mergeHistory(
        _ ends: [InputPartition: Place], _ seen: (InputPartition, Slice) -> Void
    ) throws(StreamExit) {
        var pieces: [FollowPiece] = []
        var pending = 0
        func flush() {
            guard !pieces.isEmpty else { return }
            runner.put(.follow(pieces))
            pieces = []
            pending = 0
        }
        var open = ends.keys.sorted()
        func isDone(_ partition: InputPartition) -> Bool {
            let lane = lanes[partition]!
            let end = ends[partition]!.offset
            return lane.next >= end || lane.first.map { $0.offset >= end } ?? lane.isAtEnd
        }
        while true {
            open.removeAll(where: isDone)
            guard !open.isEmpty else { break }
            while !runner.hasRoom { try pause(5) }
            try standStillWhereOverfull()
            if open.contains(where: { lanes[$0]!.isEmpty }) {
                flush()
                try fetchInputs()
                if open.contains(where: { lanes[$0]!.isEmpty && !lanes[$0]!.isAtEnd }) { try pause(20) }
                continue
            }
            let heads = open.map { (time: lanes[$0]!.first!.time, partition: $0) }.sorted { $0 < $1 }
            let partition = heads[0].partition
            let end = ends[partition]!.offset
            let slice = lanes[partition]!.take(limit: 1024) { record in
                record.offset < end && (heads.count == 1 || (record.time, partition) < heads[1])
            }!
            seen(partition, slice)
            pieces.append(FollowPiece(slice: slice, outcomes: nil))
            pending += slice.range.count
            restored.done += Int64(slice.range.count)
            if pending >= 1024 || pieces.count >= 256 { flush() }
        }
        flush()
    }
}
