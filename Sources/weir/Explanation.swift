import Service
import Stream

/// A verdict told in plain words. It adds nothing to what the verdict says, and leaves nothing out.
enum Explanation {
    /// nil for what is no verdict.
    static func text(_ verdict: JSON) -> String? {
        guard let id = verdict["transaction_id"]?.string, let account = verdict["account_id"]?.string, let kind = verdict["kind"]?.string,
            let decision = verdict["decision"]?.string, let score = verdict["score"], let threshold = verdict["threshold"]
        else { return nil }
        var text = "Transaction \(id) of account \(account)"
        if let time = verdict["event_time"]?.string { text += ", at \(time)" }
        text += "\n\(kind == "aml" ? "Money laundering" : "Fraud"): \(decision). " + outcome(decision, score, threshold) + "\n"
        text += scorer(verdict) + "\n"
        if let risk = verdict["velocity_risk"] { text += "Velocity risk: \(plain(risk)), of 0 (usual) to 1.\n" }
        text += list("Reasons, strongest first:", verdict["reasons"]?.array?.map(reason) ?? [])
        text += list("Typologies:", verdict["typologies"]?.array?.map(typology) ?? [])
        text += list("What the windows held, this transaction included:", windows(verdict["velocity"]))
        text += list("To be kept in mind:", remarks(verdict))
        return text
    }

    private static func outcome(_ decision: String, _ score: JSON, _ threshold: JSON) -> String {
        guard let value = score.double, let limit = threshold.double else { return "" }
        let relation = value >= limit ? "reaches" : "is below"
        let lifted = value < limit && decision != "approve" && decision != "clear" ? "; a rule asks for a \(decision) all the same (see the reasons)" : ""
        return "The score \(plain(score)) \(relation) the threshold \(plain(threshold))\(lifted)."
    }

    private static func scorer(_ verdict: JSON) -> String {
        let (name, version) = (verdict["model"]?["name"]?.string ?? "?", verdict["model"]?["version"]?.string ?? "?")
        var text = verdict["mode"]?.string == "rules" ? "Scored by rules, version \(version)" : "Scored by the model \(name) \(version)"
        if let sha = verdict["model"]?["sha256"]?.string { text += " (sha256 \(sha))" }
        return text + "."
    }

    private static func reason(_ reason: JSON) -> String {
        var text = reason["text"]?.string ?? "?"
        var details = [reason["code"]?.string ?? "?"]
        if let value = reason["value"] { details[0] += " = \(plain(value))" }
        if let contribution = reason["contribution"]?.double {
            details.append(contribution == 0 ? "a rule, whatever the score" : "\(contribution > 0 ? "raises" : "lowers") the log-odds by \(abs(contribution))")
        }
        text += " (\(details.joined(separator: "; ")))"
        return text
    }

    private static func typology(_ typology: JSON) -> String {
        let evidence = (typology["evidence"]?.object ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key) \(plain($0.value))" }
        return "\(typology["code"]?.string ?? "?"), score \(typology["score"].map(plain) ?? "?")" + (evidence.isEmpty ? "" : ": " + evidence.joined(separator: ", "))
    }

    private static func windows(_ velocity: JSON?) -> [String] {
        let order = ["account", "inflow", "counterparty", "card", "device", "ip", "merchant"]
        return order.compactMap { entity in
            guard let windows = velocity?[entity]?.object else { return nil }
            let texts = windows.sorted { (Durations.millis($0.key) ?? 0) < (Durations.millis($1.key) ?? 0) }.map { name, window in
                "\(name) \(window["count"].map(plain) ?? "?") of together \(window["sum"].map(plain) ?? "?")"
            }
            return "\(entity): \(texts.joined(separator: ", "))"
        }
    }

    private static func remarks(_ verdict: JSON) -> [String] {
        var remarks = verdict["degraded"]?.array?.compactMap(\.string).map { "made without a part: \($0)" } ?? []
        if verdict["late"]?.bool == true { remarks.append("the transaction came late, and was judged as of its own time") }
        if verdict["complete"]?.bool == false { remarks.append("the windows may lack transactions that were not seen (complete: false)") }
        if verdict["duplicate"]?.bool == true { remarks.append("the transaction was known already") }
        if let source = verdict["source"] {
            let (topic, partition, offset) = (source["topic"]?.string ?? "?", source["partition"].map(plain) ?? "?", source["offset"].map(plain) ?? "?")
            remarks.append("made of the record at offset \(offset) of partition \(partition) of \(topic); weir audit recomputes it")
        }
        return remarks
    }

    private static func list(_ title: String, _ items: [String]) -> String {
        items.isEmpty ? "" : title + "\n" + items.map { "  - \($0)\n" }.joined()
    }

    /// A value as text, nested ones included.
    private static func plain(_ value: JSON) -> String {
        switch value {
        case .null: "none"
        case .bool(let value): value ? "yes" : "no"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): value
        case .array(let values): "[" + values.map(plain).joined(separator: ", ") + "]"
        case .object(let members): "{" + members.sorted { $0.key < $1.key }.map { "\($0.key) \(plain($0.value))" }.joined(separator: ", ") + "}"
        }
    }
}
