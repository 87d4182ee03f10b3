/// What an artefact says of itself: `manifest.json` (docs/reference/manifest.md, manifest.schema.json).
public struct Manifest: Sendable, Equatable {
    /// `fraud`, `aml` or `velocity` where it is served.
    public var name: String
    public var version: String
    /// Nil, as is `file`, for quantiles alone.
    public var format: ModelFormat?
    /// Name of the model file, beside the manifest.
    public var file: String?
    /// Of the model file; for quantiles alone, of the manifest.
    public var sha256: String
    /// In the order of the model's inputs.
    public var features: [String]
    /// Version of the meaning of the features; nil: not said.
    public var featureSet: Int?
    /// By name: `review` and `decline` of a fraud model.
    public var thresholds: [String: Double] = [:]
    public var calibration = Calibration.none
    /// One a feature: −1 falling, 0, 1 rising; empty: not said.
    public var monotone: [Int] = []
    /// How each feature was distributed in training.
    public var drift: [Distribution] = []
    /// 90th, 99th and 99.9th percentile of features in training.
    public var quantiles: [Quantiles] = []
    /// By typology (aml).
    public var typologies: [String: Typology] = [:]

    /// Shares of training rows by bin: below the first edge, from each edge up to the next, from the last on.
    public struct Distribution: Sendable, Equatable {
        public var feature: String
        /// Strictly ascending.
        public var edges: [Double]
        /// One more than edges; they sum to 1.
        public var shares: [Double]
    }

    public struct Quantiles: Sendable, Equatable {
        public var feature: String
        public var p90: Double
        public var p99: Double
        public var p999: Double

        /// Where a curve over the feature's values bends: at the quantiles, and at ten times the last. What coincides lies one number apart, so that they ascend.
        public var bends: [Double] {
            let p99 = max(self.p99, p90.nextUp)
            let p999 = max(self.p999, p99.nextUp)
            return [p90, p99, p999, max(10 * p999, p999.nextUp)]
        }
    }

    public struct Typology: Sendable, Equatable {
        public var threshold: Double?
        public var weight: Double?
    }

    /// Manifests beyond it are not read.
    public static let mostBytes = 4 << 20
    static let mostFeatures = 65_535

