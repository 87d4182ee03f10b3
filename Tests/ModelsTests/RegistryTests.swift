import Foundation
import TestSupport
import Testing

@testable import Models

/// A folder of artefacts that is gone at the end.
final class ModelFolder {
    let url: URL
    var path: String { url.path }

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "weir-models-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Puts a small model there.
    func add(_ name: String, _ version: String, features: [String]? = nil, more: String = "") throws {
        let model = try #require(ModelCase.all.first { $0.name == "lightgbm-none" })
        let bytes = model.bytes
        let folder = url.appending(path: "\(name)/\(version)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: folder.appending(path: "model.txt"))
        let features = features ?? (0..<6).map { "f\($0)" }
        let manifest = """
            {"name": "\(name)", "version": "\(version)", "format": "lightgbm", "file": "model.txt", "sha256": "\(SHA256.hex(bytes))",
             "features": \(features), "thresholds": {"review": 0.4, "decline": 0.9}\(more)}
            """
        try Data(manifest.utf8).write(to: folder.appending(path: "manifest.json"))
    }

    /// Changes one byte of a file, and its time.
    func flip(_ file: String, at: Int = 400) throws {
        let file = url.appending(path: file)
        var bytes = try Data(contentsOf: file)
        bytes[at] ^= 1
        try bytes.write(to: file)
    }
}

@Suite struct RegistryTests {
    @Test func `the newest good version is taken, by number and not by letter`() throws {
        let folder = try ModelFolder()
        for version in ["1.9.0", "1.10.0", "1.10.0-rc.1", "1.2"] { try folder.add("fraud", version) }
        let registry = Registry(folder.path, wanted: ["fraud": "latest"])
        let changes = registry.look(now: 0)
        #expect(changes.map(\.name) == ["fraud"])
        #expect(changes[0].standing.artefact?.manifest.version == "1.10.0")
        #expect(changes[0].standing.error == nil && changes[0].isOther && !changes[0].isFallback)
        #expect(registry.look(now: 1).isEmpty)
    }

    @Test func `a byte that flips lets it fall back, and put right it is taken up again`() throws {
        let folder = try ModelFolder()
        for version in ["1.0.0", "1.1.0"] { try folder.add("fraud", version) }
        let registry = Registry(folder.path, wanted: ["fraud": "latest"])
        _ = registry.look(now: 0)
        try folder.flip("fraud/1.1.0/model.txt")
        let broken = registry.look(now: 1)
        #expect(broken.map(\.standing.artefact?.manifest.version) == ["1.0.0"])
        #expect(broken[0].isOther && broken[0].isFallback)
        #expect(broken[0].standing.error?.hasPrefix("1.1.0: checksum") == true)
        try folder.flip("fraud/1.1.0/model.txt")
        let mended = registry.look(now: 2)
        #expect(mended.map(\.standing.artefact?.manifest.version) == ["1.1.0"])
        #expect(mended[0].isOther && !mended[0].isFallback && mended[0].standing.error == nil)
    }

    @Test func `another calibration under the same version is another artefact`() throws {
        let folder = try ModelFolder()
        try folder.add("fraud", "1.0.0", more: ", \"calibration\": {\"method\": \"platt\", \"a\": 1.5, \"b\": 0}")
        let registry = Registry(folder.path, wanted: ["fraud": "latest"])
        let first = try #require(registry.look(now: 0).first?.standing.artefact)
        try folder.add("fraud", "1.0.0", more: ", \"calibration\": {\"method\": \"platt\", \"a\": 0.5, \"b\": 0}")
        let change = try #require(registry.look(now: 1).first)
        let second = try #require(change.standing.artefact)
        #expect(change.isOther && first.manifest.calibration != second.manifest.calibration)
        #expect(first.manifest.sha256 == second.manifest.sha256 && first.journalled != second.journalled)
    }

    @Test func `a folder that cannot be read is tried less and less often`() throws {
        let folder = try ModelFolder()
        try folder.add("fraud", "1.0.0")
        let registry = Registry(folder.path, wanted: ["fraud": "latest"])
        _ = registry.look(now: 0)
        let (fraud, aside) = (folder.url.appending(path: "fraud"), folder.url.appending(path: "aside"))
        try FileManager.default.moveItem(at: fraud, to: aside)
        try Data("no folder".utf8).write(to: fraud)
        for now in 1...3 { _ = registry.look(now: Int64(now)) }
        #expect(registry.standing("fraud").breaker == .open && registry.standing("fraud").artefact != nil)
        try FileManager.default.removeItem(at: fraud)
        try FileManager.default.moveItem(at: aside, to: fraud)
        #expect(registry.look(now: 5_000).isEmpty, "not yet")
        let again = try #require(registry.look(now: 5_004).first).standing
        #expect(again.error == nil && again.breaker == .closed)
    }

