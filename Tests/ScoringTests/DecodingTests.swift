import Scoring
import TestSupport
import Testing

/// Decodes one record and gives the rejection, or nil when it is good.
func rejection(_ bytes: [UInt8]?, _ decoder: Decoder, recordTime: Int64? = 1_798_000_000_000) -> Rejection? {
    do throws(Rejection) {
        guard let bytes else {
            _ = try decoder.transaction(nil, recordTime: recordTime, slot: 0)
            return nil
        }
        return bytes.withUnsafeBytes { raw in
            do throws(Rejection) {
                _ = try decoder.transaction(raw, recordTime: recordTime, slot: 0)
                return nil
            } catch {
                return error
            }
        }
    } catch {
        return error
    }
}

/// Decodes one record that must be good.
func transaction<Result>(_ json: String, rules: RecordRules = RecordRules(), _ body: (Transaction) throws -> Result) throws -> Result {
    let decoder = Decoder(slots: 1, rules: rules)
    return try Array(json.utf8).withUnsafeBytes { try body(try decoder.transaction($0, recordTime: nil, slot: 0)) }
}

func string(_ text: Text) -> String? { text.isPresent ? String(decoding: text.bytes, as: UTF8.self) : nil }

@Suite("Decoding transactions")
struct DecodingTests {
    @Test("the vector part is not the slow fallback")
    func implementation() {
        #expect(Decoder.implementation != "fallback")
    }

    @Test("a full record gives every field")
    func fullRecord() throws {
        let json = """
            {"transaction_id":"tx-000001","account_id":"A-1001","timestamp":"2026-11-24T12:00:00.123Z","amount":129.95,"currency":"USD","type":"cash_out",
             "merchant_id":"M-77","merchant_category":"5411","card_id":"c_9f2…","device_id":"d-51","ip":"203.0.113.9","counterparty_id":"A-2002",
             "counterparty_country":"GB","country":"US","channel":"online","account_opened_at":1600000000000,"note":{"deep":[1,2.5e3,null,"x"]}}
            """
        try transaction(json) { t in
            #expect(string(t.id) == "tx-000001")
            #expect(string(t.account) == "A-1001")
            #expect(t.time == 1_795_521_600_123)
            #expect(t.amount == 12_995)
            #expect(t.accountOpenedAt == 1_600_000_000_000)
            #expect(t.type == .cashOut)
            #expect(string(t.merchant) == "M-77")
            #expect(string(t.merchantCategory) == "5411")
            #expect(string(t.card) == "c_9f2…")
            #expect(string(t.device) == "d-51")
            #expect(string(t.ip) == "203.0.113.9")
            #expect(string(t.counterparty) == "A-2002")
            #expect(string(t.counterpartyCountry) == "GB")
            #expect(string(t.country) == "US")
            #expect(string(t.channel) == "online")
        }
    }

    @Test("each poison record is refused for its reason")
    func poison() {
        let decoder = Decoder(slots: 1, rules: RecordRules())
        let records = PoisonRecords.all()
        #expect(records.count >= 200)
        for record in records {
            let found = rejection(record.bytes, decoder)
            #expect(found.map { String(describing: $0.reason.code) } == record.reason, "\(record.name)")
            #expect(found?.field == record.field, "\(record.name)")
        }
    }

    @Test("optional fields: null and empty are absent, defaults hold")
    func optionalFields() throws {
        let names = ["merchant_id", "merchant_category", "card_id", "device_id", "ip", "counterparty_id", "counterparty_country", "country", "channel"]
        for value in ["null", "\"\"", nil] {
            let changes = names.map { ($0, value) } + [("type", nil), ("currency", "null"), ("account_opened_at", "null")]
            try transaction(PoisonRecords.json(changes)) { t in
                for text in [t.merchant, t.merchantCategory, t.card, t.device, t.ip, t.counterparty, t.counterpartyCountry, t.country, t.channel] {
                    #expect(!text.isPresent)
                }
                #expect(t.type == .purchase)
                #expect(t.accountOpenedAt == nil)
                #expect(t.amount == 1_250)
            }
        }
    }

    @Test("what lies just inside the rules is taken", arguments: [
        [("transaction_id", "\"" + String(repeating: "x", count: 128) + "\"")], [("account_id", "\"" + String(repeating: "é", count: 64) + "\"")],
        [("account_id", "\"" + String(repeating: "\\u20ac", count: 42) + "xx\"")], [("account_id", "\" \"")], [("account_id", "\"\\u0000\"")],
        [("merchant_id", "\"" + String(repeating: "x", count: 128) + "\"")], [("amount", "0")], [("amount", "99999999999.99")], [("amount", "\"0\"")],
        [("amount", "1e-400")], [("amount", "0e999")], [("amount", "\"007.50\"")], [("unknown", "1e999")], [("unknown", "-0")], [("unknown", "{\"a\":1,\"a\":2}")],
        [("unknown", String(repeating: "[", count: 63) + String(repeating: "]", count: 63))],
        [("unknown", String(repeating: "{\"a\":", count: 62) + "{}" + String(repeating: "}", count: 62))],
        [("unknown", " [ 1 , { \"a\" : [ ] } , \"\\\\\" ] ")], [("unknown", "\"\\ud83d\\ude00\\\"\\/\\b\\f\\n\\r\\t\"")], [("", "1")], [("Amount", "\"x\"")],
        [("timestamp", "100000000000")], [("type", "\"refund\"")], [("account_opened_at", "\"1969-12-31T23:59:59Z\"")],
    ] as [[(String, String)]])
    func justInside(changes: [(String, String)]) {
        let decoder = Decoder(slots: 1, rules: RecordRules())
        #expect(rejection(Array(PoisonRecords.json(changes).utf8), decoder) == nil)
    }

