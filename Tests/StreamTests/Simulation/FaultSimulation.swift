import Scoring

@testable import Stream

/// A group of instances in virtual time, with everything that may befall it; one seed is one run.
///
/// After the faults it must come to rest with everything answered; then what is committed is held against the journal and the inputs.
final class FaultSimulation {
    let seed: UInt64
    let plan: FaultPlan
    let broker: MemoryBroker
    let topics: TopicNames
    /// What went wrong; empty: nothing.
    private(set) var failures: [String] = []
    /// How processes ended, by kind.
    private(set) var ends: [String: Int] = [:]
    /// Live ones and those that ended, in the order of their start.
    private(set) var processes: [SimulatedProcess] = []
    private var slots: [SimulatedProcess?]
    private var disks: [Int: MemorySnapshots] = [:]
    /// Which of the two set-ups each process has, by its random number.
    private(set) var variants: [UInt64: Int] = [:]
    private var traffic = FaultTraffic()
    private var random: Seeded
    private let began: Int64
    private var hasLostOffsets = false
    /// The journal, or a part of it, was lost.
    private(set) var hasLostJournal = false
    private var mayHaveSplit = false
    /// Its state was changed.
    private var turned: SimulatedProcess?
    /// How many starts began from a snapshot.
    var snapshotsUsed: Int { disks.values.reduce(0) { $0 + $1.used } }

    init(seed: UInt64, trace: ((String) -> Void)? = nil) {
        self.seed = seed
        var random = Seeded(state: seed &* 0x2545_F491_4F6C_DD1D &+ 1)
        plan = FaultPlan(&random)
        self.random = random
        mayHaveSplit = plan.unknownChance > 0 || plan.abortChance > 0
        broker = MemoryBroker(seed: random.next(), partitions: plan.partitions, feedback: plan.feedback)
        broker.trace = trace
        broker.markerDelay = plan.markerDelay
        broker.transactionTimeout = plan.transactionTimeout
        broker.largestVerdict = plan.largestVerdict
        topics = TopicNames(
            transactions: "transactions", feedback: plan.feedback > 0 ? "feedback" : nil, fraudVerdicts: "fraud-verdicts",
            amlVerdicts: "aml-verdicts", deadLetters: "transactions-dlq", journal: "weir-journal")
        slots = Array(repeating: nil, count: plan.slots)
        began = broker.now
        broker.changed = { [unowned self] in for process in slots { process?.wake() } }
    }

    deinit {
        broker.changed = {}
        for process in processes {
            process.onEnd = {}
            process.kill()
        }
    }

    func fail(_ text: String) { if failures.count < 5 { failures.append(text) } }

    // MARK: - What happens

    /// Runs it to its end.
    ///
    /// - Returns: what went wrong.
    func run() -> [String] {
        for _ in 0..<plan.records { broker.at(random.from(0..<FaultPlan.traffic)) { [self] in produce() } }
        if plan.startsNow {
            // What is there before the first instance is.
            for _ in 0..<20 { produce() }
        }
        for _ in 0..<plan.growths { broker.at(random.from(1000..<FaultPlan.traffic)) { [broker] in broker.grow() } }
        for _ in 0..<plan.faults { broker.at(random.from(0..<FaultPlan.traffic)) { [self] in befall() } }
        for slot in slots.indices { broker.at(random.one(of: [0, 0, random.from(0..<FaultPlan.traffic)])) { [self] in start(slot) } }
        broker.at(FaultPlan.quietAfter) { [self] in heal() }
        broker.run(until: began + FaultPlan.quietAfter)
        while broker.now < began + FaultPlan.patience, !isSettled, failures.isEmpty { broker.run(until: broker.now + 97) }
        guard failures.isEmpty else { return failures }
        guard isSettled else {
            fail("not everything is answered: \(unanswered)")
            return failures
        }
        settle()
        return failures
    }

    private func produce() {
        let partition = broker.inputs.keys.sorted()[Int(random.from(0..<Int64(broker.inputs.count)))]
        let time = plan.isCreateTime ? broker.now + random.from(-3000..<200) : broker.now
        let record = partition.topic == .transactions ? traffic.transaction(at: time, &random) : traffic.feedback(at: broker.now, &random)
        if plan.hasForeignTransactions, random.chance(0.2) {
            broker.produce(partition, [record], commit: random.chance(0.6), after: random.one(of: [3, 40, 900]))
        } else {
            broker.produce(partition, key: record.key, value: record.value, time: time)
        }
    }

