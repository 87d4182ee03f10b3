import Testing

@testable import Velocity

extension SnapshotReader {
    fileprivate func read(_ bytes: [UInt8]) throws(SnapshotError) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        try read(UnsafeRawBufferPointer(copy))
    }
}

@Suite("Snapshots")
struct SnapshotTests {
    /// A snapshot written in pieces while a stream goes on.
    struct Written {
        var bytes: [UInt8] = []
        /// Steps applied before each piece.
        var places: [Int] = []
    }

    @Test("Written piece by piece at any point of any stream, brought on, it says what the state says, then and ever after")
    func roundTrips() {
        for seed in Seeds.range(600) {
            if let failure = Self.run(seed) {
                Issue.record("seed \(seed): \(failure)")
                return
            }
        }
    }

    static func run(_ seed: Int) -> String? {
        var random = Random(seed: seed &+ 31)
        var stream = RandomStream(seed: seed, length: 60 + random.below(400))
        let block = random.pick([2, 5, 64])
        let limits = random.oneIn(3) ? Limits() : Limits(block: block, indexedFrom: block * 2, indexedUntil: block, largeUntil: block / 2)
        let store = VelocityStore(stream.configuration, limits)
        let reading = Reading(windowCount: stream.configuration.windows.count)
        let begin = random.below(stream.length)
        var steps: [Step] = []
        var written = Written()
        var writer: SnapshotWriter?
        let pace = 1 + random.below(12)
        let budget = random.pick([1, 300, 5000, 1 << 20])
        var end = stream.length
        var i = 0
        while i < end {
            if i == begin { writer = SnapshotWriter(of: store) }
            if let w = writer, !w.isDone, i >= begin, i % pace == 0 {
                written.places.append(i)
                _ = w.step(budget: budget) { written.bytes += $0 }
            }
            if let w = writer, !w.isDone { end = max(end, i + pace + 1) }
            let step = stream.next()
            steps.append(step)
            switch step {
            case .event(let event): if store.decide(event) == .new { store.apply(event, into: reading) } else { steps[i] = .raise(event: .min, memory: .min) }
            case .label(let label): _ = store.apply(label)
            case .raise(let event, let memory): store.raise(eventHorizon: event, memoryHorizon: memory)
            }
            if random.oneIn(10) { store.expire(budget: 1 + random.below(60)) }
            i += 1
        }
        if writer == nil || !writer!.isDone { return "the snapshot never ended" }

        let reader = SnapshotReader(stream.configuration, limits)
        let restored: VelocityStore
        do throws(SnapshotError) {
            var at = 0
            while at < written.bytes.count {
                let next = min(written.bytes.count, at + 1 + random.below(5000))
                let part = Array(written.bytes[at..<next])
                try reader.read(part)
                at = next
            }
            restored = try reader.finish()
        } catch {
            return "refused: \(error)"
        }
        if reader.boundaries.count != written.places.count { return "\(reader.boundaries.count) pieces, \(written.places.count) written" }
        var piece = 0
        for (n, step) in steps.enumerated() where n >= written.places[0] {
            while piece + 1 < written.places.count, written.places[piece + 1] <= n { piece += 1 }
            let boundary = reader.boundaries[piece]
            switch step {
            case .event(let event): restored.bringOn(event, before: boundary)
            case .label(let label): restored.bringOn(label, before: boundary)
            case .raise(let event, let memory): restored.raise(eventHorizon: event, memoryHorizon: memory)
            }
            if random.oneIn(10) { restored.expire(budget: 1 + random.below(60)) }
        }
        restored.endBringingOn()
        if restored.digest() != store.digest() { return "the digest differs" }
        if restored.watermark != store.watermark { return "the watermark differs" }
        if let violation = Invariants(store: restored).violation() { return violation }
        let other = Reading(windowCount: stream.configuration.windows.count)
        for n in 0..<120 {
            if random.oneIn(10) { restored.expire(budget: 40) }
            switch stream.next() {
            case .event(let event):
                let decision = store.decide(event)
                if restored.decide(event) != decision { return "after it, step \(n): decided otherwise" }
                if decision == .new {
                    store.apply(event, into: reading)
                    restored.apply(event, into: other)
                    if Expected(reading) != Expected(other) { return "after it, step \(n)\n" + Expected(other).difference(Expected(reading)) }
                }
            case .label(let label): if store.apply(label) != restored.apply(label) { return "after it, step \(n): a label" }
            case .raise(let event, let memory):
                store.raise(eventHorizon: event, memoryHorizon: memory)
                restored.raise(eventHorizon: event, memoryHorizon: memory)
            }
        }
        return restored.digest() == store.digest() ? nil : "the digest differs after it"
    }

