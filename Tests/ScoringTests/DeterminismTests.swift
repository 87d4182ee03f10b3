import Scoring
import Testing

@Suite struct DeterminismTests {
    /// Everything that an engine says of these records, cut into calls of these sizes.
    private func say(_ txs: [Tx], cuts: () -> Int) -> (bytes: [UInt8], outcomes: [Outcome], digest: UInt64) {
        let engine = Engine(.init())
        let sink = VerdictSink(capacity: 1)
        let records = Records(txs.map(\.json), keys: txs.map(\.account))
        var begin = 0
        while begin < txs.count {
            let end = min(txs.count, begin + cuts())
            records.borrow(begin..<end) { engine.score($0, into: sink) }
            begin = end
        }
        return (Array(sink.bytes), sink.results.map(\.outcome), engine.digest().windows)
    }

    @Test func howRecordsAreCutIntoCallsChangesNoByte() {
        for seed in 1...6 as ClosedRange<UInt64> {
            let txs = Traffic(seed: seed).transactions(400)
            let whole = say(txs) { txs.count }
            #expect(Set(whole.outcomes).count == 3, "the traffic has scored, duplicate and conflicting records")
            var random = SplitMix(state: seed)
            for (name, cut) in [("one", { 1 }), ("sixteen", { 16 }), ("random", { Int.random(in: 1...40, using: &random) })] as [(String, () -> Int)] {
                let other = say(txs, cuts: cut)
                #expect(other.bytes == whole.bytes, "seed \(seed), by \(name)")
                #expect(other.outcomes == whole.outcomes, "seed \(seed), by \(name)")
                #expect(other.digest == whole.digest, "seed \(seed), by \(name)")
            }
        }
    }

    @Test func theSameInputGivesTheSameBytesInEveryProcess() {
        // Pinned: a process that says otherwise has another hash seed, another order, or another arithmetic.
        let said = say(Traffic(seed: 42).transactions(500)) { 16 }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in said.bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        #expect(hash == Self.pinned)
    }
    private static let pinned: UInt64 = 5_951_575_013_588_772_539

    @Test func aReusedSinkSaysTheSame() {
        let txs = Traffic(seed: 5).transactions(100)
        let records = Records(txs.map(\.json))
        let sink = VerdictSink()
        var first: [UInt8] = []
        for round in 0..<3 {
            sink.reset()
            let engine = Engine(.init())
            records.borrow { engine.score($0, into: sink) }
            if round == 0 { first = Array(sink.bytes) } else { #expect(Array(sink.bytes) == first) }
        }
    }
}