    private func start(_ slot: Int) {
        guard slots[slot] == nil || !slots[slot]!.isRunning else { return }
        var configuration = StreamConfiguration(
            group: "weir", instance: "i\(slot)", topics: topics, longestReach: 20_000, version: "1", settings: ["A": "1"], rates: "", form: "f")
        configuration.leaderTimeout = plan.leaderTimeout
        configuration.commitInterval = plan.commitInterval
        configuration.fullInterval = plan.fullInterval
        configuration.bounds = plan.bounds
        configuration.maxClockSkew = 2000
        if plan.startsNow { configuration.startFrom = .now }
        let variant = plan.isMixed ? slot % 2 : 0
        if let interval = plan.snapshotInterval {
            configuration.snapshotInterval = interval
            if disks[slot] == nil {
                disks[slot] = MemorySnapshots(Seeded(state: random.next()), pace: plan.snapshotPace) { [weak self] delay, body in
                    self?.slots[slot]?.later(delay, body)
                }
            }
        }
        let process = SimulatedProcess(configuration, engine: plan.engine(variant), on: broker, snapshots: disks[slot], stateBudget: plan.stateBudget)
        process.onEnd = { [unowned self, unowned process] in ended(process, slot) }
        if broker.now < began + FaultPlan.quietAfter {
            process.cluster.abortChance = plan.abortChance
            process.cluster.unknownChance = plan.unknownChance
        }
        process.cluster.lateChance = plan.lateChance
        variants[process.instance.process] = variant
        processes.append(process)
        slots[slot] = process
    }

    private func ended(_ process: SimulatedProcess, _ slot: Int) {
        switch process.exit {
        case nil: ends["killed", default: 0] += 1
        case .stopped:
            ends["stopped", default: 0] += 1
            guard let told = process.toldToStop else { return fail("\(process.name) stopped untold") }
            if broker.now - max(told, process.pausedUntil) > 10_000 { fail("\(process.name) took \(broker.now - told) ms to end") }
        case .rebuild(let why):
            ends["75", default: 0] += 1
            if why.contains("which was read from a snapshot"), process === turned { break }
            // Who was behind when the journal was lost, or does not know what became of its last transaction, is of no use any more.
            if hasLostJournal, slots.count > 1 || !plan.isCalm { break }
            if !why.contains("bytes are scored and not committed") { fail("\(process.name) ends with 75: \(why)") }
            if slots.count == 1 { fail("\(process.name) is alone and ends with 75: \(why)") }
            if !mayHaveSplit, !isYoung { fail("\(process.name) ends with 75 and no leader was disturbed: \(why)") }
            if broker.now > began + FaultPlan.quietAfter + 60_000 { fail("\(process.name) ends with 75 long after the faults: \(why)") }
        case .refused(let why): fail("\(process.name) refuses: \(why)")
        }
        broker.at(random.from(100..<3000)) { [self] in start(slot) }
    }

    /// In a group's first moments candidates may fence each other: nothing tells them apart yet.
    private var isYoung: Bool { broker.now < (firstLed ?? broker.now) + 10_000 }
    private var firstLed: Int64? { processes.flatMap(\.watcher.led).min() }

    private func befall() {
        let live = slots.compactMap { $0 }.filter(\.isRunning)
        guard !live.isEmpty else { return }
        let process = random.one(of: live)
        let fault = random.one(of: plan.befalling)
        process.trace("FAULT \(fault)")
        if maySplit(fault, process) { mayHaveSplit = true }
        switch fault {
        case .kill: process.kill()
        case .pause: process.pausedUntil = max(process.pausedUntil, broker.now + random.one(of: [30, 700, 2500, 8000, 25_000]))
        case .stop: process.stop()
        case .cutOff: process.cluster.cutOffUntil = broker.now + random.one(of: [100, 700, 4000, 15_000])
        case .brokerAway: broker.awayUntil = broker.now + random.one(of: [300, 3000, 12_000])
        case .slow: broker.slow = (broker.now + random.one(of: [500, 3000, 9000]), random.one(of: [50, 300, 900]))
        case .ghost: _ = broker.initTransactions()
        case .expire: broker.expire()
        case .blackout: for process in live { process.kill() }
        case .sick: process.cluster.isSick = true
        case .offsets:
            // Where the journal has nothing yet, they would say where answering begins.
            guard broker.journal.committed.count > 2 else { return }
            if random.chance(0.5) { broker.loseOffsets() } else { broker.setOffsets(broker.inputs.mapValues { random.from(0..<$0.end + 5) }) }
            hasLostOffsets = true
        case .damage:
            for (slot, other) in slots.enumerated() where other === process { disks[slot]?.damage() }
        case .doubt: process.cluster.doubtUntil = broker.now + random.one(of: [300, 2000, 9000])
        case .deaf: process.cluster.deafUntil = broker.now + random.one(of: [300, 2000, 9000])
        case .journal:
            hasLostJournal = true
            if random.chance(0.3) {
                broker.journal.truncate(to: random.from(broker.journal.start..<broker.journal.end + 1))
            } else {
                broker.loseJournal(for: random.one(of: [0, 30, 900, 5000]))
            }
        }
    }

