/// A record that must end in the dead letters, and why.
public struct PoisonRecord: Sendable {
    public var name: String
    /// Nil: a tombstone.
    public var bytes: [UInt8]?
    /// The stable code.
    public var reason: String
    /// The field at fault, where there is one.
    public var field: String?
}

/// Malformed transactions of every reason that one record alone can have, each with what must be said of it.
///
/// All but those of FUTURE_TIMESTAMP are from January 2026; those lie centuries ahead of any record time.
public enum PoisonRecords {
    /// Fields of a good transaction as JSON source; the cases change one of them.
    public static let goodFields: [(name: String, json: String)] = [
        ("transaction_id", #""tx-poison""#), ("account_id", #""A-1""#), ("timestamp", #""2026-01-05T10:00:00Z""#), ("amount", "12.50"),
        ("currency", #""USD""#), ("type", #""purchase""#), ("merchant_id", #""M-1""#),
    ]

    /// A good transaction with fields replaced, added, or (nil) left out.
    public static func json(_ changes: [(String, String?)] = []) -> String {
        var fields = goodFields
        for (name, json) in changes {
            if let i = fields.firstIndex(where: { $0.name == name }) {
                if let json { fields[i].json = json } else { fields.remove(at: i) }
            } else if let json {
                fields.append((name, json))
            }
        }
        return "{" + fields.map { "\"\($0.name)\":\($0.json)" }.joined(separator: ",") + "}"
    }

    /// All cases, for a limit of `maxRecordBytes`; without those of many MiB when `huge` is false.
    public static func all(maxRecordBytes: Int = 65_536, huge: Bool = true) -> [PoisonRecord] {
        var records: [PoisonRecord] = [.init(name: "tombstone", bytes: nil, reason: "TOMBSTONE")]
        records += tooLarge(maxRecordBytes, huge: huge) + framed() + malformedText() + malformedBytes() + duplicateKeys() + nested()
        records += missing() + invalidTexts() + invalidTimes() + invalidAmounts() + invalidNames() + future()
        return records
    }

    static func tooLarge(_ limit: Int, huge: Bool) -> [PoisonRecord] {
        var cases: [(String, [UInt8])] = []
        func padded(_ size: Int) -> [UInt8] {
            let text = Array(json().utf8)
            return text + Array(repeating: UInt8(ascii: " "), count: size - text.count)
        }
        cases.append(("one byte over the limit, else good", padded(limit + 1)))
        cases.append(("over the limit, in an unknown field", Array(json([("note", "\"\(String(repeating: "x", count: limit))\"")]).utf8)))
        cases.append(("over the limit and no JSON", Array(repeating: 0xFF, count: limit + 1)))
        cases.append(("over the limit and framed", Array(repeating: 0, count: limit + 1)))
        cases.append(("over the limit, all brackets", Array(repeating: UInt8(ascii: "["), count: limit + 1)))
        if huge { cases.append(("10 MiB", padded(10 << 20))) }
        return cases.map { PoisonRecord(name: $0.0, bytes: $0.1, reason: "TOO_LARGE") }
    }

    static func framed() -> [PoisonRecord] {
        let good = Array(json().utf8)
        return [
            ("framed JSON", [0, 0, 0, 0, 7] + good), ("the shortest frame", [0, 0, 0, 0, 1, 2]), ("framed Avro", [0, 0, 0, 1, 0, 0x14, 0x74, 0x78]),
            ("six zeros", [0, 0, 0, 0, 0, 0]),
        ].map { PoisonRecord(name: $0.0, bytes: $0.1, reason: "SCHEMA_REGISTRY_FRAMING") }
    }

    static func malformedText() -> [PoisonRecord] {
        let good = json()
        let inside = String(good.dropLast())
        var cases: [String] = [
            "", " ", "\n", "{", "}", "[]", "[\(good)]", "null", "true", "1", "\"text\"", "{}}", "{{}}", "{]", "{,}", good + good, good + ",", good + "}",
            good + "x", good + " 1", good + "null", good + "\0", "\0", "\0\0\0\0\0", inside, inside + ",}", inside + ",,\"x\":1}", inside + " \"x\":1}",
            inside + ",\"x\"}", inside + ",\"x\":}", inside + ",\"x\" 1}", inside + ",\"x\"::1}", inside + ",x:1}", inside + ",'x':1}", inside + ",1:1}",
            inside + ",null:1}", inside + ",\"x\":1", inside + "]", inside + ",\"x\":1]", "//" + good, good + "// end", inside + ",/**/\"x\":1}",
            "x" + good, "," + good, "\u{FEFF}" + good, "transaction_id,account_id\ntx,A", "<xml/>", "%7B%7D",
        ]
        let values = [
            "nul", "nulll", "Null", "NULL", "tru", "truee", "True", "fals", "falsey", "NaN", "nan", "Infinity", "-Infinity", "undefined", "01", "-01", "00", "-",
            "+1", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1E-", "1e5.5", "0x10", "1_000", "1,000", "1 2", "--1", "1-", "1+1", "12.5.1", "１", "'text'",
            "text", "\"open", "\"bad \\x escape\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\\"", "\"\\u{41}\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"",
            "\"\\udc00\\ud800\"", "\"tab\there\"", "\"line\nbreak\"", "\"\u{1}\"", "\"\u{1F}\"", "\"nul\0\"", "[", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1,2,}", "[1 2]",
            "[1:2]", "]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1", "{a:1}", "{\"a\" \"b\"}", "{1:2}", "[[1]", "[{]}", "[01]", "[nul]", "{\"a\":tru}", "[\"\\q\"]",
            "{\"\\q\":1}", "\"a\"\"b\"", "\"a\"b", "1\"a\"", "{}{}", "[][]", "{\"a\":[1,{\"b\":[}]}",
        ]
        for value in values {
            cases.append(json([("unknown", value)]))
        }
        // The same inside fields that are read.
        for value in ["nul", "01", "1.", "+1", "-", "NaN", "Infinity", "1e", ".5", "0x1", "12,50", "\"12", "--1"] {
            cases.append(json([("amount", value)]))
        }
        for value in ["\"\\ud800\"", "\"\\x\"", "A-1", "'A-1'", "\"A\n1\""] {
            cases.append(json([("account_id", value)]))
        }
        return cases.map { PoisonRecord(name: "not JSON: \($0.prefix(40).debugDescription)…\($0.suffix(40).debugDescription)", bytes: Array($0.utf8), reason: "MALFORMED_JSON") }
    }

    static func malformedBytes() -> [PoisonRecord] {
        let sequences: [(String, [UInt8])] = [
            ("a lone continuation", [0x80]), ("a cut sequence", [0xC3]), ("an overlong slash", [0xC0, 0xAF]), ("an overlong NUL", [0xC0, 0x80]),
            ("an overlong of three", [0xE0, 0x80, 0xAF]), ("an overlong of four", [0xF0, 0x80, 0x80, 0xAF]), ("a surrogate", [0xED, 0xA0, 0x80]),
            ("above U+10FFFF", [0xF4, 0x90, 0x80, 0x80]), ("0xFE", [0xFE]), ("0xFF", [0xFF]), ("five bytes", [0xF8, 0x88, 0x80, 0x80, 0x80]), ("Latin-1", [0x6E, 0xE9, 0x65]),
        ]
        var records: [PoisonRecord] = []
        for place in ["account_id", "merchant_id", "unknown"] {
            for (name, bytes) in sequences {
                let parts = json([(place, "\"@\"")]).utf8.split(separator: UInt8(ascii: "@"))
                records.append(
                    .init(name: "\(name) in \(place)", bytes: Array(parts[0]) + bytes + Array(parts[1]), reason: "MALFORMED_JSON"))
            }
        }
        let good = Array(json().utf8)
        records.append(.init(name: "a byte order mark", bytes: [0xEF, 0xBB, 0xBF] + good, reason: "MALFORMED_JSON"))
        records.append(.init(name: "UTF-16", bytes: good.flatMap { [$0, 0] }, reason: "MALFORMED_JSON"))
        records.append(.init(name: "gzip", bytes: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3], reason: "MALFORMED_JSON"))
        records.append(.init(name: "a form feed for white space", bytes: [0x0C] + good, reason: "MALFORMED_JSON"))
        records.append(.init(name: "a no-break space", bytes: [0xC2, 0xA0] + good, reason: "MALFORMED_JSON"))
        records.append(.init(name: "bytes behind the object", bytes: good + [0x80], reason: "MALFORMED_JSON"))
        for cut in stride(from: 1, to: good.count, by: 9) {
            records.append(.init(name: "cut after \(cut) bytes", bytes: Array(good[..<cut]), reason: "MALFORMED_JSON"))
        }
        return records
    }

