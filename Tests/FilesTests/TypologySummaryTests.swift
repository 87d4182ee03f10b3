import Foundation
import Scoring
import Testing

@testable import Files

@Suite struct TypologySummaryTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString)")

    private func score(_ rows: [String], _ wanted: OfflineScorer.Wanted, labels: Bool, _ body: (OfflineScorer, OfflineScorer.Scored) -> Void) throws -> OfflineScorer {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent("t.csv").path
        try ("transaction_id,account_id,counterparty_id,timestamp,amount,type,bad\n" + rows.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        var reading = OfflineScorer.Reading()
        if labels { reading.labels = .column("bad") }
        let scorer = try OfflineScorer(.init(), reading, rejects: try Rejects(path: folder.appendingPathComponent("r").path), wanted)
        try scorer.score(path) { scored in body(scorer, scored) }
        return scorer
    }

    static let rows = [
        "1,A,B,2026-01-01 00:00:00,1000,transfer,1", "2,B,C,2026-01-01 01:00:00,990,transfer,0", "3,C,A,2026-01-01 02:00:00,980,transfer,1",
        "4,D,E,2026-01-01 03:00:00,12000,transfer,0", "5,D,E,2026-01-01 03:30:00,12000,transfer,",
    ]

    @Test func itCountsWhatFiredAndWhatOfItWasRight() throws {
        var summary = TypologySummary(hasLabels: true)
        _ = try score(Self.rows, .outcomes, labels: true) { _, scored in
            #expect(scored.aml.isEmpty && scored.features.isEmpty)
            summary.add(scored)
        }
        func line(_ name: String) -> [String] {
            summary.text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.map { $0.split(separator: " ").map(String.init) } ?? []
        }
        #expect(line("CYCLE") == ["CYCLE", "1", "1", "1.000", "0.500"])
        #expect(line("LARGE_AMOUNT") == ["LARGE_AMOUNT", "2", "0", "0.000", "0.000"])
        #expect(line("STACK") == ["STACK", "0", "0", "-", "0.000"])
        #expect(summary.text.hasSuffix("5 transactions, 4 labelled, 2 laundering\n"))
    }

    @Test func aTableOfAMLFeaturesHasAColumnForEachTypology() throws {
        var rows: [[Double]] = []
        let scorer = try score(Self.rows, .amlFeatures, labels: false) { _, scored in rows.append(scored.features) }
        let names = scorer.engine.amlFeatures.names
        #expect(rows.allSatisfy { $0.count == names.count } && Set(names).count == names.count)
        #expect(names.starts(with: scorer.engine.features.names))
        func column(_ name: String) -> [Double] { rows.map { $0[scorer.engine.amlFeatures.index(of: name)!] } }
        #expect(column("typology_cycle").map { $0 > 0 } == [false, false, true, false, false])
        #expect(column("cycle_hops") == [0, 0, 3, 0, 0])
        #expect(column("chain_hops") == [0, 1, 2, 0, 0])
        #expect(column("chain_ratio")[1] == 0.99 && column("chain_gap_seconds")[1] == 3_600 && column("chain_unspent")[1] == 1)
        #expect(column("payer_out_24h_count") == [0, 0, 0, 0, 1] && column("payee_in_24h_sum") == [0, 0, 0, 0, 12_000])
        #expect(column("payer_in_24h_new_partners") == [0, 1, 1, 0, 0])
    }

    @Test func anInvestigationTellsOfOneAccount() throws {
        var investigation: Investigation?
        _ = try score(Self.rows, .verdicts, labels: false) { scorer, scored in
            if investigation == nil { investigation = Investigation(account: "A", scorer.engine) }
            investigation!.add(scored, scorer.engine)
        }
        let found = try #require(investigation)
        let text = found.text()
        #expect(found.isKnown)
        for piece in ["account A\n1 transactions of its own, 1 payments received from others", "counterparties: 2\n", "CYCLE", "\"hops\":3", "received report", "980.00"] {
            #expect(text.contains(piece), "\(piece) in:\n\(text)")
        }
        #expect(!text.contains("LARGE_AMOUNT"))
        let dot = found.graphviz()
        #expect(dot.contains("\"A\" -> \"B\" [label=\"1 × 1000.00\"];") && dot.contains("\"C\" -> \"A\"") && !dot.contains("\"D\""))
        let svg = found.svg()
        #expect(svg.hasPrefix("<svg") && svg.hasSuffix("</svg>\n") && svg.contains(">B</text>"))
        #expect(isWellFormed(svg))
    }

    /// Every element is closed in its order.
    private func isWellFormed(_ text: String) -> Bool {
        var open: [Substring] = []
        for piece in text.split(separator: "<").dropFirst(0) {
            let tag = piece.prefix { $0 != ">" }
            if tag.hasPrefix("/") {
                guard open.popLast() == tag.dropFirst() else { return false }
            } else if !tag.hasSuffix("/") {
                open.append(tag.prefix { $0 != " " })
            }
        }
        return open.isEmpty
    }
}
