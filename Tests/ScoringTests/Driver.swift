import Foundation
import Scoring
import Testing
import Velocity

/// Noon of a Tuesday: 2026-11-24T12:00:00Z.
let noon: Int64 = 1_795_521_600_000
let second: Int64 = 1_000
let minute: Int64 = 60_000
let hour: Int64 = 3_600_000
let day: Int64 = 86_400_000

/// A transaction as its sender writes it.
struct Tx {
    var id: String
    var account = "A"
    var time = noon
    var amount = "10"
    var fields: [String: String] = [:]

    init(_ id: String, _ account: String = "A", at time: Int64 = noon, _ amount: String = "10", _ fields: [String: String] = [:]) {
        self.id = id
        self.account = account
        self.time = time
        self.amount = amount
        self.fields = fields
    }

    var json: String {
        var text = "{\"transaction_id\":\(quoted(id)),\"account_id\":\(quoted(account)),\"timestamp\":\(time),\"amount\":\(amount)"
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { text += ",\"\(name)\":\(quoted(value))" }
        return text + "}"
    }
}

/// A JSON string as Foundation writes it.
func quoted(_ text: String) -> String {
    guard let data = try? JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed) else { preconditionFailure("no JSON: \(text)") }
    return String(decoding: data, as: UTF8.self)
}

/// A verdict as its reader sees it.
struct SaidVerdict {
    let text: String
    let json: [String: Any]

    init(_ bytes: UnsafeRawBufferPointer) throws {
        text = String(decoding: bytes, as: UTF8.self)
        #expect(Array(text.utf8) == Array(bytes), "a verdict is valid UTF-8")
        json = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        for name in ["transaction_id", "account_id", "kind", "decision", "score", "threshold", "velocity_risk", "velocity", "model", "mode", "late", "complete", "event_time"] {
            #expect(json[name] != nil, "a verdict has \(name)")
        }
    }

    func string(_ name: String) -> String? { json[name] as? String }
    /// A top-level number, read from the text: Foundation's is off in the last place for long ones.
    func double(_ name: String) -> Double? {
        guard let from = text.range(of: "\"\(name)\":")?.upperBound else { return nil }
        return Double(text[from...].prefix { "+-.0123456789e".contains($0) })
    }
    func bool(_ name: String) -> Bool? { json[name] as? Bool }
    var decision: String { string("decision") ?? "" }
    var degraded: [String] { json["degraded"] as? [String] ?? [] }
    var reasons: [[String: Any]] { json["reasons"] as? [[String: Any]] ?? [] }
    var reasonCodes: [String] { reasons.map { $0["code"] as? String ?? "" } }
    var typologies: [[String: Any]] { json["typologies"] as? [[String: Any]] ?? [] }

    /// The count of a window, and its sum as it is written.
    func window(_ entity: String, _ window: String) -> (count: Int, sum: Decimal)? {
        guard let windows = (json["velocity"] as? [String: Any])?[entity] as? [String: Any], let one = windows[window] as? [String: Any] else { return nil }
        return ((one["count"] as! NSNumber).intValue, (one["sum"] as! NSNumber).decimalValue)
    }

    /// The text without its `source`.
    var withoutSource: String {
        guard let range = text.range(of: ",\"source\":{") else { return text }
        return text[..<range.lowerBound] + "}"
    }
}

/// What came back for one record.
struct Said {
    let result: RecordResult
    let fraud: SaidVerdict?
    let aml: SaidVerdict?

    var outcome: Outcome { result.outcome }
}

/// The engine as a consumer of records sees it, without a broker: records in as JSON, verdicts out parsed. The clock is in the records.
final class Driver {
    let engine: Engine
    let sink = VerdictSink()
    private var offset: Int64 = 0

    init(_ configuration: EngineConfiguration = .init()) { engine = Engine(configuration) }

    convenience init(windows: [Int64] = [hour, day, 7 * day], lateness: Int64 = day, feedback: Bool = true, _ change: (inout Policy) -> Void) {
        var policy = Policy()
        change(&policy)
        self.init(.init(velocity: .init(windows: windows, allowedLateness: lateness, feedbackEnabled: feedback), policy: policy))
    }

