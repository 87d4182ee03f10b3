import Foundation
import Scoring
import Testing

@testable import Files

@Suite("Reading records of files")
struct RecordReaderTests {
    let folder: Folder
    let decoder = Decoder(slots: 1, rules: RecordRules())

    init() throws { folder = try Folder() }

    private func text(_ text: Text) -> String { String(decoding: text.bytes, as: UTF8.self) }

    /// Each record as `line id amount time label`, or `line REASON field`.
    private func read(_ reader: RecordReader) throws -> [String] {
        var lines: [String] = []
        while let record = try reader.next() {
            do throws(Refusal) {
                let t = try decoder.transaction(record.content)
                lines.append("\(record.line) \(text(t.id)) \(t.amount) \(t.time)" + (record.label.map { " \($0)" } ?? "") + (record.isLabelInvalid ? " ?" : ""))
            } catch {
                lines.append("\(record.line) \(error.reason)" + (error.field.map { " \($0)" } ?? ""))
            }
        }
        return lines
    }

    @Test("the name says the format")
    func formats() {
        for (name, format) in [("a.csv", FileFormat.csv), ("a.CSV", .csv), ("a.csv.gz", .csv), ("a.jsonl", .json), ("a.jsonl.gz", .json), ("-", .json), ("csv", .json), ("a.csv.txt", .json)] {
            #expect(FileFormat(path: name) == format, "\(name)")
        }
    }

