import Foundation
import Testing
import Velocity

@testable import Files
@testable import Scoring

/// One log of one partition, seen three ways: a training table, the stream and a question must have the same features to the last bit, or a model is asked
/// what it never learned.
@Suite("The same features everywhere")
struct FeatureBitsTests {
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var z = state ^ (state >> 33)
            z = z &* 0xff51_afd7_ed55_8ccd
            return z ^ (z >> 29)
        }
    }

    /// A transaction or a label as its producer writes it.
    private struct Line {
        var topic: InputTopic
        var time: Int64
        var text: String
    }

    private static let hour: Int64 = 3_600_000
    private static let configuration = EngineConfiguration(
        velocity: VelocityConfiguration(windows: [hour, 24 * hour, 168 * hour], allowedLateness: 24 * hour, feedbackDelay: 24 * hour, feedbackEnabled: true))

    /// Transactions of every type over ten days, late ones and copies among them; labels, ascending.
    private func log(_ seed: UInt64, count: Int = 2_500) -> (transactions: [Line], labels: [Line]) {
        var random = Random(state: seed)
        var transactions: [Line] = []
        var labels: [Line] = []
        let start: Int64 = 1_767_225_600_123
        func maybe(_ share: Int, _ field: String, _ value: @autoclosure () -> String) -> String {
            Int.random(in: 0..<100, using: &random) < share ? ",\"\(field)\":\"\(value())\"" : ""
        }
        for i in 0..<count {
            if i > 0, Int.random(in: 0..<100, using: &random) < 2 {
                transactions.append(transactions[Int.random(in: max(0, i - 50)..<i, using: &random)])
                continue
            }
            let isLate = Int.random(in: 0..<100, using: &random) < 5
            let time = start + Int64(i) * 340_000 + Int64.random(in: 0..<300_000, using: &random) - (isLate ? Int64.random(in: 0..<(30 * Self.hour), using: &random) : 0)
            let account = "A-\(Int.random(in: 0..<25, using: &random))"
            let merchant = "M-\(Int.random(in: 0..<8, using: &random))"
            let amount = "\(Int.random(in: 0..<3_000, using: &random)).\(Int.random(in: 10..<100, using: &random))"
            let type = ["purchase", "purchase", "transfer", "cash_in", "cash_out", "payment", "refund"].randomElement(using: &random)!
            var text = "{\"transaction_id\":\"t\(i)\",\"account_id\":\"\(account)\",\"timestamp\":\(time),\"amount\":\(amount),\"type\":\"\(type)\",\"merchant_id\":\"\(merchant)\""
            let n = Int.random(in: 0..<12, using: &random)
            text += maybe(60, "card_id", "c\(n)") + maybe(60, "device_id", "d\(n % 5)") + maybe(60, "ip", "10.0.0.\(n % 7)") + maybe(50, "counterparty_id", "A-\(2 * n)")
            text += maybe(50, "country", n % 3 == 0 ? "US" : "GB") + maybe(40, "counterparty_country", "US") + maybe(50, "channel", n % 2 == 0 ? "online" : "kiosk") + "}"
            transactions.append(Line(topic: .transactions, time: time, text: text))
            if Int.random(in: 0..<100, using: &random) < 40 {
                let known = time + Int64.random(in: Self.hour..<(48 * Self.hour), using: &random)
                let label = Bool.random(using: &random) ? "fraud" : "legitimate"
                labels.append(
                    Line(
                        topic: .feedback, time: known,
                        text:
                            "{\"transaction_id\":\"t\(i)\",\"account_id\":\"\(account)\",\"merchant_id\":\"\(merchant)\",\"timestamp\":\(known),\"transaction_timestamp\":\(time),\"label\":\"\(label)\"}"
                    ))
            }
        }
        labels.sort { $0.time < $1.time }
        return (transactions, labels)
    }

    /// The order that both topics are applied in: a label before the first transaction that is not earlier.
    private func merged(_ transactions: [Line], _ labels: [Line]) -> [Line] {
        var lines: [Line] = []
        var next = 0
        for transaction in transactions {
            while next < labels.count, labels[next].time <= transaction.time {
                lines.append(labels[next])
                next += 1
            }
            lines.append(transaction)
        }
        return lines
    }

    private func borrow(_ lines: ArraySlice<Line>, _ body: (UnsafeBufferPointer<Record>) -> Void) {
        let texts = lines.map { Array($0.text.utf8) }
        let all = texts.flatMap { $0 }
        all.withUnsafeBytes { bytes in
            var begin = 0
            let records = zip(lines, texts).enumerated().map { i, pair in
                defer { begin += pair.1.count }
                return Record(
                    topic: pair.0.topic, partition: 0, offset: Int64(lines.startIndex + i), time: -1, key: nil,
                    value: UnsafeRawBufferPointer(rebasing: bytes[begin..<begin + pair.1.count]))
            }
            records.withUnsafeBufferPointer(body)
        }
    }

    @Test("in the stream, over HTTP and by weir features", arguments: [UInt64(1), 2, 3])
    func sameBits(_ seed: UInt64) throws {
        let (transactions, labels) = log(seed)
        let lines = merged(transactions, labels)
        let width = Engine(Self.configuration).features.names.count

        // The stream, in batches as they come.
        var random = Random(state: seed ^ 77)
        let stream = Engine(Self.configuration)
        let sink = VerdictSink(keepsVerdicts: false, keepsFeatures: true)
        var begin = 0
        while begin < lines.count {
            let end = min(lines.count, begin + Int.random(in: 1...40, using: &random))
            borrow(lines[begin..<end]) { stream.score($0, into: sink) }
            begin = end
        }
        let rows = sink.features.count / width
        #expect(rows > transactions.count * 9 / 10 && rows < transactions.count)

        // Asked of each before it comes, as `/predict` asks.
        let asked = Engine(Self.configuration)
        let answers = VerdictSink()
        let one = VerdictSink(keepsVerdicts: false, keepsFeatures: true)
        var row = 0
        for i in lines.indices {
            var said: [Double]?
            if lines[i].topic == .transactions {
                answers.reset()
                let answer = Array(lines[i].text.utf8).withUnsafeBytes { asked.preview(.fraud, $0, arrival: .max / 2, into: answers) }
                if case .success(false) = answer { said = Array(asked.vector.features) }
            }
            one.reset()
            borrow(lines[i...i]) { asked.score($0, into: one) }
            #expect((said == nil) == one.features.isEmpty, "line \(i)")
            guard let said, !one.features.isEmpty else { continue }
            let streamed = Array(sink.features[row * width..<(row + 1) * width])
            #expect(said.map(\.bitPattern) == streamed.map(\.bitPattern), "seed \(seed), line \(i), asked")
            #expect(one.features.map(\.bitPattern) == streamed.map(\.bitPattern), "seed \(seed), line \(i), one by one")
            row += 1
        }
        #expect(row == rows)

        // The table that `weir features` writes, read back from its text.
        let folder = try Folder()
        var reading = OfflineScorer.Reading()
        reading.labels = .file(try folder.write("labels.jsonl", labels.map { $0.text + "\n" }.joined()))
        let scorer = try OfflineScorer(Self.configuration, reading, rejects: try Rejects(path: "\(folder.path)/rejects"), .features)
        let table = FeatureTable(hasLabels: true)
        var text: [UInt8] = []
        try scorer.score(try folder.write("transactions.jsonl", transactions.map { $0.text + "\n" }.joined())) { scored throws(FileError) in
            table.append(scored, to: &text)
        }
        #expect(scorer.counts.labels > 100 && scorer.counts.duplicates > 10)
        let written = String(decoding: text, as: UTF8.self).split(separator: "\n")
        #expect(written.count == rows)
        for (row, line) in written.enumerated() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            let read = cells[1..<width + 1].map { Double($0)?.bitPattern }
            #expect(read == sink.features[row * width..<(row + 1) * width].map(\.bitPattern), "seed \(seed), row \(row)")
        }
        // Rates of fraud were at work: else the order of labels was not looked at.
        let rate = stream.features.index(of: "merchant_24h_fraud_rate")!
        #expect((0..<rows).count { sink.features[$0 * width + rate] > 0 } > 200)
    }
}