    /// - Throws: `ModelRefusal`, naming the member at fault.
    /// - Complexity: O(bytes).
    public static func parse(_ bytes: [UInt8]) throws(ModelRefusal) -> Manifest {
        try bytes.withUnsafeBytes { raw in
            Result { () throws(ModelRefusal) in try parse(raw, sha256: { SHA256.hex(raw) }) }
        }.get()
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer, sha256: () -> String) throws(ModelRefusal) -> Manifest {
        guard bytes.count <= mostBytes else { throw .malformed("the manifest has more than 4 MB") }
        let json: ModelJSON
        do throws(ModelRefusal) { json = try ModelJSON.parse(bytes) } catch { throw .malformed("the manifest is \(error.message)") }
        guard json.isObject else { throw .malformed("the manifest is not an object") }
        let name = try text(json, "name", most: 64)
        let version = try text(json, "version", most: 128)
        guard let features = json["features"]?.strings, features.count <= mostFeatures, Set(features).count == features.count,
            features.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 256 })
        else { throw .malformed("the manifest's features are not a list of distinct names") }
        var manifest = Manifest(name: name, version: version, format: nil, file: nil, sha256: "", features: features)

        manifest.quantiles = try readQuantiles(json["quantiles"])
        if json["file"] == nil, !manifest.quantiles.isEmpty {
            manifest.sha256 = sha256()
        } else {
            guard let format = ModelFormat(rawValue: try text(json, "format", most: 32)) else {
                throw .unsupported("the manifest's format", instead: "lightgbm and xgboost are read")
            }
            let file = try text(json, "file", most: 255)
            guard file != ".", file != "..", !file.utf8.contains(UInt8(ascii: "/")), !file.utf8.contains(0) else {
                throw .malformed("the manifest's file is not a name in its own folder")
            }
            let hash = try text(json, "sha256", most: 64).lowercased()
            guard hash.utf8.count == 64, hash.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
                throw .malformed("the manifest's sha256 is not 64 hexadecimal digits")
            }
            guard !features.isEmpty else { throw .malformed("the manifest names no feature") }
            (manifest.format, manifest.file, manifest.sha256) = (format, file, hash)
        }
        if let set = json["feature_set"], !set.isNull {
            guard let version = set.whole, version >= 1 else { throw .malformed("the manifest's feature_set is not a whole number from 1 on") }
            manifest.featureSet = version
        }
        manifest.thresholds = try readThresholds(json["thresholds"])
        manifest.calibration = try readCalibration(json["calibration"])
        if let monotone = json["monotone_constraints"], !monotone.isNull {
            let signs = monotone.items?.map(\.whole) ?? []
            guard monotone.isArray, signs.count == features.count, signs.allSatisfy({ $0.map { (-1...1).contains($0) } ?? false }) else {
                throw .malformed("the manifest's monotone_constraints are not one of -1, 0 and 1 for each feature")
            }
            manifest.monotone = signs.compactMap { $0 }
        }
        manifest.drift = try readDrift(json["drift"])
        manifest.typologies = try readTypologies(json["typologies"])
        return manifest
    }

    private static func text(_ json: ModelJSON, _ key: String, most: Int) throws(ModelRefusal) -> String {
        guard let text = json[key]?.string, !text.isEmpty, text.utf8.count <= most else {
            throw .malformed("the manifest's \(key) is not a text of 1 to \(most) bytes")
        }
        return text
    }

    private static func readThresholds(_ json: ModelJSON?) throws(ModelRefusal) -> [String: Double] {
        guard let json, json.isObject else { throw .malformed("the manifest's thresholds are not an object") }
        var thresholds: [String: Double] = [:]
        for (key, value) in json.members {
            guard let number = value.number, (0...1).contains(number) else { throw .malformed("the manifest's threshold \(key.prefix(32)) is not from 0 to 1") }
            thresholds[key] = number
        }
        if let review = thresholds["review"], let decline = thresholds["decline"], review > decline {
            throw .malformed("the manifest's threshold review is above decline")
        }
        return thresholds
    }

    private static func readCalibration(_ json: ModelJSON?) throws(ModelRefusal) -> Calibration {
        guard let json, !json.isNull else { return .none }
        switch json["method"]?.string {
        case "none": return .none
        case "platt":
            guard let a = json["a"]?.number, let b = json["b"]?.number, a > 0 else { throw .malformed("the manifest's calibration: platt has a, above 0, and b") }
            return .platt(a: a, b: b)
        case "isotonic":
            guard let x = json["x"]?.doubles, let y = json["y"]?.doubles, x.count == y.count, (2...10_000).contains(x.count),
                (x + y).allSatisfy({ (0...1).contains($0) }), zip(x, x.dropFirst()).allSatisfy({ $0 < $1 }), zip(y, y.dropFirst()).allSatisfy({ $0 <= $1 })
            else { throw .malformed("the manifest's calibration: isotonic has x, strictly ascending, and y, not descending, both from 0 to 1") }
            return .isotonic(x: x, y: y)
        default: throw .unsupported("the manifest's calibration method", instead: "none, platt and isotonic are read")
        }
    }

    private static func readQuantiles(_ json: ModelJSON?) throws(ModelRefusal) -> [Quantiles] {
        guard let json, !json.isNull else { return [] }
        guard json.isObject else { throw .malformed("the manifest's quantiles are not an object by feature") }
        var quantiles: [Quantiles] = []
        for (feature, value) in json.members {
            guard let three = value.doubles, three.count == 3, three.allSatisfy(\.isFinite), three[0] <= three[1], three[1] <= three[2] else {
                throw .malformed("the manifest's quantiles of \(feature.prefix(64)) are not three numbers that do not fall")
            }
            let of = Quantiles(feature: feature, p90: three[0], p99: three[1], p999: three[2])
            // Straight pieces between them, so the differences too are numbers.
            guard zip(of.bends, of.bends.dropFirst()).allSatisfy({ $0 < $1 && ($1 - $0).isFinite }) else {
                throw .malformed("the manifest's quantiles of \(feature.prefix(64)) are so large that ten times the last, or a difference, is no number")
            }
            quantiles.append(of)
        }
        return quantiles
    }

    private static func readDrift(_ json: ModelJSON?) throws(ModelRefusal) -> [Distribution] {
        guard let json, !json.isNull else { return [] }
        guard json.isObject else { throw .malformed("the manifest's drift is not an object by feature") }
        var drift: [Distribution] = []
        for (feature, value) in json.members {
            guard let edges = value["edges"]?.doubles, let shares = value["shares"]?.doubles, shares.count == edges.count + 1, edges.count <= 64,
                edges.allSatisfy(\.isFinite), zip(edges, edges.dropFirst()).allSatisfy({ $0 < $1 }), shares.allSatisfy({ (0...1).contains($0) }),
                abs(shares.reduce(0, +) - 1) < 1e-3
            else { throw .malformed("the manifest's drift of \(feature.prefix(64)) is not edges that ascend and one share more, which sum to 1") }
            drift.append(Distribution(feature: feature, edges: edges, shares: shares))
        }
        return drift
    }

    private static func readTypologies(_ json: ModelJSON?) throws(ModelRefusal) -> [String: Typology] {
        guard let json, !json.isNull else { return [:] }
        guard json.isObject else { throw .malformed("the manifest's typologies are not an object by code") }
        var typologies: [String: Typology] = [:]
        for (code, value) in json.members {
            let (threshold, weight) = (value["threshold"], value["weight"])
            let typology = Typology(threshold: threshold?.number, weight: weight?.number)
            guard value.isObject, (threshold == nil) == (typology.threshold == nil), (weight == nil) == (typology.weight == nil),
                typology.weight.map({ (0...1).contains($0) }) ?? true
            else { throw .malformed("the manifest's typology \(code.prefix(32)) has not numbers alone: a threshold, and a weight from 0 to 1") }
            typologies[code] = typology
        }
        return typologies
    }
}