    @Test("foreign columns are mapped, labels read, bad rows told apart")
    func csv() throws {
        let file = try folder.write(
            "t.csv",
            """
            \u{FEFF}TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD,note
            0,2018-04-01 00:00:31,596,3156,57.16,0,x
            1,2018-04-01T00:02:10,4961,,81.51,1,
            2,2018-04-01 00:07:56,2,1365,-1,0,
            3,2018-04-01 00:07,2,1365,1,0,
            4,2018-04-01 00:09:29,,8737,1,0,
            5,2018-04-01 00:09:29,7,8737,1
            6,2018-04-01 00:09:29,7,8737,1,maybe,
            7,2018-04-01 00:09:29,7,8737,1,,
            "8",1522541369000,"7",8737,"1e2",True,"a ""note"" b"

            9,2018-04-01 00:09:29+01:00,7,8737,1,LEGITIMATE,
            10,2018-04-01 00:09:29.5Z,7,8737,007,legitimate,
            """)
        let mappings = ["TRANSACTION_ID=transaction_id", "TX_DATETIME=timestamp", "CUSTOMER_ID=account_id", "TERMINAL_ID=merchant_id", "TX_AMOUNT=amount"].map { ColumnMapping($0)! }
        let reader = try RecordReader(file, mappings: mappings, labelColumn: "TX_FRAUD")
        #expect(
            try read(reader) == [
                "2 0 5716 1522540831000 false", "3 1 8151 1522540930000 true", "4 INVALID_FIELD amount", "5 INVALID_FIELD timestamp", "6 MISSING_FIELD account_id",
                "7 MALFORMED_CSV", "8 6 100 1522541369000 ?", "9 7 100 1522541369000", "10 8 10000 1522541369000 true", "12 9 100 1522537769000 ?",
                "13 10 700 1522541369500 false",
            ])
    }

    @Test("a header in Weir's own names needs no mapping; a mapped column wins")
    func ownNames() throws {
        let file = try folder.write("t.csv", "transaction_id,account_id,timestamp,amount,usd\na,b,2026-01-01T00:00:00,1,2\n")
        #expect(try read(try RecordReader(file)) == ["2 a 100 1767225600000"])
        #expect(try read(try RecordReader(file, mappings: [ColumnMapping("usd=amount")!])) == ["2 a 200 1767225600000"])
        let typed = try folder.write("u.csv", "transaction_id,account_id,timestamp,amount,type\na,b,2026-01-01T00:00:00,1,TRANSFER\n")
        #expect(try read(try RecordReader(typed)) == ["2 INVALID_FIELD type"])
        #expect(try read(try RecordReader(typed, mappings: [ColumnMapping("type=")!])) == ["2 a 100 1767225600000"])
    }

    @Test("what a header lacks is told before the first row", arguments: [
        ("", "is empty: CSV begins with a header", []), ("a,b\n", "has no column for transaction_id; there are a, b (--map COLUMN=transaction_id)", []),
        ("a,a\n", "has two columns named 'a'", []), ("transaction_id,account_id,timestamp,x\n", "has no column 'y'; there are transaction_id, account_id, timestamp, x", ["y=amount"]),
        ("transaction_id,account_id,timestamp,x\n", "no field is named 'amounts'", ["x=amounts"]), ("a,b\n", "two columns are mapped to amount", ["a=amount", "b=amount"]),
        ("\"a\n", "has no CSV header that can be read", []),
    ] as [(String, String, [String])])
    func headers(header: String, message: String, maps: [String]) throws {
        let file = try folder.write("t.csv", header)
        #expect(throws: FileError(file, message, isUsage: true)) { try RecordReader(file, mappings: maps.map { ColumnMapping($0)! }) }
    }

    @Test("a mapping is COLUMN=FIELD")
    func mappings() {
        #expect(ColumnMapping("a=b") == ColumnMapping("a=b") && ColumnMapping("a=b=amount")?.column == "a=b")
        for text in ["", "a", "=a", "="] { #expect(ColumnMapping(text) == nil) }
    }

    @Test("JSON Lines: each line a record, empty ones none, times need their offset")
    func jsonLines() throws {
        let good = #"{"transaction_id":"a","account_id":"b","timestamp":"2026-01-01T00:00:00Z","amount":1}"#
        let text =
            good + "\n\n" + good + "\r\n{}\nnot json\n" + good.replacingOccurrences(of: "00Z", with: "00") + "\n"
            + good.replacingOccurrences(of: "b\"", with: "\(String(repeating: "b", count: 5_000))\"")
            + "\n" + good
        let file = try folder.write("t.jsonl", text)
        let expected = [
            "1 a 100 1767225600000", "3 a 100 1767225600000", "4 MISSING_FIELD transaction_id", "5 MALFORMED_JSON", "6 INVALID_FIELD timestamp",
            "7 INVALID_FIELD account_id", "8 a 100 1767225600000",
        ]
        #expect(try read(try RecordReader(file)) == expected)
        _ = try folder.gzip(file)
        #expect(try read(try RecordReader(file + ".gz")) == expected)
        #expect(throws: FileError(file, "is not CSV, and has no label column", isUsage: true)) { try RecordReader(file, labelColumn: "x") }
    }

    @Test("a line over the limit is refused, and not kept")
    func longLine() throws {
        let good = #"{"transaction_id":"a","account_id":"b","timestamp":"2026-01-01T00:00:00Z","amount":1}"#
        let file = try folder.write("t.jsonl", good + "\n" + String(repeating: " ", count: 3_000_000) + "\n" + good)
        #expect(try read(try RecordReader(file, lineLimit: 70_000)) == ["1 a 100 1767225600000", "2 TOO_LARGE", "3 a 100 1767225600000"])
    }

    @Test("feedback is read from both formats")
    func feedback() throws {
        let csv = try folder.write(
            "f.csv",
            "transaction_id,account_id,merchant_id,timestamp,transaction_timestamp,label\na,b,m,2026-01-08 00:00:00,2026-01-01 00:00:00,1\na,b,m,2026-01-08 00:00:00,2026-01-01 00:00:00,legitimate\na,b,m,x,y,1\n")
        let json = try folder.write(
            "f.jsonl", #"{"transaction_id":"a","account_id":"b","merchant_id":"m","timestamp":"2026-01-08T00:00:00Z","transaction_timestamp":"2026-01-01T00:00:00Z","label":"fraud"}"#)
        func read(_ file: String) throws -> [String] {
            let reader = try RecordReader(file, .feedback)
            var lines: [String] = []
            while let record = try reader.next() {
                do throws(Refusal) {
                    let f = try decoder.feedback(record.content)
                    lines.append("\(record.line) \(text(f.transactionID)) \(f.labelTime - f.transactionTime) \(f.isFraud)")
                } catch { lines.append("\(record.line) \(error.reason)") }
            }
            return lines
        }
        #expect(try read(csv) == ["2 a 604800000 true", "3 a 604800000 false", "4 INVALID_FIELD"])
        #expect(try read(json) == ["1 a 604800000 true"])
    }

    @Test("a row becomes the JSON that means the same")
    func json() throws {
        let file = try folder.write(
            "t.csv",
            "transaction_id,account_id,timestamp,amount,currency,type,merchant_id,channel,account_opened_at\n"
                + "a,\"b \"\"c\"\"\\\",2018-04-01 00:00:31,007.50,EUR,transfer,é\u{1},,1522540831001\n1,2,1522540831000,1e2,,,,pos,\n3,4,0001-02-03 04:05:06.7899,0.5,,,,,\n")
        let sender = Decoder(slots: 1, rules: RecordRules(isConverting: false))
        let reader = try RecordReader(file)
        var lines: [String] = []
        while case .row(let fields)? = try reader.next()?.content {
            var out: [UInt8] = []
            try TransactionJSON.append(fields, sender, to: &out)
            let text = String(decoding: out, as: UTF8.self)
            lines.append(text)
            let direct = try sender.transaction(fields)
            try out.withUnsafeBytes {
                let back = try sender.transaction($0, recordTime: nil, slot: 0)
                #expect(back.time == direct.time && back.amount == direct.amount && back.accountOpenedAt == direct.accountOpenedAt && back.type == direct.type, "\(text)")
            }
        }
        #expect(
            lines == [
                #"{"transaction_id":"a","account_id":"b \"c\"\\","timestamp":"2018-04-01T00:00:31Z","amount":7.50,"currency":"EUR","account_opened_at":"2018-04-01T00:00:31.001Z","type":"transfer","merchant_id":"é\u0001"}"#,
                #"{"transaction_id":"1","account_id":"2","timestamp":"2018-04-01T00:00:31Z","amount":1e2,"channel":"pos"}"#,
                #"{"transaction_id":"3","account_id":"4","timestamp":"0001-02-03T04:05:06.789Z","amount":0.5}"#,
            ])
    }

    @Test("rejects are JSON lines without the record's content")
    func rejects() throws {
        let path = "\(folder.path)/rejects"
        let rejects = try Rejects(path: path)
        try rejects.add(file: "a \"b\".csv", line: 3, Refusal("INVALID_FIELD", field: "amount", "amount must be below 10^11"))
        try rejects.add(file: "-", line: 4, Refusal("MALFORMED_CSV", "a quote is not closed"))
        try rejects.flush()
        #expect(rejects.count == 2)
        #expect(
            try String(contentsOfFile: path, encoding: .utf8) == """
                {"file":"a \\"b\\".csv","line":3,"reason":"INVALID_FIELD","field":"amount","message":"amount must be below 10^11"}
                {"file":"-","line":4,"reason":"MALFORMED_CSV","message":"a quote is not closed"}

                """)
    }
}
