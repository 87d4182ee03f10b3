/// Writes simulated transactions, labels and the truth as text, one line each.
///
/// Names are unique over seeds where they must be: a transaction's id holds the seed, so that two simulations into one topic do not
/// meet in an id.
public struct TransactionWriter: Sendable {
    public enum Format: Sendable {
        /// JSON Lines in the form of the contract's transactions.
        case json
        /// The same fields as CSV columns.
        case csv
    }

    public var format: Format
    /// Whether each line also says `label` (1 for fraud), `laundering` (1) and `scenario`, which scorers ignore.
    public var showsTruth: Bool
    public var seed: UInt64

    public init(format: Format, showsTruth: Bool = false, seed: UInt64) {
        self.format = format
        self.showsTruth = showsTruth
        self.seed = seed
    }

    /// The header line of the CSV form; nothing for JSON.
    public func header(into out: inout TextBuffer) {
        guard format == .csv else { return }
        out.reserve(512)
        out.put("transaction_id,account_id,timestamp,amount,currency,type,merchant_id,merchant_category,card_id,device_id,ip,")
        out.put("counterparty_id,counterparty_country,country,channel,account_opened_at")
        if showsTruth { out.put(",label,laundering,scenario") }
        out.put("\n")
    }

    public func write(_ transaction: SimulatedTransaction, into out: inout TextBuffer) {
        out.reserve(1024)
        switch format {
        case .json: json(transaction, &out)
        case .csv: csv(transaction, &out)
        }
    }

    /// Writes the account's id alone: the record's key.
    public func key(of transaction: SimulatedTransaction, into out: inout TextBuffer) {
        out.reserve(64)
        put(transaction.account, &out)
    }

    /// A feedback record as JSON, without a line's end.
    public func write(_ feedback: SimulatedFeedback, into out: inout TextBuffer) {
        out.reserve(1024)
        out.put("{\"transaction_id\":\"")
        put(id: feedback.number, &out)
        out.put("\",\"account_id\":\"")
        put(feedback.account, &out)
        out.put("\",\"merchant_id\":\"")
        put(merchant: feedback.merchant, &out)
        out.put("\",\"timestamp\":\"")
        out.put(time: feedback.time)
        out.put("\",\"transaction_timestamp\":\"")
        out.put(time: feedback.transactionTime)
        out.put("\",\"label\":\"")
        out.put(feedback.isFraud ? "fraud" : "legitimate")
        out.put("\"}\n")
    }

    public func key(of feedback: SimulatedFeedback, into out: inout TextBuffer) {
        out.reserve(64)
        put(feedback.account, &out)
    }

    /// The header of the truth's file.
    public func truthHeader(into out: inout TextBuffer) {
        out.reserve(128)
        out.put("transaction_id,account_id,timestamp,kind,scenario,incident\n")
    }

    /// What the transaction really is: a line for those that are not ordinary, nothing for the others.
    public func writeTruth(_ transaction: SimulatedTransaction, into out: inout TextBuffer) {
        guard transaction.scenario != .ordinary else { return }
        out.reserve(256)
        put(id: transaction.number, &out)
        out.put(",")
        put(transaction.account, &out)
        out.put(",")
        out.put(time: transaction.time)
        out.put(transaction.scenario.kind == .fraud ? ",fraud," : transaction.scenario.kind == .laundering ? ",laundering," : ",legitimate,")
        out.put(transaction.scenario.name)
        out.put(",")
        out.put(decimal: UInt64(transaction.incident))
        out.put("\n")
    }

    /// `FX_RATES_FILE` for a simulation with local currencies.
    public static func exchangeRates() -> String {
        var text = "currency,rate\n"
        for (currency, rate) in World.exchangeRates() where "\(currency)" != "USD" {
            let millionths = Int(rate * 1_000_000 + 0.5)
            let fraction = String(millionths % 1_000_000)
            text += "\(currency),\(millionths / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)\n"
        }
        return text
    }

    // MARK: Forms

