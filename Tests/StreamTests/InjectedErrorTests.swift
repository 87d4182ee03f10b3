import Kafka
import Scoring
import Synchronization
import TestSupport
import Testing

@testable import Stream

/// Broker's errors that librdkafka's own tests inject (0105-transactions_mock.c of 2.0.2), by their codes.
enum Failure: Int32, CaseIterable {
    case transport = -195
    case unknownTopicOrPartition = 3
    case invalidMessageSize = 4
    case notLeader = 6
    case requestTimedOut = 7
    case coordinatorLoading = 14
    case coordinatorNotAvailable = 15
    case notCoordinator = 16
    case notEnoughReplicas = 19
    case topicAuthorization = 29
    case groupAuthorization = 30
    case clusterAuthorization = 31
    case outOfOrderSequence = 45
    case invalidProducerEpoch = 47
    case invalidTransactionState = 48
    case invalidProducerIDMapping = 49
    case concurrentTransactions = 51
    case transactionalIDAuthorization = 53
    case unknownProducerID = 59
    case unstableOffsetCommit = 88
    case producerFenced = 90
}

/// A call to a broker, and how an instance that works is brought to make it.
enum InjectedCall: CaseIterable {
    case addPartitions, produceVerdicts, produceEntry, addOffsets, commitOffsets, commit
    /// The end of a transaction whose offsets were refused.
    case abort
    /// A new producer's: after an end that failed for good, and of an instance that starts.
    case takeID, takeIDAtStart
    /// The same producer's, after a batch that failed so.
    case bumpEpoch
    /// A new producer's, for its transactions.
    case findCoordinator
    /// For the group's offsets, after a broker that does not keep them any more.
    case findGroupCoordinator
    /// Asked before an instance stands.
    case fetchOffsets

    /// How the call is answered, and what is answered before it so that it is made.
    func injections(_ errors: [Failure?], delayMillis: Int = 0) -> [Injection] {
        func given(_ request: EmbeddedBroker.Request, _ role: Injection.Role) -> Injection { .init(request, role, errors, delayMillis: delayMillis) }
        let lost = Injection(.endTransaction, .transactions, [.invalidTransactionState])
        switch self {
        case .addPartitions: return [given(.addPartitionsToTransaction, .transactions)]
        case .produceVerdicts: return [given(.produce, .verdicts)]
        case .produceEntry: return [given(.produce, .journal)]
        case .addOffsets: return [given(.addOffsetsToTransaction, .transactions)]
        case .commitOffsets: return [given(.transactionOffsetCommit, .offsets)]
        case .commit: return [given(.endTransaction, .transactions)]
        case .abort: return [given(.endTransaction, .transactions), .init(.transactionOffsetCommit, .offsets, [.groupAuthorization])]
        case .takeIDAtStart: return [given(.initProducerID, .transactions)]
        case .takeID: return [given(.initProducerID, .transactions), lost]
        case .bumpEpoch: return [given(.initProducerID, .transactions), .init(.produce, .verdicts, [.unknownProducerID])]
        case .findCoordinator: return [given(.findCoordinator, .transactions), lost]
        case .findGroupCoordinator: return [given(.findCoordinator, .transactions), .init(.transactionOffsetCommit, .offsets, [.notCoordinator])]
        case .fetchOffsets: return [given(.offsetFetch, .offsets), lost]
        }
    }

