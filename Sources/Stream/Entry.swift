import Scoring

/// Consecutive records of one partition, applied one after the other. Nothing between and beyond them is applied.
struct Run: Equatable {
    var partition: InputPartition
    var first: Int64
    var last: Int64
}

/// What became of records where it is not the usual: scored for transactions, applied for feedback.
struct OutcomeRange: Equatable {
    var partition: InputPartition
    var first: Int64
    var last: Int64
    var outcome: Outcome
}

/// What changed before a record took its turn.
struct Change: Equatable {
    enum Kind: Equatable {
        /// Windows are whole only from this event time on.
        case since(Int64)
        /// A partition was behind (true), or no longer is.
        case lagging(Bool)
        case eventHorizon(Int64)
        case memoryHorizon(Int64)
        /// The artefacts in force, by name: version and SHA-256.
        case models([String: String])
    }
    var partition: InputPartition
    var offset: Int64
    var kind: Kind
}

/// Digests of the state: of windows and labels, and of accounts' and pairs' memory.
struct Digest: Equatable {
    var windows: UInt64
    var memory: UInt64
}

/// Where a state began: what can be compared with it, and since when.
struct Base: Equatable {
    /// Number and process of the entry that the state began from.
    var n: Int64
    var process: UInt64
    var digest: Digest
    /// Highest record time before its offsets, or of what was lost since, plus the allowed skew; `Int64.max` where that is not known.
    ///
    /// Of what is gone only the entry is known that others applied it with: it had come before that was committed.
    var age: Int64
    /// Ranges of records that were gone before they could be applied.
    var lost: [Run]

    /// Two states of equal keys have applied the very same records.
    func isSame(_ other: Base) -> Bool { n == other.n && process == other.process && digest == other.digest && lost == other.lost }
}

/// A next offset, and the CRC32C of the record before it (0: none was seen).
struct Place: Equatable {
    var offset: Int64
    var checksum: UInt32
}

/// What full entries say besides.
struct FullEntry: Equatable {
    /// Next offsets of all inputs *before* the entry's runs.
    var places: [InputPartition: Place]
    var base: Base?
    var eventHorizon: Int64
    var memoryHorizon: Int64
    /// Event time from which windows are whole, as before the runs.
    var since: Int64
    /// After the runs; absent where bytes are kept.
    var digest: Digest?
    /// What the digest hangs on: windows, lateness, retentions, feedback, base currency.
    var form: String
}

/// What an epoch's first entry says besides.
struct EpochHead: Equatable {
    var version: String
    var settings: [String: String]
    /// Content of the table of rates, as a CSV text; empty where there is none.
    var rates: String
    /// The artefacts in force, by name: version and SHA-256.
    var models: [String: String] = [:]
}

/// One transaction of the leader, as it stands in the journal (`docs/reference/journal.md`).
struct Entry: Equatable {
    /// Where it stands in the journal, once it was read there; between two entries stands at least the marker of a transaction.
    var offset: Int64 = -1
    /// Its record's time there, ms: what it speaks of had come before. −1: not known.
    var time: Int64 = -1
    var n: Int64 = 0
    var epoch: Int64 = 0
    /// A random number of the process that wrote it.
    var process: UInt64 = 0
    var instance = ""
    var group = ""
    /// Names of the input topics: transactions, then feedback where it is enabled.
    var topics: [String] = []
    /// How long its writer may be silent, ms.
    var silence: Int64 = 0
    var runs: [Run] = []
    var outcomes: [OutcomeRange] = []
    var changes: [Change] = []
    var handover = false
    var full: FullEntry?
    var head: EpochHead?

    /// The next offset after the entry's runs of each partition that they name.
    var next: [InputPartition: Int64] {
        var next: [InputPartition: Int64] = [:]
        for run in runs { next[run.partition] = run.last + 1 }
        return next
    }
}

extension Outcome {
    /// As the journal writes it.
    var code: String {
        switch self {
        case .scored: "scored"
        case .applied: "applied"
        case .duplicate: "duplicate"
        case .deadLettered(let reason): reason.code.description
        }
    }

    init?(code: String) {
        switch code {
        case "scored": self = .scored
        case "applied": self = .applied
        case "duplicate": self = .duplicate
        default:
            guard let reason = Reason.allCases.first(where: { $0.code.description == code }) else { return nil }
            self = .deadLettered(reason)
        }
    }
}
