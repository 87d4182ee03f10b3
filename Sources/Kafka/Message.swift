import CRdkafka
import Glibc

/// A header of a record, or one to be written: two borrowed ranges of bytes.
public struct Header {
    /// Not empty, UTF-8.
    public var name: UnsafeRawBufferPointer
    /// nil is Kafka's null.
    public var value: UnsafeRawBufferPointer?

    public init(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?) {
        self.name = name
        self.value = value
    }

    /// A header with a name that the program itself knows.
    public init(_ name: StaticString, _ value: UnsafeRawBufferPointer?) {
        self.init(name: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value: value)
    }
}

/// A record as it was read: a view of librdkafka's memory, valid as long as the `MessageBatch` that it comes from holds it. Nothing is copied.
public struct Message {
    let raw: UnsafeMutablePointer<rd_kafka_message_t>

    /// - Complexity: a copy of the name; not for every record.
    public var topic: String { String(cString: rd_kafka_topic_name(raw.pointee.rkt)) }
    public var partition: Int32 { raw.pointee.partition }
    public var offset: Int64 { raw.pointee.offset }

    /// The record time in ms since 1970, or −1 if it has none.
    public var timestamp: Int64 {
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        return rd_kafka_message_timestamp(raw, &type)
    }

    public enum TimestampType: Sendable {
        case none, createTime, logAppendTime
    }

    public var timestampType: TimestampType {
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        _ = rd_kafka_message_timestamp(raw, &type)
        return switch type {
        case RD_KAFKA_TIMESTAMP_CREATE_TIME: .createTime
        case RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME: .logAppendTime
        default: .none
        }
    }

    /// nil is Kafka's null; an empty one is not.
    public var key: UnsafeRawBufferPointer? {
        raw.pointee.key.map { UnsafeRawBufferPointer(start: $0, count: raw.pointee.key_len) }
    }

    /// nil is Kafka's null, a tombstone; an empty one is not.
    public var value: UnsafeRawBufferPointer? {
        raw.pointee.payload.map { UnsafeRawBufferPointer(start: $0, count: raw.pointee.len) }
    }

    /// The record's headers. librdkafka parses them at the first call, and keeps them with the record.
    public var headers: Headers {
        var headers: OpaquePointer?
        return rd_kafka_message_headers(raw, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR ? Headers(raw: headers) : Headers(raw: nil)
    }

    /// A record's headers in their order. Valid as long as the record is.
    public struct Headers: Sequence, IteratorProtocol {
        let raw: OpaquePointer?
        var next_ = 0

        init(raw: OpaquePointer?) { self.raw = raw }

        public var isEmpty: Bool { raw == nil || rd_kafka_header_cnt(raw) == 0 }

        public mutating func next() -> Header? {
            guard let raw else { return nil }
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var length = 0
            guard rd_kafka_header_get_all(raw, next_, &name, &value, &length) == RD_KAFKA_RESP_ERR_NO_ERROR, let name else { return nil }
            next_ += 1
            return Header(
                name: UnsafeRawBufferPointer(start: name, count: strlen(name)),
                value: value.map { UnsafeRawBufferPointer(start: $0, count: length) })
        }
    }
}
