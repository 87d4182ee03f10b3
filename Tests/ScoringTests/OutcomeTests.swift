import Scoring
import TestSupport
import Testing

@Suite struct OutcomeTests {
    @Test func aRepeatIsADuplicateAndAnotherContentAConflict() throws {
        let cases: [(name: String, tx: Tx, outcome: Outcome)] = [
            ("the same", Tx("1", "A", at: noon, "10"), .duplicate), ("the same amount, spelled otherwise", Tx("1", "A", at: noon, "10.004"), .duplicate),
            ("another time", Tx("1", "A", at: noon + 1, "10"), .deadLettered(.conflictingID)),
            ("another amount", Tx("1", "A", at: noon, "10.01"), .deadLettered(.conflictingID)),
            ("another merchant is the same", Tx("1", "A", at: noon, "10", ["merchant_id": "M"]), .duplicate),
            ("another account", Tx("1", "B", at: noon, "11"), .scored), ("another id", Tx("2", "A", at: noon, "10"), .scored),
        ]
        for inOneBatch in [true, false] {
            for one in cases {
                let driver = Driver()
                let said: Said
                if inOneBatch {
                    said = try driver.send([Tx("1"), one.tx])[1]
                } else {
                    try driver.send(Tx("1"))
                    said = try driver.send(one.tx)
                }
                #expect(said.outcome == one.outcome, "\(one.name)")
                #expect((said.fraud != nil) == (one.outcome == .scored))
                let next = try driver.send(Tx("3"))
                let others = one.outcome == .scored && one.tx.account == "A" ? 1 : 0
                #expect(next.fraud?.window("account", "7d")?.count == 2 + others, "\(one.name): nothing else changed")
            }
        }
    }

    @Test func whatIsNotRetainedIsForgotten() throws {
        let driver = Driver()
        try driver.send(Tx("1"))
        try driver.send(Tx("2", at: noon + 8 * day - 1))
        #expect(try driver.send(Tx("1")).outcome == .duplicate)
        try driver.send(Tx("3", at: noon + 8 * day))
        #expect(try driver.send(Tx("1")).outcome == .scored)
    }

    @Test func aRefusalSaysWhyWithoutContent() throws {
        let cases: [(text: String, reason: Reason, field: String?)] = [
            ("{", .malformedJSON, nil), (#"{"transaction_id":"geheim"}"#, .missingField, "account_id"),
            (#"{"transaction_id":"geheim","account_id":"geheim","timestamp":1,"amount":1}"#, .invalidField, "timestamp"),
        ]
        let driver = Driver()
        for one in cases {
            let said = try driver.send([one.text, Tx("after \(one.text)", "B").json])
            #expect(said[0].outcome == .deadLettered(one.reason))
            #expect(said[0].result.field == one.field)
            let message = try #require(said[0].result.message)
            #expect(!message.contains("geheim"))
            #expect(said[1].outcome == .scored)
        }
    }

    @Test func aTombstoneIsRefused() {
        let engine = Engine(.init())
        let sink = VerdictSink()
        let records = [Record(value: nil)]
        records.withUnsafeBufferPointer { engine.score($0, into: sink) }
        #expect(sink.results.map(\.outcome) == [.deadLettered(.tombstone)])
    }

    @Test func timeAheadOfTheRecordIsRefusedWhereTheRecordHasATime() throws {
        for (recordTime, outcome) in [(Int64(-1), Outcome.scored), (noon - 300_000, .scored), (noon - 300_001, .deadLettered(.futureTimestamp))] {
            #expect(try Driver().send([Tx("1").json], recordTime: recordTime)[0].outcome == outcome)
        }
    }

    @Test func aKeyThatIsNotTheAccountIsNoticed() throws {
        for (key, mismatch) in [("A", false), ("B", true), ("AA", true), ("", true), (nil, true)] as [(String?, Bool)] {
            let said = try Driver().send([Tx("1").json], keys: [key])[0]
            #expect(said.outcome == .scored)
            #expect(said.result.keyMismatch == mismatch)
        }
    }

    @Test func feedbackIsAppliedOnceAndReachesTheFraudRate() throws {
        let driver = Driver()
        let tx = Tx("1", "A", at: noon, "10", ["merchant_id": "M"])
        try driver.send(tx)
        try driver.send(Tx("2", "B", at: noon, "10", ["merchant_id": "M"]))
        #expect(try driver.sendFeedback(tx, label: "fraud", at: noon + day).outcome == .applied)
        #expect(try driver.sendFeedback(tx, label: "fraud", at: noon + day).outcome == .duplicate)
        #expect(try driver.sendFeedback(tx, label: "legitimate", at: noon + 2 * day).outcome == .applied)
        #expect(try driver.sendFeedback(tx, label: "fraud", at: noon + 3 * day).outcome == .applied)
        #expect(try driver.send(["{}"], topic: .feedback)[0].outcome == .deadLettered(.missingField))
        let said = try driver.send(Tx("3", "C", at: noon + 7 * day, "10", ["merchant_id": "M"]))
        let reason = try #require(said.fraud?.reasons.first { $0["code"] as? String == "merchant_7d_fraud_rate" })
        #expect(reason["value"] as? Double == 0.5)
    }
}

@Suite struct StageSampleTests {
    @Test func oneTransactionABatchIsMeasuredAndSaysTheSame() throws {
        let txs = Traffic(seed: 3).transactions(64)
        let records = Records(txs.map(\.json))
        let plain = VerdictSink()
        records.borrow { Engine(.init()).score($0, into: plain) }
        #expect(plain.samples.isEmpty)

        let measured = VerdictSink()
        var time: UInt64 = 0
        measured.clock = {
            time += 10
            return time
        }
        records.borrow { Engine(.init()).score($0, into: measured) }
        #expect(Array(measured.bytes) == Array(plain.bytes))
        #expect((1...4).contains(measured.samples.count))
        // Ticks of 10: windows take one, the AML score one, the whole four; a batch's decoding is shared by 16.
        for sample in measured.samples { #expect(sample == StageSample(scoring: 40, velocity: 10, aml: 10)) }
    }
}