    static func duplicateKeys() -> [PoisonRecord] {
        let inside = String(json().dropLast())
        return [
            inside + #","amount":12.50}"#, inside + #","amount":null}"#, inside + #","\u0061mount":1}"#, inside + #","account\u005fid":"A-1"}"#,
            inside + #","note":1,"note":2}"#, inside + #","note":1,"no\u0074e":{}}"#, inside + #","":1,"":2}"#, inside + #","é":1,"\u00e9":2}"#,
            inside + #","😀":1,"\ud83d\ude00":2}"#, inside + #","a\/b":1,"a/b":2}"#, #"{"a":1,"a":1}"#,
            inside + "," + (0..<40).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + ",\"k7\":0}",
        ].map { PoisonRecord(name: "equal keys: …\($0.suffix(40))", bytes: Array($0.utf8), reason: "MALFORMED_JSON") }
    }

    static func nested() -> [PoisonRecord] {
        func arrays(_ n: Int) -> String { String(repeating: "[", count: n) + String(repeating: "]", count: n) }
        func objects(_ n: Int) -> String { String(repeating: "{\"a\":", count: n) + "1" + String(repeating: "}", count: n) }
        return [
            json([("unknown", arrays(64))]), json([("unknown", objects(64))]), json([("amount", arrays(64))]), json([("unknown", arrays(10_000))]),
            json([("unknown", String(repeating: "[", count: 30_000))]), json([("unknown", objects(5_000))]), objects(65), arrays(30_000),
        ].map { PoisonRecord(name: "deep: \($0.count) bytes", bytes: Array($0.utf8), reason: "MALFORMED_JSON") }
    }

