/// What a model file is written in.
public enum ModelFormat: String, Sendable, CaseIterable {
    case lightgbm, xgboost
}

public enum ModelFile {
    /// Files beyond it are not read: a thousand trees of 255 leaves take some 40 MB.
    public static let mostBytes = 256 << 20

    /// Reads a model file: LightGBM's text, or XGBoost's JSON.
    ///
    /// - Parameter format: nil: whichever its first byte says.
    /// - Throws: `ModelRefusal`.
    /// - Complexity: O(bytes).
    public static func read(_ bytes: UnsafeRawBufferPointer, format: ModelFormat? = nil) throws(ModelRefusal) -> Ensemble {
        guard bytes.count <= mostBytes else { throw .unsupported("a model file of more than 256 MB", instead: "train fewer or smaller trees") }
        let format = format ?? (bytes.first == UInt8(ascii: "{") || bytes.starts(with: "binf".utf8) || bytes.starts(with: "bs64".utf8) ? .xgboost : .lightgbm)
        switch format {
        case .lightgbm: return try LightGBMReader.read(bytes)
        case .xgboost: return try XGBoostReader.read(bytes)
        }
    }

    /// The same of an array.
    public static func read(_ bytes: [UInt8], format: ModelFormat? = nil) throws(ModelRefusal) -> Ensemble {
        try bytes.withUnsafeBytes { (bytes) -> Result<Ensemble, ModelRefusal> in
            Result { () throws(ModelRefusal) in try read(bytes, format: format) }
        }.get()
    }
}
