import Scoring
import Testing

@Suite("Decoding feedback and rows of files")
struct DecodingFeedbackTests {
    static let fields = [
        ("transaction_id", "\"tx-1\""), ("account_id", "\"A-1\""), ("merchant_id", "\"M-1\""), ("timestamp", "\"2026-01-12T10:00:00Z\""),
        ("transaction_timestamp", "\"2026-01-05T10:00:00Z\""), ("label", "\"fraud\""),
    ]

    static func json(_ name: String = "", _ value: String? = "0") -> String {
        let fields = fields.compactMap { field in field.0 == name ? value.map { (field.0, $0) } : field }
        return "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private func rejection(_ json: String?, recordTime: Int64? = nil) -> Rejection? {
        let decoder = Decoder(slots: 1, rules: RecordRules())
        return Array((json ?? "").utf8).withUnsafeBytes { raw in
            do throws(Rejection) {
                _ = try decoder.feedback(json == nil ? nil : raw, recordTime: recordTime, slot: 0)
                return nil
            } catch {
                return error
            }
        }
    }

    @Test("a label is read")
    func good() throws {
        let decoder = Decoder(slots: 1, rules: RecordRules())
        for (value, isFraud) in [("\"fraud\"", true), ("\"legitimate\"", false)] {
            try Array(Self.json("label", value).utf8).withUnsafeBytes {
                let f = try decoder.feedback($0, recordTime: 1_768_212_000_000, slot: 0)
                #expect(string(f.transactionID) == "tx-1" && string(f.account) == "A-1" && string(f.merchant) == "M-1")
                #expect(f.labelTime == 1_768_212_000_000 && f.transactionTime == 1_767_607_200_000 && f.isFraud == isFraud)
            }
        }
    }

    @Test("all six fields are required", arguments: fields.map(\.0))
    func missing(name: String) {
        for value in [nil, "null"] {
            let found = rejection(Self.json(name, value))
            #expect(found?.reason == .missingField && found?.field == name)
        }
    }

    @Test("a field that breaks its rule is named", arguments: [
        ("transaction_id", "1"), ("transaction_id", "\"\""), ("account_id", "{}"), ("merchant_id", "\"\""), ("merchant_id", "true"), ("timestamp", "\"2026-01-12\""),
        ("timestamp", "1768212000"), ("transaction_timestamp", "\"x\""), ("transaction_timestamp", "[]"), ("label", "\"\""), ("label", "1"), ("label", "true"), ("label", "\"1\""),
        ("label", "\"Fraud\""), ("label", "\"true\""), ("label", "{}"),
    ])
    func invalid(name: String, value: String) {
        let found = rejection(Self.json(name, value))
        #expect(found?.reason == .invalidField && found?.field == name)
    }

    @Test("the rest is as for transactions")
    func others() {
        #expect(rejection(nil)?.reason == .tombstone)
        #expect(rejection("")?.reason == .malformedJSON)
        #expect(rejection("\0\0\0\0\0\0")?.reason == .schemaRegistryFraming)
        #expect(rejection(String(repeating: " ", count: 65_537))?.reason == .tooLarge)
        #expect(rejection(Self.json().dropLast() + ",\"label\":\"fraud\"}")?.reason == .malformedJSON)
        #expect(rejection(Self.json(), recordTime: 1_768_212_000_000 - 300_001)?.field == "timestamp")
        #expect(rejection(Self.json("transaction_timestamp", "1868212000000"), recordTime: 1_768_212_000_000)?.field == "transaction_timestamp")
    }

    @Test("a row's cells follow the same rules, without types")
    func cells() throws {
        let decoder = Decoder(slots: 1, rules: RecordRules())
        func check(_ cells: [(TransactionField, String)], _ body: (Transaction?, Rejection?) -> Void) {
            let fields = RawFields()
            var memory: [UnsafeMutableBufferPointer<UInt8>] = []
            defer { memory.forEach { $0.deallocate() } }
            for (field, text) in cells {
                let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
                _ = bytes.initialize(from: text.utf8)
                memory.append(bytes)
                fields.set(field, cell: UnsafeBufferPointer(bytes))
            }
            do throws(Rejection) { body(try decoder.transaction(fields), nil) } catch { body(nil, error) }
        }
        let good: [(TransactionField, String)] = [(.transactionID, "7"), (.accountID, "596"), (.timestamp, "2018-04-01 00:00:31"), (.amount, "57.16"), (.merchantID, "")]
        check(good) { t, _ in
            #expect(t.flatMap { string($0.id) } == "7" && t?.time == 1_522_540_831_000 && t?.amount == 5_716 && t?.merchant.isPresent == false)
        }
        for (field, text, amount) in [(TransactionField.amount, "1e-05", 0), (.amount, "1.5E2", 15_000), (.amount, "007", 700), (.timestamp, "1522540831000", 5_716), (.currency, "USD", 5_716)]
            as [(TransactionField, String, Int64)]
        {
            check(good + [(field, text)]) { t, _ in #expect(t?.amount == amount, "\(text)") }
        }
        for (field, text, reason) in [
            (TransactionField.amount, "-1", Reason.invalidField), (.amount, "1,5", .invalidField), (.amount, "nan", .invalidField),
            (.amount, "", .missingField), (.timestamp, "1522540831", .invalidField),
            (.timestamp, "01/04/2018", .invalidField), (.type, "buy", .invalidField), (.currency, "EUR", .invalidField), (.accountID, String(repeating: "x", count: 129), .invalidField),
        ] {
            check(good + [(field, text)]) { _, found in #expect(found?.reason == reason && found?.field == field.name, "\(text)") }
        }
    }
}
