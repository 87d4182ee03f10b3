import Foundation
import Kafka
import Testing

@testable import weir

@Suite struct OfflineCommandsTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-offline-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    private func file(_ name: String, _ text: String = "") throws -> String {
        let url = folder.appendingPathComponent(name)
        if !text.isEmpty { try text.write(to: url, atomically: true, encoding: .utf8) }
        return url.path
    }

    private func read(_ path: String) throws -> [String] { try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init) }

    private let csv = """
        ID,AT,WHO,AMOUNT,FRAUD
        a,2026-01-01 10:00:00,A,10,0
        "b,1",2026-01-01 10:30:00,A,20.5,1
        c,2026-01-01 10:30:00,A,x,0
        d,2026-01-02 10:29:59.999,A,2,
        """
    private let maps = ["--map", "ID=transaction_id", "--map", "AT=timestamp", "-m", "WHO=account_id", "-m", "AMOUNT=amount"]

    @Test func `features writes a header and a line for each scored transaction`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let output = try file("out.csv")
        let rejects = try file("rejects")
        #expect(Dispatcher.run(["features", try file("t.csv", csv), "-o", output, "--rejects", rejects, "--label-column", "FRAUD"] + maps) == .done)
        let lines = try read(output).map { $0.hasPrefix("\"b,1\"") ? $0.replacingOccurrences(of: "\"b,1\"", with: "b") : $0 }
            .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        #expect(lines.count == 4 && lines[0].first == "transaction_id" && lines[0].last == "label")
        #expect(Set(lines.map(\.count)).count == 1)
        let column = { (name: String) in lines.dropFirst().map { $0[lines[0].firstIndex(of: name)!] } }
        #expect(column("transaction_id") == ["a", "b", "d"])
        #expect(column("account_24h_count") == ["1", "2", "2"])
        #expect(column("account_24h_sum") == ["10", "30.5", "22.5"])
        #expect(column("account_24h_mean") == ["10", "15.25", "11.25"])
        #expect(column("account_seconds_since_last") == ["-1", "1800", "86399.999"])
        #expect(column("label") == ["0", "1", ""])
        #expect(try read(rejects).count == 1 && read(rejects)[0].contains(#""line":4,"reason":"INVALID_FIELD","field":"amount""#))
    }

    @Test func `replay writes both verdicts of each transaction`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let output = try file("out.jsonl")
        #expect(Dispatcher.run(["replay", try file("t.csv", csv), "-o", output, "--rejects", try file("rejects")] + maps) == .done)
        let lines = try read(output)
        #expect(lines.count == 6)
        for (i, line) in lines.enumerated() {
            let verdict = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(verdict["transaction_id"] as? String == ["a", "b,1", "d"][i / 2])
            #expect(verdict["kind"] as? String == (i % 2 == 0 ? "fraud" : "aml"))
            #expect((verdict["source"] as? [String: Any])?["offset"] as? Int == [0, 1, 3][i / 2])
        }
    }

    @Test func `investigate says the same of a topic as of its records in a file`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let records = try file("records.jsonl")
        #expect(Dispatcher.run(["simulate", "--count", "3000", "--customers", "40", "-o", records]) == .done)
        let broker = try EmbeddedBroker()
        try broker.createTopic("transactions", partitions: 3)
        let producer = try Producer(["bootstrap.servers": broker.bootstrapServers])
        let topic = try producer.topic("transactions")
        for (i, line) in try read(records).enumerated() {
            // Record times say the order, over partitions.
            try Array(line.utf8).withUnsafeBytes { try producer.produce(topic, partition: Int32(i % 3), key: nil, value: $0, timestamp: 1_795_521_600_000 + Int64(i)) }
        }
        try producer.flush(timeoutMillis: 20_000)
        let (ofFile, ofTopic) = (try file("file.txt"), try file("topic.txt"))
        #expect(Dispatcher.run(["investigate", "A-7", records, "-o", ofFile]) == .done)
        let process = Process()
        process.executableURL = ServeTests.executable
        process.arguments = ["investigate", "A-7", "-o", ofTopic]
        process.environment = ["KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let (text, other) = (try read(ofFile), try read(ofTopic))
        #expect(text.count > 10 && text == other)
    }

    @Test func `wrong usage is told before anything is scored`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let input = try file("t.csv", csv)
        for words in [
            ["features"], ["features", input], ["features", input, "--map", "=ID"], ["features", input, "--map", "ID=nothing"], ["features", input, "--map", "NONE=amount"] + maps.dropLast(2),
            ["features", input, "--label-column", "NONE"] + maps, ["features", input, "--label-column", "FRAUD", "--feedback", input] + maps, ["features", input, "--format", "xml"] + maps,
            ["features", input, "--format", "json", "--label-column", "FRAUD"],
        ] { #expect(Dispatcher.run(words) == .usage, "\(words.dropFirst(2))") }
        for words in [["replay", "/nowhere.csv"], ["replay", folder.path], ["features", "/nowhere.jsonl", "--feedback", "/nowhere"]] {
            #expect(Dispatcher.run(words) == .failed, "\(words)")
        }
    }
}
