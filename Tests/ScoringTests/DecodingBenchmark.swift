import Foundation
import Scoring
import Testing

@Suite("Decoding speed", .enabled(if: ProcessInfo.processInfo.environment["WEIR_BENCH"] != nil, "set WEIR_BENCH to measure"))
struct DecodingBenchmark {
    static func record(_ i: Int) -> [UInt8] {
        Array(
            """
            {"transaction_id":"tx-\(1_000_000 + i)","account_id":"A-\(1_000 + i % 5_000)","timestamp":"2026-11-\(10 + i % 19)T12:\(10 + i % 50):00.\(100 + i % 900)Z","amount":\(i % 900).\(10 + i % 90),\
            "currency":"USD","type":"purchase","merchant_id":"M-\(i % 700)","card_id":"c_9f2a77b1d\(i % 9_999)","device_id":"d-\(i % 9_000)","ip":"203.0.113.\(i % 250)",\
            "country":"US","channel":"online"}
            """.utf8)
    }

    @Test("a record of 300 bytes")
    func decode() throws {
        let decoder = Decoder(slots: 16, rules: RecordRules())
        let records = (0..<4_096).map(Self.record)
        let joined = records.flatMap { $0 }
        try joined.withUnsafeBytes { all in
            var places: [UnsafeRawBufferPointer] = []
            var at = 0
            for record in records {
                places.append(UnsafeRawBufferPointer(rebasing: all[at..<(at + record.count)]))
                at += record.count
            }
            var best = Double.infinity
            var sum: Int64 = 0
            for _ in 0..<40 {
                let start = ContinuousClock.now
                for (i, place) in places.enumerated() { sum &+= try decoder.transaction(place, recordTime: 1_900_000_000_000, slot: i & 15).amount }
                let time = (ContinuousClock.now - start) / records.count
                best = min(best, Double(time.components.attoseconds) / 1e9)
            }
            print("decode: \(Int(best)) ns a record of \(joined.count / records.count) bytes, \(Decoder.implementation), check \(sum)")
            #expect(best < 1_000)
        }
    }
}
