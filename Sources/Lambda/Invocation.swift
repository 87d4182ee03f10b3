/// One event that Lambda wants answered.
public struct Invocation: Sendable {
    public let id: String
    /// JSON.
    public let event: [UInt8]
    /// When Lambda ends the function, Unix epoch milliseconds.
    public let deadlineMillis: Int64
    /// Of X-Ray; for log lines.
    public let traceID: String?

    public init(id: String, event: [UInt8], deadlineMillis: Int64, traceID: String? = nil) {
        self.id = id
        self.event = event
        self.deadlineMillis = deadlineMillis
        self.traceID = traceID
    }
}

/// Why an event has no answer, as Lambda shows it. Nothing of the event's content.
public struct InvocationError: Error, Sendable, Equatable {
    /// `Weir.BadEvent`, as Lambda's own are named.
    public var type: String
    public var message: String

    public init(type: String, message: String) {
        self.type = type
        self.message = message
    }
}
