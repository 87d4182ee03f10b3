/// What a reason says: for each feature, and for the two rules that lift a decision, its code and a sentence around its value.
struct ReasonTexts {
    enum Style {
        /// The value stands between two texts, with at most two decimals.
        case number
        /// One text when the value is not 0, another when it is; the value is not shown.
        case yesNo
    }

    struct Entry {
        var code: String
        var style: Style
        /// Before the value; with `yesNo`, the text for yes.
        var before: String
        /// After the value; with `yesNo`, the text for no.
        var after: String
    }

    /// One an index of the feature set, then `velocityHighRisk`, `suspiciousAmount` and the typologies.
    let entries: [Entry]
    let velocityHighRisk: Int
    let suspiciousAmount: Int
    /// The first of the typologies' reasons; they follow in their order, and their value is the typology's score.
    let firstTypology: Int
    /// The first of the AML features that the windows' set has not; they follow in their order, up to the typologies' scores.
    let firstOfAML: Int
    /// How many features the windows' set has.
    private let featureCount: Int

    /// The sentence of an AML feature, by its place in `AMLFeatureSet`.
    @inline(__always)
    func ofAML(_ place: Int) -> Int {
        if place < featureCount { return place }
        let own = place - featureCount
        return own < entries.count - firstOfAML ? firstOfAML + own : firstTypology + own - (entries.count - firstOfAML)
    }

    /// - Parameter currency: the base currency's code.
    init(_ set: FeatureSet, currency: String) {
        var entries: [Entry] = []
        func add(_ style: Style, _ before: String, _ after: String) {
            entries.append(Entry(code: set.names[entries.count], style: style, before: before, after: after))
        }
        func addWindows(_ statistics: [(Style, String, String)]) {
            for window in set.windows {
                for (style, before, after) in statistics { add(style, before, "\(after) in the last \(window.words)") }
            }
        }
        func flow(_ whose: String) -> [(Style, String, String)] {
            [
                (.number, "", " payments received by \(whose)"), (.number, "", " \(currency) received by \(whose)"),
                (.number, "a mean of ", " \(currency) received by \(whose)"), (.number, "up to ", " \(currency) received by \(whose) at once"),
                (.number, "", " senders to \(whose)"),
            ]
        }
        func entity(_ at: String) -> [(Style, String, String)] {
            [(.number, "", " transactions \(at)"), (.number, "", " \(currency) \(at)"), (.number, "", " accounts \(at)")]
        }
        addWindows([
            (.number, "", " transactions"), (.number, "", " \(currency) spent"), (.number, "a mean of ", " \(currency) spent"),
            (.number, "up to ", " \(currency) spent at once"), (.number, "", " merchants"), (.number, "", " counterparties"),
            (.number, "", " devices"), (.number, "", " countries"), (.number, "", " new counterparties"),
        ])
        addWindows(flow("the account"))
        addWindows(flow("the counterparty"))
        addWindows(entity("with this card"))
        addWindows(entity("on this device"))
        addWindows(entity("from this address"))
        for window in set.windows {
            let last = " in the last \(window.words)"
            add(.number, "", " transactions at this merchant\(last)")
            add(.number, "", " \(currency) at this merchant\(last)")
            add(.number, "a mean of ", " \(currency) at this merchant\(last)")
            add(.number, "", " accounts at this merchant\(last)")
            if set.hasFraudRate { add(.number, "a share of ", " labelled fraud at this merchant in \(window.words), the label delay ago") }
        }
        add(.number, "", " seconds since the account's last transaction")
        add(.number, "", " seconds since the account's first transaction or opening")
        add(.number, "", " standard deviations from the account's mean amount")
        add(.number, "", " times the account's mean amount")
        add(.number, "", " earlier payments to this counterparty")
        add(.number, "", " seconds since the last payment to this counterparty")
        add(.number, "", " times the mean amount to this counterparty")
        add(.number, "an amount of ", " \(currency)")
        add(.number, "in the hour from ", ":00 UTC")
        add(.number, "on weekday ", " (Monday is 0)")
        add(.yesNo, "before 07:00 UTC", "from 07:00 UTC on")
        add(.yesNo, "on a weekend", "on a working day")
        for type in TransactionType.allCases { add(.yesNo, "of type \(type.name)", "not of type \(type.name)") }
        for channel in FeatureSet.channels { add(.yesNo, "by channel \(channel)", "not by channel \(channel)") }
        add(.yesNo, "across a border", "not across a border")
        precondition(entries.count == set.count, "a sentence for every feature")

        velocityHighRisk = entries.count
        entries.append(
            Entry(code: "velocity_high_risk", style: .number, before: "velocity risk ", after: " reaches its threshold: lifted to review"))
        suspiciousAmount = entries.count
        entries.append(
            Entry(
                code: "suspicious_amount", style: .number, before: "an amount of ",
                after: " \(currency) reaches the suspicious amount: lifted to review"))
        firstTypology = entries.count
        for typology in Typology.allCases {
            entries.append(Entry(code: "\(typology.code)", style: .number, before: "\(typology.sentence): typology score ", after: ""))
        }
        firstOfAML = entries.count
        featureCount = set.count
        let aml = AMLFeatureSet(set)
        entries += aml.names[set.count..<aml.count - Typology.allCases.count].map { name in
            let (before, after) = AMLTexts.around(name, set, currency: currency)
            return Entry(code: name, style: .number, before: before, after: after)
        }
        self.entries = entries
    }
}