    @Test("white space around every token changes nothing")
    func whiteSpace() throws {
        let json = " \n{\t\"transaction_id\" : \"a b \" \r\n, \"account_id\"\n:\n\"c\\\\\" ,\"timestamp\" : 1767607200000 , \"amount\" : 1.5 , \"unknown\" : null }\n\n"
        try transaction(json) { t in
            #expect(string(t.id) == "a b ")
            #expect(string(t.account) == "c\\")
            #expect(t.amount == 150)
        }
    }

    @Test("escapes are undone in keys and in values")
    func escapes() throws {
        let json = #"{"transaction\u005fid":"a\"b\\c\/d\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00","account_id":"A","time\u0073tamp":1767607200000,"amount":"1\u002e5"}"#
        try transaction(json) { t in
            #expect(string(t.id) == "a\"b\\c/d\u{8}\u{c}\n\r\tAé€😀")
            #expect(t.amount == 150)
        }
    }

    @Test("many unknown keys cost no more than sorting them, and equal ones among them are found")
    func manyUnknownKeys() {
        let decoder = Decoder(slots: 1, rules: RecordRules(maxRecordBytes: 1 << 20))
        let inside = PoisonRecords.json().dropLast()
        let keys = (0..<40_000).map { "\"k\(($0 &* 7919) % 40_000)\":0" }
        #expect(rejection(Array("\(inside),\(keys.joined(separator: ","))}".utf8), decoder) == nil)
        #expect(rejection(Array("\(inside),\(keys.joined(separator: ",")),\"k123\":0}".utf8), decoder)?.reason == .malformedJSON)
    }

    @Test("size is looked at first, then framing, then syntax, presence, fields, time")
    func order() {
        let decoder = Decoder(slots: 1, rules: RecordRules(maxRecordBytes: 200))
        func reason(_ bytes: [UInt8], recordTime: Int64? = 0) -> Reason? { rejection(bytes, decoder, recordTime: recordTime)?.reason }
        #expect(reason(Array(repeating: 0, count: 201)) == .tooLarge)
        #expect(reason(Array(repeating: 0, count: 200)) == .schemaRegistryFraming)
        #expect(reason(Array(repeating: 0, count: 5)) == .malformedJSON)
        #expect(reason(Array(#"{"amount":"x","#.utf8)) == .malformedJSON)
        #expect(reason(Array(#"{"amount":"x"}"#.utf8)) == .missingField)
        #expect(reason(Array(PoisonRecords.json([("amount", "-1")]).utf8)) == .invalidField)
        #expect(reason(Array(PoisonRecords.json().utf8)) == .futureTimestamp)
        #expect(reason(Array(PoisonRecords.json().utf8), recordTime: nil) == nil)
        #expect(reason(Array(PoisonRecords.json().utf8), recordTime: -1) == nil)
    }

    @Test("an event may be ahead of its record by the skew, and by no more")
    func skew() {
        let decoder = Decoder(slots: 1, rules: RecordRules(maxClockSkew: 1_000))
        let record = Array(PoisonRecords.json([("timestamp", "1767607200000")]).utf8)
        #expect(rejection(record, decoder, recordTime: 1_767_607_199_000) == nil)
        #expect(rejection(record, decoder, recordTime: 1_767_607_198_999)?.reason == .futureTimestamp)
        decoder.rules.maxClockSkew = .max
        #expect(rejection(record, decoder, recordTime: 1) == nil)
    }

    @Test("messages hold nothing of the record")
    func messages() {
        let decoder = Decoder(slots: 1, rules: RecordRules())
        let marker = "4111111111111111"
        let names = PoisonRecords.goodFields.map(\.name) + ["account_opened_at", "channel", marker]
        for name in names {
            for value in [marker, "\"\(marker)\"", "{\"\(marker)\":\(marker)}", "\"\(marker)", "\"" + String(repeating: marker, count: 20) + "\""] {
                guard let found = rejection(Array(PoisonRecords.json([(name, value)]).utf8), decoder) else { continue }
                #expect(!found.message.contains(marker) && found.field?.contains(marker) != true)
            }
        }
    }

    @Test("slots do not disturb each other, and grow")
    func slots() throws {
        let decoder = Decoder(slots: 16, rules: RecordRules())
        var decoded: [(Transaction, String)] = []
        for slot in 0..<16 {
            let id = String(repeating: "\(slot % 10)", count: 1 + slot * 8)
            let json = PoisonRecords.json([("transaction_id", "\"\(id)\""), ("unknown", "\"" + String(repeating: "y", count: slot * 3_000) + "\"")])
            try Array(json.utf8).withUnsafeBytes { decoded.append((try decoder.transaction($0, recordTime: nil, slot: slot), id)) }
        }
        for (t, id) in decoded { #expect(string(t.id) == id) }
    }
}
