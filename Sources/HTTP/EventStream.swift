import CBeast

/// An answer without a known end. Ends when it is let go.
///
/// `Sendable` since cbeast.h lets `weir_beast_stream_write` be called from any thread, and `weir_beast_stream_end` is called once, by `deinit`.
public final class EventStream: @unchecked Sendable {
    /// What became of bytes that were written.
    public enum Written: Sendable {
        case queued
        /// The reader is further behind than `maxStreamBytes`. Nothing was queued: leave these out, or let the stream go.
        case behind
        /// The reader is gone, or the server drains: let the stream go.
        case gone
    }

    private let transport: Exchange.Transport

    init(_ transport: Exchange.Transport) { self.transport = transport }

    deinit {
        switch transport {
        case .socket(let call): weir_beast_stream_end(call)
        case .memory(let call): call.end()
        }
    }

    /// Queues all of `bytes` or none. Never blocks for the reader. Any thread.
    public func write(_ bytes: UnsafeRawBufferPointer) -> Written {
        switch transport {
        case .socket(let call):
            switch weir_beast_stream_write(call, bytes.baseAddress, bytes.count) {
            case 1: .queued
            case 0: .behind
            default: .gone
            }
        case .memory(let call): call.append(bytes) ? .queued : .behind
        }
    }
}
