/// One reason: which sentence, for which value, and what it added to the log-odds.
struct ReasonEntry {
    var text = 0
    var value = 0.0
    var contribution = 0.0
}

/// What was decided on one transaction for one kind of verdict. Made once, filled again for each.
final class Assessment {
    /// At most so many reasons are said.
    static let reasonLimit = 5

    /// The score in millionths: what the verdict carries, and what decided.
    var score: Int64 = 0
    /// Raw value of the kind's decision: 0 lets pass, 1 asks for review, 2 stops.
    var decision: UInt8 = 0
    /// The typologies that fire; nil for fraud, and where AML is switched off.
    var typologies: TypologyFindings?
    /// Scored without its part, which a flag or a rollout leaves out.
    var isSwitchedOff = false
    let reasons: UnsafeMutablePointer<ReasonEntry>
    var reasonCount = 0

    init() {
        reasons = .allocate(capacity: Self.reasonLimit)
        reasons.initialize(repeating: ReasonEntry(), count: Self.reasonLimit)
    }

    deinit { reasons.deallocate() }

    func clear() {
        score = 0
        decision = 0
        typologies = nil
        isSwitchedOff = false
        reasonCount = 0
    }

    /// Takes a reason in among the strongest; of equally strong ones the earlier stays before.
    @inline(__always)
    func add(_ text: Int, _ value: Double, _ contribution: Double) {
        var i = reasonCount
        if i == Self.reasonLimit {
            if reasons[i - 1].contribution.magnitude >= contribution.magnitude { return }
            i -= 1
        } else {
            reasonCount += 1
        }
        while i > 0, reasons[i - 1].contribution.magnitude < contribution.magnitude {
            reasons[i] = reasons[i - 1]
            i -= 1
        }
        reasons[i] = ReasonEntry(text: text, value: value, contribution: contribution)
    }

    /// Puts the reason that lifted the decision before all others: without it they would have let pass.
    func lift(_ text: Int, _ value: Double) {
        decision = 1
        var i = min(reasonCount, Self.reasonLimit - 1)
        reasonCount = i + 1
        while i > 0 {
            reasons[i] = reasons[i - 1]
            i -= 1
        }
        reasons[0] = ReasonEntry(text: text, value: value, contribution: 0)
    }
}