    static func missing() -> [PoisonRecord] {
        var records = [PoisonRecord(name: "an empty object", bytes: Array("{}".utf8), reason: "MISSING_FIELD", field: "transaction_id")]
        records.append(.init(name: "only unknown fields", bytes: Array(#"{"a":1,"b":[{}]}"#.utf8), reason: "MISSING_FIELD", field: "transaction_id"))
        for name in ["transaction_id", "account_id", "timestamp", "amount"] {
            records.append(.init(name: "no \(name)", bytes: Array(json([(name, nil)]).utf8), reason: "MISSING_FIELD", field: name))
            records.append(.init(name: "null for \(name)", bytes: Array(json([(name, "null")]).utf8), reason: "MISSING_FIELD", field: name))
        }
        for name in ["Amount", "AMOUNT", "amount ", "amount\\u0000", "amounts", "amoun"] {
            records.append(
                .init(name: "\(name) for amount", bytes: Array(json([("amount", nil), (name, "1")]).utf8), reason: "MISSING_FIELD", field: "amount"))
        }
        // Presence goes before each field's own rule.
        records.append(
            .init(name: "a bad id, and no amount", bytes: Array(json([("transaction_id", "1"), ("amount", nil)]).utf8), reason: "MISSING_FIELD", field: "amount"))
        return records
    }

    static func invalid(_ field: String, _ values: [String]) -> [PoisonRecord] {
        values.map { value in
            PoisonRecord(name: "\(field): \(value.prefix(60))", bytes: Array(json([(field, value)]).utf8), reason: "INVALID_FIELD", field: field)
        }
    }

    static func invalidTexts() -> [PoisonRecord] {
        let long = "\"" + String(repeating: "x", count: 129) + "\""
        let wide = "\"" + String(repeating: "é", count: 65) + "\""
        let escaped = "\"" + String(repeating: "\\u20ac", count: 43) + "\""
        let others = ["1", "1.5", "true", "false", "[]", "{}", "[\"A\"]", "{\"a\":\"b\"}", long, wide, escaped]
        var records: [PoisonRecord] = []
        for field in ["transaction_id", "account_id"] { records += invalid(field, others + ["\"\""]) }
        for field in [
            "merchant_id", "merchant_category", "card_id", "device_id", "ip", "counterparty_id", "counterparty_country", "country", "channel",
        ] { records += invalid(field, ["1", "true", "[]", "{}", long, wide]) }
        return records
    }

    static func invalidTimes() -> [PoisonRecord] {
        var values = [
            "", "2026", "2026-01-05", "2026-01-05T10:00:00", "2026-01-05T10:00Z", "2026-01-05 10:00:00Z", "2026-01-05T10:00:00 Z", "2026-1-5T10:00:00Z",
            "2026-13-05T10:00:00Z", "2026-00-05T10:00:00Z", "2026-01-32T10:00:00Z", "2026-01-00T10:00:00Z", "2026-02-29T10:00:00Z", "2025-02-29T10:00:00Z",
            "1900-02-29T10:00:00Z", "2024-02-30T10:00:00Z", "2026-04-31T10:00:00Z", "2026-06-31T10:00:00Z", "2026-09-31T10:00:00Z", "2026-11-31T10:00:00Z",
            "2026-01-05T24:00:00Z", "2026-01-05T10:60:00Z", "2026-01-05T10:00:60Z", "2026-01-05T10:00:61Z", "2026-01-05T23:59:60Z", "2026-01-05T10:00:00.Z",
            "2026-01-05T10:00:00,5Z", "2026-01-05T10:00:00.5", "2026-01-05T10:00:00+24:00", "2026-01-05T10:00:00+01:60", "2026-01-05T10:00:00+0100",
            "2026-01-05T10:00:00+01", "2026-01-05T10:00:00+1:00", "2026-01-05T10:00:00ZZ", "2026-01-05T10:00:00Z+01:00", "20260105T100000Z",
            "2026-W01-1T10:00:00Z", "26-01-05T10:00:00Z", "+2026-01-05T10:00:00Z", "-2026-01-05T10:00:00Z", "12026-01-05T10:00:00Z", "2026/01/05T10:00:00Z",
            "2026-01-05T10.00.00Z", " 2026-01-05T10:00:00Z", "2026-01-05T10:00:00Z ", "Mon, 05 Jan 2026 10:00:00 GMT", "1767607200000", "now", "２026-01-05T10:00:00Z",
            "2026-01-05T1a:00:00Z", "2026-01-05T10:00:0xZ",
        ].map { "\"\($0)\"" }
        values += [
            "0", "1", "-1", "-0", "1767607200", "99999999999", "100000000000000", "1767607200000000", "1767607200000000000", "99999999999999999999999999",
            "-1767607200000", "1767607200000.5", "1767607200000.0", "1.7676072e12", "true", "[]", "{}", "[1767607200000]",
        ]
        return invalid("timestamp", values)
            + invalid("account_opened_at", ["\"\"", "\"2026-01-05\"", "1767607200", "\"2026-02-30T00:00:00Z\"", "true", "{}", "1767607200000000"])
    }

    static func invalidAmounts() -> [PoisonRecord] {
        let digits = String(repeating: "9", count: 400)
        return invalid(
            "amount",
            [
                "-1", "-0", "-0.0", "-0e5", "-1e-400", "-0.001", "1e999", "1E400", "1e11", "1e+11", "100000000000", "100000000000.0", "0.1e12",
                "1000000000000e-1", "99999999999.99e1", digits, "\(digits).5", "1e99999999999999999999", "0.\(String(repeating: "0", count: 300))1e400", "true", "false", "[]", "{}", "[1]",
                "{\"value\":1}", "\"\"", "\" \"", "\"-1\"", "\"-0\"", "\"+1\"", "\"1e2\"", "\"1E2\"", "\"1,50\"", "\"1.234,50\"", "\"1 000\"", "\" 1\"", "\"1 \"", "\".5\"", "\"5.\"", "\".\"",
                "\"1.0000000000\"", "\"0.1234567891\"", "\"1.2.3\"", "\"0x10\"", "\"NaN\"", "\"Infinity\"", "\"12abc\"", "\"$12\"", "\"12 USD\"", "\"１２\"", "\"100000000000\"",
                "\"\(digits)\"", "\"1_000\"", "\"null\"", "\"0.1+0.2\"",
            ])
    }

    static func invalidNames() -> [PoisonRecord] {
        invalid(
            "currency",
            ["\"\"", "\"US\"", "\"USDT\"", "\"usd\"", "\"XYZ\"", "\"US$\"", "\"U\\u0000D\"", "840", "\"840\"", "true", "[]", "{}", "\" USD\"", "\"QQQ\"", "\"EUR\"", "\"JPY\""])
            + invalid("type", ["\"\"", "\"Purchase\"", "\"PURCHASE\"", "\"purchases\"", "\"purchas\"", "\"buy\"", "\"cash-in\"", "\"cashin\"", "0", "true", "[]", "{}", "\" purchase\""])
    }

    static func future() -> [PoisonRecord] {
        ["\"2999-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59.999Z\"", "99999999999999", "\"2500-06-30T00:00:00+05:30\""].map { (time: String) in
            PoisonRecord(name: "ahead of time: \(time)", bytes: Array(json([("timestamp", .some(time))]).utf8), reason: "FUTURE_TIMESTAMP", field: "timestamp")
        }
    }
}
