import Scoring
import Testing

@Suite struct FlagTests {
    @Test func withoutAMLTheAmountRuleAloneDecides() throws {
        for (amount, decision) in [("9999.99", "clear"), ("10000", "review"), ("99999999999", "review")] {
            let driver = Driver { $0.isAMLEnabled = false }
            let said = try driver.send(Tx("1", "A", at: noon, amount))
            #expect(said.aml?.decision == decision)
            #expect(said.aml?.double("score") == 0)
            #expect(said.aml?.degraded == ["aml_disabled"])
            #expect(said.aml?.typologies.isEmpty == true)
            #expect(said.fraud?.degraded == [])
        }
    }

    @Test func withoutVelocityTheRiskIsZeroAndWindowsAreKept() throws {
        let driver = Driver { $0.isVelocityEnabled = false }
        var said: Said?
        for i in 0..<40 { said = try driver.send(Tx("\(i)", at: noon + Int64(i), "1")) }
        for verdict in [said?.fraud, said?.aml] {
            #expect(verdict?.double("velocity_risk") == 0)
            #expect(verdict?.degraded == ["velocity_disabled"])
            #expect(verdict?.window("account", "1h")?.count == 40)
            #expect(verdict?.reasonCodes.contains("velocity_high_risk") == false)
        }
        let none = Driver {
            $0.isVelocityEnabled = false
            $0.velocityHighRisk = 0
        }
        #expect(try none.send(Tx("1", "A", at: noon, "1")).fraud?.decision == "approve", "what is switched off lifts nothing")
    }

    @Test func bothMayBeOff() throws {
        let driver = Driver {
            $0.isVelocityEnabled = false
            $0.isAMLEnabled = false
        }
        let said = try driver.send(Tx("1"))
        #expect(said.aml?.degraded == ["aml_disabled", "velocity_disabled"])
        #expect(said.fraud?.degraded == ["velocity_disabled"])
    }

    @Test(arguments: ["aml_disabled", "velocity_disabled"]) func raisingARolloutOnlyAddsAccounts(_ name: String) throws {
        var on: Set<String> = []
        let accounts = (0..<1_000).map { "A-\($0)" }
        for percent in [0, 0.5, 10, 37.25, 50, 99.5, 100] {
            let driver = Driver {
                if name == "aml_disabled" { $0.amlRolloutPercent = percent } else { $0.velocityRolloutPercent = percent }
            }
            let said = try driver.send(accounts.map { Tx("t", $0) })
            let now = Set(zip(accounts, said).filter { $1.aml?.degraded.contains(name) == false }.map(\.0))
            #expect(now.isSuperset(of: on), "\(percent) %")
            #expect(abs(Double(now.count) - percent * 10) < 60, "\(percent) % of 1,000 accounts")
            on = now
        }
        #expect(on.count == 1_000)
    }

    @Test func aRolloutIsTheSameForEver() throws {
        // Pinned: a changed hash would move accounts in and out of a rollout at an upgrade.
        let driver = Driver { $0.amlRolloutPercent = 25 }
        let accounts = (0..<24).map { "A-\($0)" }
        let said = try driver.send(accounts.map { Tx("t", $0) })
        #expect(zip(accounts, said).filter { $1.aml?.degraded == [] }.map(\.0) == Self.pinned)
    }
    private static let pinned = ["A-0", "A-7", "A-10", "A-14", "A-16", "A-20"]
}
