import Velocity

/// The features of the AML model: those of the windows (`FeatureSet`), then of the payment graph for both ends, then one a typology.
public struct AMLFeatureSet: Sendable, Equatable {
    public let base: FeatureSet
    /// All names, in order; their count is a vector's length.
    public let names: [String]
    private let indices: [String: Int]

    /// Of one side of an account, by window.
    static let statistics = ["count", "sum", "mean", "max", "deviation", "partners", "new_partners"]
    /// The sides: of the account, and of the counterparty.
    static let sides = ["payer_out", "payer_in", "payee_in", "payee_out"]
    /// Of both sides of one end, by window.
    static let balances = ["in_share", "net"]
    static let withoutWindow = [
        "payer_seconds_since_out", "payer_seconds_since_in", "payee_seconds_since_in", "payee_seconds_since_out", "pair_back_count",
        "pair_back_seconds", "amount_over_payee_mean", "amount_payee_zscore", "chain_ratio", "chain_gap_seconds", "chain_unspent", "chain_hops", "dwell_median_seconds",
        "two_hop_paths", "cycle_hops", "account_seconds_since_stranger",
    ]

    public init(_ base: FeatureSet) {
        self.base = base
        var names = base.names
        for side in Self.sides { for w in base.windows { for s in Self.statistics { names.append("\(side)_\(w.name)_\(s)") } } }
        for end in ["payer", "payee"] { for w in base.windows { for s in Self.balances { names.append("\(end)_\(w.name)_\(s)") } } }
        names += Self.withoutWindow
        for typology in Typology.allCases { names.append(Self.name(typology)) }
        self.names = names
        indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    public var count: Int { names.count }

    /// Where a feature stands in a vector; nil when these windows do not give it.
    public func index(of name: String) -> Int? { indices[name] }

    /// What must be computed for features at these places.
    func needs(_ places: [Int]) -> AMLNeeds {
        var needs = AMLNeeds()
        let perSide = base.windows.count * Self.statistics.count
        let perEnd = base.windows.count * Self.balances.count
        let balances = base.count + 4 * perSide
        let plain = balances + 2 * perEnd
        for place in places where place >= base.count {
            if place < balances {
                needs.insert(AMLNeeds.sides[(place - base.count) / perSide])
            } else if place < plain {
                needs.formUnion(place < balances + perEnd ? [.payerOut, .payerIn] : [.payeeIn, .payeeOut])
            } else if place < plain + Self.withoutWindow.count {
                needs.formUnion(Self.needs(Self.withoutWindow[place - plain]))
            }
        }
        return needs
    }

    private static func needs(_ name: String) -> AMLNeeds {
        switch name {
        case "payer_seconds_since_out": .payerOut
        case "payer_seconds_since_in": .payerIn
        case "payee_seconds_since_in", "amount_over_payee_mean", "amount_payee_zscore": .payeeIn
        case "payee_seconds_since_out": .payeeOut
        case "pair_back_count", "pair_back_seconds": .back
        case "chain_ratio", "chain_gap_seconds", "chain_unspent": .fit
        case "chain_hops": .chain
        case "dwell_median_seconds": .dwell
        case "two_hop_paths": .paths
        case "cycle_hops": .cycle
        default: []
        }
    }

    /// `typology_` and the code in small letters.
    static func name(_ typology: Typology) -> String { "typology_" + "\(typology.code)".lowercased() }
}

/// What of the payment graph is read for the AML features: a model pays only for what it uses.
struct AMLNeeds: OptionSet {
    var rawValue: UInt16
    static let payerOut = AMLNeeds(rawValue: 1)
    static let payerIn = AMLNeeds(rawValue: 2)
    static let payeeIn = AMLNeeds(rawValue: 4)
    static let payeeOut = AMLNeeds(rawValue: 8)
    static let back = AMLNeeds(rawValue: 16)
    static let fit = AMLNeeds(rawValue: 32)
    static let chain = AMLNeeds(rawValue: 64)
    static let dwell = AMLNeeds(rawValue: 128)
    static let paths = AMLNeeds(rawValue: 256)
    static let cycle = AMLNeeds(rawValue: 512)
    static let all = AMLNeeds(rawValue: 1023)
    static let sides = [payerOut, payerIn, payeeIn, payeeOut]
}
