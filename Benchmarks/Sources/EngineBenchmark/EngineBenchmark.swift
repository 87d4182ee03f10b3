// The engine alone, one thread: bytes of records in, two verdicts out.
//
//     swift run -c release --package-path Benchmarks EngineBenchmark [records] [accounts] [part]
//
// Prints nanoseconds a record and records a second for each part and for the whole. Exits with 1 when scoring allocates more than the windows do.
import CAllocations
import Glibc
import Scoring
import Velocity

func nanos() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

@main enum EngineBenchmark {
    static func main() {
        let count = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1])! : 500_000
        let accounts = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2])! : 50_000

        let part = CommandLine.arguments.count > 3 ? CommandLine.arguments[3] : nil
        @discardableResult
        func measure(_ name: String, _ records: Int, _ body: () -> Void) -> Double {
            part == nil || name.hasPrefix(part!) ? EngineBenchmark.measure(name, records, body) : 0
        }
        let traffic = Traffic(count: count, accounts: accounts)
        print("\(count) records of \(traffic.bytes / count) bytes on average, \(accounts) accounts, parser \(Decoder.implementation)")

        let decoder = Decoder(slots: 16, rules: .init())
        measure("decode", count) {
            for i in 0..<count { _ = try? decoder.transaction(traffic.value(i), recordTime: nil, slot: i & 15) }
        }

        let store = VelocityStore(.init())
        let reading = Reading(windowCount: 3)
        let events = (0..<count).map { i in traffic.event(i, decoder) }
        let ofWindows = measure("windows, without duplicates", count) {
            events.withUnsafeBufferPointer { all in
                var begin = 0
                while begin < count {
                    let batch = UnsafeBufferPointer(rebasing: all[begin..<min(begin + 16, count)])
                    store.prepare(batch)
                    for event in batch { store.apply(event, into: reading) }
                    store.expire(budget: 32)
                    begin += 16
                }
            }
        }

        let engine = Engine(.init())
        let sink = VerdictSink(capacity: 1 << 20)
        var outcomes = 0
        var verdictBytes = 0
        func score(_ engine: Engine, _ range: Range<Int>) {
            traffic.records.withUnsafeBufferPointer { all in
                var begin = range.lowerBound
                while begin < range.upperBound {
                    let end = min(range.upperBound, begin + 256)
                    sink.reset()
                    engine.score(UnsafeBufferPointer(rebasing: all[begin..<end]), into: sink)
                    for result in sink.results where result.outcome == .scored { outcomes += 1 }
                    verdictBytes += sink.count
                    begin = end
                }
            }
        }
        let ofScoring = measure("score: bytes in, two verdicts out", count) { score(engine, 0..<count) }
        print("\(outcomes) scored, \(verdictBytes / max(1, 2 * outcomes)) bytes a verdict, \(engine.store.stateBytes / max(1, outcomes)) bytes of state a transaction")

        // Duplicates are answered without a change: what is left is decoding, reading, features, rules and one verdict.
        let last = max(0, count - 100_000)..<count
        sink.reset()
        for i in last.prefix(64) { _ = engine.preview(.fraud, traffic.value(i), arrival: .max / 2, into: sink) }
        measure("preview of what is retained", last.count) {
            for i in last {
                sink.reset()
                _ = engine.preview(.fraud, traffic.value(i), arrival: .max / 2, into: sink)
            }
        }

        let follower = Engine(.init())
        let scored = [Outcome](repeating: .scored, count: 256)
        measure("follow", count) {
            traffic.records.withUnsafeBufferPointer { all in
                var begin = 0
                while begin + 256 <= count {
                    do { try follower.follow(UnsafeBufferPointer(rebasing: all[begin..<begin + 256]), outcomes: scored) } catch { fatalError("\(error)") }
                    begin += 256
                }
            }
        }

        if part == nil, ofScoring - ofWindows > 0.01 {
            print("scoring allocates \(ofScoring - ofWindows) times a record beyond what the windows do")
            exit(1)
        }
    }

    /// Runs `body`, which handles so many records, and says what one took and allocated.
    static func measure(_ name: String, _ records: Int, _ body: () -> Void) -> Double {
        let allocations = allocations_count()
        let start = nanos()
        body()
        let each = Double(nanos() - start) / Double(records)
        let allocated = Double(allocations_count() - allocations) / Double(records)
        func column(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.utf8.count)) + text }
        func fixed(_ value: Double, _ places: Int) -> String {
            var scale = 1.0
            for _ in 0..<places { scale *= 10 }
            return "\((value * scale).rounded() / scale)"
        }
        print(
            name + String(repeating: " ", count: max(0, 44 - name.utf8.count)) + column(fixed(each, 0), 8) + " ns" + column("\(Int(1e9 / each))", 10)
                + "/s" + column(fixed(allocated, 3), 9) + " allocations")
        return allocated
    }
}