    /// Sends records as one batch; the key is the account unless said otherwise, and there is no record time unless it is said.
    func send(_ texts: [String], topic: InputTopic = .transactions, keys: [String?]? = nil, recordTime: Int64 = -1, partition: Int32 = 0) throws -> [Said] {
        sink.reset()
        Records(texts, topic: topic, keys: keys, recordTime: recordTime, partition: partition, offset: offset).borrow { engine.score($0, into: sink) }
        offset += Int64(texts.count)
        #expect(sink.results.count == texts.count, "one result a record")
        return try sink.results.map { result in
            Said(
                result: result, fraud: result.fraud.isEmpty ? nil : try SaidVerdict(sink[result.fraud]),
                aml: result.aml.isEmpty ? nil : try SaidVerdict(sink[result.aml]))
        }
    }

    @discardableResult
    func send(_ tx: Tx) throws -> Said { try send([tx.json], keys: [tx.account])[0] }

    func send(_ txs: [Tx]) throws -> [Said] { try send(txs.map(\.json), keys: txs.map(\.account)) }

    func sendFeedback(_ tx: Tx, label: String, at time: Int64) throws -> Said {
        try send(
            [
                """
                {"transaction_id":\(quoted(tx.id)),"account_id":\(quoted(tx.account)),"merchant_id":\(quoted(tx.fields["merchant_id"] ?? "")),\
                "timestamp":\(time),"transaction_timestamp":\(tx.time),"label":"\(label)"}
                """
            ], topic: .feedback)[0]
    }

    /// Asks as over HTTP.
    func ask(_ kind: VerdictKind, _ body: String, arrival: Int64 = noon, applies: Bool = false) throws -> Result<(SaidVerdict, isDuplicate: Bool), Rejection> {
        sink.reset()
        let answer = Array(body.utf8).withUnsafeBytes {
            applies ? engine.applyOne(kind, $0, arrival: arrival, into: sink) : engine.preview(kind, $0, arrival: arrival, into: sink)
        }
        switch answer {
        case .failure(let rejection):
            #expect(sink.results.isEmpty)
            return .failure(rejection)
        case .success(let isDuplicate):
            let result = try #require(sink.results.first)
            return .success((try SaidVerdict(sink[kind == .fraud ? result.fraud : result.aml]), isDuplicate))
        }
    }
}

/// Owns the bytes of records for the length of a call.
struct Records {
    var values: [[UInt8]]
    var keys: [[UInt8]?]
    var topic: InputTopic
    var time: Int64
    var partition: Int32
    var offset: Int64

    init(_ texts: [String], topic: InputTopic = .transactions, keys: [String?]? = nil, recordTime: Int64 = -1, partition: Int32 = 0, offset: Int64 = 0) {
        values = texts.map { Array($0.utf8) }
        self.keys = keys?.map { $0.map { Array($0.utf8) } } ?? texts.map { _ in nil }
        self.topic = topic
        time = recordTime
        self.partition = partition
        self.offset = offset
    }

    func borrow<T>(_ range: Range<Int>? = nil, _ body: (UnsafeBufferPointer<Record>) throws -> T) rethrows -> T {
        let range = range ?? 0..<values.count
        var block: [UInt8] = []
        var places: [(key: Range<Int>?, value: Range<Int>)] = []
        for i in range {
            var key: Range<Int>?
            if let bytes = keys[i] {
                key = block.count..<block.count + bytes.count
                block += bytes
            }
            places.append((key, block.count..<block.count + values[i].count))
            block += values[i]
        }
        return try block.withUnsafeBytes { all in
            let records = places.enumerated().map { i, place in
                Record(
                    topic: topic, partition: partition, offset: offset + Int64(range.lowerBound + i), time: time,
                    key: place.key.map { UnsafeRawBufferPointer(rebasing: all[$0]) }, value: UnsafeRawBufferPointer(rebasing: all[place.value]))
            }
            return try records.withUnsafeBufferPointer(body)
        }
    }
}
