import Simulation
import Testing

@Suite struct SimulatorTests {
    static func configuration(_ change: (inout SimulationConfiguration) -> Void = { _ in }) -> SimulationConfiguration {
        var configuration = SimulationConfiguration()
        configuration.customers = 500
        configuration.merchants = 200
        configuration.duration = 30 * 86_400_000
        change(&configuration)
        return configuration
    }

    static func all(_ configuration: SimulationConfiguration) -> [SimulatedTransaction] {
        let simulator = Simulator(configuration)
        var transactions: [SimulatedTransaction] = []
        while let transaction = simulator.next() { transactions.append(transaction) }
        return transactions
    }

    /// FNV-1a, 64 bits.
    static func digest(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    static func text(_ configuration: SimulationConfiguration, _ format: TransactionWriter.Format) -> TextBuffer {
        let writer = TransactionWriter(format: format, showsTruth: true, seed: configuration.seed)
        let simulator = Simulator(configuration)
        var out = TextBuffer()
        writer.header(into: &out)
        while let transaction = simulator.next() { writer.write(transaction, into: &out) }
        while let feedback = simulator.nextFeedback(until: .max) { writer.write(feedback, into: &out) }
        return out
    }

    @Test(
        "One seed gives the same bytes on every machine",
        arguments: [
            (1 as UInt64, TransactionWriter.Format.json, 12_385_763_588_947_278_491 as UInt64), (2, .json, 14_215_153_813_190_638_756),
            (1, .csv, 8_392_487_812_149_998_638),
        ])
    func golden(seed: UInt64, format: TransactionWriter.Format, digest: UInt64) {
        let out = Self.text(
            Self.configuration {
                $0.seed = seed
                $0.lateShare = 0.02
                $0.duplicateShare = 0.01
                $0.localCurrencies = true
            }, format)
        #expect(out.withBytes { Self.digest($0) } == digest)
    }

    @Test("Without late ones, transactions come in the order of event time, within the span")
    func ordered() {
        let configuration = Self.configuration()
        let transactions = Self.all(configuration)
        #expect(transactions.count > 25_000)
        #expect(zip(transactions, transactions.dropFirst()).allSatisfy { $0.time <= $1.time })
        #expect(transactions.allSatisfy { $0.time >= configuration.start && $0.time < configuration.start + 30 * 86_400_000 })
        #expect(Set(transactions.map(\.number)).count == transactions.count)
    }

    @Test("Late ones and duplicates come in their shares, and change nothing else")
    func delivered() {
        let plain = Self.all(Self.configuration())
        let shuffled = Self.all(
            Self.configuration {
                $0.lateShare = 0.05
                $0.duplicateShare = 0.03
                $0.maxDelay = 3_600_000
            })
        let doubled = shuffled.count - plain.count
        #expect(abs(Double(doubled) / Double(plain.count) - 0.03) < 0.005)
        var highest = Int64.min
        var late = 0
        var seen = Set<UInt64>()
        for transaction in shuffled where seen.insert(transaction.number).inserted {
            if transaction.time < highest {
                late += 1
                #expect(highest - transaction.time <= 3_600_000)
            }
            highest = max(highest, transaction.time)
        }
        #expect(abs(Double(late) / Double(plain.count) - 0.05) < 0.01)
        let byNumber = Dictionary(shuffled.map { ($0.number, $0.time) }, uniquingKeysWith: { first, _ in first })
        #expect(plain.allSatisfy { byNumber[$0.number] == $0.time })
    }

    @Test("Fraud and laundering have the share that was asked for", arguments: [0.001, 0.005, 0.03])
    func shares(share: Double) {
        let transactions = Self.all(
            Self.configuration {
                $0.customers = 3000
                $0.fraudShare = share
                $0.launderingShare = share / 2
            })
        let total = Double(transactions.count)
        let fraud = Double(transactions.count { $0.scenario.kind == .fraud }) / total
        let laundering = Double(transactions.count { $0.scenario.kind == .laundering }) / total
        #expect(fraud > share * 0.8 && fraud < share * 1.1)
        #expect(laundering > share * 0.35 && laundering < share * 0.6)
    }

    @Test("Every scenario occurs, and its transactions are of one incident")
    func scenarios() {
        let transactions = Self.all(
            Self.configuration {
                $0.customers = 3000
                $0.fraudShare = 0.02
                $0.launderingShare = 0.02
                $0.lookAlikeShare = 0.01
            })
        for scenario in Scenario.allCases { #expect(transactions.contains { $0.scenario == scenario }) }
        for (_, incident) in Dictionary(grouping: transactions.filter { $0.incident > 0 }, by: \.incident) {
            #expect(Set(incident.map(\.scenario)).count == 1)
        }
        #expect(transactions.allSatisfy { ($0.incident > 0) == ($0.scenario != .ordinary) })
    }

    @Test("What customers do does not depend on the share of fraud")
    func independence() {
        func ordinary(_ share: Double) -> [[Int64]] {
            Self.all(
                Self.configuration {
                    $0.fraudShare = share
                    $0.launderingShare = 0
                }
            ).filter { $0.scenario == .ordinary }.map { [$0.time, $0.amount, Int64($0.account.number), Int64($0.merchant)] }
        }
        #expect(ordinary(0) == ordinary(0.05))
    }

    @Test("The rate is the mean number of everyday transactions a second")
    func rate() {
        let transactions = Self.all(
            Self.configuration {
                $0.rate = 0.05
                $0.duration = 28 * 86_400_000
            })
        let everyday = transactions.count {
            $0.scenario == .ordinary && $0.account.kind == .customer && $0.type != .refund && $0.type != .payment
        }
        let expected = 0.05 * 28 * 86_400
        #expect(abs(Double(everyday) / expected - 1) < 0.05)
    }

    @Test("Labels come when they become known, for fraud nearly always, for laundering never")
    func labels() {
        let configuration = Self.configuration {
            $0.fraudShare = 0.02
            $0.feedbackDelay = 3 * 86_400_000
        }
        let simulator = Simulator(configuration)
        var truth: [UInt64: SimulatedTransaction] = [:]
        var labels: [SimulatedFeedback] = []
        while let transaction = simulator.next() {
            truth[transaction.number] = transaction
            while let label = simulator.nextFeedback(until: transaction.time) {
                #expect(label.time <= transaction.time)
                labels.append(label)
            }
        }
        while let label = simulator.nextFeedback(until: .max) { labels.append(label) }
        #expect(zip(labels, labels.dropFirst()).allSatisfy { $0.time <= $1.time })
        for label in labels {
            let transaction = truth[label.number]
            #expect(transaction?.time == label.transactionTime && transaction?.account == label.account)
            #expect(transaction?.scenario.kind == (label.isFraud ? .fraud : .legitimate))
            #expect(label.time > label.transactionTime && label.time <= label.transactionTime + configuration.feedbackDelay)
        }
        let frauds = truth.values.count { $0.scenario.kind == .fraud && $0.merchant >= 0 }
        let reported = Set(labels.filter(\.isFraud).map(\.number)).count
        #expect(Double(reported) > 0.9 * Double(frauds) && reported < frauds)
    }

    @Test(
        "Impossible configurations are refused with a reason",
        arguments: [
            { $0.customers = 0 }, { $0.merchants = 0 }, { $0.start = 5 }, { $0.duration = 0 }, { $0.rate = 0 }, { $0.rate = .nan },
            { $0.fraudShare = 0.6 }, { $0.lateShare = -0.1 }, { $0.maxDelay = 0 },
        ] as [@Sendable (inout SimulationConfiguration) -> Void])
    func faults(change: @Sendable (inout SimulationConfiguration) -> Void) {
        #expect(Self.configuration().fault == nil)
        #expect(Self.configuration(change).fault != nil)
    }

    @Test("Small worlds work too", arguments: [(1, 1), (2, 1), (1, 50), (3, 2)])
    func small(customers: Int, merchants: Int) {
        let transactions = Self.all(
            Self.configuration {
                $0.customers = customers
                $0.merchants = merchants
                $0.rate = 0.001
                $0.fraudShare = 0.3
                $0.launderingShare = 0.1
            })
        #expect(transactions.count > 1000)
        #expect(transactions.allSatisfy { $0.amount > 0 && $0.merchant < Int32(merchants) })
    }
}
