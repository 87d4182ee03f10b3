import Foundation
import Scoring
import Testing

@testable import Stream

/// Snapshots as files, and what a start makes of them.
@Suite struct SnapshotTests {
    private static func folder() throws -> (URL, SnapshotFolder) {
        let url = FileManager.default.temporaryDirectory.appending(path: "weir-snapshots-\(UInt64.random(in: 0...UInt64.max))")
        let folder = SnapshotFolder(url.path)
        #expect(folder.prepare() == nil)
        return (url, folder)
    }

    private static func write(_ text: String, _ entry: Int64, _ folder: SnapshotFolder) -> Bool {
        let sink = folder.begin()
        for byte in text.utf8 { sink.write([byte]) }
        sink.seal(Array("!".utf8), entry: entry)
        return sink.waitForEnd(milliseconds: 10_000)
    }

    private static func texts(_ folder: SnapshotFolder) throws -> [String] {
        try folder.all().map { source in try source.read { bytes throws(SnapshotRefusal) in String(decoding: bytes, as: UTF8.self) } }
    }

    @Test func `the last two are kept, the newest first`() throws {
        let (url, folder) = try Self.folder()
        defer { try? FileManager.default.removeItem(at: url) }
        for i in 1...4 as ClosedRange<Int64> { #expect(Self.write("number \(i)", i, folder)) }
        #expect(try Self.texts(folder) == ["number 4!", "number 3!"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: url.path).count == 2)
        let mode = try FileManager.default.attributesOfItem(atPath: url.appending(path: folder.all()[0].name).path)[.posixPermissions] as? Int
        #expect(mode == 0o600, "a state is nobody else's")
        folder.removeAll()
        #expect(folder.all().isEmpty)
    }

    @Test func `what is not sealed does not count, and is removed`() throws {
        let (url, folder) = try Self.folder()
        defer { try? FileManager.default.removeItem(at: url) }
        let dropped = folder.begin()
        dropped.write([1, 2, 3])
        dropped.drop()
        #expect(!dropped.waitForEnd(milliseconds: 10_000) || folder.all().isEmpty)
        // As a process leaves it that was killed.
        try Data([1]).write(to: url.appending(path: "snapshot-77.partial"))
        #expect(folder.all().isEmpty)
        #expect(folder.prepare() == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: url.path).isEmpty)
    }

    @Test func `a folder that cannot be written to is said, and a disk that fails ends the snapshot`() throws {
        let (url, folder) = try Self.folder()
        try FileManager.default.removeItem(at: url)
        let sink = folder.begin()
        sink.write([1])
        sink.seal([2], entry: 1)
        #expect(!sink.waitForEnd(milliseconds: 10_000))
        #expect(sink.failure != nil)
        #expect(SnapshotFolder("/proc/weir/none").prepare() != nil)
    }

    private func transaction(_ id: Int, at time: Int64) -> String {
        """
        {"transaction_id":"t\(id)","account_id":"A\(id % 5)","timestamp":\(time),"amount":\(id),"counterparty_id":"A\(id % 3)","type":"transfer"}
        """
    }

    /// A disk, a driver, and a process that wrote a snapshot after 60 records and ended.
    private func written() -> (MemorySnapshots, TopologyDriver) {
        let driver = TopologyDriver(partitions: 2)
        driver.configure = { $0.snapshotInterval = 1000 }
        let disk = MemorySnapshots(Seeded(state: 1), pace: 1) { [broker = driver.broker] delay, body in broker.at(delay, body) }
        driver.snapshots = disk
        let first = driver.start("first")
        for i in 0..<60 {
            driver.feed(transaction(i, at: driver.now), key: "A\(i % 5)", partition: Int32(i % 2))
            driver.turn(50)
        }
        #expect(driver.settle())
        #expect(driver.stop(first) == .stopped)
        #expect(!disk.files.isEmpty)
        return (disk, driver)
    }

    @Test func `a clean stop leaves the state behind, and a start goes on from it`() {
        let (disk, driver) = written()
        let second = driver.start("second")
        driver.turn(until: { second.instance.isReady })
        #expect(disk.used == 1)
        #expect(second.instance.restored.done == 0, "nothing is applied again")
        driver.feed(transaction(100, at: driver.now), key: "A0")
        #expect(driver.settle())
        // A third one without a disk builds the same state from the log.
        driver.snapshots = nil
        let third = driver.start("third")
        driver.turn(until: { third.instance.isReady })
        driver.turn(1000)
        #expect(third.engine.digest() == second.engine.digest() && third.engine.watermark == second.engine.watermark)
    }

    @Test func `damaged ones are passed over: the one before it serves, else the log`() {
        for damaged in 0...2 {
            let (disk, driver) = written()
            #expect(disk.files.count == 2)
            for place in 0..<damaged { disk.damage(place) }
            let second = driver.start("second")
            driver.turn(until: { second.instance.isReady })
            #expect(disk.used == (damaged < 2 ? 1 : 0))
            driver.snapshots = nil
            let third = driver.start("third")
            driver.turn(until: { third.instance.isReady })
            driver.turn(1000)
            #expect(third.engine.digest() == second.engine.digest())
        }
    }

    @Test func `one of other settings is not used`() {
        let (disk, driver) = written()
        driver.configure = { $0.form = "other" }
        let second = driver.start("second")
        driver.turn(until: { second.instance.isReady })
        #expect(second.instance.isReady && disk.used == 0)
    }
}
