import Scoring
import Testing
import Velocity

@Suite struct CompletenessTests {
    /// 7 days of windows and 7 of label delay: how far a transaction looks back.
    private static let reach = 14 * day

    @Test func aKnownBeginningIsComplete() throws {
        let said = try Driver().send(Tx("1"))
        #expect(said.fraud?.bool("complete") == true)
        #expect(said.aml?.bool("complete") == true)
        #expect(said.result.incompleteCause == nil)
    }

    @Test func lateIsIncomplete() throws {
        for (behind, isLate) in [(day, false), (day + 1, true)] {
            let driver = Driver()
            try driver.send(Tx("1"))
            let said = try driver.send(Tx("2", at: noon - behind))
            for verdict in [said.fraud, said.aml] {
                #expect(verdict?.bool("late") == isLate)
                #expect(verdict?.bool("complete") == !isLate)
            }
            #expect(said.result.isLate == isLate)
            #expect(said.result.incompleteCause == (isLate ? .late : nil))
        }
    }

    @Test func aStartIsIncompleteUntilTheLongestWindowAndTheLabelDelayHavePassed() throws {
        for (feedback, reach) in [(true, Self.reach), (false, 7 * day)] {
            for (after, isComplete) in [(0, false), (reach - 1, false), (reach, true)] {
                let driver = Driver(feedback: feedback) { _ in }
                driver.engine.incomplete.since = noon
                let said = try driver.send(Tx("1", at: noon + after))
                #expect(said.fraud?.bool("complete") == isComplete)
                #expect(said.result.incompleteCause == (isComplete ? nil : .start))
            }
        }
    }

    @Test func aWindowBehindTheHorizonIsIncomplete() throws {
        for (horizon, isComplete) in [(noon - Self.reach, true), (noon - Self.reach + 1, false)] {
            let driver = Driver()
            driver.engine.raise(eventHorizon: horizon)
            let said = try driver.send(Tx("1"))
            #expect(said.fraud?.bool("complete") == isComplete)
            #expect(said.result.incompleteCause == (isComplete ? nil : .horizon))
        }
    }

    @Test func laggingAndUnknownAreIncompleteWhileTheyAreSet() throws {
        let driver = Driver()
        driver.engine.incomplete.isLagging = true
        #expect(try driver.send(Tx("1")).result.incompleteCause == .lagging)
        driver.engine.incomplete.isLagging = false
        #expect(try driver.send(Tx("2")).result.incompleteCause == nil)
        driver.engine.incomplete.isUnknown = true
        let said = try driver.send(Tx("3", at: noon + 400 * day))
        #expect(said.result.incompleteCause == .unknown)
        #expect(said.aml?.bool("complete") == false)
    }

    @Test func withoutKafkaTheFirstTransactionIsTheStart() throws {
        let driver = Driver()
        let first = try driver.ask(.fraud, Tx("1").json, applies: true).get()
        #expect(first.0.bool("complete") == false)
        let early = try driver.ask(.fraud, Tx("2", at: noon + Self.reach - 1).json, arrival: noon + 20 * day, applies: true).get()
        #expect(early.0.bool("complete") == false)
        let whole = try driver.ask(.fraud, Tx("3", at: noon + Self.reach).json, arrival: noon + 20 * day, applies: true).get()
        #expect(whole.0.bool("complete") == true)
    }
}
