import Testing

@testable import Stream

/// The stream in virtual time, under crashes, stalls, aborts, fences and unknown commits: what is committed fits the journal and the inputs, always.
@Suite struct FaultSimulationTests {
    /// A few of the seeds that `make simulate-faults` runs.
    @Test(arguments: 0..<8) func `nothing is lost, doubled or decided otherwise, whatever befalls the instances`(part: UInt64) {
        for seed in part * 50..<(part + 1) * 50 {
            let failures = FaultSimulation(seed: seed).run()
            #expect(failures.isEmpty, "seed \(seed)")
        }
    }

    @Test func `a seed gives the same run again`() {
        func journal() -> [[UInt8]] {
            let simulation = FaultSimulation(seed: 11)
            _ = simulation.run()
            return simulation.broker.journal.committed.map { Array($0.record.value!) }
        }
        let first = journal()
        #expect(!first.isEmpty && first == journal())
    }
}

@Suite struct JournalProofTests {
    @Test func `quick answers prove the silence between them`() {
        var proof = JournalProof(now: 0)
        for time in stride(from: Int64(300), to: 6000, by: 300) {
            proof.ask(at: time)
            proof.answer(at: time + 100, isGood: true)
        }
        #expect(proof.lastDoubt(at: 6000) == 0)
    }

    @Test func `a failed or late answer, or a query still out, casts doubt`() {
        var proof = JournalProof(now: 0)
        proof.ask(at: 300)
        proof.answer(at: 310, isGood: false)
        #expect(proof.lastDoubt(at: 400) == 310)
        proof.ask(at: 600)
        proof.answer(at: 1301, isGood: true)
        #expect(proof.lastDoubt(at: 1400) == 1301)
        proof.ask(at: 1600)
        #expect(proof.lastDoubt(at: 2300) == 1301)
        #expect(proof.lastDoubt(at: 2301) == 2301)
    }

    @Test func `a process that stood still has proved nothing meanwhile`() {
        var proof = JournalProof(now: 0)
        proof.ask(at: 300)
        proof.answer(at: 310, isGood: true)
        #expect(proof.lastDoubt(at: 9000) == 9000)
        proof.ask(at: 9000)
        proof.answer(at: 9005, isGood: true)
        #expect(proof.lastDoubt(at: 9010) == 9000)
    }
}
