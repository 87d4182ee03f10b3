import Scoring
import Testing

@Suite struct FollowTests {
    @Test func aFollowerComesToTheLeadersState() throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            let txs = Traffic(seed: seed).transactions(500)
            let records = Records(txs.map(\.json))
            let leader = Engine(.init())
            let sink = VerdictSink()
            records.borrow { leader.score($0, into: sink) }
            let outcomes = sink.results.map(\.outcome)

            let follower = Engine(.init())
            try records.borrow { try follower.follow($0, outcomes: outcomes) }
            #expect(follower.digest() == leader.digest(), "seed \(seed)")
            #expect(follower.watermark == leader.watermark)

            let history = Engine(.init())
            try records.borrow { try history.follow($0, outcomes: nil) }
            #expect(history.digest() == leader.digest(), "seed \(seed), as history")

            let next = Records([Tx("next", "A1", at: leader.watermark).json])
            var said: [[UInt8]] = []
            for engine in [leader, follower, history] {
                sink.reset()
                next.borrow { engine.score($0, into: sink) }
                said.append(Array(sink.bytes))
            }
            #expect(said[0] == said[1] && said[1] == said[2])
        }
    }

    @Test func theJournalDecidesAndNotTheFollowersRules() throws {
        let big = Tx("1", "A", at: noon, "10", ["note": String(repeating: "x", count: 300)])
        let leader = Engine(.init(rules: .init(maxRecordBytes: 400)))
        let follower = Engine(.init(rules: .init(maxRecordBytes: 200, maxClockSkew: 0)))
        let records = Records([big.json, Tx("2").json, "junk", Tx("1").json], recordTime: noon - 1)
        let sink = VerdictSink()
        records.borrow { leader.score($0, into: sink) }
        #expect(sink.results.map(\.outcome) == [.scored, .scored, .deadLettered(.malformedJSON), .duplicate])
        try records.borrow { try follower.follow($0, outcomes: sink.results.map(\.outcome)) }
        #expect(follower.digest() == leader.digest())

        try Records([Tx("3").json]).borrow { try follower.follow($0, outcomes: [.deadLettered(.futureTimestamp)]) }
        #expect(follower.digest() == leader.digest(), "what the leader refused is not applied")
        try Records([Tx("3").json]).borrow { try follower.follow($0, outcomes: [.deadLettered(.verdictTooLarge)]) }
        Records([Tx("3").json]).borrow { leader.score($0, into: sink) }
        #expect(follower.digest() == leader.digest(), "a transaction whose verdict was too large stays in the windows")
        Records([big.json]).borrow { follower.score($0, into: sink) }
        #expect(sink.results.last?.outcome == .deadLettered(.tooLarge), "its own rules hold again when it leads")
    }

    @Test func labelsAreFollowedToo() throws {
        let tx = Tx("1", "A", at: noon, "10", ["merchant_id": "M"])
        let label = """
            {"transaction_id":"1","account_id":"A","merchant_id":"M","timestamp":\(noon + day),"transaction_timestamp":\(noon),"label":"fraud"}
            """
        let engines = [Engine(.init()), Engine(.init())]
        let sink = VerdictSink()
        Records([tx.json]).borrow { engines[0].score($0, into: sink) }
        Records([label, label], topic: .feedback).borrow { engines[0].score($0, into: sink) }
        #expect(sink.results.map(\.outcome) == [.scored, .applied, .duplicate])
        try Records([tx.json]).borrow { try engines[1].follow($0, outcomes: [.scored]) }
        try Records([label, label], topic: .feedback).borrow { try engines[1].follow($0, outcomes: [.applied, .duplicate]) }
        #expect(engines[0].digest() == engines[1].digest())
    }

    @Test func anAppliedRecordThatCannotBeReadStopsTheFollower() throws {
        let engine = Engine(.init())
        let records = Records([Tx("1").json, "{}", Tx("2").json], partition: 3, offset: 40)
        let error = #expect(throws: FollowError.self) {
            try records.borrow { try engine.follow($0, outcomes: [.scored, .scored, .scored]) }
        }
        #expect(error?.partition == 3)
        #expect(error?.offset == 41)
        #expect(error?.rejection.reason == .missingField)
    }
}
