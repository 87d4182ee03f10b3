import Testing

@testable import Service

@Suite struct NearestNameTests {
    @Test func `counts letters to be changed`() {
        let cases = [
            ("", "", 0), ("a", "", 1), ("", "ab", 2), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abd", 1), ("kitten", "sitting", 3),
            ("ca", "abc", 3),
        ]
        for (a, b, distance) in cases {
            #expect(NearestName.distance(a, b) == distance, "\(a) \(b)")
            #expect(NearestName.distance(b, a) == distance, "\(b) \(a)")
        }
    }

    @Test func `suggests what may have been meant, and nothing else`() {
        let names = ["serve", "simulate", "replay", "features"]
        for (name, suggestion) in [
            ("srve", "serve"), ("sim", "simulate"), ("relpay", "replay"), ("feature", "features"), ("x", nil), ("zzzzzz", nil),
        ] {
            #expect(NearestName.suggestion(for: name, among: names) == suggestion, "\(name)")
        }
        #expect(NearestName.suggestion(for: "a", among: []) == nil)
    }
}

@Suite struct DurationsTests {
    @Test func `reads and writes durations`() {
        for (text, millis) in [
            ("1ms", 1), ("1s", 1_000), ("5m", 300_000), ("24h", 86_400_000), ("90d", 7_776_000_000), ("0", 0), ("0s", 0), ("007s", 7_000),
        ] {
            #expect(Durations.millis(text) == Int64(millis), "\(text)")
        }
        for text in ["", "s", "1", "1.5s", "-1s", "+1s", "1 s", "1S", "1w", "1sm", "9999999999999d", "١s"] {
            #expect(Durations.millis(text) == nil, "\(text)")
        }
        for (millis, text) in [(0, "0s"), (1, "1ms"), (1_500, "1500ms"), (60_000, "1m"), (86_400_000, "1d"), (90_000, "90s")] {
            #expect(Durations.text(Int64(millis)) == text)
        }
    }
}
