/// What settings say of records: plain values, the same for transactions and feedback.
public struct RecordRules: Sendable {
    /// Larger records are refused without a look inside, bytes.
    public var maxRecordBytes: Int
    /// How far an event may lie ahead of its record's own time, ms.
    public var maxClockSkew: Int64
    /// The currency that amounts are held in.
    public var baseCurrency: Currency
    /// Rates of the others.
    public var rates: RateTable
    /// False: amounts stay in their record's currency, whatever it is. For who passes records on, and leaves conversion to the scorer.
    public var isConverting: Bool

    public init(
        maxRecordBytes: Int = 65_536, maxClockSkew: Int64 = 300_000, baseCurrency: Currency = .usd, rates: RateTable = RateTable(),
        isConverting: Bool = true
    ) {
        self.maxRecordBytes = maxRecordBytes
        self.maxClockSkew = maxClockSkew
        self.baseCurrency = baseCurrency
        self.rates = rates
        self.isConverting = isConverting
    }
}
