import CBeast
import Synchronization

/// One request and its one answer. `Request` and `Reply` are its two faces; when both are gone without an answer, it answers 500, so that no client hangs.
///
/// `Sendable`: what is not constant is `phase`, an atomic, and `route`, which is written before `phase` leaves `open` by who routes, and read after it by who answers. cbeast.h: the
/// request's bytes are the call's until it is answered, and `weir_beast_reply` may be called from any thread.
final class Exchange: @unchecked Sendable {
    enum Transport {
        case socket(OpaquePointer)
        case memory(MemoryCall)
    }

    let request: weir_beast_request
    let transport: Transport
    /// The path of the route that took it.
    var route: String?
    private let observer: Observer?
    private let begunNanos: Int64
    private let isAnswered = Atomic<Bool>(false)

    init(_ request: weir_beast_request, _ transport: Transport, observer: Observer?) {
        self.request = request
        self.transport = transport
        self.observer = observer
        begunNanos = observer == nil ? 0 : monotonicNanos()
    }

    deinit {
        if !isAnswered.load(ordering: .acquiring) { send(.error(500, code: "INTERNAL", "the request was given up")) }
    }

    /// For who reads the request. After the answer its memory is the next request's.
    func checkReadable() {
        precondition(!isAnswered.load(ordering: .relaxed), "a request's bytes are gone with its answer")
    }

    /// The first one wins.
    func claim() -> Bool {
        !isAnswered.exchange(true, ordering: .acquiringAndReleasing)
    }

    @discardableResult
    func send(_ response: Response) -> Bool {
        response.body.withUnsafeBytes {
            send(status: response.status, contentType: response.contentType, headers: response.headers, body: $0)
        }
    }

    func send(status: Int, contentType: String?, headers: [Header], body: UnsafeRawBufferPointer) -> Bool {
        guard claim() else { return false }
        precondition(200...599 ~= status, "\(status) is not a final status")
        observer?(Observation(route: route, status: status, nanos: monotonicNanos() - begunNanos))
        withFields(contentType, headers) { fields in
            switch transport {
            case .socket(let call):
                weir_beast_reply(call, Int32(status), fields.baseAddress, fields.count, body.baseAddress, body.count)
            case .memory(let call):
                call.begin(status, fields)
                if Method(UnsafeRawBufferPointer(request.method)) != .head { _ = call.append(body) }
                call.end()
            }
        }
        return true
    }

    func stream(status: Int, contentType: String, headers: [Header]) -> EventStream? {
        guard claim() else { return nil }
        observer?(Observation(route: route, status: status, nanos: monotonicNanos() - begunNanos))
        withFields(contentType, headers) { fields in
            switch transport {
            case .socket(let call): weir_beast_stream_begin(call, Int32(status), fields.baseAddress, fields.count)
            case .memory(let call): call.begin(status, fields)
            }
        }
        return EventStream(transport)
    }
}

/// Lends header fields to C: their texts copied one after the other, on the stack when they are few.
private func withFields(_ contentType: String?, _ headers: [Header], _ body: (UnsafeBufferPointer<weir_beast_field>) -> Void) {
    let name = "Content-Type"
    var bytes = headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    if let contentType { bytes += name.utf8.count + contentType.utf8.count }
    withUnsafeTemporaryAllocation(byteCount: max(bytes, 1), alignment: 1) { texts in
        withUnsafeTemporaryAllocation(of: weir_beast_field.self, capacity: headers.count + 1) { fields in
            var end = 0
            func copy(_ text: String) -> weir_beast_text {
                let place = UnsafeMutableRawBufferPointer(rebasing: texts[end..<(end + text.utf8.count)])
                place.copyBytes(from: text.utf8)
                end += place.count
                return weir_beast_text(data: UnsafeRawPointer(place.baseAddress!).assumingMemoryBound(to: CChar.self), length: place.count)
            }
            var count = 0
            func add(_ name: String, _ value: String) {
                fields.initializeElement(at: count, to: weir_beast_field(name: copy(name), value: copy(value)))
                count += 1
            }
            if let contentType { add(name, contentType) }
            for header in headers { add(header.name, header.value) }
            body(UnsafeBufferPointer(rebasing: fields[..<count]))
        }
    }
}
