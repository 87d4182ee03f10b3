import Scoring
import TestSupport
import Testing
import Velocity

@testable import Stream

/// The pipeline as its users see it: records in, verdicts, dead letters and the journal out.
@Suite struct TopologyTests {
    /// A transaction of the present.
    func transaction(_ id: String, _ account: String = "A", at time: Int64, amount: String = "10", merchant: String = "M") -> String {
        """
        {"transaction_id":"\(id)","account_id":"\(account)","timestamp":\(time),"amount":\(amount),"merchant_id":"\(merchant)"}
        """
    }

    func word(_ name: String, _ record: StoredRecord) -> String? {
        guard case .object(let members)? = record.value.flatMap(JSON.parse) else { return nil }
        return members[name]?.string
    }

    @Test func `each transaction gets one verdict of each kind, in its partition's order, with its key, time and trace`() throws {
        let driver = TopologyDriver(partitions: 2)
        driver.start()
        let fed = driver.now
        for i in 0..<10 {
            driver.feed(
                transaction("t\(i)", "A\(i % 3)", at: fed), key: "A\(i % 3)", partition: Int32(i % 2), headers: ["traceparent": "00-\(i)", "other": "x"])
        }
        #expect(driver.settle())
        for partition in 0..<2 {
            let wanted = (0..<10).filter { $0 % 2 == partition }
            for verdicts in [driver.fraudVerdicts(partition), driver.amlVerdicts(partition)] {
                #expect(verdicts.map { word("transaction_id", $0) } == wanted.map { "t\($0)" })
                #expect(verdicts.map { $0.header("traceparent") } == wanted.map { "00-\($0)" })
                #expect(verdicts.allSatisfy { $0.header("other") == nil && $0.time == fed })
                #expect(verdicts.map { $0.key.map { String(decoding: $0, as: UTF8.self) } } == wanted.map { "A\($0 % 3)" })
                #expect(verdicts.map { $0.header("weir-decision") } == verdicts.map { word("decision", $0) })
            }
        }
        #expect(driver.deadLetters().isEmpty)
    }

    @Test func `what is no transaction becomes a dead letter with its own bytes, and stops nothing`() {
        let driver = TopologyDriver()
        let process = driver.start()
        driver.feed(transaction("t1", at: driver.now), key: "A")
        driver.feed("{", key: "B")
        driver.feed(nil, key: "C")
        driver.feed(transaction("t2", at: driver.now), key: "A")
        driver.feed(transaction("t1", at: driver.now), key: "A")
        #expect(driver.settle())
        #expect(driver.fraudVerdicts().count == 2 && driver.amlVerdicts().count == 2)
        let letters = driver.deadLetters()
        #expect(letters.map { $0.header("__weir.errors.reason") } == ["MALFORMED_JSON", "TOMBSTONE"])
        #expect(letters.map { $0.header("__weir.errors.offset") } == ["1", "2"])
        #expect(letters.map(\.text) == ["{", nil])
        let counts = process.watcher.reports.reduce(into: (0, 0, 0, 0)) { sum, report in
            let one = report.counts.partitions[0]!
            sum = (sum.0 + one.consumed, sum.1 + one.scored, sum.2 + one.duplicates, sum.3 + one.deadLettered)
        }
        #expect(counts == (5, 2, 1, 2))
    }

    @Test func `a verdict too large for its topic is diverted alone`() {
        let driver = TopologyDriver()
        driver.start()
        driver.broker.largestVerdict = 800
        driver.feed(transaction("t1", at: driver.now), key: "A")
        driver.feed(
            transaction(String(repeating: "x", count: 128), String(repeating: "A", count: 128), at: driver.now), key: "A")
        driver.feed(transaction("t2", at: driver.now), key: "A")
        #expect(driver.settle())
        #expect(driver.fraudVerdicts().map { word("transaction_id", $0) } == ["t1", "t2"])
        #expect(driver.amlVerdicts().map { word("transaction_id", $0) } == ["t1", "t2"])
        #expect(driver.deadLetters().map { $0.header("__weir.errors.reason") } == ["VERDICT_TOO_LARGE"])
    }

    @Test func `a leader that is told to end commits what it took and hands over within a second`() throws {
        let driver = TopologyDriver(partitions: 3)
        let first = driver.start("first")
        #expect(driver.turn(until: { first.role == .leader }))
        let second = driver.start("second")
        #expect(driver.turn(until: { second.instance.isReady }))
        for i in 0..<300 { driver.feed(transaction("t\(i)", "A\(i % 7)", at: driver.now), key: "A\(i % 7)", partition: Int32(i % 3)) }
        driver.turn(20)
        let told = driver.now
        #expect(driver.stop(first) == .stopped)
        #expect(driver.turn(until: { second.role == .leader }, atMost: 5000))
        #expect(driver.now - told < 1500)
        #expect(driver.settle())
        #expect((0..<3).map { driver.fraudVerdicts($0).count } == [100, 100, 100])
        let handover = try #require(driver.journal.firstIndex { $0.handover })
        #expect(driver.journal[handover + 1].instance == "second" && driver.journal[handover + 1].head != nil)
    }

