import Foundation
import Scoring
import Testing

@Suite struct PreviewTests {
    private func traffic(_ count: Int, seed: UInt64) -> [Tx] { Traffic(seed: seed).transactions(count) }

    @Test(arguments: VerdictKind.allCases) func aPreviewSaysWhatTheStreamThenSays(_ kind: VerdictKind) throws {
        let driver = Driver()
        for (i, tx) in traffic(300, seed: 11).enumerated() {
            let before = driver.engine.digest()
            let asked = try driver.ask(kind, tx.json, arrival: .max / 2)
            #expect(driver.engine.digest() == before, "record \(i): asking changes nothing")
            let said = try driver.send(tx)
            switch asked {
            case .success(let (verdict, isDuplicate)):
                if isDuplicate {
                    #expect(said.outcome == .duplicate)
                    #expect(verdict.bool("duplicate") == true)
                } else {
                    let stream = try #require(kind == .fraud ? said.fraud : said.aml)
                    #expect(verdict.text == stream.withoutSource, "record \(i)")
                    #expect(verdict.json["source"] == nil)
                }
            case .failure(let rejection): #expect(said.outcome == .deadLettered(rejection.reason))
            }
        }
    }

    @Test func aRetainedTransactionIsAnsweredFromWhatIsHeldAsOfItsOwnTime() throws {
        let driver = Driver()
        try driver.send(Tx("1", at: noon, "10"))
        try driver.send(Tx("2", at: noon + 1, "20"))
        try driver.send(Tx("0", at: noon - 1, "5"))
        let (verdict, isDuplicate) = try driver.ask(.fraud, Tx("1", at: noon, "10").json).get()
        #expect(isDuplicate)
        #expect(verdict.bool("duplicate") == true)
        #expect(try #require(verdict.window("account", "1h")) == (2, 15))
    }

    @Test func aRefusalIsTheDeadLettersOne() throws {
        let driver = Driver()
        try driver.send(Tx("1"))
        let cases: [(String, Reason, String?)] = [
            (Tx("1", "A", at: noon, "11").json, .conflictingID, "transaction_id"), ("nonsense", .malformedJSON, nil), ("", .malformedJSON, nil),
            (Tx("2", "A", at: noon + 301 * second).json, .futureTimestamp, "timestamp"), (#"{"transaction_id":"1"}"#, .missingField, "account_id"),
        ]
        for (body, reason, field) in cases {
            for applies in [false, true] {
                guard case .failure(let rejection) = try driver.ask(.fraud, body, applies: applies) else {
                    Issue.record("\(body) was answered")
                    continue
                }
                #expect(rejection.reason == reason)
                #expect(rejection.field == field)
            }
        }
    }

    @Test func withoutKafkaAskingApplies() throws {
        let driver = Driver()
        for i in 0..<5 {
            let (verdict, isDuplicate) = try driver.ask(.fraud, Tx("\(i)").json, applies: true).get()
            #expect(!isDuplicate)
            #expect(verdict.window("account", "1h")?.count == i + 1)
            let (again, isAgain) = try driver.ask(.aml, Tx("\(i)").json, applies: true).get()
            #expect(isAgain)
            #expect(again.window("account", "1h")?.count == i + 1)
        }
    }

    @Test func aPreviewSaysLateAndLaggingAsTheStreamWould() throws {
        let driver = Driver()
        try driver.send(Tx("1"))
        driver.engine.incomplete.isLagging = true
        #expect(try driver.ask(.aml, Tx("2").json).get().0.bool("complete") == false)
        let late = try driver.ask(.aml, Tx("2", at: noon - 2 * day).json).get().0
        #expect(late.bool("late") == true)
    }
}
