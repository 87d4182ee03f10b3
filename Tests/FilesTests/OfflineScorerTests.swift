import Foundation
import Scoring
import Testing
import Velocity

@testable import Files

private let day: Int64 = 86_400_000
private let start: Int64 = 1_767_225_600_000  // 2026-01-01T00:00:00Z

@Suite("Scoring files")
struct OfflineScorerTests {
    let folder: Folder
    let configuration = EngineConfiguration(velocity: VelocityConfiguration(windows: [day], feedbackDelay: 7 * day))

    init() throws { folder = try Folder() }

    /// One line for each scored transaction: id, the merchant's count and share of frauds in a day, label.
    private func features(_ file: String, _ labels: OfflineScorer.Labels, rejects: Rejects? = nil) throws -> (lines: [String], counts: String) {
        var reading = OfflineScorer.Reading()
        reading.labels = labels
        let scorer = try OfflineScorer(configuration, reading, rejects: try rejects ?? Rejects(path: "\(folder.path)/rejects"), .features)
        let count = scorer.engine.features.index(of: "merchant_24h_count")!
        let rate = scorer.engine.features.index(of: "merchant_24h_fraud_rate")!
        var lines: [String] = []
        try scorer.score(file) { scored throws(FileError) in
            let label = scored.isFraud.map { $0 ? " fraud" : " legitimate" } ?? ""
            lines.append("\(String(decoding: scored.id.bytes, as: UTF8.self)) \(Int(scored.features[count])) \(scored.features[rate])\(label)")
        }
        let c = scorer.counts
        return (lines, "\(c.records) records, \(c.scored) scored, \(c.duplicates) duplicates, \(c.rejected) rejected, \(c.labels) labels")
    }

    private func csv(_ rows: [(id: String, time: Int64, merchant: String, label: String)]) throws -> String {
        try folder.write(
            "t\(rows.count).csv",
            "transaction_id,account_id,timestamp,amount,merchant_id,fraud\n" + rows.map { "\($0.id),A,\($0.time),1,\($0.merchant),\($0.label)\n" }.joined())
    }

    @Test("a column's label counts from FEEDBACK_DELAY after its transaction on, to the millisecond")
    func column() throws {
        let file = try csv([
            ("a", start, "m", "1"), ("b", start + day / 2, "m", "0"), ("c", start + 7 * day - 1, "m", ""), ("d", start + 7 * day, "m", "true"), ("e", start + 7 * day + day / 2, "m", "legitimate"),
            ("f", start + 8 * day - 1, "m", ""), ("g", start + 8 * day, "m", ""),
        ])
        let (lines, counts) = try features(file, .column("fraud"))
        #expect(lines == ["a 1 0.0 fraud", "b 2 0.0 legitimate", "c 1 0.0", "d 2 1.0 fraud", "e 3 0.5 legitimate", "f 3 0.5", "g 3 0.0"])
        #expect(counts == "7 records, 7 scored, 0 duplicates, 0 rejected, 2 labels")
    }

    @Test("a late transaction does not hold back labels, nor bring them forward")
    func late() throws {
        let file = try csv([("a", start, "m", "1"), ("b", start + 7 * day - 1, "m", ""), ("c", start + 7 * day + 5, "n", ""), ("d", start + 7 * day - 1, "m", "")])
        // When d comes, the label of a is known; it lies outside d's own delayed window.
        #expect(try features(file, .column("fraud")).lines == ["a 1 0.0 fraud", "b 1 0.0", "c 1 0.0", "d 2 0.0"])
    }

