import Glibc
import Scoring
import Service
import Simulation
import Stream
import Synchronization

/// Sends a simulated bank's transactions at the pace of the wall clock.
final class DemoTraffic: Sendable {
    private let settings: Settings
    private let configuration: SimulationConfiguration
    private let isStopping = Atomic(false)
    private let isEnded = Atomic(false)
    private let count = Atomic(0)

    init(_ settings: Settings, rate: Double, customers: Int, seed: UInt64) {
        self.settings = settings
        var configuration = SimulationConfiguration()
        configuration.customers = customers
        configuration.merchants = max(1, customers / 5)
        configuration.seed = seed
        configuration.rate = rate
        configuration.isSteady = true
        configuration.start = wallMillis()
        configuration.duration = 400 * 86_400_000
        configuration.fraudShare = 0.02
        self.configuration = configuration
    }

    /// Transactions sent.
    var sent: Int { count.load(ordering: .relaxed) }

    func run() {
        defer { isEnded.store(true, ordering: .releasing) }
        do {
            try send()
        } catch {
            printError("weir demo: traffic: \(error)\n")
        }
    }

    private func send() throws {
        var sender = try Sender(settings, isPaced: true)
        let simulator = Simulator(configuration)
        let writer = TransactionWriter(format: .json, seed: configuration.seed)
        let decoder = Decoder(slots: 1, rules: try settings.engineConfiguration().rules)
        var text = TextBuffer()
        while !isStopping.load(ordering: .relaxed), let transaction = simulator.next() {
            while simulator.nextFeedback(until: transaction.time) != nil {}
            while transaction.time > wallMillis(), !isStopping.load(ordering: .relaxed) { usleep(5000) }
            text.removeAll()
            writer.write(transaction, into: &text)
            try text.withBytes { bytes in
                let line = UnsafeRawBufferPointer(rebasing: bytes.dropLast())  // without the line's end
                let account = try decoder.transaction(line, recordTime: nil, slot: 0).account
                try sender.send(line, key: UnsafeRawBufferPointer(account.bytes), time: nil)
            }
            count.add(1, ordering: .relaxed)
        }
        _ = try sender.finish()
    }

    /// Ends the traffic, and waits for that, two seconds at most.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        for _ in 0..<200 where !isEnded.load(ordering: .acquiring) { usleep(10_000) }
    }
}
