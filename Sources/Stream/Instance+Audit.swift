import Scoring

/// Auditing: following to a place in the journal, and no further.
extension Instance {
    /// - Returns: `.stopped` when all entries below `end` are applied.
    func follow(to end: Int64) -> StreamExit {
        restoreBegan = cluster.now
        do {
            let patience = cluster.now + 60_000
            while cluster.inputPartitions() == nil {
                guard cluster.now < patience else { return .refused(cluster.trouble ?? "\(configuration.topics.transactions) cannot be read") }
                try pause(50)
            }
            cluster.readJournalFromStart()
            while true {
                try fetchJournal()
                while let first = entries.first, first.offset < end { try take(entries.removeFirst()) }
                if journalNext >= end { break }
                try pause(20)
            }
            try waitForEngine()
            return .stopped
        } catch {
            return error
        }
    }

    /// Ends of the runs that the journal has behind what was taken, as it is now.
    func readAhead() throws(StreamExit) -> [InputPartition: Int64] {
        var ends: [InputPartition: Int64] = [:]
        repeat {
            try pause(20)
            try fetchJournal()
            for entry in entries { ends.merge(entry.next) { $1 } }
            entries.removeAll()
        } while !journalAtEnd
        return ends
    }
}