    private func feedback(_ records: [(id: String, at: Int64, of: Int64, label: String)]) throws -> String {
        try folder.write(
            "f.jsonl",
            records.map { #"{"transaction_id":"\#($0.id)","account_id":"A","merchant_id":"m","timestamp":\#($0.at),"transaction_timestamp":\#($0.of),"label":"\#($0.label)"}"# + "\n" }
                .joined())
    }

    @Test("a feedback file's label counts once it is known, whatever the file's order; the table has the last word")
    func feedbackFile() throws {
        let labels = try feedback([
            ("b", start + 7 * day + 10, start + 1, "fraud"), ("a", start + 1_000, start, "fraud"), ("a", start + 7 * day + 20, start, "legitimate"), ("x", start, start, "fraud"),
        ])
        let file = try csv([
            ("a", start, "m", ""), ("b", start + 1, "m", ""), ("c", start + 7 * day, "m", ""), ("d", start + 7 * day + 9, "m", ""), ("e", start + 7 * day + 10, "m", ""),
            ("f", start + 7 * day + 20, "m", ""),
        ])
        let (lines, counts) = try features(file, .file(labels))
        // At c the window holds a alone; from d on a and b; e knows b's label, f that a was none.
        #expect(lines == ["a 1 0.0 legitimate", "b 2 0.0 fraud", "c 1 1.0", "d 2 0.5", "e 3 1.0", "f 4 0.5"])
        #expect(counts == "6 records, 6 scored, 0 duplicates, 0 rejected, 4 labels")
    }

    @Test("what cannot be scored is told by line and reason, and is in no window")
    func rejected() throws {
        let rejects = try Rejects(path: "\(folder.path)/r")
        let file = try csv([
            ("a", start, "m", "1"), ("a", start, "m", "1"), ("a", start + 1, "m", "1"), ("", start, "m", "1"), ("b", 5, "m", "1"), ("c", start + 2, "m", "perhaps"), ("d", start + 3, "m", "0"),
        ])
        let (lines, counts) = try features(file, .column("fraud"), rejects: rejects)
        #expect(lines == ["a 1 0.0 fraud", "d 2 0.0 legitimate"])
        #expect(counts == "7 records, 2 scored, 1 duplicates, 4 rejected, 0 labels")
        try rejects.flush()
        let told = try String(contentsOfFile: "\(folder.path)/r", encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(told.count == 4)
        let parts = [
            #""line":4,"reason":"CONFLICTING_ID""#, #""line":5,"reason":"MISSING_FIELD","field":"transaction_id""#,
            #""line":6,"reason":"INVALID_FIELD","field":"timestamp""#, #""line":7,"reason":"INVALID_FIELD","field":"fraud""#,
        ]
        for (line, part) in zip(told, parts) {
            #expect(line.contains(part), "\(line)")
        }
    }

    @Test("CSV and JSON Lines of the same transactions give the same verdicts, numbered by record")
    func formats() throws {
        let file = try csv((0..<50).map { ("t\($0)", start + Int64($0) * 60_000, "m\($0 % 3)", "") } + [("bad", 1, "m", "")] + [("last", start + day, "m1", "")])
        let reader = try RecordReader(file)
        let decoder = Decoder(slots: 1, rules: RecordRules())
        var lines = ""
        while case .row(let fields)? = try reader.next()?.content {
            var json: [UInt8] = []
            do throws(Rejection) { try TransactionJSON.append(fields, decoder, to: &json) } catch { json = Array("{}".utf8) }
            lines += String(decoding: json, as: UTF8.self) + "\n"
        }
        func verdicts(_ file: String) throws -> [String] {
            let scorer = try OfflineScorer(configuration, .init(), rejects: try Rejects(path: "\(folder.path)/r"), .verdicts)
            var out: [String] = []
            try scorer.score(file) { scored throws(FileError) in
                out.append(String(decoding: scored.fraud, as: UTF8.self))
                out.append(String(decoding: scored.aml, as: UTF8.self))
            }
            return out
        }
        let fromRows = try verdicts(file)
        #expect(try verdicts(try folder.write("t.jsonl", lines)) == fromRows)
        #expect(fromRows.count == 102)
        #expect(fromRows[100].contains(#""source":{"topic":"transactions","partition":0,"offset":51}"#) && fromRows[100].contains(#""kind":"fraud""#) && fromRows[101].contains(#""kind":"aml""#))
    }

    @Test("labels come out by time, those of one time in their order")
    func pending() {
        var random = SystemRandomNumberGenerator()
        for count in [0, 1, 2, 3, 50, 500] {
            var pending = PendingLabels()
            var all: [(Int64, UInt64)] = []
            for i in 0..<count {
                var label = Label()
                label.labelTime = .random(in: 0..<20, using: &random)
                label.transaction = UInt64(i)
                all.append((label.labelTime, label.transaction))
                pending.add(label)
            }
            all.sort { $0 < $1 }
            var found: [(Int64, UInt64)] = []
            for time in [Int64(-1), 0, 7, 19] {
                while let label = pending.next(upTo: time) {
                    #expect(label.labelTime <= time)
                    found.append((label.labelTime, label.transaction))
                }
                #expect(found.count == all.prefix { $0.0 <= time }.count)
            }
            #expect(pending.count == 0 && found.elementsEqual(all, by: ==))
        }
    }

    @Test("numbers are the shortest decimals that read back the same", arguments: [
        (0, "0"), (-0.0, "0"), (1, "1"), (-1, "-1"), (17, "17"), (0.1, "0.1"), (129.95, "129.95"), (2210.05, "2210.05"), (0.05, "0.05"), (-0.5, "-0.5"), (1.005, "1.005"),
        (1.0 / 3, "0.3333333333333333"), (123_456_789_012.34, "123456789012.34"), (99_999_999_999.99, "99999999999.99"), (30.305, "30.305"), (70.4388888888889, "70.4388888888889"),
        (0.30000000000000004, "0.30000000000000004"), (999_999_999_999_999, "999999999999999"), (43_819, "43819"), (0.001, "0.001"),
    ] as [(Double, String)])
    func numbers(value: Double, text: String) {
        var out: [UInt8] = []
        FeatureTable.append(value, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == text)
    }

    @Test("any number reads back the same, and no shorter than needed")
    func randomNumbers() throws {
        for i in 0..<30_000 {
            let value = switch i % 4 {
            case 0: Double(Int64.random(in: -1_000_000_000_000...1_000_000_000_000)) / 100
            case 1: Double.random(in: -1e6...1e6)
            case 2: Double(Int64.random(in: 0...1_000_000)) / Double(Int64.random(in: 1...1_000))
            default: Double(bitPattern: .random(in: 0x3000_0000_0000_0000...0x5000_0000_0000_0000))
            }
            var out: [UInt8] = []
            FeatureTable.append(value, to: &out)
            let text = String(decoding: out, as: UTF8.self)
            let digits = { (text: String) in text.prefix { $0 != "e" }.filter(\.isNumber).drop { $0 == "0" }.count }
            if Double(text) != value || (value.description.contains("e") == false && digits(text) > digits(value.description)) { Issue.record("\(value) is written \(text)") }
        }
    }
}

@Suite struct BacktestTests {
    @Test func `decisions are held against labels, and champion against challenger`() {
        var backtest = Backtest()
        func add(_ decision: FraudDecision, _ challenger: FraudDecision?, _ isFraud: Bool?, times: Int) {
            let bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            for _ in 0..<times {
                backtest.add(
                    .init(
                        id: Text(), transaction: Transaction(), typologies: 0, fraud: bytes, aml: bytes, features: [], fraudDecision: decision, amlDecision: .clear, challengerDecision: challenger,
                        isFraud: isFraud))
            }
        }
        #expect(backtest.summary.isEmpty)
        add(.decline, .review, true, times: 6)
        add(.review, .approve, false, times: 2)
        add(.approve, .approve, true, times: 2)
        add(.approve, .approve, nil, times: 90)
        #expect(
            backtest.summary == [
                "champion: 8 of 100 flagged (8.00 %)", "  decline: 6, of them fraud 6, legitimate 0, without label 0",
                "  review: 2, of them fraud 0, legitimate 2, without label 0", "  approve: 92, of them fraud 2, legitimate 0, without label 90",
                "  recall 75.00 %, precision 75.00 %", "challenger: 6 of 100 flagged (6.00 %)",
                "  decline: 0, of them fraud 0, legitimate 0, without label 0", "  review: 6, of them fraud 6, legitimate 0, without label 0",
                "  approve: 94, of them fraud 2, legitimate 2, without label 90", "  recall 75.00 %, precision 100.00 %",
                "they differ on 8 transactions",
            ])
    }
}