    /// What an error of the call leads to, by what librdkafka 2.0.2 makes of it.
    func outcome(_ failure: Failure) -> InjectedOutcome {
        switch self {
        case .addPartitions:
            switch failure {
            case .transport, .unknownTopicOrPartition, .coordinatorLoading, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions: .unnoticed
            case .clusterAuthorization, .invalidProducerEpoch, .invalidTransactionState, .transactionalIDAuthorization, .producerFenced: .stoodAgain
            default: .aborted
            }
        case .produceVerdicts, .produceEntry:
            switch failure {
            case .transport, .unknownTopicOrPartition, .notLeader, .requestTimedOut, .coordinatorLoading, .coordinatorNotAvailable, .notCoordinator, .notEnoughReplicas: .unnoticed
            case .invalidProducerEpoch, .outOfOrderSequence: .stoodAgain
            default: .aborted
            }
        case .addOffsets, .commitOffsets:
            switch failure {
            case .transport, .unknownTopicOrPartition, .requestTimedOut, .coordinatorLoading, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions: .unnoticed
            case .clusterAuthorization, .invalidProducerEpoch, .invalidTransactionState, .transactionalIDAuthorization: .stoodAgain
            case .invalidProducerIDMapping: self == .commitOffsets ? .stoodAgain : .aborted
            // A fence, too, which 2.0.2 does not take for one here: who is truly fenced learns it from the abort.
            default: .aborted
            }
        case .commit:
            switch failure {
            case .transport, .coordinatorLoading, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions: .unnoticed
            case .clusterAuthorization, .invalidProducerEpoch, .invalidTransactionState, .transactionalIDAuthorization, .producerFenced: .stoodAgain
            default: .aborted
            }
        case .abort:
            switch failure {
            case .transport, .coordinatorLoading, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions, .unknownProducerID, .invalidProducerIDMapping: .aborted
            default: .stoodAgain
            }
        case .bumpEpoch:
            switch failure {
            case .clusterAuthorization, .invalidProducerEpoch, .transactionalIDAuthorization, .producerFenced: .stoodAgain
            default: .aborted
            }
        case .takeID, .findCoordinator: failure == .clusterAuthorization || failure == .transactionalIDAuthorization ? .stoodTwice : .stoodAgain
        case .takeIDAtStart: failure == .clusterAuthorization || failure == .transactionalIDAuthorization ? .refused : .unnoticed
        case .findGroupCoordinator:
            switch failure {
            case .invalidMessageSize, .topicAuthorization, .groupAuthorization, .outOfOrderSequence, .unknownProducerID, .unstableOffsetCommit, .producerFenced: .aborted
            case .clusterAuthorization, .invalidProducerEpoch, .invalidTransactionState, .invalidProducerIDMapping, .transactionalIDAuthorization: .stoodAgain
            default: .unnoticed
            }
        case .fetchOffsets: .stoodAgain
        }
    }

    /// What librdkafka 2.0.2 cannot be given: after these answers it asks for a group's coordinator again when the state of a connection changes, and not before; here none does. No genuine broker
    /// answers this question so.
    var leftOut: Set<Failure> { self == .findGroupCoordinator ? [.notLeader, .notCoordinator] : [] }
}

struct InjectedCase {
    var name: String
    var injections: [Injection]
    /// One of these is what the instance did.
    var outcomes: [InjectedOutcome]

    init(_ name: String, _ injections: [Injection], _ outcomes: InjectedOutcome...) {
        self.name = name
        self.injections = injections
        self.outcomes = outcomes
    }
}

/// What became of an instance that met an error.
struct InjectedOutcome: Equatable {
    /// What it warned of, each once.
    var said: [String]

    /// librdkafka made the call again: nobody noticed.
    static let unnoticed = Self(said: [])
    /// The transaction was aborted, and the same bytes came again.
    static let aborted = Self(said: ["transaction aborted"])
    /// The producer was given up; it stood at once with a new one, read the journal, and went on.
    static let stoodAgain = Self(said: ["producer lost"])
    /// The same, but the transactional id was refused at first.
    static let stoodTwice = Self(said: ["producer lost", "cannot lead"])
    static let refused = Self(said: ["cannot lead"])
}

/// Every call of a transaction answered with every error that librdkafka's own tests inject, while records keep arriving: no verdict is lost, none comes twice, and the state is right.
@Suite struct InjectedErrorTests {
    private func cases(_ call: InjectedCall) -> [InjectedCase] {
        let single = Failure.allCases.filter { !call.leftOut.contains($0) }.map { failure in
            var injected = InjectedCase(KafkaError(code: failure.rawValue).name, call.injections([failure]), call.outcome(failure))
            // The instance's consumer asks for its group's coordinator, too, and may get the answer in the producer's place.
            if call == .findCoordinator { injected.outcomes.append(.stoodAgain) }
            if call == .findGroupCoordinator { injected.outcomes.append(.unnoticed) }
            return injected
        }
        return single + sequences(call)
    }

