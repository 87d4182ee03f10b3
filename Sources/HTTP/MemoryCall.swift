import CBeast
import Glibc
import Synchronization

/// What stands in for a connection when a router is asked without a socket.
final class MemoryCall: Sendable {
    private struct State {
        var status = 0
        var headers: [Header] = []
        var body: [UInt8] = []
        var isEnded = false
    }

    private let state = Mutex(State())
    private let ended = Latch()
    private static let maxBytes = 64 << 20

    func begin(_ status: Int, _ fields: UnsafeBufferPointer<weir_beast_field>) {
        let headers = fields.map { Header($0) }
        state.withLock {
            $0.status = status
            $0.headers = headers
        }
    }

    /// - Returns: false if it would be too much.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let copy = Array(bytes)
        return state.withLock {
            guard $0.body.count + copy.count <= Self.maxBytes else { return false }
            $0.body += copy
            return true
        }
    }

    func end() {
        state.withLock { $0.isEnded = true }
        ended.open()
    }

    func wait(timeoutMillis: Int) -> Answer? {
        guard ended.wait(timeoutMillis: timeoutMillis) else { return nil }
        return state.withLock { Answer(status: $0.status, headers: $0.headers, body: $0.body) }
    }
}

/// Opened once, waited for once. A POSIX semaphore: `sem_post` and `sem_timedwait` may be called from any threads (sem_overview(7)).
final class Latch: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func open() { sem_post(semaphore) }

    /// - Returns: false if the time passed first.
    func wait(timeoutMillis: Int) -> Bool {
        var until = timespec()
        clock_gettime(CLOCK_REALTIME, &until)
        let nanos = until.tv_nsec + timeoutMillis % 1000 * 1_000_000
        until.tv_sec += timeoutMillis / 1000 + nanos / 1_000_000_000
        until.tv_nsec = nanos % 1_000_000_000
        while sem_timedwait(semaphore, &until) != 0 { if errno != EINTR { return false } }
        return true
    }
}

extension Router {
    /// Asks without a socket, as a client would with one, and waits for the answer.
    ///
    /// - Returns: nil if none came in time.
    public func call(
        _ method: String, _ target: String, headers: [Header] = [], body: [UInt8] = [], timeoutMillis: Int = 10_000
    ) -> Answer? {
        let call = MemoryCall()
        var texts = Array(method.utf8) + Array(target.utf8)
        for header in headers { texts += Array(header.name.utf8) + Array(header.value.utf8) }
        texts += body
        return texts.withUnsafeBufferPointer { texts in
            var end = 0
            func next(_ count: Int) -> weir_beast_text {
                defer { end += count }
                let start = texts.baseAddress.map { UnsafeRawPointer($0 + end).assumingMemoryBound(to: CChar.self) }
                return weir_beast_text(data: start, length: count)
            }
            var request = weir_beast_request()
            request.method = next(method.utf8.count)
            request.target = next(target.utf8.count)
            let fields = headers.map { weir_beast_field(name: next($0.name.utf8.count), value: next($0.value.utf8.count)) }
            request.body = next(body.count)
            return fields.withUnsafeBufferPointer { fields in
                request.fields = fields.baseAddress
                request.field_count = fields.count
                handle(request, call)
                return call.wait(timeoutMillis: timeoutMillis)
            }
        }
    }

    /// Holds the exchange no longer than the handler runs, so that a dropped reply is noticed.
    private func handle(_ request: weir_beast_request, _ call: MemoryCall) {
        let exchange = Exchange(request, .memory(call), observer: nil)
        handle(Request(exchange: exchange), Reply(exchange: exchange))
    }
}
