/// An ensemble laid out for one row at a time, without an allocation. One thread at a time.
///
/// Two layouts, chosen by the ensemble and the processor: masks (`MaskTrees`) for small trees where there is AVX2, else the interleaved walk
/// (`WalkedTrees`). Both add the trees' values in the ensemble's order, so that they and the reference give the same bits.
public final class FastPredictor {
    public enum Layout: String, CaseIterable, Sendable {
        case masksAVX512 = "masks, AVX-512"
        case masksAVX2 = "masks, AVX2"
        case walk
    }

    public let ensemble: Ensemble
    public let layout: Layout
    private let masks: MaskTrees?
    private let walk: WalkedTrees?
    private let contributions: Contributions

    /// - Parameters:
    ///   - places: where each feature of the ensemble stands in the rows that will be given; nil: in order.
    ///   - layout: the one to take; nil: the best.
    /// - Throws: `ModelRefusal` for an ensemble that is too large, or where the layout cannot be taken.
    public init(_ ensemble: Ensemble, places: [Int]? = nil, layout: Layout? = nil) throws(ModelRefusal) {
        precondition(places == nil || places!.count == ensemble.featureCount, "a place for every feature")
        let places = places ?? Array(0..<ensemble.featureCount)
        let columns = RankColumns(ensemble)
        guard columns.fits else { throw .unsupported("more than 65,000 thresholds of one feature", instead: "train with max_bin=255") }
        contributions = try Contributions(ensemble, columns, places: places)
        self.ensemble = ensemble
        let most: MaskTrees.Level? = layout == .walk ? nil : layout == .masksAVX2 ? .avx2 : .avx512
        masks = most.flatMap { MaskTrees(ensemble, columns, places: places, atMost: $0) }
        walk = masks == nil ? WalkedTrees(ensemble, columns, places: places) : nil
        self.layout = masks.map { $0.level == .avx512 ? .masksAVX512 : .masksAVX2 } ?? .walk
        guard layout == nil || layout == self.layout else {
            throw .unsupported("the layout \(layout!.rawValue), here or for this ensemble", instead: "let the best one be taken")
        }
    }

    /// The raw score: LightGBM's `raw_score`, XGBoost's `output_margin`.
    ///
    /// - Parameter row: a value for each place, not-a-number for missing.
    public func margin(_ row: UnsafePointer<Double>) -> Double {
        masks?.sum(row) ?? walk!.sum(row)
    }

    /// The margin in log-odds: what the logistic function makes a probability of.
    public func logOdds(_ row: UnsafePointer<Double>) -> Double { ensemble.logOdds(margin(row)) }

    /// Exact TreeSHAP values of the row, in log-odds: `out` takes one for each feature of the ensemble; the result is the bias.
    ///
    /// - Parameter logOdds: what `logOdds` gave for this row.
    public func contributions(_ row: UnsafePointer<Double>, logOdds: Double, into out: UnsafeMutablePointer<Double>) -> Double {
        contributions.fill(row, margin: logOdds, into: out)
    }
}
