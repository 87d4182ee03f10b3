public import Scoring
internal import Velocity

/// Scores files through the engine, the way the stream would: one record after the other, labels when they become known.
///
/// Each record counts one offset of partition 0, refused ones too, so that verdicts are those of the same records in a topic
/// of one partition. A label comes before the transactions of its own millisecond. One thread.
public final class OfflineScorer {
    /// Where labels come from.
    public enum Labels {
        case none
        /// Records of feedback.
        case file(String)
        /// A column of the transactions' own CSV; each label arrives `FEEDBACK_DELAY` after its transaction.
        case column(String)
    }

    /// How the transactions' files are to be read.
    public struct Reading {
        /// nil: what each name says.
        public var format: FileFormat?
        public var mappings: [ColumnMapping] = []
        public var labels = Labels.none
        public init() {}
    }

    /// What became of the records.
    public struct Counts: Equatable, Sendable {
        public var records = 0
        public var scored = 0
        public var duplicates = 0
        public var rejected = 0
        /// Labels that were applied; those that become known after the last transaction are not.
        public var labels = 0
        public init() {}
    }

    public let engine: Engine
    public private(set) var counts = Counts()
    private let reading: Reading
    private let decoder: Decoder
    private let sink: VerdictSink
    private let rejects: Rejects
    private var pending = PendingLabels()
    private var final = FinalLabels()
    private var scored: Scored?

    /// What is wanted of each transaction.
    public enum Wanted: Sendable {
        case verdicts, features, amlFeatures
        /// Which typologies fired and what was decided, alone.
        case outcomes
    }

    /// - Throws: when the feedback file cannot be read.
    public init(_ configuration: EngineConfiguration, _ reading: Reading, rejects: Rejects, _ wanted: Wanted) throws(FileError) {
        engine = Engine(configuration)
        decoder = Decoder(slots: 1, rules: configuration.rules)
        sink = VerdictSink(keepsVerdicts: wanted == .verdicts, keepsFeatures: wanted == .features, keepsAMLFeatures: wanted == .amlFeatures)
        self.reading = reading
        self.rejects = rejects
        if case .file(let path) = reading.labels { try readFeedback(path) }
    }

    /// One scored transaction; all of it is valid for the call only.
    public struct Scored {
        public var id: Text
        public var transaction: Transaction
        /// A bit for each typology that fired, by its raw value.
        public var typologies: UInt32
        /// Both verdicts; empty where they are not wanted.
        public var fraud: UnsafeRawBufferPointer
        public var aml: UnsafeRawBufferPointer
        /// In the engine's order; empty where they are not wanted.
        public var features: [Double]
        public var fraudDecision: FraudDecision
        public var amlDecision: AMLDecision
        /// What the challenger would have said; nil without one.
        public var challengerDecision: FraudDecision?
        /// The label that it has in the end; nil without one.
        public var isFraud: Bool?
    }

    /// Scores a file, in its order, and hands out each scored transaction.
    ///
    /// - Parameter progress: called after every record with the reader, to show how far it is.
    public func score(
        _ path: String, progress: (RecordReader) -> Void = { _ in }, _ body: (Scored) throws(FileError) -> Void
    ) throws(FileError) {
        var labelColumn: String?
        if case .column(let name) = reading.labels { labelColumn = name }
        let limit = max(RecordReader.defaultLineLimit, engine.configuration.rules.maxRecordBytes)
        let reader = try RecordReader(path, format: reading.format, mappings: reading.mappings, labelColumn: labelColumn, lineLimit: limit)
        while let record = try reader.next() {
            counts.records += 1
            do throws(Refusal) {
                let transaction = try check(record, labelColumn)
                applyLabels(upTo: transaction.time)
                if try score(transaction) {
                    pass(on: transaction, record.label)
                } else {
                    counts.duplicates += 1
                }
            } catch {
                counts.rejected += 1
                try rejects.add(file: path, line: record.line, error)
            }
            if let scored { try body(scored) }
            scored = nil
            progress(reader)
        }
    }

    /// Scores one record as it is, of a topic for example, and hands it out when it is scored.
    ///
    /// - Parameter place: where it is from, for what is said of a refused one.
    public func score(_ json: UnsafeRawBufferPointer, place: String, _ body: (Scored) throws(FileError) -> Void) throws(FileError) {
        counts.records += 1
        do throws(Refusal) {
            let transaction = try decoder.transaction(.json(json))
            if try score(transaction) { pass(on: transaction, nil) } else { counts.duplicates += 1 }
        } catch {
            counts.rejected += 1
            try rejects.add(file: place, line: counts.records, error)
        }
        if let scored { try body(scored) }
        scored = nil
    }

    private func check(_ record: RecordReader.Record, _ labelColumn: String?) throws(Refusal) -> Transaction {
        let transaction = try decoder.transaction(record.content)
        if record.isLabelInvalid {
            throw Refusal("INVALID_FIELD", field: labelColumn, "a label must be 1, 0, true, false, fraud or legitimate")
        }
        return transaction
    }

    /// Whether it was scored; else it is a duplicate.
    private func score(_ transaction: Transaction) throws(Refusal) -> Bool {
        sink.reset()
        engine.score(transaction, partition: 0, offset: Int64(counts.records - 1), into: sink)
        let result = sink.results[0]
        switch result.outcome {
        case .scored: return true
        case .duplicate, .applied: return false
        case .deadLettered(let reason):
            throw Refusal(Rejection(reason, field: result.field, result.message ?? ""))
        }
    }

    /// Hands a scored transaction out, and sets its label on its way.
    private func pass(on transaction: Transaction, _ isFraud: Bool?) {
        counts.scored += 1
        var feedback = Feedback()
        feedback.transactionID = transaction.id
        feedback.account = transaction.account
        feedback.merchant = transaction.merchant
        feedback.transactionTime = transaction.time
        var isFraud = isFraud
        switch reading.labels {
        case .none: break
        case .file: isFraud = final.isFraud(Engine.label(feedback))
        case .column:
            // Labels count for merchants alone.
            if let isFraud, transaction.merchant.isPresent {
                feedback.isFraud = isFraud
                feedback.labelTime = transaction.time + engine.configuration.velocity.feedbackDelay
                pending.add(Engine.label(feedback))
            }
        }
        let result = sink.results[0]
        scored = Scored(
            id: transaction.id, transaction: transaction, typologies: result.typologies, fraud: sink[result.fraud], aml: sink[result.aml],
            features: sink.features, fraudDecision: result.fraudDecision, amlDecision: result.amlDecision,
            challengerDecision: result.challengerDecision, isFraud: isFraud)
    }

    private func applyLabels(upTo time: Int64) {
        while let label = pending.next(upTo: time) {
            if engine.apply(label) == .applied { counts.labels += 1 }
        }
    }

    private func readFeedback(_ path: String) throws(FileError) {
        let reader = try RecordReader(path, .feedback)
        while let record = try reader.next() {
            do throws(Refusal) {
                let label = Engine.label(try decoder.feedback(record.content))
                pending.add(label)
                final.add(label)
            } catch {
                try rejects.add(file: path, line: record.line, error)
            }
        }
    }
}
