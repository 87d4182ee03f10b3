import Foundation
import Testing

@testable import weir

@Suite struct SimulateTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-simulate-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private func lines(_ name: String) throws -> [String] {
        try String(contentsOfFile: path(name), encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test func `what simulate writes, replay scores to the last line, and features labels`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let simulate = [
            "simulate", "-c", "300", "-d", "20", "--fraud-share", "0.02", "--late-share", "0.01", "-o", path("t.jsonl"),
            "--labels", path("labels.csv"), "--feedback", path("feedback.jsonl"), "--rates", path("rates.csv"),
        ]
        #expect(Dispatcher.run(simulate) == .done)
        let transactions = try lines("t.jsonl")
        #expect(transactions.count > 10_000)
        let replay = ["replay", path("t.jsonl"), "--feedback", path("feedback.jsonl"), "-o", path("verdicts.jsonl"), "--rejects", path("rejects")]
        #expect(Dispatcher.run(replay) == .done)
        #expect(try lines("verdicts.jsonl").count == 2 * transactions.count)
        #expect(try lines("rejects").isEmpty)

        let labels = try lines("labels.csv")
        #expect(labels[0] == "transaction_id,account_id,timestamp,kind,scenario,incident")
        let frauds = labels.count { $0.contains(",fraud,") }
        #expect(Double(frauds) > 0.015 * Double(transactions.count))
        let reported = try lines("feedback.jsonl").count { $0.contains(#""label":"fraud""#) }
        #expect(reported > frauds / 3 && reported <= frauds)
        #expect(try lines("rates.csv").first == "currency,rate")
    }

    @Test func `one seed writes the same file, another another`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        func simulate(_ seed: String, _ name: String) throws -> [String] {
            #expect(Dispatcher.run(["simulate", "-c", "50", "-n", "500", "-s", seed, "--start", "2026-03-01T12:00:00Z", "-o", path(name)]) == .done)
            return try lines(name)
        }
        let first = try simulate("7", "a.csv")
        #expect(first.count == 501 && first[0].hasPrefix("transaction_id,account_id,"))
        #expect(first[1].contains(",2026-03-01T12:"))
        #expect(try simulate("7", "b.csv") == first)
        #expect(try simulate("8", "c.csv") != first)
    }

    @Test(arguments: [
        ["--customers", "0"], ["--rate", "-1"], ["--start", "yesterday"], ["--fraud-share", "0.7"], ["--seed", "x"], ["--format", "xml"],
        ["--max-delay", "0"], ["--start", "1960-01-01"],
    ])
    func `impossible values are wrong usage`(options: [String]) {
        #expect(Dispatcher.run(["simulate", "-n", "1", "-o", "/dev/null"] + options) == .usage)
    }
}
