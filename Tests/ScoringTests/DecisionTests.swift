import Foundation
import Scoring
import Testing

@Suite struct DecisionTests {
    /// The score that the rules give to a first transaction of these fields, as the verdict carries it.
    private func score(_ tx: Tx) throws -> (fraud: Double, aml: Double) {
        let said = try Driver().send(tx)
        return (try #require(said.fraud?.double("score")), try #require(said.aml?.double("score")))
    }

    @Test func fraudIsDecidedOnTheRoundedScore() throws {
        let tx = Tx("1", "A", at: noon, "900")
        let score = try score(tx).fraud
        let cases: [(review: Double, decline: Double, decision: String, threshold: Double)] = [
            (score, 1, "review", score), (score.nextUp, 1, "approve", score.nextUp), (0.001, score, "decline", score),
            (0.001, score.nextUp, "review", 0.001), (0, 0, "decline", 0),
            // Of two the lower one is the next one up, and what passes it passes both.
            (1, score.nextUp, "approve", score.nextUp), (1, score, "decline", score),
        ]
        for one in cases {
            let driver = Driver {
                $0.fraudReview = one.review
                $0.fraudDecline = one.decline
                $0.velocityHighRisk = 2
            }
            let said = try driver.send(tx)
            #expect(said.fraud?.decision == one.decision)
            #expect(said.result.fraudDecision.name.description == one.decision)
            #expect(said.fraud?.double("threshold") == one.threshold)
            #expect(said.fraud?.double("score") == score)
        }
    }

    @Test func amlReportsAtTheThresholdAndReviewsAtHalfOfIt() throws {
        let tx = Tx("1", "A", at: noon, "9500", ["type": "transfer", "counterparty_id": "B", "country": "US", "counterparty_country": "GB"])
        let score = try score(tx).aml
        let cases: [(risk: Double, decision: String, threshold: Double)] = [
            (score, "report", score), (score.nextUp, "review", score.nextUp / 2), (2 * score, "review", score),
            ((2 * score).nextUp, "clear", (2 * score).nextUp / 2),
        ]
        for one in cases {
            let driver = Driver { $0.amlRisk = one.risk }
            let said = try driver.send(tx)
            #expect(said.aml?.decision == one.decision)
            #expect(said.result.amlDecision.name.description == one.decision)
            #expect(said.aml?.double("threshold") == one.threshold)
        }
    }

    @Test func defaultThresholdsAreThoseOfTheRules() throws {
        let said = try Driver().send(Tx("1"))
        #expect(said.fraud?.decision == "approve")
        #expect(said.fraud?.double("threshold") == 0.5)
        #expect(said.aml?.decision == "clear")
        #expect(said.aml?.double("threshold") == 0.35)
        for verdict in [said.fraud, said.aml] {
            #expect(verdict?.string("mode") == "rules")
            #expect((verdict?.json["model"] as? [String: Any])?["name"] as? String == "rules")
            #expect(verdict?.reasonCodes.contains("velocity_high_risk") == false)
        }
    }

    @Test func aHighVelocityRiskLiftsAnApprovalAndSaysSo() throws {
        // The tenth transaction of an hour stands at the 99.9th percentile of the built-in table.
        let driver = Driver { ($0.fraudReview, $0.fraudDecline) = (0.99, 1) }
        var said: Said?
        for i in 0..<11 {
            said = try driver.send(Tx("\(i)", at: noon + Int64(i) * second, "1"))
            let fraud = try #require(said?.fraud)
            let risk = try #require(fraud.double("velocity_risk"))
            #expect(fraud.decision == (risk >= 0.8 ? "review" : "approve"))
            #expect((i >= 9) == (risk >= 0.8), "transaction \(i + 1)")
            #expect(said?.aml?.double("velocity_risk") == risk)
        }
        let fraud = try #require(said?.fraud)
        #expect(fraud.reasonCodes.first == "velocity_high_risk")
        #expect(fraud.reasons.first?["value"] as? Double == fraud.double("velocity_risk"))
        #expect(fraud.double("threshold") == 0.99)
        #expect(try #require(fraud.double("score")) < 0.99)
    }

    @Test func anAmountAtTheThresholdLiftsAClearanceAndSaysSo() throws {
        for (amount, isLifted) in [("9999.99", false), ("10000", true), ("10000.01", true)] {
            let driver = Driver { $0.amlRisk = 1 }
            let aml = try #require(try driver.send(Tx("1", "A", at: noon, amount)).aml)
            #expect(aml.decision == (isLifted ? "review" : "clear"))
            #expect((aml.reasonCodes.first == "suspicious_amount") == isLifted)
            #expect(aml.typologies.map { $0["code"] as? String } == (isLifted ? ["LARGE_AMOUNT"] : []))
            if isLifted {
                let evidence = try #require(aml.typologies.first?["evidence"] as? [String: Any])
                #expect(evidence["amount"] as? Double == Double(amount))
                #expect(evidence["threshold"] as? Double == 10_000)
            }
        }
    }

    @Test func thresholdsAndFlagsChangeBetweenTwoRecords() throws {
        let driver = Driver()
        #expect(try driver.send(Tx("1", "A", at: noon, "5000")).aml?.decision == "clear")
        var policy = driver.engine.policy
        policy.suspiciousAmount = 5_000
        policy.fraudReview = 0.0001
        driver.engine.apply(.policy(policy))
        let said = try driver.send(Tx("2", "B", at: noon, "5000"))
        #expect(said.aml?.reasonCodes.first == "suspicious_amount" || said.aml?.decision != "clear")
        #expect(said.fraud?.decision == "review")
        #expect(said.fraud?.double("threshold") == 0.0001)
    }

    @Test func reasonsAreTheFiveStrongestInOrder() throws {
        let driver = Driver()
        var said: Said?
        for i in 0..<20 {
            said = try driver.send(
                Tx(
                    "\(i)", at: noon - 6 * hour + Int64(i) * second, i == 19 ? "30000" : "\(100 + i)",
                    ["country": i % 2 == 0 ? "US" : "FR", "counterparty_country": "GB", "device_id": "d\(i)", "counterparty_id": "c\(i)"]))
        }
        let fraud = try #require(said?.fraud)
        #expect(fraud.reasons.count == 5)
        let contributions = fraud.reasons.map { ($0["contribution"] as! NSNumber).doubleValue }
        #expect(contributions == contributions.sorted(by: >))
        #expect(fraud.decision == "decline")
        for reason in fraud.reasons {
            #expect(driver.engine.features.index(of: reason["code"] as! String) != nil)
            #expect((reason["text"] as? String)?.isEmpty == false)
        }
        #expect(fraud.reasons.contains { $0["text"] as? String == "20 transactions in the last hour" })
    }

    @Test func rulesAddUpToTheScore() throws {
        // One rule alone: 900 major units lie between 200 and 1,000, which adds 0.8 · 700/800 to −4; a new account adds 0.4.
        let said = try Driver().send(Tx("1", "A", at: noon, "900"))
        let fraud = try #require(said.fraud)
        let sum = fraud.reasons.reduce(-4) { $0 + ($1["contribution"] as! NSNumber).doubleValue }
        #expect(abs(sum - (-4 + 0.7 + 0.4)) < 1e-9)
        let score = try #require(fraud.double("score"))
        #expect(abs(score - 1 / (1 + exp(-sum))) <= 0.5e-6 + 1e-12)
    }
}