    @Test("Tables of many entities are written slot by slot, each entity once, in few steps for each, while they grow")
    func largeTables() throws {
        let store = VelocityStore(VelocityConfiguration())
        let start: Int64 = 1_700_000_000_000
        let count = 120_000
        for i in 0..<count { store.apply(MemoryTests.event(i, start + Int64(i) * 100, accounts: 40_000)) }
        let writer = SnapshotWriter(of: store)
        var bytes: [UInt8] = []
        var places: [Int] = []
        var i = count
        var isGoing = true
        while isGoing {
            places.append(i)
            isGoing = writer.step(budget: 1 << 18) { bytes += $0 }
            #expect(places.count < 1000)
            for _ in 0..<200 {
                store.apply(MemoryTests.event(i, start + Int64(i) * 100, accounts: 90_000))
                i += 1
            }
        }
        let reader = SnapshotReader(VelocityConfiguration())
        try reader.read(bytes)
        let restored = try reader.finish()
        #expect(reader.boundaries.count == places.count)
        for (piece, boundary) in reader.boundaries.dropLast().enumerated() {
            for n in places[piece]..<places[piece + 1] {
                restored.bringOn(MemoryTests.event(n, start + Int64(n) * 100, accounts: 90_000), before: boundary)
            }
        }
        restored.endBringingOn()
        for n in places.last!..<i { restored.apply(MemoryTests.event(n, start + Int64(n) * 100, accounts: 90_000)) }
        #expect(restored.digest() == store.digest())
        #expect(Invariants(store: restored).violation() == nil)
    }

    private static func small() -> (VelocityConfiguration, [UInt8]) {
        var stream = RandomStream(seed: 3, length: 1)
        let store = VelocityStore(stream.configuration)
        for _ in 0..<25 {
            switch stream.next() {
            case .event(let event): store.apply(event)
            case .label(let label): _ = store.apply(label)
            case .raise: break
            }
        }
        var bytes: [UInt8] = []
        let writer = SnapshotWriter(of: store)
        while writer.step(budget: 2000, { bytes += $0 }) {}
        return (stream.configuration, bytes)
    }

    private static func error(_ configuration: VelocityConfiguration, _ bytes: [UInt8]) -> SnapshotError? {
        let reader = SnapshotReader(configuration)
        do throws(SnapshotError) {
            try reader.read(bytes)
            _ = try reader.finish()
            return nil
        } catch {
            return error
        }
    }

    @Test("A snapshot with any byte changed, or cut anywhere, is refused")
    func corruption() {
        let (configuration, bytes) = Self.small()
        #expect(Self.error(configuration, bytes) == nil)
        #expect(bytes.count > 1000)
        for i in bytes.indices {
            for bit in [UInt8(1), 0x80] {
                var changed = bytes
                changed[i] ^= bit
                if Self.error(configuration, changed) == nil { Issue.record("byte \(i) changed, and taken") }
            }
        }
        for count in 0..<bytes.count where Self.error(configuration, Array(bytes[..<count])) == nil { Issue.record("cut to \(count), and taken") }
        #expect(Self.error(configuration, bytes + [0]) != nil)
        #expect(Self.error(configuration, bytes + bytes) != nil)
        #expect(Self.error(configuration, []) == .truncated)
        #expect(Self.error(configuration, Array("transaction_id,account_id,amount".utf8)) == .notASnapshot)
    }

    @Test("A snapshot made under other settings is refused with that reason", arguments: 0..<6)
    func otherSettings(_ i: Int) {
        let (configuration, bytes) = Self.small()
        var other = configuration
        switch i {
        case 0: other.windows[0] -= 1
        case 1: other.allowedLateness += 1
        case 2: other.accountRetention += 1
        case 3: other.pairRetention += 1
        case 4: other.feedbackDelay += 1
        default: other.feedbackEnabled.toggle()
        }
        #expect(Self.error(other, bytes) == .otherSettings)
    }

    @Test("A snapshot of another version says which")
    func otherVersion() {
        var (configuration, bytes) = Self.small()
        // The version stands behind a frame's head, an item's and the magic number; the sum is made anew.
        bytes[16 + 4 + 8] = 9
        let count = bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt32.self)) }
        let sum = bytes.withUnsafeBytes { Checksum.of(UnsafeRawBufferPointer(rebasing: $0[16..<16 + count]), seed: UInt64(count)) }
        for i in 0..<8 { bytes[8 + i] = UInt8(truncatingIfNeeded: sum >> UInt64(8 * i)) }
        #expect(Self.error(configuration, bytes) == .version(9))
    }
}

@Suite("Orders")
struct OrderTests {
    @Test("Any order of what is retained throughout gives one digest")
    func orders() {
        for seed in Seeds.range(2000) {
            var random = Random(seed: seed)
            var stream = RandomStream(seed: seed)
            var configuration = stream.configuration
            let span = configuration.windows.last! + configuration.allowedLateness
            configuration.accountRetention = max(configuration.accountRetention, span)
            var events: [Event] = []
            var newest = Int64.min
            var oldest = Int64.max
            for _ in 0..<120 {
                guard case .event(let event) = stream.next(), event.offset != 0 else { continue }
                // All within the span, so that nothing is forgotten in any order.
                if max(newest, event.time) - min(oldest, event.time) >= span { continue }
                newest = max(newest, event.time)
                oldest = min(oldest, event.time)
                events.append(event)
            }
            let limits = Limits(block: random.pick([2, 7, 64]), indexedFrom: 9, indexedUntil: 5, largeUntil: 1)
            var digests: [(UInt64, UInt64)] = []
            for _ in 0..<3 {
                let store = VelocityStore(configuration, limits)
                for event in events { store.apply(event) }
                digests.append(store.digest())
                random.shuffle(&events)
            }
            if digests[1] != digests[0] || digests[2] != digests[0] {
                Issue.record("seed \(seed): \(digests)")
                return
            }
        }
    }
}
