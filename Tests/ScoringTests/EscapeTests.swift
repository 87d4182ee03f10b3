import Foundation
import Scoring
import Testing
import Velocity

@Suite struct EscapeTests {
    @Test func idsComeBackAsTheyWereWhateverTheyHold() throws {
        var ids = (0..<32).map { String(UnicodeScalar(UInt8($0))) }
        ids += ["\"", "\\", "/", "\u{7F}", "é", "€", "😀", "\u{2028}", "a\"b", "日本語", "\\u0041", "</script>", "e\u{301}"]
        // Each at every place in texts around the lengths that are copied as words.
        for id in ids where !id.isEmpty {
            for length in [1, 7, 8, 9, 15, 16, 17, 40] {
                for place in [0, length / 2, length - 1] {
                    var scalars = Array(repeating: "x", count: length)
                    scalars[place] = id
                    let text = scalars.joined()
                    let said = try Driver().send(Tx(text, text + "-account"))
                    for verdict in [said.fraud, said.aml] {
                        #expect(verdict?.string("transaction_id") == text)
                        #expect(verdict?.string("account_id") == text + "-account")
                    }
                }
            }
        }
    }

    @Test func theLongestIdsOfTheWorstBytesFit() throws {
        let worst = String(repeating: "\u{1}", count: 128)
        let windows = (1...8).map { Int64($0) * 10 * day }
        let fields = ["counterparty_id": worst, "card_id": worst, "device_id": worst, "merchant_id": worst, "ip": worst]
        let driver = Driver(.init(velocity: .init(windows: windows), topic: String(repeating: "t", count: 249)))
        for i in 0..<3 {
            let said = try driver.send(Tx(String(worst.dropLast()) + "\(i)", worst, at: noon, "99999999999", fields))
            #expect(said.fraud?.string("account_id") == worst)
            #expect(said.aml?.window("ip", "80d")?.count == i + 1)
        }
    }

    @Test func eventTimesAreRFC3339InUTC() throws {
        let cases: [(String, String)] = [
            ("2026-11-24T12:00:00.123Z", "2026-11-24T12:00:00.123Z"), ("2026-11-24T23:30:00-01:00", "2026-11-25T00:30:00.000Z"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"), ("2100-03-01T00:00:00.999999Z", "2100-03-01T00:00:00.999Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"), ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            ("2000-12-31T23:59:59.001Z", "2000-12-31T23:59:59.001Z"),
        ]
        for (sent, said) in cases {
            let text = "{\"transaction_id\":\"1\",\"account_id\":\"A\",\"timestamp\":\"\(sent)\",\"amount\":1}"
            #expect(try Driver().send([text])[0].fraud?.string("event_time") == said)
        }
    }

    @Test func theTextOfAVerdictIsTheContracts() throws {
        let driver = Driver()
        let said = try driver.send(
            Tx("tx-1", "A-1", at: noon + 123, "129.95", ["merchant_id": "M-77", "country": "US", "counterparty_country": "GB", "channel": "online"]))
        #expect(
            said.fraud?.text
                == #"{"transaction_id":"tx-1","account_id":"A-1","kind":"fraud","decision":"approve","score":0.057324,"threshold":0.5,"velocity_risk":0,"#
                + #""reasons":[{"code":"is_cross_border","value":1,"contribution":0.8,"text":"across a border"},"#
                + #"{"code":"account_age_seconds","value":0,"contribution":0.4,"text":"0 seconds since the account's first transaction or opening"}],"#
                + #""velocity":{"account":{"1h":{"count":1,"sum":129.95},"24h":{"count":1,"sum":129.95},"7d":{"count":1,"sum":129.95}},"#
                + #""inflow":{"1h":{"count":0,"sum":0},"24h":{"count":0,"sum":0},"7d":{"count":0,"sum":0}},"#
                + #""merchant":{"1h":{"count":1,"sum":129.95},"24h":{"count":1,"sum":129.95},"7d":{"count":1,"sum":129.95}}},"#
                + #""model":{"name":"rules","version":"2"},"mode":"rules","late":false,"complete":true,"event_time":"2026-11-24T12:00:00.123Z","#
                + #""source":{"topic":"transactions","partition":0,"offset":0}}"#)
        let aml = try #require(said.aml)
        #expect(aml.text.hasPrefix(#"{"transaction_id":"tx-1","account_id":"A-1","kind":"aml","decision":"clear","score":"#))
        #expect(!aml.text.contains(" \""))
    }

    @Test func moneyHasTheMinorUnitsDecimalsAndNoTrailingZeros() throws {
        let cases: [(Currency, String, String)] = [
            (.usd, "5120", "5120"), (.usd, "5120.10", "5120.1"), (.usd, "0.05", "0.05"), (.usd, "0", "0"), (.usd, "99999999999.99", "99999999999.99"),
            (Currency("KWD")!, "1.001", "1.001"), (Currency("KWD")!, "1.010", "1.01"), (Currency("KWD")!, "7", "7"), (Currency("JPY")!, "7.5", "7.5"),
        ]
        for (currency, amount, text) in cases {
            let driver = Driver(.init(rules: .init(baseCurrency: currency)))
            let said = try driver.send(Tx("1", "A", at: noon, amount))
            #expect(said.fraud?.text.contains("\"account\":{\"1h\":{\"count\":1,\"sum\":\(text)}") == true, "\(amount) \(currency)")
        }
    }
}
