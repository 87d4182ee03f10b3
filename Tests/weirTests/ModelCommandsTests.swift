import Foundation
import HTTP
import Models
import TestSupport
import Testing

@testable import weir

/// A folder of artefacts, made of a small model of LightGBM's over six of Weir's features.
private final class Artefacts {
    static let features = ["amount", "account_1h_count", "account_24h_sum", "hour_of_day", "account_amount_ratio", "merchant_7d_fraud_rate"]
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/models/small").standardized

    let url = FileManager.default.temporaryDirectory.appending(path: "weir-artefacts-\(UUID().uuidString)")

    deinit { try? FileManager.default.removeItem(at: url) }

    @discardableResult
    func add(_ version: String, model: String = "lightgbm-none.txt", features: [String] = features) throws -> String {
        let bytes = [UInt8](try Data(contentsOf: Self.fixtures.appending(path: model)))
        let folder = url.appending(path: "fraud/\(version)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: folder.appending(path: model))
        let format = model.hasSuffix(".json") ? "xgboost" : "lightgbm"
        let manifest = """
            {"name":"fraud","version":"\(version)","format":"\(format)","file":"\(model)","sha256":"\(SHA256.hex(bytes))","features":\(features),
             "thresholds":{"review":0.45,"decline":0.6}}
            """
        try Data(manifest.utf8).write(to: folder.appending(path: "manifest.json"))
        return folder.path
    }

    func flip(_ version: String) throws {
        let file = url.appending(path: "fraud/\(version)/lightgbm-none.txt")
        var bytes = try Data(contentsOf: file)
        bytes[700] ^= 1
        try bytes.write(to: file)
    }
}

@Suite struct ModelCommandsTests {
    @Test(arguments: ["lightgbm-none.txt", "lightgbm-nan.txt", "xgboost-nan.json", "lightgbm-categories.txt"])
    func `score writes what the library says, row by row`(_ model: String) throws {
        let artefacts = Artefacts()
        let folder = try artefacts.add("1", model: model, features: (0..<6).map { "x\($0)" })
        let table = Artefacts.fixtures.appending(path: model.split(separator: ".")[0] + ".csv")
        let output = artefacts.url.appending(path: "out.csv")
        #expect(Dispatcher.run(["model", "score", folder, "--input", table.path, "--contributions", "-o", output.path]) == .done)
        let rows = try String(contentsOf: output, encoding: .utf8).split(separator: "\n").map { $0.split(separator: ",") }
        let expected = try String(contentsOf: table, encoding: .utf8).split(separator: "\n")
            .map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        #expect(rows.count == expected.count && rows.count > 5)
        #expect(rows[0].map(String.init) == ["score"] + (0..<6).map { "contribution_x\($0)" } + ["contribution_bias"])
        for (row, said) in zip(rows, expected).dropFirst() {
            let numbers = try row.map { try #require(Double($0)) }
            #expect(abs(numbers[0] - Double(said[7])!) < 1e-6)
            for i in 0..<7 { #expect(abs(numbers[1 + i] - Double(said[8 + i])!) < 1e-5) }
        }
    }

    @Test func `score refuses what is missing in the table, or wrong in the artefact`() throws {
        let artefacts = Artefacts()
        let folder = try artefacts.add("1")
        let input = artefacts.url.appending(path: "in.csv")
        try Data("amount\n1\n".utf8).write(to: input)
        #expect(Dispatcher.run(["model", "score", folder, "--input", input.path]) == .usage)
        #expect(Dispatcher.run(["model", "score", folder]) == .usage)
        try Data((Artefacts.features.joined(separator: ",") + "\n1,2,3,4,5,6\n1,2,x,4,5,6\n").utf8).write(to: input)
        #expect(Dispatcher.run(["model", "score", folder, "--input", input.path]) == .failed)
        try artefacts.flip("1")
        #expect(Dispatcher.run(["model", "score", folder, "--input", input.path]) == .failed)
    }

    @Test func `verify tells whole ones from broken ones`() throws {
        let artefacts = Artefacts()
        let folder = try artefacts.add("1.0")
        try artefacts.add("1.1")
        #expect(Dispatcher.run(["model", "verify", folder]) == .done)
        #expect(Dispatcher.run(["model", "verify", artefacts.url.path]) == .done)
        #expect(Dispatcher.run(["model", "list", artefacts.url.path]) == .done)
        #expect(Dispatcher.run(["model", "inspect", folder]) == .done)
        try artefacts.flip("1.1")
        #expect(Dispatcher.run(["model", "verify", folder]) == .done)
        #expect(Dispatcher.run(["model", "verify", artefacts.url.path]) == .failed)
        #expect(Dispatcher.run(["model", "list", artefacts.url.path]) == .done, "what is broken is listed as that")
        #expect(Dispatcher.run(["model", "inspect", artefacts.url.path + "/fraud/1.1"]) == .failed)
        try artefacts.add("1.2", features: ["amount", "account_1h_count", "account_24h_sum", "hour_of_day", "account_amount_ratio", "no_such_feature"])
        #expect(Dispatcher.run(["model", "verify", artefacts.url.path + "/fraud/1.2"]) == .failed, "the service would not take it either")
    }

    @Test func `replay scores by the version that is pinned`() throws {
        let artefacts = Artefacts()
        try artefacts.add("1.0")
        try artefacts.add("1.1")
        let input = artefacts.url.appending(path: "t.jsonl")
        try Data(#"{"transaction_id":"1","account_id":"A","timestamp":"2026-01-01T00:00:00Z","amount":3}"#.utf8).write(to: input)
        for (pin, version) in [("latest", "1.1"), ("1.0", "1.0"), ("1.0.5", "1.0")] {
            let output = artefacts.url.appending(path: "out")
            let process = Process()
            process.executableURL = ServeTests.executable
            process.arguments = ["replay", input.path, "-o", output.path]
            process.environment = ["MODEL_URI": artefacts.url.path, "FRAUD_MODEL_VERSION": pin]
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            let text = try String(contentsOf: output, encoding: .utf8)
            #expect(text.contains("\"model\":{\"name\":\"fraud\",\"version\":\"\(version)\""), "\(pin)")
        }
    }

    @Test func `a byte that flips under traffic is noticed, the version before scores on, and put right it is taken up`() throws {
        let artefacts = Artefacts()
        try artefacts.add("1.0")
        try artefacts.add("1.1")
        let running = try ServeTests.Running(["MODEL_URI": artefacts.url.path, "MODEL_POLL_INTERVAL": "100ms"])
        var asked = 0
        /// Asks until the verdict is this version's; every answer on the way is a verdict.
        func answers(_ version: String) throws -> Bool {
            try until {
                asked += 1
                let body = #"{"transaction_id":"\#(asked)","account_id":"A","timestamp":\#(1_795_521_600_000 + asked),"amount":5}"#
                let answer = try post(host: "127.0.0.1", port: running.port, path: "/predict", body: Array(body.utf8))
                #expect(answer.status == 200)
                let verdict = try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
                return (verdict["model"] as? [String: String])?["version"] == version && verdict["mode"] as? String == "full"
            }
        }
        func health() throws -> (status: String?, fraud: [String: Any]) {
            let answer = try get(host: "127.0.0.1", port: running.port, path: "/health")
            let json = try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
            return (json["status"] as? String, (json["models"] as? [String: Any])?["fraud"] as? [String: Any] ?? [:])
        }
        #expect(try answers("1.1"))
        #expect(try health().status == "ok")
        try artefacts.flip("1.1")
        #expect(try answers("1.0"))
        let broken = try health()
        #expect(broken.status == "degraded")
        #expect(broken.fraud["version"] as? String == "1.0")
        #expect((broken.fraud["error"] as? String)?.contains("1.1: checksum") == true)
        let metrics = String(decoding: try get(host: "127.0.0.1", port: running.port, path: "/metrics").body, as: UTF8.self)
        #expect(metrics.contains("weir_model_fallbacks_total{name=\"fraud\"} 1\n"))
        #expect(metrics.contains("weir_model_info{name=\"fraud\",version=\"1.0\""))
        try artefacts.flip("1.1")
        #expect(try answers("1.1"))
        #expect(try until { try health().status == "ok" })
        try artefacts.add("1.2")
        #expect(try answers("1.2"))
        running.signal(SIGTERM)
        #expect(running.end() == 0)
    }
}
