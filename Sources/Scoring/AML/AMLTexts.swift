/// Sentences for the AML features that are not among the windows' features.
enum AMLTexts {
    private static let ends = [
        "payer_out": "paid out by the account", "payer_in": "received by the account", "payee_in": "received by the counterparty",
        "payee_out": "paid out by the counterparty",
    ]
    private static let withoutWindow: [String: (String, String)] = [
        "payer_seconds_since_out": ("", " seconds since the account last paid out"),
        "payer_seconds_since_in": ("", " seconds since the account last received money"),
        "payee_seconds_since_in": ("", " seconds since the counterparty last received money"),
        "payee_seconds_since_out": ("", " seconds since the counterparty last paid out"),
        "pair_back_count": ("", " payments back from the counterparty"),
        "pair_back_seconds": ("", " seconds since the counterparty's last payment back"),
        "amount_over_payee_mean": ("", " times the mean amount that the counterparty receives"),
        "amount_payee_zscore": ("", " standard deviations from the mean amount that the counterparty receives"),
        "chain_ratio": ("", " of the inflow that it is most like"),
        "chain_gap_seconds": ("", " seconds since the inflow that it is most like"),
        "chain_unspent": ("", " of the inflow that it is most like not spent before"),
        "chain_hops": ("a sum handed on ", " times"),
        "dwell_median_seconds": ("money stays ", " seconds in the median"),
        "two_hop_paths": ("", " ways of two payments from one source"),
        "cycle_hops": ("", " payments round in a circle"),
        "account_seconds_since_stranger": ("", " seconds since the account last paid somebody new"),
    ]

    /// What stands before and after the value.
    static func around(_ name: String, _ set: FeatureSet, currency: String) -> (String, String) {
        if let text = withoutWindow[name] { return text }
        for window in set.windows {
            let last = " in the last \(window.words)"
            for (side, said) in ends where name.hasPrefix("\(side)_\(window.name)_") {
                switch name.dropFirst(side.utf8.count + window.name.utf8.count + 2) {
                case "count": return ("", " payments \(said)\(last)")
                case "sum": return ("", " \(currency) \(said)\(last)")
                case "mean": return ("a mean of ", " \(currency) \(said)\(last)")
                case "max": return ("up to ", " \(currency) \(said) at once\(last)")
                case "deviation": return ("amounts that deviate by ", " \(currency), \(said)\(last)")
                case "partners": return ("", " partners, of money \(said)\(last)")
                default: return ("", " partners without earlier payments, of money \(said)\(last)")
                }
            }
            for (end, whose) in [("payer", "the account"), ("payee", "the counterparty")] {
                if name == "\(end)_\(window.name)_in_share" { return ("", " of the money of \(whose) comes in\(last)") }
                if name == "\(end)_\(window.name)_net" { return ("", " \(currency) more in than out, of \(whose)\(last)") }
            }
        }
        preconditionFailure("a sentence for every feature: \(name)")
    }
}