    /// Whether a fault may end a leader's term while it has scored something that is not committed.
    private func maySplit(_ fault: FaultPlan.Fault, _ process: SimulatedProcess) -> Bool {
        switch fault {
        case .kill, .blackout, .doubt, .deaf, .offsets, .damage: false
        case .pause, .cutOff: process.role == .leader || process.role == .candidate
        // After a hand-over candidates wait for each other but 100 ms, which a slow `init` outlasts.
        case .stop, .journal, .brokerAway, .slow, .ghost, .expire, .sick: true
        }
    }

    private func heal() {
        for process in processes {
            process.cluster.abortChance = 0
            process.cluster.unknownChance = 0
            process.cluster.isSick = false
        }
    }

    // MARK: - Rest

    private var isSettled: Bool {
        guard broker.transactions.allSatisfy({ $0.state == .complete }) else { return false }
        let ends = broker.inputs.mapValues(\.lastReadable)
        for slot in slots {
            guard let process = slot, process.isRunning, !process.isPaused, process.instance.isReady, process.runner.isDrained, !process.instance.hasKept
            else { return false }
            let applied = process.runner.applied
            guard ends.allSatisfy({ applied[$0.key]?.offset ?? 0 >= $0.value && process.instance.places[$0.key] ?? 0 >= $0.value }) else { return false }
        }
        return true
    }

    private var unanswered: String {
        let journal = broker.inputs.sorted { $0.key < $1.key }.map { "\($0.key.topic)-\($0.key.number): \($0.value.lastReadable)" }
        let processes = slots.map { process in
            guard let process else { return "none" }
            return "\(process.name) \(process.isRunning) \(process.role) entry \(process.instance.last?.n ?? 0) places "
                + process.instance.places.sorted { $0.key < $1.key }.map { "\($0.key.topic)-\($0.key.number): \($0.value)" }.joined(separator: " ")
        }
        return "\(journal) \(processes)"
    }

    /// Looks at what came out, lets a while pass, starts one process more, and looks at all states.
    private func settle() {
        let terms = processes.reduce(0) { $0 + $1.watcher.led.count }
        // The next full entry overwrites offsets that were lost.
        broker.run(until: broker.now + (hasLostOffsets ? 2 * plan.fullInterval + 2000 : 3 * plan.leaderTimeout))
        let led = processes.reduce(0) { $0 + $1.watcher.led.count } - terms
        if led > 2 { fail("leadership does not rest: \(led) terms when all was answered") }
        let more = slots.count
        slots.append(nil)
        start(more)
        let patience = broker.now + 120_000
        while broker.now < patience, !isSettled, failures.isEmpty { broker.run(until: broker.now + 97) }
        guard isSettled else { return fail("a fresh restore does not come to its end: \(unanswered)") }

        let auditor = JournalAuditor(self)
        auditor.audit()
        for process in slots.compactMap({ $0 }) {
            let engine = auditor.engine(of: process.instance.base)
            if process.engine.digest() != engine.digest() { fail("the state of \(process.name) is not the audit's") }
            if process.engine.watermark != engine.watermark { fail("the watermark of \(process.name) is not the audit's") }
        }
        for process in processes where process.watcher.divergences > 0 { fail("\(process.name) says that states differ, and none does") }
        if plan.isCalm, !hasLostJournal, let first = firstLed, let late = processes.flatMap(\.watcher.led).first(where: { $0 > first + 10_000 }) {
            fail("somebody leads \(late - first) ms after the first one did, and no leader was disturbed")
        }
        if failures.isEmpty, plan.turnsOver, !hasLostJournal { turnOver() }
    }

    /// Changes what one follower remembers: its state is no longer what the journal says, and that must be said aloud (rules 13 and 14).
    private func turnOver() {
        guard let process = slots.compactMap({ $0 }).first(where: { $0.role == .follower }), process.engine.watermark > 0 else { return }
        // Where nearly all is given up, nothing is left that could differ.
        if plan.stateBudget < .max { return }
        let text = """
            {"transaction_id":"never","account_id":"A1","timestamp":\(process.engine.watermark),"amount":1}
            """
        let isApplied = Array(text.utf8).withUnsafeBytes { bytes in
            process.engine.applyOne(.fraud, bytes, arrival: process.engine.watermark, into: VerdictSink())
        }
        guard case .success(false) = isApplied else { return fail("a state cannot be changed: \(isApplied)") }
        turned = process
        let isFromSnapshot = process.instance.snapshots?.isOrigin == true
        broker.run(until: broker.now + 3 * plan.fullInterval + 3 * plan.leaderTimeout)
        if processes.allSatisfy({ $0.watcher.divergences == 0 }) { fail("the state of \(process.name) was changed, and nobody says so") }
        if !isFromSnapshot, !process.isRunning { fail("\(process.name) was built from the log alone and does not stay") }
        if isFromSnapshot, process.isRunning { fail("\(process.name) began from a snapshot and stays") }
    }
}