    @Test func `without a good one there is none, and why is said`() throws {
        let folder = try ModelFolder()
        try folder.add("fraud", "1.0.0")
        let registry = Registry(folder.path, wanted: ["aml": "latest", "fraud": "latest", "velocity": "2.0"])
        try folder.flip("fraud/1.0.0/manifest.json", at: 0)
        let changes = registry.look(now: 0)
        #expect(changes.map(\.name) == ["aml", "fraud", "velocity"])
        #expect(changes.allSatisfy { $0.standing.artefact == nil })
        #expect(changes[0].standing.error == nil, "no artefact is no error")
        #expect(changes[1].standing.error?.contains("not JSON") == true && changes[1].isFallback)
        #expect(changes[2].standing.error != nil, "a pin that is not there is one")
    }

    @Test func `a pin holds, and without it the newest older one is used`() throws {
        let folder = try ModelFolder()
        for version in ["1.0.0", "1.1.0", "1.2.0"] { try folder.add("fraud", version) }
        #expect(Registry(folder.path, wanted: ["fraud": "1.1.0"]).look(now: 0)[0].standing.artefact?.manifest.version == "1.1.0")
        let missing = Registry(folder.path, wanted: ["fraud": "1.1.5"]).look(now: 0)[0]
        #expect(missing.standing.artefact?.manifest.version == "1.1.0")
        #expect(missing.isFallback && missing.standing.error?.contains("1.1.5") == true)
    }

    @Test(arguments: ["fraud/1.0.0/manifest.json", "fraud/1.0.0", "fraud", ""]) func `what is no longer there stays in use, and that is said`(gone: String) throws {
        let folder = try ModelFolder()
        try folder.add("fraud", "1.0.0")
        let registry = Registry(folder.path, wanted: ["fraud": "latest"])
        _ = registry.look(now: 0)
        let (from, aside) = (gone.isEmpty ? folder.url : folder.url.appending(path: gone), folder.url.appendingPathExtension("aside"))
        try FileManager.default.moveItem(at: from, to: aside)
        let standing = try #require(registry.look(now: 1).first).standing
        #expect(standing.artefact?.manifest.version == "1.0.0" && standing.error != nil, "\(standing)")
        try FileManager.default.moveItem(at: aside, to: from)
        let again = try #require(registry.look(now: 2).first).standing
        #expect(again.artefact?.manifest.version == "1.0.0" && again.error == nil, "\(again)")
    }

    @Test func `a name without artefacts is no trouble, a folder that is not there is`() throws {
        let folder = try ModelFolder()
        #expect(Registry(folder.path, wanted: ["fraud": "latest"]).look(now: 0).first?.standing.error == nil)
        #expect(Registry(folder.path + "/nowhere", wanted: ["fraud": "latest"]).look(now: 0).first?.standing.error == "there is no folder \(folder.path)/nowhere")
    }

    @Test func `what cannot be used here is not used, and a new version is taken up`() throws {
        let folder = try ModelFolder()
        try folder.add("fraud", "1.0.0")
        let registry = Registry(folder.path, wanted: ["fraud": "latest"]) { $0.manifest.features.contains("g0") ? "no feature g0 here" : nil }
        _ = registry.look(now: 0)
        try folder.add("fraud", "1.1.0", features: (0..<6).map { "g\($0)" })
        let other = registry.look(now: 1)
        #expect(other.map(\.isOther) == [false] && other[0].isFallback, "what was wanted is not used")
        #expect(registry.look(now: 1).isEmpty, "and that is told once")
        #expect(other[0].standing.artefact?.manifest.version == "1.0.0" && other[0].standing.error?.contains("g0") == true)
        try folder.add("fraud", "1.2.0")
        let newer = registry.look(now: 2)
        #expect(newer[0].standing.artefact?.manifest.version == "1.2.0" && newer[0].standing.error == nil)
    }

