import Scoring
import Testing

@testable import Simulation

@Suite struct TransactionWriterTests {
    static func string(_ text: Text) -> String { String(decoding: text.bytes, as: UTF8.self) }

    static func rules() throws -> RecordRules {
        var rules = RecordRules()
        rules.rates = try RateTable(csv: Array(TransactionWriter.exchangeRates().utf8), base: rules.baseCurrency)
        return rules
    }

    @Test("Every line is a transaction by the contract's rules, and says what the simulation meant", arguments: [false, true])
    func valid(localCurrencies: Bool) throws {
        let decoder = Decoder(slots: 1, rules: try Self.rules())
        let configuration = SimulatorTests.configuration {
            $0.localCurrencies = localCurrencies
            $0.fraudShare = 0.02
            $0.launderingShare = 0.01
        }
        let writer = TransactionWriter(format: .json, showsTruth: true, seed: configuration.seed)
        let simulator = Simulator(configuration)
        var ids = Set<String>()
        var seen: [SimulatedType: Int] = [:]
        while let simulated = simulator.next() {
            var line = TextBuffer()
            var key = TextBuffer()
            writer.write(simulated, into: &line)
            writer.key(of: simulated, into: &key)
            let decoded = try line.withBytes { bytes throws(Rejection) in
                let transaction = try decoder.transaction(bytes, recordTime: simulated.time, slot: 0)
                #expect(ids.insert(Self.string(transaction.id)).inserted)
                #expect(key.withBytes { String(decoding: $0, as: UTF8.self) } == Self.string(transaction.account))
                #expect(transaction.merchant.isPresent == (simulated.merchant >= 0))
                #expect(transaction.counterparty.isPresent == (simulated.counterparty != .none))
                #expect(transaction.card.isPresent == (simulated.card != 0))
                #expect(transaction.device.isPresent == (simulated.device != 0))
                #expect(transaction.ip.isPresent == (simulated.ip != 0))
                return transaction
            }
            #expect(decoded.time == simulated.time)
            #expect(localCurrencies || decoded.amount == simulated.amount)
            #expect(decoded.amount > 0)
            #expect("\(decoded.type.name)" == "\(simulated.type.name)")
            #expect(decoded.accountOpenedAt == (simulated.accountOpenedAt == .min ? nil : simulated.accountOpenedAt))
            seen[simulated.type, default: 0] += 1
        }
        #expect(SimulatedType.allCases.allSatisfy { seen[$0, default: 0] > 20 })
    }

    @Test("Every label is a feedback record by the contract's rules")
    func validFeedback() throws {
        let decoder = Decoder(slots: 1, rules: RecordRules())
        let configuration = SimulatorTests.configuration { $0.fraudShare = 0.02 }
        let writer = TransactionWriter(format: .json, seed: configuration.seed)
        let simulator = Simulator(configuration)
        while simulator.next() != nil {}
        var frauds = 0
        while let label = simulator.nextFeedback(until: .max) {
            var line = TextBuffer()
            writer.write(label, into: &line)
            let decoded = try line.withBytes { bytes throws(Rejection) in try decoder.feedback(bytes, recordTime: nil, slot: 0) }
            #expect(decoded.labelTime == label.time && decoded.transactionTime == label.transactionTime)
            #expect(decoded.isFraud == label.isFraud)
            frauds += label.isFraud ? 1 : 0
        }
        #expect(frauds > 100)
    }

    @Test("A line of each form, to the letter")
    func lines() {
        var transaction = SimulatedTransaction(
            time: 1_767_225_600_123, amount: 12_905, type: .purchase, channel: .online, account: Party(kind: .customer, number: 41),
            merchant: 6, category: 0, country: 0, counterpartyCountry: 1)
        transaction.number = 7
        transaction.card = 0xABC
        transaction.device = 0x12_3456
        transaction.ip = 1 << 62 | 0xC612_0102
        transaction.accountOpenedAt = 1_704_067_200_000
        func line(_ format: TransactionWriter.Format, _ truth: Bool) -> String {
            var out = TextBuffer()
            TransactionWriter(format: format, showsTruth: truth, seed: 3).write(transaction, into: &out)
            return out.withBytes { String(decoding: $0, as: UTF8.self) }
        }
        #expect(
            line(.json, false) == """
                {"transaction_id":"tx-3-000000007","account_id":"A-42","timestamp":"2026-01-01T00:00:00.123Z","amount":129.05,\
                "currency":"USD","type":"purchase","merchant_id":"M-7","merchant_category":"5411","card_id":"c_0000000000000abc",\
                "device_id":"d-000000000012","ip":"198.18.1.2","counterparty_country":"GB","country":"US","channel":"online",\
                "account_opened_at":"2024-01-01T00:00:00.000Z"}

                """)
        #expect(
            line(.csv, true) == """
                tx-3-000000007,A-42,2026-01-01T00:00:00.123Z,129.05,USD,purchase,M-7,5411,c_0000000000000abc,d-000000000012,198.18.1.2,\
                ,GB,US,online,2024-01-01T00:00:00.000Z,0,0,ordinary

                """)
    }

    @Test("Header and rows have the same number of columns", arguments: [false, true])
    func columns(truth: Bool) {
        let configuration = SimulatorTests.configuration { $0.duration = 2 * 86_400_000 }
        let writer = TransactionWriter(format: .csv, showsTruth: truth, seed: 1)
        let simulator = Simulator(configuration)
        var out = TextBuffer()
        writer.header(into: &out)
        while let transaction = simulator.next() { writer.write(transaction, into: &out) }
        let text = out.withBytes { String(decoding: $0, as: UTF8.self) }
        let counts = Set(text.split(separator: "\n").map { $0.count { $0 == "," } })
        #expect(counts == [truth ? 18 : 15])
    }
}
