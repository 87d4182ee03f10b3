/// What timed queries of the journal prove (rule 7): that a silence could have been heard.
///
/// A query that fails, or takes longer than 0.7 s, casts doubt; so does a time without any, be it that this process stood still.
struct JournalProof {
    /// Between two queries, ms.
    static let interval: Int64 = 300
    /// How long an answer may take, ms.
    static let patience: Int64 = 700

    private var askedAt: Int64?
    private var answeredAt: Int64
    private var doubt: Int64

    init(now: Int64) {
        answeredAt = now
        doubt = now
    }

    mutating func ask(at now: Int64) {
        if now - answeredAt > Self.interval + Self.patience { doubt = now }
        askedAt = now
    }

    mutating func answer(at now: Int64, isGood: Bool) {
        if !isGood || askedAt.map({ now - $0 > Self.patience }) ?? true { doubt = now }
        askedAt = nil
        answeredAt = now
    }

    /// The last time at which it was not sure that the journal can be read.
    func lastDoubt(at now: Int64) -> Int64 {
        if let askedAt { return now - askedAt > Self.patience ? now : doubt }
        return now - answeredAt > Self.interval + Self.patience ? now : doubt
    }
}
