import Foundation
import TestSupport
import Testing

@testable import Scoring

private func time(_ text: String, inFile: Bool = false) -> Int64? {
    Array((text + "\0").utf8).withUnsafeBufferPointer { Timestamps.parse($0.baseAddress!, $0.count - 1, inFile: inFile) }
}

@Suite("Times and amounts")
struct DecodingValuesTests {
    @Test("times are RFC 3339, to the millisecond", arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.001Z", 1), ("2026-11-24T12:00:00.123Z", 1_795_521_600_123), ("2026-11-24t12:00:00z", 1_795_521_600_000),
        ("2026-11-24T12:00:00.1239999999Z", 1_795_521_600_123), ("2026-11-24T12:00:00.9999Z", 1_795_521_600_999), ("2026-11-24T12:00:00.1Z", 1_795_521_600_100),
        ("2026-11-24T12:00:00.12Z", 1_795_521_600_120), ("2026-11-24T14:00:00+02:00", 1_795_521_600_000), ("2026-11-24T06:30:00-05:30", 1_795_521_600_000),
        ("2026-11-24T12:00:00+00:00", 1_795_521_600_000), ("2026-11-24T12:00:00-00:00", 1_795_521_600_000), ("2026-11-25T11:59:00+23:59", 1_795_521_600_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000), ("2024-02-29T23:59:59.999Z", 1_709_251_199_999), ("1969-12-31T23:59:59.999Z", -1),
        ("1969-12-31T23:59:59Z", -1_000), ("0000-01-01T00:00:00Z", -62_167_219_200_000), ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        // Leap seconds, the first two from RFC 3339.
        ("1990-12-31T23:59:60Z", 662_688_000_000), ("1990-12-31T15:59:60-08:00", 662_688_000_000), ("2016-12-31T23:59:60.5Z", 1_483_228_800_500),
        ("2015-07-01T01:59:60+02:00", 1_435_708_800_000),
    ] as [(String, Int64)])
    func goodTimes(text: String, expected: Int64) {
        #expect(time(text) == expected)
        #expect(time(text, inFile: true) == expected)
    }

    @Test("in a file a time may lack its offset, and have a space", arguments: [
        ("2018-04-01 00:00:31", 1_522_540_831_000), ("2018-04-01T00:00:31", 1_522_540_831_000), ("2018-04-01 00:00:31.25", 1_522_540_831_250),
        ("2018-04-01 02:00:31+02:00", 1_522_540_831_000), ("2018-04-01 00:00:31Z", 1_522_540_831_000),
    ] as [(String, Int64)])
    func fileTimes(text: String, expected: Int64) {
        #expect(time(text, inFile: true) == expected)
    }

    @Test("every day from year 0 to 9999 is counted, and no other")
    func everyDay() {
        var days = -719_528  // 0000-01-01
        for year in 0...9_999 {
            let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
            for (month, length) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
                for day in 1...length {
                    if Timestamps.days(year: year, month: month + 1, day: day) != days { Issue.record("\(year)-\(month + 1)-\(day)") }
                    let back = Timestamps.civil(days: days)
                    if back != (year, month + 1, day) { Issue.record("\(days) gives \(back)") }
                    days += 1
                }
                if Timestamps.daysInMonth(month + 1, year) != length { Issue.record("\(year)-\(month + 1) has another length") }
            }
        }
        #expect(days == 2_932_897)
    }

    @Test("amounts equal Python's decimals, with and without conversion")
    func amounts() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../Fixtures/amounts.csv")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").dropFirst()
        #expect(lines.count > 400)
        for line in lines {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            let form: Decimals.Form = cells[1] == "plain" ? .plain : .number
            let rate = cells[2].isEmpty ? nil : try rate(cells[2])
            let bytes = Array(cells[0].utf8)
            for form in [form, .cell] {
                let found: String
                do throws(Decimals.Failure) {
                    found = String(try Decimals.minorUnits(bytes, bytes.count, form, minorDigits: Int(cells[3])!, rate: rate))
                } catch {
                    found = error == .tooLarge ? "too large" : error == .tooLargeConverted ? "too large after conversion" : "\(error)"
                }
                #expect(found == cells[4], "\(line.prefix(200))")
            }
        }
    }

    @Test("short amounts by fast arithmetic equal the schoolbook's")
    func fastEqualsSchoolbook() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let mantissa = UInt64.random(in: 0..<10_000_000_000_000_000_000, using: &random) >> UInt64.random(in: 0...60, using: &random)
            let exponent = Int.random(in: -25...3, using: &random)
            let rate = Bool.random() ? Decimals.Rate(mantissa: .random(in: 1..<1_000_000_000_000_000_000) >> UInt64.random(in: 0...55) | 1, scale: .random(in: 0...22)) : nil
            let digits = Array(String(mantissa).utf8)
            let text = digits + Array("e\(exponent)".utf8)
            let minorDigits = Int.random(in: 2...3)
            let fast = Result { () throws(Decimals.Failure) in try Decimals.minorUnits(text, text.count, .number, minorDigits: minorDigits, rate: rate) }
            let slow = Result { () throws(Decimals.Failure) in
                try Decimals.long(digits, digits.count, exponent, minorDigits: minorDigits, rate: rate)
            }
            #expect(fast == slow, "\(String(decoding: text, as: UTF8.self)) · \(String(describing: rate))")
        }
    }

    private func rate(_ text: String) throws -> Decimals.Rate {
        let table = try RateTable(csv: Array("currency,rate\nEUR,\(text)\n".utf8), base: .usd)
        return try #require(table.rate(of: Currency("EUR")!, at: 0))
    }

    @Test("minor units are those of the base currency")
    func minorUnits() throws {
        for (code, digits) in [("USD", 2), ("JPY", 2), ("KWD", 3), ("TND", 3), ("CLF", 2)] { #expect(Currency(code)?.minorDigits == digits) }
        let rules = RecordRules(baseCurrency: Currency("KWD")!)
        try transaction(PoisonRecords.json([("currency", nil), ("amount", "1.2345")]), rules: rules) { #expect($0.amount == 1_234) }
        try transaction(PoisonRecords.json([("currency", "\"KWD\""), ("amount", "1.2355")]), rules: rules) { #expect($0.amount == 1_236) }
    }

    @Test("only codes of ISO 4217 are currencies")
    func codes() {
        for code in ["USD", "EUR", "XAU", "ZWG", "XCG", "BGN"] { #expect(Currency(code)?.description == code) }
        for code in ["", "usd", "US", "USDT", "XYZ", "AAA", "U D"] { #expect(Currency(code) == nil) }
    }
}

@Suite("Exchange rates")
struct DecodingRatesTests {
    private func table(_ csv: String) throws -> RateTable { try RateTable(csv: Array(csv.utf8), base: .usd) }

    @Test("the rate is that of the event's UTC date")
    func byDate() throws {
        let rules = RecordRules(rates: try table("currency,rate,from\r\nEUR,1.10,2026-01-05\r\nEUR,1.20,2026-01-06\r\nGBP,1.3,\r\nUSD,1,\r\n\r\n"))
        for (time, code, expected) in [
            ("2026-01-05T00:00:00Z", "EUR", 110), ("2026-01-05T23:59:59.999Z", "EUR", 110), ("2026-01-06T00:00:00Z", "EUR", 120), ("2026-01-06T00:30:00+01:00", "EUR", 110),
            ("2030-01-01T00:00:00Z", "EUR", 120), ("1969-12-31T23:59:59Z", "GBP", 130), ("1970-01-01T00:00:00Z", "USD", 100),
        ] as [(String, String, Int64)] {
            try transaction(PoisonRecords.json([("timestamp", "\"\(time)\""), ("currency", "\"\(code)\""), ("amount", "1")]), rules: rules) {
                #expect($0.amount == expected, "\(time) \(code)")
            }
        }
        let decoder = Decoder(slots: 1, rules: rules)
        for (time, code) in [("2026-01-04T23:59:59Z", "EUR"), ("2026-01-05T00:30:00+01:00", "EUR"), ("2026-01-05T00:00:00Z", "CHF")] {
            let found = rejection(Array(PoisonRecords.json([("timestamp", "\"\(time)\""), ("currency", "\"\(code)\"")]).utf8), decoder)
            #expect(found?.reason == .invalidField && found?.field == "currency")
        }
    }

    @Test("an amount is rounded once, after conversion, and must stay below 10^11")
    func conversion() throws {
        let rules = RecordRules(rates: try table("currency,rate\nEUR,1.5\nGBP,0.1\nKWD,3.25"))
        for (amount, code, expected) in [("0.01", "EUR", 2), ("0.03", "EUR", 4), ("0.004", "EUR", 1), ("0.05", "GBP", 0), ("0.15", "GBP", 2), ("99999999999.99", "GBP", 1_000_000_000_000)]
            as [(String, String, Int64)]
        {
            try transaction(PoisonRecords.json([("amount", amount), ("currency", "\"\(code)\"")]), rules: rules) { #expect($0.amount == expected, "\(amount) \(code)") }
        }
        let decoder = Decoder(slots: 1, rules: rules)
        for (amount, code) in [("99999999999", "EUR"), ("100000000000", "GBP"), ("66666666666.67", "EUR")] {
            #expect(rejection(Array(PoisonRecords.json([("amount", amount), ("currency", "\"\(code)\"")]).utf8), decoder)?.field == "amount", "\(amount) \(code)")
        }
    }

    @Test("a broken table is refused, with its line", arguments: [
        ("", 1), ("currency;rate\n", 1), ("code,rate\nEUR,1\n", 1), ("currency,rate\nEUR\n", 2), ("currency,rate\nEUR,1,2026-01-01\n", 2), ("currency,rate\nGBP,1\nXYZ,1\n", 3),
        ("currency,rate\nEUR,0\n", 2), ("currency,rate\nEUR,-1\n", 2), ("currency,rate\nEUR,\n", 2), ("currency,rate\nEUR,1e2\n", 2), ("currency,rate\nEUR,1.\n", 2),
        ("currency,rate\nEUR,.5\n", 2), ("currency,rate\nEUR,1234567890123456789\n", 2), ("currency,rate\nEUR,1\nEUR,1\n", 3), ("currency,rate\nUSD,1.1\n", 2),
        ("currency,rate,from\nEUR,1,2026-02-30\n", 2), ("currency,rate,from\nEUR,1,20260101\n", 2), ("currency,rate,from\nEUR,1,2026-01-01\nEUR,2,2026-01-01\n", 3),
        ("currency,rate,from\n\nEUR,1\n", 3), ("currency,rate\n\"EUR\",1\n", 2),
    ] as [(String, Int)])
    func broken(csv: String, line: Int) {
        #expect { try table(csv) } throws: { ($0 as? RateTableError)?.line == line }
    }

    @Test("a later table may add rows, and change none")
    func extensions() throws {
        let first = try table("currency,rate,from\nEUR,1.10,2026-01-05\nGBP,1.3,\n")
        for (csv, isExtension) in [
            ("currency,rate,from\nGBP,1.3,\nEUR,1.1,2026-01-05\n", true), ("currency,rate,from\nGBP,1.30,\nEUR,1.1,2026-01-05\nEUR,1.2,2026-01-06\nCHF,1,\n", true),
            ("currency,rate,from\nGBP,1.3,\n", false), ("currency,rate,from\nGBP,1.3,\nEUR,1.11,2026-01-05\n", false), ("currency,rate\nGBP,1.3\nEUR,1.1\n", false),
        ] { #expect(try table(csv).isExtension(of: first) == isExtension, "\(csv)") }
        #expect(first.isExtension(of: RateTable()))
        #expect(try table("currency,rate\nGBP,1.4\nEUR,1\n").firstChange(from: first) == "EUR from 2026-01-05 is gone")
        #expect(first.summary == "EUR from 2026-01-05, GBP")
    }

    @Test("its one spelling gives the table again")
    func canonical() throws {
        let first = try table("currency,rate,from\nJPY,0.00670,0099-02-03\nEUR,1.10,2026-01-05\nGBP,130,\nCHF,0.000000000000000000123,\n")
        #expect(first.canonicalCSV == "currency,rate,from\nCHF,0.000000000000000000123,\nEUR,1.1,2026-01-05\nGBP,130,\nJPY,0.0067,0099-02-03\n")
        #expect(try table(first.canonicalCSV) == first)
    }
}
