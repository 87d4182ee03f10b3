import Scoring
import Testing
import Velocity

/// Snapshots of the whole state: windows, accounts' and pairs' memory, labels, and who paid whom.
@Suite struct StateTests {
    private static func records(_ seed: UInt64, _ count: Int) -> [String] {
        Traffic(seed: seed).transactions(count).enumerated().flatMap { i, tx in
            guard i % 7 == 3, let merchant = tx.fields["merchant_id"] else { return [tx.json] }
            return [tx.json]
                + (i % 2 == 0
                    ? []
                    : [
                        """
                        {"transaction_id":"\(tx.id)","account_id":"\(tx.account)","merchant_id":"\(merchant)","timestamp":\(tx.time + day),"transaction_timestamp":\(tx.time),"label":"fraud"}
                        """
                    ])
        }
    }

    private static func snapshot(_ engine: Engine, budget: Int, between: () -> Void = {}) -> [UInt8] {
        var bytes: [UInt8] = []
        let writer = StateWriter(engine) { bytes += $0 }
        while !writer.isLastNext {
            between()
            writer.step(budget: budget)
        }
        between()
        writer.finish()
        return bytes + StateWriter.seal(Array("end".utf8))
    }

    private static func apply(_ records: ArraySlice<String>, to engine: Engine) throws {
        for (i, text) in zip(records.indices, records) {
            let topic: InputTopic = text.contains("label") ? .feedback : .transactions
            try Records([text], topic: topic, offset: Int64(i)).borrow { try engine.follow($0, outcomes: nil) }
        }
    }

    private static func read(_ bytes: [UInt8]) throws -> State {
        try bytes.withUnsafeBytes { p in
            #expect(try StateReader.seal(of: p) == Array("end".utf8))
            return try StateReader.state(in: p, EngineConfiguration().velocity)
        }
    }

    /// Gives up what is older than a random time of the last days.
    private static func raise(_ engine: Engine, _ random: inout SplitMix) {
        guard engine.watermark > .min else { return }
        let time = engine.watermark - Int64.random(in: 0...6 * day, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: engine.raise(memoryHorizon: time)
        case 1: engine.raise(eventHorizon: time, memoryHorizon: time)
        default: break
        }
    }

    @Test(arguments: 1...24 as ClosedRange<UInt64>, [false, true])
    func `a state read back stands where the written one stood at its end, and says the same ever after`(seed: UInt64, hasHorizons: Bool) throws {
        var random = SplitMix(state: seed)
        let records = Self.records(seed, 900)[...]
        let engine = Engine(.init())
        var at = Int.random(in: 0...500, using: &random)
        try Self.apply(records[..<at], to: engine)
        if hasHorizons { Self.raise(engine, &random) }
        var failure: (any Error)?
        let bytes = Self.snapshot(engine, budget: [1, 300, 4000, 1 << 20].randomElement(using: &random)!) {
            let next = min(700, at + Int.random(in: 0...12, using: &random))
            do { try Self.apply(records[at..<next], to: engine) } catch { failure = error }
            at = next
            if hasHorizons { Self.raise(engine, &random) }
        }
        if let failure { throw failure }
        let state = try Self.read(bytes)
        #expect(state.digest() == engine.digest())
        let other = Engine(.init())
        other.adopt(state)
        #expect(other.digest() == engine.digest() && other.watermark == engine.watermark)

        let sink = VerdictSink()
        var said: [[UInt8]] = []
        for engine in [engine, other] {
            var all: [UInt8] = []
            var random = SplitMix(state: seed)
            for i in at..<records.endIndex {
                sink.reset()
                if hasHorizons, i % 16 == 0 { Self.raise(engine, &random) }
                let topic: InputTopic = records[i].contains("label") ? .feedback : .transactions
                Records([records[i]], topic: topic, offset: Int64(i)).borrow { engine.score($0, into: sink) }
                all += Array(sink.bytes)
            }
            said.append(all)
        }
        #expect(said[0].count > 10_000 && said[0] == said[1])
        #expect(other.digest() == engine.digest())
    }

    @Test func `a snapshot with any byte changed, or cut anywhere, is refused`() throws {
        let engine = Engine(.init())
        try Self.apply(Self.records(3, 40)[...], to: engine)
        let bytes = Self.snapshot(engine, budget: 500)
        _ = try Self.read(bytes)
        func isRefused(_ bytes: [UInt8]) -> Bool {
            bytes.withUnsafeBytes { p in
                do throws(StateError) {
                    _ = try StateReader.seal(of: p)
                    return false
                } catch {
                    return true
                }
            }
        }
        var random = SplitMix(state: 9)
        for i in bytes.indices {
            var changed = bytes
            changed[i] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
            if !isRefused(changed) { Issue.record("byte \(i) changed, and taken") }
        }
        for count in stride(from: 0, to: bytes.count, by: 3) where !isRefused(Array(bytes[..<count])) { Issue.record("cut to \(count), and taken") }
        #expect(isRefused(bytes + bytes) && isRefused(Array(bytes.dropFirst(16))) && isRefused(Array("transaction_id,account_id".utf8)))
    }

    @Test func `a snapshot of other windows is refused with that reason`() throws {
        let engine = Engine(.init())
        try Self.apply(Self.records(3, 40)[...], to: engine)
        let bytes = Self.snapshot(engine, budget: 500)
        var other = EngineConfiguration().velocity
        other.windows[0] *= 2
        #expect(throws: StateError.windows(.otherSettings)) { try bytes.withUnsafeBytes { try StateReader.state(in: $0, other) } }
    }

    @Test func `a snapshot that is given up leaves the state as it was`() throws {
        let records = Self.records(5, 300)[...]
        let engine = Engine(.init())
        try Self.apply(records[..<100], to: engine)
        let writer = StateWriter(engine) { _ in }
        writer.step(budget: 100)
        try Self.apply(records[100..<200], to: engine)
        writer.cancel()
        let bytes = Self.snapshot(engine, budget: 1000)
        try Self.apply(records[200...], to: engine)
        let other = Engine(.init())
        other.adopt(try Self.read(bytes))
        try Self.apply(records[200...], to: other)
        #expect(other.digest() == engine.digest())
    }
}
