import Scoring
import Testing
import Velocity

@testable import Stream

/// Records that others applied and that are gone from the log: states that lack them are no different, only poorer.
@Suite struct LostRecordsTests {
    private func transaction(_ id: String, _ account: String = "A", at time: Int64) -> String {
        """
        {"transaction_id":"\(id)","account_id":"\(account)","timestamp":\(time),"amount":10,"merchant_id":"M"}
        """
    }

    private func feed(_ driver: TopologyDriver, _ ids: Range<Int>) {
        for i in ids { driver.feed(transaction("t\(i)", "A\(i % 5)", at: driver.now), key: "A\(i % 5)", partition: Int32(i % 2)) }
    }

    @Test(arguments: [InputPartition(.feedback, 0), InputPartition(.transactions, 1)])
    func `a partition that is cut away whole makes no state differ from another, whoever begins and whoever leads`(gone: InputPartition) {
        let driver = TopologyDriver(partitions: 2, feedback: 1)
        driver.configure = { $0.fullInterval = 2000 }
        let first = driver.start("first")
        feed(driver, 0..<10)
        for i in 0..<5 {
            driver.feed(
                """
                {"transaction_id":"t\(i)","account_id":"A\(i)","merchant_id":"M","timestamp":\(driver.now),"transaction_timestamp":\(driver.now),"label":"fraud"}
                """, key: "A\(i)", topic: .feedback)
        }
        #expect(driver.settle())
        driver.broker.inputs[gone]!.truncate(to: 5)
        // Beside a leader that had all of it.
        let second = driver.start("second")
        driver.turn(10_000)
        #expect(second.instance.isReady && second.engine.digest() != first.engine.digest())
        #expect(second.instance.base?.lost == [Run(partition: gone, first: 0, last: 4)])
        // After it.
        #expect(driver.stop(first) == .stopped)
        driver.turn(10_000)
        #expect(second.role == .leader)
        // Where nothing has come since in that partition, others say so.
        #expect(driver.fraudVerdicts(0).allSatisfy { $0.text!.contains(#""complete":true"#) })
        feed(driver, 10..<11)
        #expect(driver.settle())
        #expect(driver.fraudVerdicts(0).last?.text?.contains(#""complete":false"#) == true)
        let third = driver.start("third")
        driver.turn(10_000)
        #expect(driver.stop(second) == .stopped)
        driver.turn(10_000)
        #expect(third.role == .leader && third.engine.digest() == second.engine.digest())
        #expect([first, second, third].allSatisfy { $0.watcher.divergences == 0 })
    }

    @Test func `a history of which nothing is left makes no state differ from that of who had it`() throws {
        let driver = TopologyDriver(partitions: 2)
        driver.configure = { $0.fullInterval = 2000 }
        let first = driver.start("first")
        for id in [1, 3, 5, 7, 9] { feed(driver, id..<(id + 1)) }
        #expect(driver.settle())
        driver.turn(5000)
        driver.broker.inputs[.init(.transactions, 1)]!.truncate(to: 5)
        let full = try #require(driver.journal.lastIndex { $0.full != nil })
        driver.broker.journal.truncate(to: driver.broker.journal.committed[full].offset)
        let second = driver.start("second")
        driver.turn(10_000)
        feed(driver, 10..<11)
        #expect(driver.settle())
        driver.turn(5000)
        #expect(second.instance.isReady && second.instance.base?.n != first.instance.base?.n && second.instance.base?.lost == [])
        #expect(second.engine.digest() != first.engine.digest() && second.watcher.divergences == 0)
    }

    @Test func `states of unequal bases are compared once nothing that was lost is retained any more`() throws {
        var configuration = EngineConfiguration()
        configuration.velocity = .init(windows: [1000], allowedLateness: 1000, feedbackEnabled: false)
        let driver = TopologyDriver(partitions: 2, engine: configuration)
        driver.configure = {
            $0.fullInterval = 2000
            $0.maxClockSkew = 1000
        }
        let first = driver.start("first")
        feed(driver, 0..<10)
        #expect(driver.settle())
        driver.broker.inputs[.init(.transactions, 1)]!.truncate(to: 5)
        let second = driver.start("second")
        driver.turn(3000)
        #expect(second.instance.isReady && second.engine.digest().windows != first.engine.digest().windows)
        driver.turn(10_000)
        feed(driver, 10..<11)
        #expect(driver.settle())
        driver.turn(5000)
        #expect(second.engine.digest().windows == first.engine.digest().windows && second.watcher.divergences == 0)
        // From here on a difference is one.
        let text = transaction("never", at: second.engine.watermark)
        _ = Array(text.utf8).withUnsafeBytes { second.engine.applyOne(.fraud, $0, arrival: second.engine.watermark, into: VerdictSink()) }
        driver.turn(5000)
        #expect(second.watcher.divergences > 0)
    }
}
