import Foundation
import Models
import Testing

@testable import Scoring

@Suite struct ArithmeticTests {
    @Test func theExponentialIsTheLibrarysToTwoUnitsInTheLastPlace() {
        var random = SplitMix(state: 7)
        for i in 0..<200_000 {
            let x = i < 2_000 ? Double(i - 1_000) / 10 : Double.random(in: -700...700, using: &random)
            let expected = exp(x)
            #expect(abs(fixedExp(x) - expected) <= 2 * expected.ulp, "x = \(x)")
        }
        #expect(fixedExp(0) == 1)
        #expect(fixedExp(10_000) == fixedExp(700))
        #expect(fixedExp(-10_000) == fixedExp(-700))
    }

    @Test func theExponentialsBitsArePinned() {
        // Another processor, compiler or library that gives other bits gives other verdicts.
        for (x, bits) in Self.pinned { #expect(fixedExp(x).bitPattern == bits, "x = \(x): \(String(fixedExp(x).bitPattern, radix: 16))") }
    }
    private static let pinned: [(Double, UInt64)] = [
        (1.0, 0x4005bf0a8b14576a), (-1.0, 0x3fd78b56362cef38), (0.1, 0x3ff1aec7b35a00d4), (-3.7, 0x3f99511fc6871044),
        (12.25, 0x410982aa4f9aec90), (-42.42, 0x3c1bdfe233208be3), (699.9, 0x7f0ac3c2d2582f8f),
    ]

    @Test func theLogisticIsSymmetricAndBounded() {
        #expect(logistic(0) == 0.5)
        for x in stride(from: -50.0, through: 50, by: 0.37) {
            let p = logistic(x)
            #expect((0...1).contains(p))
            #expect(abs(p + logistic(-x) - 1) < 1e-15)
            #expect(abs(p - 1 / (1 + exp(-x))) < 1e-15)
        }
        #expect(millionths(logistic(-1_000)) == 0)
        #expect(millionths(logistic(1_000)) == 1_000_000)
    }

    @Test func curvesAreStraightBetweenPointsAndFlatBeyond() {
        let table = PiecewiseTable([.init(feature: 1, points: [(1, 0), (3, 4), (5, 2)]), .init(feature: 0, points: [(0, -1), (10, 9)])])
        for (x, y) in [(-5.0, 0.0), (1, 0), (2, 2), (3, 4), (4, 3), (5, 2), (1e9, 2)] { #expect(table.value(0, at: x) == y) }
        var values = [0.5, 2.0]
        let highest = values.withUnsafeMutableBufferPointer { table.highest($0.baseAddress!) }
        #expect(highest == 2)
    }

    @Test func velocityRiskFollowsItsQuantiles() {
        let table = PiecewiseTable([VelocityQuantiles.curve(0, (3, 6, 10))])
        for (x, risk) in [(0.0, 0.0), (3, 0), (4.5, 0.25), (6, 0.5), (8, 0.65), (10, 0.8), (55, 0.9), (100, 1), (1_000, 1)] {
            #expect(abs(table.value(0, at: x) - risk) < 1e-12, "at \(x)")
        }
    }

    @Test func quantilesScaleWithTheWindow() {
        let row = VelocityQuantiles.rows[0]
        #expect(row.entity == "account" && row.statistic == "count")
        for (millis, expected) in [
            (minute, 10.0), (hour, 10), (day, 25), (7 * day, 100), (4 * day, 62.5), (30 * day, 320), (60 * day, 610), (90 * day, 900),
        ] {
            #expect(VelocityQuantiles.quantiles(row, millis: millis).2 == expected, "\(millis) ms")
        }
        for row in VelocityQuantiles.rows {
            #expect(row.quantiles.count == VelocityQuantiles.lengths.count)
            for q in row.quantiles { #expect(q.0 < q.1 && q.1 < q.2, "\(row.entity) \(row.statistic)") }
            for (a, b) in zip(row.quantiles, row.quantiles.dropFirst()) { #expect(a.0 <= b.0 && a.1 <= b.1 && a.2 <= b.2) }
        }
    }

    @Test func everyRuleFindsItsFeatureInTheDefaultWindows() {
        let set = FeatureSet(windows: [hour, day, 7 * day].map { WindowLabel(millis: $0) }, hasFraudRate: true)
        for table in [RuleTable.fraud, RuleTable.aml(suspicious: 10_000)] {
            #expect(table.curves(set).count == table.rules.count)
            #expect(Set(table.curves(set).map(\.feature)).count == table.rules.count)
        }
        #expect(VelocityQuantiles.curves(set).count == 3 * VelocityQuantiles.rows.count + 1)
    }
}

@Suite struct ByteCursorTests {
    private func written(_ body: (inout ByteCursor) -> Void) -> String {
        let digits = ByteCursor.makeDigits()
        defer { digits.deallocate() }
        let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: 4_096)
        defer { buffer.deallocate() }
        var cursor = ByteCursor(buffer, digits: digits)
        body(&cursor)
        return String(decoding: UnsafeBufferPointer(start: buffer, count: cursor.p - buffer), as: UTF8.self)
    }

    @Test func integersOfEveryLength() {
        var values: [UInt64] = [0, .max, .max - 1]
        var power: UInt64 = 1
        for _ in 0..<19 {
            power *= 10
            values += [power - 1, power, power + 1, power / 2]
        }
        for value in values { #expect(written { $0.unsigned(value) } == "\(value)") }
        for value in [Int64.min, -1, -10, -99, .max] { #expect(written { $0.integer(value) } == "\(value)") }
        for value in [UInt128.max, 1_000_000_000_000_000_000, 1_000_000_000_000_000_001, UInt128(UInt64.max) + 1] {
            #expect(written { $0.wide(value) } == "\(value)")
        }
    }

    @Test func moneyHasNoTrailingZeros() {
        let cases: [(Int128, Int, String)] = [
            (0, 2, "0"), (1, 2, "0.01"), (10, 2, "0.1"), (100, 2, "1"), (512_000, 2, "5120"), (221_005, 2, "2210.05"), (280_340, 2, "2803.4"),
            (1, 3, "0.001"), (1_010, 3, "1.01"), (7_000, 3, "7"), (Int128(UInt64.max) * 100 + 5, 2, "\(UInt64.max).05"),
            (Int128(UInt64.max) * 1_000 + 50, 3, "\(UInt64.max).05"), (Int128(UInt64.max) + 1, 2, "184467440737095516.16"),
        ]
        for (minor, decimals, text) in cases { #expect(written { $0.money(minor, decimals: decimals) } == text) }
    }

    @Test func decimalsHaveAtMostSixPlaces() {
        let cases: [(Double, String)] = [
            (0, "0"), (17, "17"), (0.31, "0.31"), (-0.31, "-0.31"), (1e-6, "0.000001"), (4e-7, "0"), (0.1 + 0.2, "0.3"), (2_210.05, "2210.05"),
            (1.0 / 3, "0.333333"), (2.0 / 3, "0.666667"), (99_999_999_999.99, "99999999999.99"), (1e13, "10000000000000"), (-1e20, "-100000000000000000000"),
        ]
        for (value, text) in cases { #expect(written { $0.decimal(value) } == text) }
        for (value, text) in [(3.14159, "3.14"), (17, "17"), (-2.004, "-2"), (0.999, "1"), (2e12, "2000000000000")] as [(Double, String)] {
            #expect(written { $0.hundredths(value) } == text)
        }
        for (value, text) in [(0, "0"), (812_300, "0.8123"), (1_000_000, "1"), (1, "0.000001"), (-812_300, "-0.8123")] as [(Int64, String)] {
            #expect(written { $0.millionths(value) } == text)
        }
    }

    @Test func randomDecimalsReadBackToTheMillionth() {
        var random = SplitMix(state: 3)
        for _ in 0..<50_000 {
            let value = Double.random(in: -1e6...1e6, using: &random) * [1e-6, 1e-3, 1, 1e3].randomElement(using: &random)!
            let back = Double(written { $0.decimal(value) })
            #expect(abs((back ?? .nan) - value) <= 0.5e-6 + value.ulp, "\(value)")
        }
    }

    @Test func bytesThatNeedAnEscapeAreFoundAtEveryPlace() {
        for place in 0..<8 {
            for byte in 0...255 {
                let word = 0x6161_6161_6161_6161 & ~(UInt64(0xFF) << UInt64(8 * place)) | UInt64(byte) << UInt64(8 * place)
                #expect((ByteCursor.specials(word) != 0) == (byte < 32 || byte == 34 || byte == 92), "\(byte) at \(place)")
            }
        }
    }
}