    /// What librdkafka's tests inject besides: several errors one after the other, errors of several calls, answers that come late.
    private func sequences(_ call: InjectedCall) -> [InjectedCase] {
        switch call {
        case .addPartitions:
            let all =
                call.injections([.concurrentTransactions, .concurrentTransactions])
                + InjectedCall.addOffsets.injections([.concurrentTransactions, .concurrentTransactions, .concurrentTransactions])
                + InjectedCall.produceVerdicts.injections([.requestTimedOut, .requestTimedOut, .topicAuthorization, .topicAuthorization])
            return [.init("at three calls", all, .aborted)]
        case .produceVerdicts:
            return [
                .init("out of order at last", call.injections([.notLeader, .notLeader, .outOfOrderSequence]), .stoodAgain),
                .init("late", call.injections([nil], delayMillis: 1000), .unnoticed),
            ]
        case .addOffsets:
            return [
                .init(
                    "at both calls for offsets",
                    call.injections([.requestTimedOut, .notCoordinator]) + InjectedCall.commitOffsets.injections([.coordinatorLoading, .unknownTopicOrPartition]), .unnoticed),
                .init("concurrent six times", call.injections(Array(repeating: .concurrentTransactions, count: 6)), .unnoticed),
                .init("late", call.injections([nil], delayMillis: 400), .unnoticed),
            ]
        case .commitOffsets:
            return [
                .init("two", call.injections([.notCoordinator, .concurrentTransactions]), .unnoticed),
                .init("for longer than is waited", call.injections(Array(repeating: .coordinatorNotAvailable, count: 6)), .aborted),
                .init("fenced, and at the abort", call.injections([.producerFenced]) + InjectedCall.commit.injections([.producerFenced]), .stoodAgain),
            ]
        case .commit:
            return [
                .init("three", call.injections([.coordinatorNotAvailable, .notCoordinator, .coordinatorLoading]), .unnoticed),
                .init("concurrent three times", call.injections([.concurrentTransactions, .concurrentTransactions, .concurrentTransactions]), .unnoticed),
                .init("late", call.injections([nil], delayMillis: 1200), .unnoticed),
                .init("later than is waited", call.injections([nil], delayMillis: 2500), .unnoticed),
                .init("fatal, later than is waited", call.injections([.invalidTransactionState], delayMillis: 2500), .stoodAgain),
            ]
        case .abort:
            return [
                .init("fenced, and at the next ID", InjectedCall.commit.injections([.producerFenced]) + InjectedCall.bumpEpoch.injections([.producerFenced]), .stoodAgain),
                .init("later than is waited", call.injections([nil], delayMillis: 2500), .aborted),
            ]
        case .bumpEpoch: return [.init("later than is waited", call.injections([nil], delayMillis: 2500), .aborted)]
        case .takeID:
            return [
                .init("three", call.injections([.coordinatorNotAvailable, .notCoordinator, .coordinatorLoading]), .stoodAgain),
                .init("late", call.injections([nil], delayMillis: 500), .stoodAgain),
            ]
        case .fetchOffsets: return [.init("three times", call.injections([.unstableOffsetCommit, .unstableOffsetCommit, .unstableOffsetCommit]), .stoodAgain)]
        case .produceEntry, .takeIDAtStart, .findCoordinator, .findGroupCoordinator: return []
        }
    }