    @Test(arguments: [
        ("\"features\": [\"f0\", \"f1\"]", "takes 6 features, the manifest names 2"),
        ("\"features\": [\"f0\", \"f0\", \"f1\", \"f2\", \"f3\", \"f4\"]", "distinct"),
        ("\"features\": [\"Column_1\", \"Column_0\", \"a\", \"b\", \"c\", \"d\"]", "Column_0"),
        ("\"file\": \"../model.txt\"", "its own folder"),
        ("\"file\": \"other.txt\"", "No such file"),
        ("\"sha256\": \"\(String(repeating: "0", count: 64))\"", "checksum"),
        ("\"sha256\": \"abc\"", "64"),
        ("\"format\": \"onnx\"", "format"),
        ("\"format\": \"xgboost\"", "not JSON"),
        ("\"version\": \"2.0.0\"", "the manifest says fraud 2.0.0"),
        ("\"thresholds\": {\"review\": 1.5}", "review"),
        ("\"thresholds\": {\"review\": 0.9, \"decline\": 0.5}", "above decline"),
        ("\"calibration\": {\"method\": \"isotonic\", \"x\": [0.1, 0.1], \"y\": [0, 1]}", "isotonic"),
        ("\"calibration\": {\"method\": \"platt\", \"a\": -1, \"b\": 0}", "platt"),
        ("\"calibration\": {\"method\": \"beta\"}", "calibration method"),
        ("\"monotone_constraints\": [1]", "monotone"),
        ("\"monotone_constraints\": [1, 0, 0, 0, 0, 2]", "monotone"),
        ("\"monotone_constraints\": [1, 0, 0, 0, 0, 0.5]", "monotone"),
        ("\"monotone_constraints\": [1, 0, 0, 0, 0, \"1\"]", "monotone"),
        ("\"monotone_constraints\": 1", "monotone"),
        ("\"feature_set\": 0", "feature_set"),
        ("\"feature_set\": 1.5", "feature_set"),
        ("\"feature_set\": \"1\"", "feature_set"),
        ("\"feature_set\": [1]", "feature_set"),
        ("\"thresholds\": null", "thresholds are not an object"),
        ("\"thresholds\": {\"review\": \"0.5\"}", "review"),
        ("\"features\": []", "names no feature"),
        ("\"file\": \".\"", "its own folder"),
        ("\"file\": \"..\"", "its own folder"),
        ("\"file\": \"../\u{301}x.txt\"", "its own folder"),
        ("\"file\": \"x/\u{301}\"", "its own folder"),
        ("\"typologies\": {\"FAN_OUT\": {\"threshold\": \"0\"}}", "typology FAN_OUT"),
        ("\"typologies\": {\"FAN_OUT\": {\"threshold\": null}}", "typology FAN_OUT"),
        ("\"typologies\": {\"FAN_OUT\": {\"weight\": \"1\"}}", "typology FAN_OUT"),
        ("\"typologies\": {\"FAN_OUT\": {\"weight\": 2}}", "typology FAN_OUT"),
        ("\"typologies\": {\"FAN_OUT\": 1}", "typology FAN_OUT"),
        ("\"quantiles\": {\"f0\": [1, 1.7976931348623157e308, 1.7976931348623157e308]}", "quantiles of f0"),
        ("\"quantiles\": {\"f0\": [1, 2, 1e308]}", "quantiles of f0"),
        ("\"quantiles\": {\"f0\": [-1.7e308, 1.7e307, 1.7e307]}", "quantiles of f0"),
        ("\"quantiles\": {\"f0\": [3, 2, 1]}", "quantiles of f0"),
        ("\"drift\": {\"f0\": {\"edges\": [1, 2], \"shares\": [0.5, 0.5]}}", "drift of f0"),
    ])
    func `a manifest's faults are named`(_ member: String, _ says: String) throws {
        let folder = try ModelFolder()
        try folder.add("fraud", "1.0.0")
        let file = folder.url.appending(path: "fraud/1.0.0/manifest.json")
        var members = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        members.merge(try #require(JSONSerialization.jsonObject(with: Data("{\(member)}".utf8)) as? [String: Any])) { $1 }
        try JSONSerialization.data(withJSONObject: members).write(to: file)
        let standing = try #require(Registry(folder.path, wanted: ["fraud": "latest"]).look(now: 0).first).standing
        #expect(standing.artefact == nil)
        #expect(standing.error?.contains(says) == true, "\(standing.error ?? "")")
    }

    @Test func `a whole number is one in any of JSON's notations`() throws {
        for (text, whole) in [("7", 7), ("7.0", 7), ("0.7e1", 7), ("-10e-1", -1), ("-0.0", 0), ("9007199254740992", 1 << 53)] {
            let json = #"{"name":"n","version":"1","format":"xgboost","file":"m","sha256":"\#(String(repeating: "0", count: 64))","features":["a"],"thresholds":{},"#
            let manifest = try? Manifest.parse(Array((json + #""feature_set":\#(text)}"#).utf8))
            #expect(manifest?.featureSet == (whole > 0 ? whole : nil), "\(text)")
            let signs = try? Manifest.parse(Array((json + #""monotone_constraints":[\#(text)]}"#).utf8))
            #expect(signs?.monotone == (whole.magnitude <= 1 ? [whole] : nil), "\(text)")
            let plain = try Manifest.parse(Array((json + #""feature_set":null}"#).utf8))
            #expect(plain.featureSet == nil)
        }
    }

    @Test func `a manifest without thresholds is refused`() throws {
        for (thresholds, isRead) in [(#","thresholds":{}"#, true), ("", false)] {
            let json = #"{"name":"velocity","version":"1","features":[],"quantiles":{"amount":[1,2,3]}\#(thresholds)}"#
            #expect(((try? Manifest.parse(Array(json.utf8))) != nil) == isRead)
        }
    }

    @Test func `quantiles up to where a curve can be drawn are read`() throws {
        for three in ["[1, 1, 1]", "[0, 0, 0]", "[-5, -4, -3]", "[1e-320, 1e-320, 1e-320]", "[-1e308, -1e308, -1e308]", "[1, 1e306, 1e307]"] {
            let json = #"{"name":"velocity","version":"1","features":[],"thresholds":{},"quantiles":{"amount":\#(three)}}"#
            let bends = try Manifest.parse(Array(json.utf8)).quantiles[0].bends
            #expect(bends.count == 4 && zip(bends, bends.dropFirst()).allSatisfy { $0 < $1 && ($1 - $0).isFinite }, "\(three): \(bends)")
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["manifest.json", "model.txt"]) func `a pipe, a folder or a device in a file's place is refused at once`(file: String) throws {
        for make in [
            { (path: String) in mkfifo(path, 0o600) }, { (path: String) in mkdir(path, 0o700) }, { (path: String) in symlink("/dev/zero", path) },
        ] {
            let folder = try ModelFolder()
            for version in ["1.0.0", "1.1.0"] { try folder.add("fraud", version) }
            let path = folder.path + "/fraud/1.1.0/" + file
            try FileManager.default.removeItem(atPath: path)
            #expect(make(path) == 0)
            let standing = try #require(Registry(folder.path, wanted: ["fraud": "latest"]).look(now: 0).first).standing
            #expect(standing.artefact?.manifest.version == "1.0.0")
            #expect(standing.error == "1.1.0: unreadable: \(file): not a file")
        }
    }

    @Test func `a breaker opens, tries once, and waits longer each time`() {
        var breaker = CircuitBreaker(failures: 2, firstPauseMillis: 10, longestPauseMillis: 30)
        breaker.failed(now: 0)
        #expect(breaker.state(now: 0) == .closed)
        breaker.failed(now: 0)
        #expect(breaker.state(now: 9) == .open && !breaker.allows(now: 9))
        #expect(breaker.state(now: 10) == .halfOpen && breaker.allows(now: 10))
        breaker.failed(now: 10)
        #expect(breaker.state(now: 29) == .open && breaker.state(now: 30) == .halfOpen)
        breaker.failed(now: 30)
        #expect(breaker.state(now: 59) == .open && breaker.state(now: 60) == .halfOpen)
        breaker.succeeded()
        #expect(breaker.state(now: 60) == .closed)
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func `SHA-256 gives the published digests`(_ text: String, _ digest: String) {
        #expect(SHA256.hex(Array(text.utf8)) == digest)
    }
}

@Suite struct CalibrationTests {
    @Test func `calibrations are what they are called`() {
        #expect(Calibration.none.probability(0) == 0.5)
        #expect(abs(Calibration.platt(a: 2, b: -1).probability(1.5) - 1 / (1 + exp(-2.0))) < 1e-15)
        let curve = Calibration.isotonic(x: [0.2, 0.5, 0.8], y: [0.1, 0.1, 0.6])
        #expect(curve.probability(-50) == 0.1)
        #expect(curve.probability(50) == 0.6)
        #expect(curve.probability(0) == 0.1)
        #expect(abs(curve.probability(log(0.65 / 0.35)) - 0.35) < 1e-12)
    }

    @Test func `the logarithm is the library's to two units`() {
        for i in 0..<20_000 {
            let x = exp(Double(i - 10_000) / 50)
            let expected = log(x)
            #expect(abs(naturalLogarithm(x) - expected) <= 2 * max(expected.magnitude.ulp, 1e-17), "x = \(x)")
        }
    }

    @Test func `a rule integrates polynomials exactly`() {
        for n in [1, 2, 4, 8, 20] {
            let (nodes, weights) = GaussLegendre.rule(n)
            for degree in 0..<(2 * n) {
                let sum = zip(nodes, weights).reduce(0.0) { $0 + $1.1 * pow($1.0, Double(degree)) }
                #expect(abs(sum - 1 / Double(degree + 1)) < 1e-14, "n = \(n), degree \(degree)")
            }
        }
    }
}
