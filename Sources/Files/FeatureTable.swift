internal import Scoring

/// The feature table for training, as CSV: `transaction_id`, every feature by its name, then `label` where labels are given.
///
/// Numbers are the shortest decimals that read back as the same double; labels are 1 and 0, empty where there is none.
public struct FeatureTable {
    private let hasLabels: Bool

    public init(hasLabels: Bool) { self.hasLabels = hasLabels }

    /// The header line.
    public func appendHeader(_ names: [String], to out: inout [UInt8]) {
        out += Array("transaction_id".utf8)
        for name in names {
            out.append(UInt8(ascii: ","))
            out += Array(name.utf8)
        }
        if hasLabels { out += Array(",label".utf8) }
        out.append(10)
    }

    /// One line.
    public func append(_ scored: OfflineScorer.Scored, to out: inout [UInt8]) {
        Self.append(cell: scored.id.bytes, to: &out)
        for value in scored.features {
            out.append(UInt8(ascii: ","))
            Self.append(value, to: &out)
        }
        if hasLabels {
            out.append(UInt8(ascii: ","))
            if let isFraud = scored.isFraud { out.append(isFraud ? 49 : 48) }
        }
        out.append(10)
    }

    /// A cell, in quotes where RFC 4180 wants them.
    static func append(cell: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        guard cell.contains(where: { $0 == quote || $0 == UInt8(ascii: ",") || $0 == 10 || $0 == 13 }) else {
            out += cell
            return
        }
        out.append(quote)
        for c in cell {
            if c == quote { out.append(quote) }
            out.append(c)
        }
        out.append(quote)
    }

    /// The shortest decimal that gives the double back; whole numbers without a point.
    static func append(_ value: Double, to out: inout [UInt8]) {
        // A decimal of at most 15 digits that gives the double is the shortest one: no two of them give the same. Most
        // features are whole numbers or money.
        let whole = value.rounded(.towardZero)
        if whole == value, abs(value) < 1e15 {
            if value == 0 { return out.append(48) }
            return append(Int64(value), to: &out)
        }
        let cents = (value * 100).rounded()
        if abs(cents) < 1e15, cents / 100 == value {
            let units = Int64(cents.magnitude)
            if value < 0 { out.append(UInt8(ascii: "-")) }
            append(units / 100, to: &out)
            let rest = UInt8(units % 100)
            out.append(UInt8(ascii: "."))
            out.append(48 + rest / 10)
            if rest % 10 != 0 { out.append(48 + rest % 10) }
            return
        }
        var text = value.description
        text.withUTF8 { out += $0 }
    }

    private static func append(_ value: Int64, to out: inout [UInt8]) {
        if value < 0 { out.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let first = out.count
        repeat {
            out.append(48 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        out[first...].reverse()
    }
}