    @Test(arguments: InjectedCall.allCases)
    func `errors of a call in mid-stream lose no verdict, double none and leave the state as it should be`(call: InjectedCall) async throws {
        let cases = cases(call)
        let report = try await onThread { try Report(call, cases) }
        for (injected, outcome) in zip(cases, report.outcomes) { #expect(injected.outcomes.contains(outcome), "\(injected.name)") }
        #expect(report.exit == .stopped && report.impossibilities == [])
        #expect(report.scored == report.count && report.verdicts.map(\.count) == [report.count, report.count])
        #expect(report.verdicts == report.calmVerdicts)
        #expect(report.numbers == (1...Int64(report.numbers.count)).map { $0 })
        #expect(report.runs == [Run(partition: .init(.transactions, 0), first: 0, last: Int64(report.count) - 1)])
        #expect(report.digest != nil && report.digest == report.calmDigest)
        #expect(report.calmWarnings == [])
    }

    /// What a group met and committed, and what one does that nothing disturbs.
    private struct Report {
        /// By case.
        var outcomes: [InjectedOutcome] = []
        /// Records written.
        var count = 0
        var exit: StreamExit?
        /// Records that were counted as scored, at their commits.
        var scored: Int
        /// Transactions that lack records.
        var impossibilities: [String]
        var verdicts: [[[UInt8]]]
        /// Of the journal's entries.
        var numbers: [Int64]
        /// What they say was applied, joined.
        var runs: [Run] = []
        /// The state's at the end.
        var digest: Digest?
        var calmVerdicts: [[[UInt8]]]
        var calmDigest: Digest?
        var calmWarnings: [String]

        init(_ call: InjectedCall, _ cases: [InjectedCase]) throws {
            // One broker, where it is not known which is asked.
            let group = try InjectedGroup(brokers: call == .findCoordinator || call == .findGroupCoordinator ? 1 : 3)
            try group.feed(20)
            group.start()
            try group.wait("first verdicts") { group.ledger.answered >= 20 }
            group.startFeeding(each: 8)
            for injected in cases { outcomes.append(try group.meet(injected, isAtStart: call == .takeIDAtStart)) }
            try group.stopFeeding()
            try group.wait("all verdicts") { group.ledger.answered == group.count }
            exit = group.stop()
            count = Int(group.count)
            scored = group.said.withLock { $0.scored }
            verdicts = try [group.topics.fraudVerdicts, group.topics.amlVerdicts].map { try group.read($0) }
            impossibilities = group.ledger.impossibilities
            let journal = try group.readJournal()
            numbers = journal.map(\.n)
            for run in journal.flatMap(\.runs) {
                if let last = runs.last, last.last + 1 == run.first { runs[runs.count - 1].last = run.last } else { runs.append(run) }
            }
            digest = journal.last?.full?.digest

            let calm = try InjectedGroup(brokers: 1)
            try calm.feed(count)
            calm.start()
            try calm.wait("calm verdicts") { calm.ledger.answered == calm.count }
            _ = calm.stop()
            calmVerdicts = try [calm.topics.fraudVerdicts, calm.topics.amlVerdicts].map { try calm.read($0) }
            calmDigest = try calm.readJournal().last?.full?.digest
            calmWarnings = calm.said.withLock { $0.warnings }
        }
    }
}

/// Runs `body` on a thread of its own, so that those of the tests are not held.
private func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { done in
        Thread("case") { done.resume(with: Swift.Result { try body() }) }
    }
}

extension InjectedGroup {
    /// Lets the instance meet a case's errors, and waits until all is answered that came before they were over, and nothing is wrong any more.
    fileprivate func meet(_ injected: InjectedCase, isAtStart: Bool) throws -> InjectedOutcome {
        let before = said.withLock { $0.warnings.count }
        if isAtStart {
            guard stop() == .stopped else { throw Unexpected("\(injected.name): no orderly end") }
            try injectNow(injected.injections)
            start()
        } else {
            inject(injected.injections)
        }
        var met: Int64?
        try wait(injected.name) {
            if met == nil, try areMet(injected.injections) { met = count }
            return met.map { ledger.answered >= $0 } ?? false && said.withLock { $0.trouble == nil }
        }
        return said.withLock { said in
            var warnings: [String] = []
            for warning in said.warnings[before...] where !warnings.contains(warning) { warnings.append(warning) }
            return InjectedOutcome(said: warnings)
        }
    }
}
