import Scoring
import Testing

@testable import Stream

let names = TopicNames(
    transactions: "transactions", feedback: "feedback", fraudVerdicts: "fraud-verdicts", amlVerdicts: "aml-verdicts",
    deadLetters: "transactions-dlq", journal: "weir-journal")

@Suite struct EntryCodingTests {
    let coding = EntryCoding(topics: names)

    func entry() -> Entry {
        var entry = Entry()
        entry.n = 17
        entry.epoch = 3
        entry.process = .max
        entry.instance = "host-\"1\"\n"
        entry.group = "weir"
        entry.topics = ["transactions", "feedback"]
        entry.silence = 3000
        return entry
    }

    func roundTrip(_ entry: Entry) throws -> Entry {
        try coding.encode(entry).withUnsafeBytes { try coding.decode($0, group: "weir") }
    }

    @Test func anEntryWithoutRunsComesBackAsItWas() throws {
        #expect(try roundTrip(entry()) == entry())
    }

    @Test func everyPartOfAnEntryComesBackAsItWas() throws {
        let p = InputPartition(.transactions, 3)
        var entry = entry()
        entry.runs = [Run(partition: p, first: 4711, last: 4790), Run(partition: .init(.feedback, 0), first: 0, last: 0)]
        entry.outcomes = [
            .init(partition: p, first: 4712, last: 4713, outcome: .duplicate),
            .init(partition: p, first: 4715, last: 4715, outcome: .deadLettered(.conflictingID)),
        ]
        entry.changes = [
            Change(partition: p, offset: 4711, kind: .lagging(true)), Change(partition: p, offset: 4712, kind: .since(-5)),
            Change(partition: p, offset: 4713, kind: .eventHorizon(.max)), Change(partition: p, offset: 4714, kind: .memoryHorizon(.min)),
        ]
        entry.handover = true
        entry.full = FullEntry(
            places: [p: Place(offset: 4711, checksum: .max), .init(.feedback, 0): Place(offset: 0, checksum: 0)],
            base: Base(
                n: 1, process: 2, digest: Digest(windows: .max, memory: 1), age: .min, lost: [Run(partition: p, first: 1, last: 2)]),
            eventHorizon: .min, memoryHorizon: 5, since: 6, digest: Digest(windows: 7, memory: 8), form: "1h|24h")
        entry.head = EpochHead(version: "1.0.0", settings: ["A": "1", "B": "\u{1F600}\u{7}"], rates: "currency,rate\nEUR,1.1\n")
        #expect(try roundTrip(entry) == entry)
    }

    @Test func anEntryOfAnotherGroupOrInputIsForeign() {
        let bytes = coding.encode(entry())
        #expect(throws: EntryCoding.Failure.foreign(group: "weir", topics: ["transactions", "feedback"])) {
            try bytes.withUnsafeBytes { try coding.decode($0, group: "other") }
        }
        var moved = names
        moved.transactions = "elsewhere"
        #expect(throws: EntryCoding.Failure.foreign(group: "weir", topics: ["transactions", "feedback"])) {
            try bytes.withUnsafeBytes { try EntryCoding(topics: moved).decode($0, group: "weir") }
        }
    }

    @Test(arguments: ["", "{}", "[1,2", "{\"n\":1}", "nul", "\"\\u12\"", String(repeating: "[", count: 100_000)])
    func whatIsNoEntryIsMalformed(text: String) {
        #expect(throws: EntryCoding.Failure.malformed) {
            try Array(text.utf8).withUnsafeBytes { try coding.decode($0, group: "weir") }
        }
    }

    @Test func everyTruncationOfAnEntryIsMalformed() {
        var entry = entry()
        entry.runs = [Run(partition: .init(.transactions, 0), first: 1, last: 2)]
        let bytes = coding.encode(entry)
        for count in 0..<bytes.count {
            #expect(throws: EntryCoding.Failure.malformed) {
                try bytes[..<count].withUnsafeBytes { try coding.decode($0, group: "weir") }
            }
        }
    }
}

@Suite struct LaneTests {
    final class Owner: RecordOwner {
        func traceHeaders(at index: Int, _ body: (TraceHeader, UnsafeRawBufferPointer) -> Void) {}
    }

    func batch(_ offsets: Range<Int64>) -> RecordBatch {
        let records = UnsafeMutableBufferPointer<Record>.allocate(capacity: offsets.count)
        for (i, offset) in offsets.enumerated() { records.initializeElement(at: i, to: Record(offset: offset, time: offset * 10, value: nil)) }
        return RecordBatch(.init(.transactions, 0), records, owner: Owner())
    }

    @Test func takesInOrderAcrossBatchesAndSaysWhatIsNext() {
        var lane = Lane(next: 0)
        lane.append(batch(0..<5))
        lane.append(batch(7..<9))
        #expect(lane.take(limit: 3) { _ in true }?.run == Run(partition: .init(.transactions, 0), first: 0, last: 2))
        #expect(lane.next == 3)
        #expect(lane.take(limit: 100) { $0.offset < 4 }?.range == 3..<4)
        #expect(lane.take(limit: 100) { $0.offset < 4 } == nil)
        #expect(lane.take(limit: 100) { _ in true }?.range == 4..<5)
        #expect(lane.first?.offset == 7)
        #expect(lane.take(limit: 100) { _ in true }?.run.last == 8)
        #expect(lane.isEmpty && lane.next == 9 && lane.recordCount == 0 && lane.byteCount == 0)
    }
}

@Suite struct CRC32CTests {
    @Test func equalsThePublishedVectors() {
        func crc(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.update(0, $0) } }
        #expect(crc(Array("123456789".utf8)) == 0xE306_9283)
        #expect(crc([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)  // RFC 3720, B.4
        #expect(crc((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    }
}
