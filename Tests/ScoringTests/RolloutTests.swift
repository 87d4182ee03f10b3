import Testing

@testable import Scoring

@Suite struct RolloutTests {
    /// Ids as banks give them: counted up, of fixed length with a check digit, random.
    private static let shapes: [@Sendable (Int) -> String] = [
        { "A-\($0)" },
        { "GB\(10 + $0 % 89)WEIR\(String(60_000_000_000_000 + $0 * 7))" },
        { number in
            var x = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
            x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
            return String(x ^ (x >> 27), radix: 16)
        },
        { "\($0)" },
    ]

    private static func isIn(_ id: String, _ feature: Rollout.Feature, _ percent: Double) -> Bool {
        var id = id
        return id.withUTF8 { Rollout.includes(Text(base: $0.baseAddress, count: $0.count), feature, percent: percent) }
    }

    @Test(arguments: shapes.indices, [Rollout.Feature.aml, .velocity])
    func `has its share of accounts to within one per cent, and only ever adds some`(_ shape: Int, _ feature: Rollout.Feature) {
        let ids = (0..<100_000).map(Self.shapes[shape])
        var before: Set<String> = []
        for percent in [0, 0.5, 1, 10, 25, 50, 75, 99, 100] {
            let now = Set(ids.filter { Self.isIn($0, feature, percent) })
            #expect(abs(Double(now.count) / Double(ids.count) * 100 - percent) < 1, "\(now.count) of 100,000 at \(percent) %")
            #expect(now.isSuperset(of: before), "\(percent) %")
            before = now
        }
    }

    @Test func `tries two features on different accounts`() {
        let ids = (0..<100_000).map(Self.shapes[0])
        let both = ids.count { Self.isIn($0, .aml, 10) && Self.isIn($0, .velocity, 10) }
        #expect((700...1_300).contains(both), "a tenth of a tenth, were they independent: \(both)")
    }
}
