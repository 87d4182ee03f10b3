import Scoring
import Testing

@Suite struct DecodingTests {
    @Test("a good record is read")
    func aGoodRecordIsRead() throws {
        let text = #"{"transaction_id":"tx-000001","account_id":"A-1001","timestamp":"2026-11-24T12:00:00.123Z","amount":129.95,"currency":"USD","type":"purchase","merchant_id":"M-77"}"#
        let decoder = Decoder(slots: 2, rules: RecordRules())
        let bytes = Array(text.utf8)
        try bytes.withUnsafeBytes { raw in
            let t = try decoder.transaction(raw, recordTime: nil, slot: 1)
            #expect(String(decoding: t.id.bytes, as: UTF8.self) == "tx-000001")
            #expect(t.amount == 12_995)
            #expect(t.time == 1_795_521_600_123)
        }
        #expect(Decoder.implementation != "fallback")
    }
}
