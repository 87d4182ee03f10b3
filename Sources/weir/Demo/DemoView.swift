import Glibc
import Kafka
import Service
import Stream
import Synchronization

/// Reads the verdict topics as any consumer would, and says once a second what came: rates, and the latest alerts with their reasons.
final class DemoView: Sendable {
    private let settings: Settings
    private let seconds: Int?
    private let isStopping = Atomic(false)
    private let isEnded = Atomic(false)
    private let verdicts = Atomic(0)

    init(_ settings: Settings, seconds: Int?) {
        self.settings = settings
        self.seconds = seconds
    }

    /// Verdicts read.
    var total: Int { verdicts.load(ordering: .relaxed) }

    func run() {
        defer { isEnded.store(true, ordering: .releasing) }
        do {
            try watch()
        } catch {
            printError("weir demo: view: \(error)\n")
        }
    }

    /// Ends the view, and waits for that, two seconds at most.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        for _ in 0..<200 where !isEnded.load(ordering: .acquiring) { usleep(10_000) }
    }

    private struct Second {
        var fraud = 0
        var aml = 0
        var alerts: [String] = []
    }

    private func watch() throws {
        let wakeup = Wakeup()
        let consumer = try Consumer(settings.streamProperties, group: "weir-demo-view", wakeup: wakeup)
        let batch = MessageBatch()
        var queues: [PartitionQueue] = []
        for topic in [settings.topics.fraudVerdicts, settings.topics.amlVerdicts] {
            let count = try consumer.metadata(topic: topic, timeoutMillis: 5000).partitionCount
            for partition in 0..<count { queues.append(try consumer.assign(topic: topic, partition: partition, offset: 0)) }
        }
        let began = monotonicMillis()
        var next = began + 1000
        var second = Second()
        printOut("HTTP on http://127.0.0.1:\(settings.http.port)  (/health, /predict, /aml_check, /metrics); Ctrl-C ends it\n")
        while !isStopping.load(ordering: .relaxed) {
            for error in consumer.poll() where error.isFatal { throw error }
            for queue in queues {
                while queue.poll(max: 512, into: batch) > 0 {
                    for i in 0..<batch.count { take(batch[i], isFraud: queue.topic == settings.topics.fraudVerdicts, &second) }
                    batch.removeAll()
                }
            }
            let now = monotonicMillis()
            if now >= next {
                show(second)
                second = Second()
                next += 1000
            }
            if let seconds, now - began >= Int64(seconds) * 1000 {
                kill(getpid(), SIGINT)
                break
            }
            wakeup.wait(timeoutMillis: Int(max(1, min(next - now, 100))))
        }
    }

    private func take(_ message: Message, isFraud: Bool, _ second: inout Second) {
        verdicts.add(1, ordering: .relaxed)
        if isFraud { second.fraud += 1 } else { second.aml += 1 }
        guard second.alerts.count < 3, let value = message.value, let json = JSON.parse(value), let decision = json["decision"]?.string,
            decision != "approve", decision != "clear"
        else { return }
        let reasons = (json["reasons"]?.array ?? []).prefix(3).compactMap { $0["text"]?.string }.joined(separator: "; ")
        second.alerts.append(
            "  \(isFraud ? "fraud" : "aml  ") \(decision) \(score(json["score"])) \(json["account_id"]?.string ?? ""): \(reasons)")
    }

    private func score(_ json: JSON?) -> String {
        switch json {
        case .number(let value): String(value)
        case .integer(let value): String(value)
        default: ""
        }
    }

    private func show(_ second: Second) {
        printOut("\(second.fraud) fraud and \(second.aml) aml verdicts/s, \(total) in all\n")
        for alert in second.alerts { printOut(alert + "\n") }
    }
}
