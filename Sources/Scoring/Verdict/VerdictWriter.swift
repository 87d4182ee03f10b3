import Velocity

/// Writes a transaction's verdicts as compact JSON: the fields of the contract's section 5, in the order of its example.
///
/// All that does not depend on the transaction is text before the first verdict. Both verdicts of a transaction have the same beginning,
/// windows and end: the second copies them from the first. A warm writer allocates nothing.
final class VerdictWriter {
    /// What a verdict says besides its assessment.
    struct Context {
        var velocityRisk: Int64 = 0
        /// Velocity is switched off for this account.
        var isVelocityOff = false
        var isLate = false
        var isComplete = true
        var isDuplicate = false
        /// Place in the input; nil where no record is behind the verdict (HTTP).
        var source: (partition: Int32, offset: Int64)?
    }

    private let pieces = Fragments()
    private let block: UnsafePointer<UInt8>
    private let digits = ByteCursor.makeDigits()
    private var day = DayText()

    private let windowCount: Int
    private let decimals: Int
    private let minorUnits: Double
    private let windowPieces: [Fragments.Piece]
    private let reasonPieces: UnsafeMutablePointer<ReasonPieces>
    private let source: Fragments.Piece
    private let typologyPieces: [Fragments.Piece]
    /// What a transaction's two verdicts may take at most, bytes.
    private let bound: Int
    private var thresholds: Thresholds
    private var models: ModelPieces

    private struct ReasonPieces {
        var head: Fragments.Piece
        var before: Fragments.Piece
        var after: Fragments.Piece
        var isYesNo: Bool
    }

    /// Thresholds as text: they change with the policy, and so have a block of their own.
    struct Thresholds {
        let pieces = Fragments()
        /// For a decision's raw value: the one that it passed, and for 0 the next one up.
        let fraud: [Fragments.Piece]
        let aml: [Fragments.Piece]

        init(fraud: (Double, Double), aml: (Double, Double)) {
            let pieces = self.pieces
            func three(_ pair: (Double, Double)) -> [Fragments.Piece] {
                let lower = pieces.add(Self.text(pair.0))
                return [lower, lower, pieces.add(Self.text(pair.1))]
            }
            self.fraud = three(fraud)
            self.aml = three(aml)
        }

        /// The shortest decimal that is this double.
        private static func text(_ value: Double) -> String {
            let text = "\(value)"
            return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        }
    }

    /// - Parameters:
    ///   - topic: the transactions' topic, for `source`.
    ///   - decimals: of the base currency's minor unit, 2 or 3.
    init(_ set: FeatureSet, _ texts: ReasonTexts, topic: String, decimals: Int, thresholds: Thresholds, models: ModelPieces) {
        windowCount = set.windows.count
        self.decimals = decimals
        self.thresholds = thresholds
        self.models = models
        minorUnits = decimals == 2 ? 100 : 1_000
        let pieces = self.pieces
        windowPieces = set.windows.map { pieces.add("\"\($0.name)\":{\"count\":") }
        reasonPieces = .allocate(capacity: texts.entries.count)
        var longestReason = 0
        for (i, entry) in texts.entries.enumerated() {
            (reasonPieces + i).initialize(
                to: ReasonPieces(
                    head: pieces.add("{\"code\":\"\(entry.code)\",\"value\":"), before: pieces.add(entry.before), after: pieces.add(entry.after),
                    isYesNo: entry.style == .yesNo))
            longestReason = max(longestReason, entry.code.utf8.count + entry.before.utf8.count + entry.after.utf8.count)
        }
        source = pieces.add(",\"source\":{\"topic\":\"\(Self.escaped(topic))\",\"partition\":")
        typologyPieces = Typology.allCases.map { pieces.add("{\"code\":\"\($0.code)\",\"score\":") }
        block = pieces.make()
        let numbers = 48  // the longest number: a sum of 128 bits with its decimals
        let windows = set.windows.reduce(0) { $0 + $1.name.utf8.count + 32 + 2 * numbers } + 32
        let reasons = Assessment.reasonLimit * (longestReason + 64 + 3 * numbers)
        let typologies = Typology.allCases.count * (TypologyFindings.evidenceLimit * (32 + numbers) + 64)
        bound = 2 * (2 * 6 * 128 + reasons + 7 * windows + source.count + ModelPieces.most + 1024) + typologies + ByteCursor.slack
    }

    deinit {
        reasonPieces.deallocate()
        UnsafeMutablePointer(mutating: digits).deallocate()
    }

