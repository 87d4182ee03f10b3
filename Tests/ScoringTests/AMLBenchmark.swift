import Foundation
import Testing
import Velocity

@testable import Scoring

/// What the AML part of a verdict costs: typologies, their score, and the payment graph's upkeep, one thread, the clock's own cost included.
///
/// `WEIR_BENCH=1` measures a hub of a million payments, and, where `WEIR_AMLSIM` names an unpacked `amlsim/transactions.csv`, that with windows
/// 24h,7d,30d. Bounds are those of a machine that does nothing else.
@Suite("AML speed", .enabled(if: ProcessInfo.processInfo.environment["WEIR_BENCH"] != nil, "set WEIR_BENCH to measure"), .serialized)
struct AMLBenchmark {
    @Test("AMLSim's payments", .enabled(if: ProcessInfo.processInfo.environment["WEIR_AMLSIM"] != nil, "set WEIR_AMLSIM to its unpacked CSV"))
    func amlsim() throws {
        let path = try #require(ProcessInfo.processInfo.environment["WEIR_AMLSIM"])
        var measured = Measured(Engine(.init(velocity: .init(windows: [day, 7 * day, 30 * day], feedbackEnabled: false))))
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        _ = getline(&line, &capacity, file)
        while getline(&line, &capacity, file) > 0, let text = line {
            let cells = String(cString: text).split(separator: ",", omittingEmptySubsequences: false)
            measured.score(id: cells[0], from: cells[3], to: cells[4], time: "\"\(cells[1])Z\"", amount: cells[5])
        }
        let found = measured.report("AMLSim")
        #expect(found.plain(0.5) <= 1_500 && found.searching(0.5) <= 15_000 && found.searching(0.999) <= 200_000)
        #expect(found.cutShare < 0.01)
    }

    @Test("a hub of a million payments")
    func hub() {
        let payments = 1_000_000
        var measured = Measured(Engine(.init(velocity: .init(feedbackEnabled: false))))
        for i in 0..<payments + 100_000 {
            let time = noon + Int64(i) * 300
            let other = "\(i % 200_000)"
            switch i % 10 {
            case 8: measured.score(id: "\(i)", from: "hub", to: other, time: "\(time)", amount: "50")
            case 9: measured.score(id: "\(i)", from: other, to: "\((i * 7) % 200_000)", time: "\(time)", amount: "50")
            default: measured.score(id: "\(i)", from: other, to: "hub", time: "\(time)", amount: "50")
            }
            if i == payments { measured.forget() }
        }
        let found = measured.report("a hub")
        #expect(found.plain(0.999) <= 1_000_000 && found.searching(0.999) <= 1_000_000)
    }

    struct Found {
        var plainTimes: [UInt64]
        var searchTimes: [UInt64]
        var cutShare: Double

        func plain(_ share: Double) -> UInt64 { Self.at(plainTimes, share) }
        func searching(_ share: Double) -> UInt64 { Self.at(searchTimes, share) }
        private static func at(_ sorted: [UInt64], _ share: Double) -> UInt64 { sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] }
    }

    struct Measured {
        let engine: Engine
        let sink = VerdictSink()
        private var plain: [UInt64] = []
        private var searching: [UInt64] = []
        private var cut = 0
        private var offset: Int64 = 0

        init(_ engine: Engine) {
            self.engine = engine
            sink.clock = {
                var time = timespec()
                clock_gettime(CLOCK_MONOTONIC, &time)
                return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
            }
        }

        mutating func forget() { (plain, searching, cut) = ([], [], 0) }

        mutating func score(id: some StringProtocol, from: some StringProtocol, to: some StringProtocol, time: String, amount: some StringProtocol) {
            var json = "{\"transaction_id\":\"\(id)\",\"account_id\":\"\(from)\",\"counterparty_id\":\"\(to)\",\"timestamp\":\(time),\"amount\":\(amount),\"type\":\"transfer\"}"
            sink.reset()
            json.withUTF8 { bytes in
                let record = Record(topic: .transactions, partition: 0, offset: offset, time: -1, key: nil, value: UnsafeRawBufferPointer(bytes))
                withUnsafePointer(to: record) { engine.score(UnsafeBufferPointer(start: $0, count: 1), into: sink) }
            }
            offset += 1
            guard let sample = sink.samples.first else { return }
            let searches = engine.amlSearches
            if searches.count > 0 { searching.append(sample.aml) } else { plain.append(sample.aml) }
            if searches.isCut { cut += 1 }
        }

        func report(_ name: String) -> Found {
            let found = Found(plainTimes: plain.sorted(), searchTimes: searching.sorted(), cutShare: Double(cut) / Double(max(1, searching.count)))
            print("\(name): \(plain.count + searching.count) transactions, \(searching.count) of them search, \(cut) of these were cut")
            print("  without a search: p50 \(found.plain(0.5)), p99 \(found.plain(0.99)), p99.9 \(found.plain(0.999)) ns")
            print("  with one: p50 \(found.searching(0.5)), p99 \(found.searching(0.99)), p99.9 \(found.searching(0.999)) ns")
            let graph = engine.graph
            print("  \(graph.edgeCount) movements of \(graph.accountCount) accounts held, \(graph.edgeBytes / max(1, graph.edgeCount)) bytes a movement, \(graph.stateBytes) in all")
            return found
        }
    }
}