    @Test func `what does not fit is given up at the same record by all, and verdicts say so`() throws {
        let driver = TopologyDriver(partitions: 2)
        driver.stateBudget = 3_000_000
        let leader = driver.start()
        let follower = driver.start("two")
        var id = 0
        func feed(_ count: Int) {
            for _ in 0..<count {
                driver.feed(transaction("t\(id)", "A\(id % 3000)", at: driver.now, merchant: "M\(id % 500)"), key: "A", partition: Int32(id % 2))
                id += 1
            }
            driver.turn(60_000)
        }
        while leader.engine.eventHorizon == .min, id < 200_000 { feed(1000) }
        feed(1000)
        #expect(driver.settle())
        #expect(leader.engine.eventHorizon > .min && leader.engine.eventHorizon < leader.engine.watermark)
        #expect(leader.engine.stateBytes < 4_500_000, "\(id) transactions")
        let changes = driver.journal.flatMap(\.changes).filter { if case .eventHorizon = $0.kind { true } else { false } }
        #expect(!changes.isEmpty)
        #expect(follower.engine.eventHorizon == leader.engine.eventHorizon && follower.engine.digest() == leader.engine.digest())
        let last = try #require(driver.fraudVerdicts(0).last)
        #expect(last.text?.contains(#""complete":false"#) == true)
        #expect(driver.fraudVerdicts(0).first?.text?.contains(#""complete":true"#) == true)
        // Who begins here comes to the same state, with all the memory of the world.
        driver.stateBudget = .max
        let third = driver.start("three")
        driver.turn(until: { third.instance.isReady })
        driver.turn(2000)
        #expect(third.engine.eventHorizon == leader.engine.eventHorizon && third.engine.digest() == leader.engine.digest())
    }

    /// A leader and a follower that have answered some records, and the records' number.
    private func answering(_ driver: TopologyDriver) -> (leader: SimulatedProcess, follower: SimulatedProcess) {
        let leader = driver.start("leader")
        #expect(driver.turn(until: { leader.role == .leader }))
        let follower = driver.start("follower")
        #expect(driver.turn(until: { follower.instance.isReady }))
        feed(driver, 0..<100)
        #expect(driver.settle())
        return (leader, follower)
    }

    private func feed(_ driver: TopologyDriver, _ ids: Range<Int>) {
        for i in ids { driver.feed(transaction("t\(i)", "A\(i % 5)", at: driver.now), key: "A\(i % 5)", partition: Int32(i % 2)) }
    }

    private func answered(_ driver: TopologyDriver) -> [[String?]] {
        (0..<2).map { partition in driver.fraudVerdicts(partition).map { word("transaction_id", $0) } }
    }

