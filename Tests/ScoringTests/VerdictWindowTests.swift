import Foundation
import Scoring
import Testing
import Velocity

@Suite struct VerdictWindowTests {
    @Test func aWindowEndsAtTheTransactionIncludesItAndIsOpenAtItsBeginning() throws {
        let driver = Driver()
        let steps: [(offset: Int64, amount: String, hourly: (Int, String), daily: (Int, String), weekly: (Int, String))] = [
            (0, "10", (1, "10"), (1, "10"), (1, "10")),
            (hour - 1, "0.1", (2, "10.1"), (2, "10.1"), (2, "10.1")),
            (hour, "0.2", (2, "0.3"), (3, "10.3"), (3, "10.3")),
            (day - 1, "5", (1, "5"), (4, "15.3"), (4, "15.3")),
            (day, "5", (2, "10"), (4, "10.3"), (5, "20.3")),
            (7 * day, "1", (1, "1"), (1, "1"), (5, "11.3")),
        ]
        for (i, step) in steps.enumerated() {
            let said = try driver.send(Tx("t\(i)", at: noon + step.offset, step.amount))
            for verdict in [said.fraud, said.aml] {
                let verdict = try #require(verdict)
                for (window, expected) in [("1h", step.hourly), ("24h", step.daily), ("7d", step.weekly)] {
                    let found = try #require(verdict.window("account", window))
                    #expect(found.count == expected.0, "step \(i), \(window)")
                    #expect(found.sum == Decimal(string: expected.1), "step \(i), \(window)")
                }
            }
        }
    }

    @Test func entitiesAreThereWhenNamedAndAccountAndInflowAlways() throws {
        let driver = Driver()
        let names = ["counterparty_id": "counterparty", "card_id": "card", "device_id": "device", "merchant_id": "merchant", "ip": "ip"]
        for (field, entity) in names {
            let said = try driver.send(Tx("by-\(field)", at: noon, "7", [field: "x-\(field)"]))
            let velocity = try #require(said.fraud?.json["velocity"] as? [String: Any])
            #expect(Set(velocity.keys) == ["account", "inflow", entity])
            #expect(said.fraud?.window(entity, "7d")?.count == 1)
        }
        let bare = try driver.send(Tx("bare"))
        #expect(Set(try #require(bare.fraud?.json["velocity"] as? [String: Any]).keys) == ["account", "inflow"])
        #expect(bare.fraud?.window("inflow", "7d")?.count == 0)
        #expect(bare.fraud?.window("account", "7d")?.count == 6)
    }

    @Test func moneyMovesBetweenInflowAndCounterparty() throws {
        let driver = Driver()
        try driver.send(Tx("1", "A", "100", ["type": "transfer", "counterparty_id": "B"]))
        let received = try driver.send(Tx("2", "B", at: noon + minute, "50", ["type": "cash_in"]))
        #expect(try #require(received.fraud?.window("inflow", "1h")) == (2, 150))
        #expect(try #require(received.fraud?.window("account", "1h")) == (0, 0))
        let second = try driver.send(Tx("3", "C", at: noon + 2 * minute, "1.5", ["type": "payment", "counterparty_id": "B"]))
        #expect(try #require(second.aml?.window("counterparty", "1h")) == (3, Decimal(string: "151.5")!))
    }

    @Test func windowsAreCalledAsConfigured() throws {
        let windows: [Int64] = [90 * second, 45 * minute, 90 * day]
        let names = ["90s", "45m", "90d"]
        let driver = Driver(.init(velocity: .init(windows: windows), windowNames: names))
        let said = try driver.send(Tx("1"))
        let account = try #require((said.fraud?.json["velocity"] as? [String: Any])?["account"] as? [String: Any])
        #expect(Set(account.keys) == Set(names))
        #expect(windows.map { WindowLabel(millis: $0).name } == ["90s", "45m", "90d"])
        #expect([hour, day, 2 * day, 36 * hour].map { WindowLabel(millis: $0).name } == ["1h", "24h", "2d", "36h"])
        #expect(driver.engine.features.index(of: "account_45m_mean") != nil)
    }

    @Test func anAmountTooLateForItsWindowsChangesNothingAndIsNotInThem() throws {
        let driver = Driver()
        try driver.send(Tx("1", at: noon, "10"))
        let late = try driver.send(Tx("2", at: noon - day - 1, "5"))
        #expect(late.result.isLate)
        #expect(late.fraud?.window("account", "7d")?.count == 1, "it is retained, and so in its own windows")
        let gone = try driver.send(Tx("3", at: noon - 8 * day, "5"))
        #expect(gone.fraud?.window("account", "7d")?.count == 0, "it is not retained, and they omit it")
        let next = try driver.send(Tx("4", at: noon, "1"))
        #expect(try #require(next.fraud?.window("account", "7d")) == (3, 16))
    }
}
