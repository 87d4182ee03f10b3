import Scoring
import TestSupport
import Testing

/// A small generator with a seed, so that a failure can be had again.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite("Decoding whatever comes")
struct DecodingFuzzTests {
    static let pieces: [[UInt8]] = [
        "\"", "\\", "{", "}", "[", "]", ",", ":", " ", "\n", "\t", "\r", "\\u0041", "\\ud83d", "\\ude00", "null", "true", "false", "0", "-", "1e5", ".", "E+", "\u{c}", "\u{1a}", "\0",
        "é", "😀", "\"a\":1", ",\"a\":1", "[[[", "]]]", "{\"x\":{}}", "\\\"", "\\\\", "\"\"", "\"amount\":1", "x", "\u{7f}",
    ].map { Array($0.utf8) } + [[0x80], [0xC3], [0xED, 0xA0, 0x80], [0xFF], [0xF0, 0x9F]]

    static func mutate(_ record: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = record
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let at = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes.insert(contentsOf: pieces.randomElement(using: &random)!, at: at)
            case 1 where at < bytes.count: bytes.remove(at: at)
            case 2 where at < bytes.count: bytes[at] = .random(in: 0...255, using: &random)
            case 3: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 0...12, using: &random)))
            case 4:
                let from = Int.random(in: 0...bytes.count, using: &random)
                bytes.insert(contentsOf: bytes[from..<min(bytes.count, from + Int.random(in: 0...80, using: &random))], at: at)
            default: if at < bytes.count { bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
            }
        }
        return bytes
    }

    @Test("a mutated record is malformed exactly when a plain, strict parser says so", arguments: 1...4)
    func mutations(seed: Int) {
        var random = SeededGenerator(state: UInt64(seed))
        let decoder = Decoder(slots: 1, rules: RecordRules())
        var seeds = PoisonRecords.all(huge: false).compactMap(\.bytes).filter { $0.count < 2_000 && $0.first != 0 }
        seeds += Array(repeating: Array(PoisonRecords.json([("note", #"{"a":[1,"x\"y",{"b":null}],"c":"é😀"}"#), ("ip", #""203.0.113.9""#)]).utf8), count: seeds.count)
        var counts = (good: 0, malformed: 0, other: 0)
        for round in 0..<15_000 {
            let record = Self.mutate(seeds.randomElement(using: &random)!, &random)
            let found = rejection(record, decoder)
            switch found?.reason {
            case nil: counts.good += 1
            case .malformedJSON: counts.malformed += 1
            case .schemaRegistryFraming:
                counts.other += 1
                continue
            default: counts.other += 1
            }
            let isMalformed = found?.reason == .malformedJSON
            if isMalformed == StrictJSON.accepts(record) {
                Issue.record("seed \(seed), round \(round): \(String(decoding: record, as: UTF8.self).debugDescription) \(String(describing: found))")
                return
            }
        }
        #expect(counts.good > 100 && counts.malformed > 1_000 && counts.other > 100)
    }

    @Test("tokens across every 64-byte border of the parser are read alike")
    func borders() throws {
        let decoder = Decoder(slots: 1, rules: RecordRules())
        for padding in 0..<200 {
            for spaces in [String(repeating: " ", count: padding), ",\"p\":\"\(String(repeating: "\\\\", count: padding))\"", ",\"p\":\(String(repeating: "1", count: padding + 1))"] {
                let json = "{\"transaction_id\":\"t\\\"\",\"account_id\":\"é😀\"\(spaces),\"timestamp\":1767607200000,\"amount\":12.5}"
                try Array(json.utf8).withUnsafeBytes {
                    let t = try decoder.transaction($0, recordTime: nil, slot: 0)
                    #expect(string(t.id) == "t\"" && string(t.account) == "é😀" && t.amount == 1_250)
                }
            }
        }
    }
}