    @Test(arguments: [0, 900, 5000]) func `a journal deleted under a leader and its follower ends neither, and numbers go on`(away: Int64) throws {
        let driver = TopologyDriver(partitions: 2)
        let (leader, follower) = answering(driver)
        let before = try #require(driver.journal.last)
        driver.broker.loseJournal(for: away)
        feed(driver, 100..<200)
        driver.turn(away)
        #expect(driver.settle())
        #expect(answered(driver) == (0..<2).map { partition in (0..<200).filter { $0 % 2 == partition }.map { "t\($0)" } })
        #expect(leader.exit == nil && leader.role == .leader && follower.exit == nil && follower.engine.digest() == leader.engine.digest())
        for process in [leader, follower] { #expect(process.watcher.warnings.contains("journal lost")) }
        #expect(leader.watcher.warnings.contains("going on without the journal"))
        // Who begins now finds a full entry of a new term.
        let begun = try #require(driver.journal.first { $0.full != nil })
        #expect(begun.n > before.n && begun.epoch == before.epoch + 1 && begun.full?.base?.n == leader.instance.base?.n)
        let third = driver.start("third")
        #expect(driver.turn(until: { third.instance.isReady }))
        driver.turn(2000)
        #expect(third.engine.digest().windows == leader.engine.digest().windows)
        #expect([leader, follower, third].allSatisfy { $0.watcher.divergences == 0 })
    }

    @Test func `a journal whose entries are all deleted is lost to who had not read them, and not to who wrote them`() throws {
        let driver = TopologyDriver(partitions: 2)
        driver.configure = { $0.fullInterval = 5000 }
        let (leader, follower) = answering(driver)
        follower.cluster.deafUntil = driver.now + 2000
        feed(driver, 100..<150)
        #expect(driver.settle())
        driver.broker.journal.truncate(to: driver.broker.journal.stable)
        driver.turn(2500)
        guard case .rebuild = follower.exit else {
            Issue.record("a follower that lacks entries goes on: \(String(describing: follower.exit))")
            return
        }
        feed(driver, 150..<200)
        #expect(driver.settle())
        #expect(leader.exit == nil && answered(driver).map(\.count) == [100, 100])
        let third = driver.start("third")
        #expect(driver.turn(until: { third.instance.isReady }))
    }

    @Test func `a journal made anew that has grown to the very place is not taken for the one before`() {
        let driver = TopologyDriver(partitions: 2)
        let first = driver.start("first")
        #expect(driver.turn(until: { first.role == .leader }))
        feed(driver, 0..<50)
        #expect(driver.settle())
        driver.turn(400)
        first.pausedUntil = driver.now + 60_000
        let place = driver.broker.journal.end
        #expect(place == driver.broker.journal.stable && first.instance.journalNext == place)
        driver.broker.loseJournal(for: 0)
        let second = driver.start("second")
        #expect(driver.turn(until: { driver.broker.journal.end == place }))
        second.kill()
        feed(driver, 50..<100)
        driver.turn(until: { first.exit != nil }, atMost: 100_000)
        guard case .rebuild = first.exit else {
            Issue.record("a state goes on in a journal that is not its own: \(String(describing: first.exit))")
            return
        }
        driver.start("third")
        #expect(driver.settle())
        #expect(answered(driver) == (0..<2).map { partition in (0..<100).filter { $0 % 2 == partition }.map { "t\($0)" } })
        #expect(driver.journal.map(\.n) == (0..<driver.journal.count).map { Int64($0 + 1) })
    }

    @Test func `without a journal a state goes on only where the group's offsets are its own`() {
        let driver = TopologyDriver(partitions: 2)
        let (leader, follower) = answering(driver)
        follower.cluster.deafUntil = driver.now + 3000
        feed(driver, 100..<150)
        #expect(driver.settle())
        leader.kill()
        driver.broker.loseJournal(for: 1000)
        #expect(driver.turn(until: { follower.exit != nil }, atMost: 20_000))
        guard case .rebuild(let why) = follower.exit else {
            Issue.record("a follower that is behind goes on: \(String(describing: follower.exit))")
            return
        }
        #expect(why.contains("the journal is lost, and the group's offset"))
        // Started again it has nothing to hold on to, and begins at the offsets.
        driver.start("again")
        feed(driver, 150..<200)
        #expect(driver.settle())
        #expect(answered(driver) == (0..<2).map { partition in (0..<200).filter { $0 % 2 == partition }.map { "t\($0)" } })
    }

    @Test func `records of a run that are gone are part of the base's losses, and such a state is not compared with the leader's`() {
        let driver = TopologyDriver(partitions: 2)
        driver.configure = { $0.fullInterval = 2000 }
        let (leader, follower) = answering(driver)
        follower.pausedUntil = driver.now + 2500
        feed(driver, 100..<200)
        #expect(driver.settle())
        for log in driver.broker.inputs.values { log.truncate(to: 80) }
        driver.turn(10_000)
        feed(driver, 200..<300)
        #expect(driver.settle())
        driver.turn(10_000)
        #expect(follower.watcher.lost == 60 && follower.engine.digest() != leader.engine.digest())
        #expect(follower.instance.base?.lost.sorted { $0.partition < $1.partition } == (0..<2).map { Run(partition: .init(.transactions, $0), first: 50, last: 79) })
        #expect(leader.instance.base?.lost == [] && leader.exit == nil && follower.exit == nil)
        #expect(follower.watcher.divergences == 0 && leader.watcher.divergences == 0)
    }

    @Test func `who follows holds the leader's state, and what a killed leader left undone is done once`() {
        let driver = TopologyDriver(partitions: 2, feedback: 1)
        let first = driver.start("first")
        #expect(driver.turn(until: { first.role == .leader }))
        let second = driver.start("second")
        for i in 0..<200 {
            driver.feed(transaction("t\(i)", "A\(i % 5)", at: driver.now - Int64(i) * 1000), key: "A\(i % 5)", partition: Int32(i % 2))
            driver.turn(3)
        }
        driver.feed(
            """
            {"transaction_id":"t1","account_id":"A1","merchant_id":"M","timestamp":\(driver.now),"transaction_timestamp":\(driver.now),"label":"fraud"}
            """, key: "A1", topic: .feedback)
        first.kill()
        let killed = driver.now
        #expect(driver.turn(until: { second.role == .leader }))
        #expect(driver.now - killed < 5000)
        #expect(driver.settle())
        #expect((0..<2).map { driver.amlVerdicts($0).count } == [100, 100])
        let third = driver.start("third")
        #expect(driver.turn(until: { third.instance.isReady }))
        #expect(third.engine.digest() == second.engine.digest())
        #expect(driver.stop(second) == .stopped && driver.stop(third) == .stopped)
    }
}