    private func json(_ transaction: SimulatedTransaction, _ out: inout TextBuffer) {
        out.put("{\"transaction_id\":\"")
        put(id: transaction.number, &out)
        out.put("\",\"account_id\":\"")
        put(transaction.account, &out)
        out.put("\",\"timestamp\":\"")
        out.put(time: transaction.time)
        out.put("\",\"amount\":")
        put(amount: transaction.amount, &out)
        out.put(",\"currency\":\"")
        out.put(World.countries[Int(transaction.currency)].currency)
        out.put("\",\"type\":\"")
        out.put(transaction.type.name)
        if transaction.merchant >= 0 {
            out.put("\",\"merchant_id\":\"")
            put(merchant: transaction.merchant, &out)
            out.put("\",\"merchant_category\":\"")
            out.put(World.categories[Int(transaction.category)].code)
        }
        if transaction.card != 0 {
            out.put("\",\"card_id\":\"")
            put(card: transaction.card, &out)
        }
        if transaction.device != 0 {
            out.put("\",\"device_id\":\"")
            put(device: transaction.device, &out)
        }
        if transaction.ip != 0 {
            out.put("\",\"ip\":\"")
            put(ip: transaction.ip, &out)
        }
        if transaction.counterparty != .none {
            out.put("\",\"counterparty_id\":\"")
            put(transaction.counterparty, &out)
        }
        if transaction.counterpartyCountry >= 0 {
            out.put("\",\"counterparty_country\":\"")
            out.put(World.countries[Int(transaction.counterpartyCountry)].code)
        }
        out.put("\",\"country\":\"")
        out.put(World.countries[Int(transaction.country)].code)
        out.put("\",\"channel\":\"")
        out.put(transaction.channel.name)
        if transaction.accountOpenedAt != .min {
            out.put("\",\"account_opened_at\":\"")
            out.put(time: transaction.accountOpenedAt)
        }
        out.put("\"")
        if showsTruth {
            out.put(transaction.scenario.kind == .fraud ? ",\"label\":1" : ",\"label\":0")
            out.put(transaction.scenario.kind == .laundering ? ",\"laundering\":1,\"scenario\":\"" : ",\"laundering\":0,\"scenario\":\"")
            out.put(transaction.scenario.name)
            out.put("\"")
        }
        out.put("}\n")
    }

    private func csv(_ transaction: SimulatedTransaction, _ out: inout TextBuffer) {
        put(id: transaction.number, &out)
        out.put(",")
        put(transaction.account, &out)
        out.put(",")
        out.put(time: transaction.time)
        out.put(",")
        put(amount: transaction.amount, &out)
        out.put(",")
        out.put(World.countries[Int(transaction.currency)].currency)
        out.put(",")
        out.put(transaction.type.name)
        out.put(",")
        if transaction.merchant >= 0 {
            put(merchant: transaction.merchant, &out)
            out.put(",")
            out.put(World.categories[Int(transaction.category)].code)
            out.put(",")
        } else {
            out.put(",,")
        }
        if transaction.card != 0 { put(card: transaction.card, &out) }
        out.put(",")
        if transaction.device != 0 { put(device: transaction.device, &out) }
        out.put(",")
        if transaction.ip != 0 { put(ip: transaction.ip, &out) }
        out.put(",")
        put(transaction.counterparty, &out)
        out.put(",")
        if transaction.counterpartyCountry >= 0 { out.put(World.countries[Int(transaction.counterpartyCountry)].code) }
        out.put(",")
        out.put(World.countries[Int(transaction.country)].code)
        out.put(",")
        out.put(transaction.channel.name)
        out.put(",")
        if transaction.accountOpenedAt != .min { out.put(time: transaction.accountOpenedAt) }
        if showsTruth {
            out.put(transaction.scenario.kind == .fraud ? ",1" : ",0")
            out.put(transaction.scenario.kind == .laundering ? ",1," : ",0,")
            out.put(transaction.scenario.name)
        }
        out.put("\n")
    }

    // MARK: Names

    private func put(id number: UInt64, _ out: inout TextBuffer) {
        out.put("tx-")
        out.put(decimal: seed)
        out.put("-")
        out.put(decimal: number, width: 9)
    }

    private func put(_ party: Party, _ out: inout TextBuffer) {
        switch party.kind {
        case .none: return
        case .customer: out.put("A-")
        case .employer: out.put("E-")
        case .biller: out.put("B-")
        }
        out.put(decimal: UInt64(party.number) + 1)
    }

    private func put(merchant index: Int32, _ out: inout TextBuffer) {
        out.put("M-")
        out.put(decimal: UInt64(index) + 1)
    }

    private func put(card: UInt64, _ out: inout TextBuffer) {
        out.put("c_")
        out.put(hex: card, digits: 16)
    }

    private func put(device: UInt64, _ out: inout TextBuffer) {
        out.put("d-")
        out.put(hex: device >> 16, digits: 12)
    }

    private func put(ip: UInt64, _ out: inout TextBuffer) {
        if ip >> 63 == 1 {
            out.put("2001:db8:")
            out.put(hex: ip >> 16, digits: 4)
            out.put(":")
            out.put(hex: ip, digits: 4)
            out.put("::1")
        } else {
            for place in 0..<4 {
                if place > 0 { out.put(".") }
                out.put(decimal: (ip >> UInt64(8 * (3 - place))) & 0xFF)
            }
        }
    }

    private func put(amount: Int64, _ out: inout TextBuffer) {
        out.put(decimal: UInt64(amount / 100))
        let cents = UInt64(amount % 100)
        if cents == 0 { return }
        out.put(".")
        out.put(decimal: cents, width: 2)
    }
}
