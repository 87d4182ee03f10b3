internal import CSimdjson

/// Decodes records, transactions and feedback, by every rule of the contract; what breaks one is rejected with its reason.
///
/// A decoder owns `slots` places for records, so that a batch can be decoded before the first of it is applied. What a
/// decoded record's texts point to lives until its slot is used again. It belongs to one thread. Once the slots have
/// grown to the largest record seen, decoding a good record allocates nothing.
public final class Decoder {
    /// Rules of the records to come; may be set between two records.
    public var rules: RecordRules {
        get { current.rules }
        set { current = FieldRules(newValue) }
    }
    private var current: FieldRules
    private let parser: OpaquePointer
    private let transactionSchema: OpaquePointer
    private let feedbackSchema: OpaquePointer
    private let values: UnsafeMutablePointer<csj_field>

    public init(slots: Int, rules: RecordRules) {
        precondition(slots > 0)
        current = FieldRules(rules)
        parser = orOutOfMemory(csj_parser_new(slots))
        transactionSchema = Self.schema(TransactionField.allCases.map(\.name))
        feedbackSchema = Self.schema(FeedbackField.allCases.map(\.name))
        values = .allocate(capacity: 64)
        values.initialize(repeating: csj_field(), count: 64)
    }

    deinit {
        csj_parser_free(parser)
        csj_schema_free(transactionSchema)
        csj_schema_free(feedbackSchema)
        values.deallocate()
    }

    /// A transaction from a record's bytes; nil bytes are a tombstone.
    ///
    /// `recordTime` is the record's own time, ms since the epoch; nil, and a negative one (Kafka's "none"), leaves
    /// FUTURE_TIMESTAMP unchecked. Linear in the record's size.
    public func transaction(_ bytes: UnsafeRawBufferPointer?, recordTime: Int64?, slot: Int) throws(Rejection) -> Transaction {
        let present = try parse(bytes, transactionSchema, slot)
        let transaction = try current.transaction(values, present)
        try checkSkew(transaction.time, "timestamp", recordTime)
        return transaction
    }

    /// A label from a record's bytes, as `transaction` reads one.
    public func feedback(_ bytes: UnsafeRawBufferPointer?, recordTime: Int64?, slot: Int) throws(Rejection) -> Feedback {
        let present = try parse(bytes, feedbackSchema, slot)
        let feedback = try current.feedback(values, present)
        try checkSkew(feedback.labelTime, "timestamp", recordTime)
        try checkSkew(feedback.transactionTime, "transaction_timestamp", recordTime)
        return feedback
    }

    /// A transaction from a row of a file. Its texts borrow what the fields were set to.
    public func transaction(_ fields: RawFields) throws(Rejection) -> Transaction {
        try current.transaction(fields.values, fields.present)
    }

    /// A label from a row of a file. Its texts borrow what the fields were set to.
    public func feedback(_ fields: RawFields) throws(Rejection) -> Feedback {
        try current.feedback(fields.values, fields.present)
    }

    /// The part of simdjson that does the vector work here: `haswell`, `westmere`, `arm64` … or, slow, `fallback`.
    public static var implementation: String { String(cString: csj_implementation()) }

    /// Size, framing, syntax, in this order; then `values` hold the fields, and the bits say which are there and not null.
    @inline(__always)
    private func parse(_ bytes: UnsafeRawBufferPointer?, _ schema: OpaquePointer, _ slot: Int) throws(Rejection) -> UInt64 {
        guard let bytes else { throw Rejection(.tombstone, "the record has no value") }
        guard bytes.count <= current.rules.maxRecordBytes else {
            throw Rejection(.tooLarge, "the record is larger than \(current.rules.maxRecordBytes) bytes")
        }
        if bytes.count >= 6, bytes[0] == 0 {
            throw Rejection(.schemaRegistryFraming, "the record is framed for a schema registry; plain JSON is wanted")
        }
        var present: UInt64 = 0
        let status = csj_parse(
            parser, schema, slot, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, values, &present)
        if status != CSJ_OK { throw Self.rejection(status) }
        return present
    }

    private static func rejection(_ status: csj_status) -> Rejection {
        switch status {
        case CSJ_NOT_UTF8: Rejection(.malformedJSON, "the record is not valid UTF-8")
        case CSJ_DUPLICATE_KEY: Rejection(.malformedJSON, "a key occurs twice")
        case CSJ_TOO_DEEP: Rejection(.malformedJSON, "the record is nested deeper than \(CSJ_MAX_DEPTH) levels")
        // No record is to blame for it.
        case CSJ_NO_MEMORY: fatalError("out of memory while parsing a record")
        default: Rejection(.malformedJSON, "the record is not one JSON object")
        }
    }

    private func checkSkew(_ time: Int64, _ name: String, _ recordTime: Int64?) throws(Rejection) {
        guard let recordTime, recordTime >= 0 else { return }
        let (latest, overflow) = recordTime.addingReportingOverflow(current.rules.maxClockSkew)
        if !overflow, time > latest {
            throw Rejection(.futureTimestamp, field: name, "\(name) is later than the record's own time by more than the allowed skew")
        }
    }

    private static func schema(_ names: [String]) -> OpaquePointer {
        let copies = names.map { name in
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: name.utf8.count + 1)
            for (i, c) in (name.utf8CString).enumerated() { copy[i] = c }
            return copy
        }
        defer { copies.forEach { $0.deallocate() } }
        return orOutOfMemory(csj_schema_new(copies.map { UnsafePointer($0) }, names.count))
    }
}

/// Nothing is decoded without it, and no record is to blame: the process ends.
private func orOutOfMemory(_ pointer: OpaquePointer?) -> OpaquePointer {
    guard let pointer else { fatalError("out of memory") }
    return pointer
}