    /// Other thresholds are in force from the next verdict on.
    func take(_ thresholds: Thresholds) { self.thresholds = thresholds }

    /// Other models score from the next verdict on.
    func take(_ models: ModelPieces) { self.models = models }

    /// Both verdicts of a scored transaction.
    func write(
        _ transaction: Transaction, _ event: Event, _ reading: Reading, _ context: Context, fraud: Assessment, aml: Assessment,
        into sink: VerdictSink
    ) -> (fraud: Range<Int>, aml: Range<Int>) {
        let start = sink.reserve(bound)
        var cursor = ByteCursor(start, digits: digits)
        head(transaction, &cursor)
        let headEnd = cursor.p
        own(.fraud, fraud, context, event, &cursor)
        let velocityBegin = cursor.p
        velocity(event, reading, &cursor)
        let velocityEnd = cursor.p
        end(.fraud, fraud, context, &cursor)
        let tailBegin = cursor.p
        tail(context, event, &cursor)
        let tailEnd = cursor.p
        let first = sink.commit(cursor.p)

        copy(start, headEnd, &cursor)
        own(.aml, aml, context, event, &cursor)
        copy(velocityBegin, velocityEnd, &cursor)
        end(.aml, aml, context, &cursor)
        copy(tailBegin, tailEnd, &cursor)
        return (first, sink.commit(cursor.p))
    }

    /// One verdict alone, as it is asked for over HTTP.
    func write(
        _ kind: VerdictKind, _ transaction: Transaction, _ event: Event, _ reading: Reading, _ context: Context,
        _ assessment: Assessment, into sink: VerdictSink
    ) -> Range<Int> {
        var cursor = ByteCursor(sink.reserve(bound), digits: digits)
        head(transaction, &cursor)
        own(kind, assessment, context, event, &cursor)
        velocity(event, reading, &cursor)
        end(kind, assessment, context, &cursor)
        tail(context, event, &cursor)
        return sink.commit(cursor.p)
    }

    @inline(__always)
    private func copy(_ from: UnsafeMutablePointer<UInt8>, _ to: UnsafeMutablePointer<UInt8>, _ cursor: inout ByteCursor) {
        cursor.p.update(from: from, count: to - from)
        cursor.p += to - from
    }

    @inline(__always)
    private func piece(_ piece: Fragments.Piece, _ cursor: inout ByteCursor) { cursor.padded(block + piece.offset, piece.count) }

    // MARK: Parts, in their order

    @inline(__always)
    private func head(_ transaction: Transaction, _ cursor: inout ByteCursor) {
        cursor.literal("{\"transaction_id\":")
        cursor.string(transaction.id)
        cursor.literal(",\"account_id\":")
        cursor.string(transaction.account)
        cursor.literal(",\"kind\":")
    }

    private func own(_ kind: VerdictKind, _ assessment: Assessment, _ context: Context, _ event: Event, _ cursor: inout ByteCursor) {
        switch kind {
        case .fraud:
            cursor.literal("\"fraud\",\"decision\":")
            switch assessment.decision {
            case 0: cursor.literal("\"approve\"")
            case 1: cursor.literal("\"review\"")
            default: cursor.literal("\"decline\"")
            }
        case .aml:
            cursor.literal("\"aml\",\"decision\":")
            switch assessment.decision {
            case 0: cursor.literal("\"clear\"")
            case 1: cursor.literal("\"review\"")
            default: cursor.literal("\"report\"")
            }
        }
        cursor.literal(",\"score\":")
        cursor.millionths(assessment.score)
        cursor.literal(",\"threshold\":")
        let passed = (kind == .fraud ? thresholds.fraud : thresholds.aml)[Int(assessment.decision)]
        cursor.padded(thresholds.pieces.make() + passed.offset, passed.count)
        cursor.literal(",\"velocity_risk\":")
        cursor.millionths(context.velocityRisk)
        cursor.byte(44)
        if assessment.reasonCount > 0 { reasons(assessment, &cursor) }
        if let typologies = assessment.typologies, typologies.count > 0 { self.typologies(typologies, &cursor) }
    }

