/// An artefact that was read and found whole: a folder with `manifest.json` and the model file that it names.
public struct Artefact: Sendable {
    public var manifest: Manifest
    /// Nil for quantiles alone.
    public var ensemble: Ensemble?
    /// SHA-256 of the bytes of `manifest.json`, in hex: calibration and thresholds stand there alone. Empty: it was not read from a file.
    public var manifestSHA256: String

    public init(manifest: Manifest, ensemble: Ensemble?, manifestSHA256: String = "") {
        self.manifest = manifest
        self.ensemble = ensemble
        self.manifestSHA256 = manifestSHA256
    }

    /// Two artefacts of one identity are the same, to the last threshold.
    public var identity: String { "\(manifest.name) \(journalled)" }

    /// As the journal names it, beside its name: version, the model file's SHA-256, and the beginning of the manifest's.
    public var journalled: String { "\(manifest.version) \(manifest.sha256) \(manifestSHA256.prefix(16))" }

    /// About what it takes once it is ready to score: masks, nodes, and what contributions need at each split.
    public var memoryBytes: Int {
        (ensemble?.trees ?? []).reduce(0) { $0 + ($1.leaves.count <= MaskTrees.leaves ? 18 * MaskTrees.leaves : 0) + 56 * $1.nodes.count + 160 * $1.leaves.count }
    }

    /// Reads and checks a folder.
    ///
    /// - Parameters:
    ///   - name, version: what it must be; nil: whatever the manifest says.
    /// - Throws: `ModelRefusal`: checksum, structure, a wrong count or order of features, another name or version.
    /// - Complexity: O(bytes).
    public static func load(_ folder: String, name: String? = nil, version: String? = nil) throws(ModelRefusal) -> Artefact {
        let artefact = try read(folder)
        let manifest = artefact.manifest
        guard manifest.name == name ?? manifest.name, manifest.version == version ?? manifest.version else {
            throw .malformed("the manifest says \(manifest.name) \(manifest.version)")
        }
        return artefact
    }

    private static func read(_ folder: String) throws(ModelRefusal) -> Artefact {
        let text = try FolderReading.read(folder + "/manifest.json", most: Manifest.mostBytes)
        let manifest = try Manifest.parse(text)
        let sum = SHA256.hex(text)
        guard let file = manifest.file else { return Artefact(manifest: manifest, ensemble: nil, manifestSHA256: sum) }
        let bytes = try FolderReading.read(folder + "/" + file, most: ModelFile.mostBytes)
        return Artefact(manifest: manifest, ensemble: try ensemble(manifest, bytes), manifestSHA256: sum)
    }

    /// The model of a manifest, from its file's bytes.
    static func ensemble(_ manifest: Manifest, _ bytes: [UInt8]) throws(ModelRefusal) -> Ensemble {
        let hash = SHA256.hex(bytes)
        guard hash == manifest.sha256 else {
            throw ModelRefusal(.checksum, "the file's SHA-256 is \(hash.prefix(12))…, the manifest's \(manifest.sha256.prefix(12))…")
        }
        let ensemble = try ModelFile.read(bytes, format: manifest.format)
        guard ensemble.featureCount == manifest.features.count else {
            throw ModelRefusal(.features, "the model takes \(ensemble.featureCount) features, the manifest names \(manifest.features.count)")
        }
        // Where the file knows the manifest's names, it must know them in the same order. LightGBM writes white space in names as _.
        let order = Dictionary(manifest.features.enumerated().map { (plain($1), $0) }, uniquingKeysWith: { first, _ in first })
        for (i, name) in ensemble.featureNames.enumerated() {
            if let place = order[plain(name)], place != i {
                throw ModelRefusal(.features, "the model's feature \(i) is \(name.prefix(64)), the manifest's feature \(place)")
            }
        }
        return ensemble
    }

    private static func plain(_ name: String) -> String { String(name.map { $0.isWhitespace ? "_" : $0 }) }
}