    private func typologies(_ found: TypologyFindings, _ cursor: inout ByteCursor) {
        cursor.literal("\"typologies\":[")
        for i in 0..<found.count {
            if i > 0 { cursor.byte(44) }
            piece(typologyPieces[Int(found.typologies[i].rawValue)], &cursor)
            cursor.millionths(millionths(found.scores[i]))
            cursor.literal(",\"evidence\":{")
            var isFirst = true
            for number in found.evidence(i) {
                if !isFirst { cursor.byte(44) }
                isFirst = false
                cursor.byte(34)
                cursor.literal(number.name)
                cursor.literal("\":")
                switch number.unit {
                case .integer: cursor.integer(number.number)
                case .money: cursor.money(Int128(number.number), decimals: decimals)
                case .decimal: cursor.decimal(number.decimal)
                }
            }
            cursor.literal("}}")
        }
        cursor.literal("],")
    }

    private func reasons(_ assessment: Assessment, _ cursor: inout ByteCursor) {
        cursor.literal("\"reasons\":[")
        for i in 0..<assessment.reasonCount {
            if i > 0 { cursor.byte(44) }
            let reason = assessment.reasons[i]
            let said = reasonPieces + reason.text
            piece(said.pointee.head, &cursor)
            cursor.decimal(reason.value)
            cursor.literal(",\"contribution\":")
            cursor.decimal(reason.contribution)
            cursor.literal(",\"text\":\"")
            if said.pointee.isYesNo {
                piece(reason.value != 0 ? said.pointee.before : said.pointee.after, &cursor)
            } else {
                piece(said.pointee.before, &cursor)
                cursor.hundredths(reason.value)
                piece(said.pointee.after, &cursor)
            }
            cursor.literal("\"}")
        }
        cursor.literal("],")
    }

    @inline(__always)
    private func velocity(_ event: Event, _ reading: Reading, _ cursor: inout ByteCursor) {
        cursor.literal("\"velocity\":{\"account\":{")
        let account = reading.account
        for w in 0..<windowCount { window(w, account[w].count, account[w].sum, &cursor) }
        cursor.literal("},\"inflow\":{")
        let inflow = reading.inflow
        for w in 0..<windowCount { window(w, inflow[w].count, inflow[w].sum, &cursor) }
        if event.counterparty != 0 {
            cursor.literal("},\"counterparty\":{")
            let counterparty = reading.counterparty
            for w in 0..<windowCount { window(w, counterparty[w].count, counterparty[w].sum, &cursor) }
        }
        if event.card != 0 {
            cursor.literal("},\"card\":{")
            entity(reading.card, &cursor)
        }
        if event.device != 0 {
            cursor.literal("},\"device\":{")
            entity(reading.device, &cursor)
        }
        if event.merchant != 0 {
            cursor.literal("},\"merchant\":{")
            entity(reading.merchant, &cursor)
        }
        if event.ip != 0 {
            cursor.literal("},\"ip\":{")
            entity(reading.ip, &cursor)
        }
        cursor.literal("}},")
    }

    private func entity(_ windows: UnsafeMutablePointer<EntityWindow>, _ cursor: inout ByteCursor) {
        for w in 0..<windowCount { window(w, windows[w].count, windows[w].sum, &cursor) }
    }

    private func window(_ w: Int, _ count: Int64, _ sum: Int128, _ cursor: inout ByteCursor) {
        if w > 0 { cursor.byte(44) }
        piece(windowPieces[w], &cursor)
        cursor.integer(count)
        cursor.literal(",\"sum\":")
        cursor.money(sum, decimals: decimals)
        cursor.byte(125)
    }

    private func end(_ kind: VerdictKind, _ assessment: Assessment, _ context: Context, _ cursor: inout ByteCursor) {
        let piece = models.piece(kind, isVelocityOff: context.isVelocityOff, isSwitchedOff: assessment.isSwitchedOff)
        cursor.padded(models.block + piece.offset, piece.count)
    }

    private func tail(_ context: Context, _ event: Event, _ cursor: inout ByteCursor) {
        if context.isLate { cursor.literal("\"late\":true,") } else { cursor.literal("\"late\":false,") }
        if context.isComplete { cursor.literal("\"complete\":true,") } else { cursor.literal("\"complete\":false,") }
        if context.isDuplicate { cursor.literal("\"duplicate\":true,") }
        cursor.literal("\"event_time\":")
        day.write(event.time, to: &cursor)
        if let (partition, offset) = context.source {
            piece(source, &cursor)
            cursor.integer(Int64(partition))
            cursor.literal(",\"offset\":")
            cursor.integer(offset)
            cursor.byte(125)
        }
        cursor.byte(125)
    }

    /// A topic's name inside a JSON string. Kafka allows letters, digits, `.`, `_` and `-` alone; this holds for any other name too.
    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case _ where scalar.value < 32:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
