import CCurl
import Glibc

/// What is asked of another server.
public struct ClientRequest: Sendable {
    public var method: String
    public var url: URLParts
    public var headers: [Header]
    public var body: [UInt8]

    public init(_ method: String = "GET", _ url: URLParts, headers: [Header] = [], body: [UInt8] = []) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// How long an answer may take and how large it may be.
public struct ClientLimits: Sendable {
    /// Until there is a connection, name and TLS included.
    public var connectMillis = 5_000
    /// From the request to the first byte of its answer; nil: as long as it takes. Kept to a second.
    public var waitMillis: Int? = 30_000
    /// Between two pieces of an answer that has begun. Kept to a second.
    public var stallMillis = 15_000
    /// From the call to the last byte; nil: as long as it takes.
    public var totalMillis: Int? = 60_000
    public var maxHeaderBytes = 64 << 10
    public var maxBodyBytes = 16 << 20

    public init() {}
}

/// Asks servers over HTTP/1.1 and TLS, with libcurl as the transport alone: no redirects, no cookies, no proxies, no stored passwords, and nothing of the request is changed. Connections are
/// kept for the next request.
///
/// One thread at a time.
public final class HTTPClient {
    private let curl: UnsafePointer<weir_curl>
    private let handle: UnsafeMutableRawPointer
    private let authorities: String?

    /// - Parameter authorities: a file of certificates (PEM) to be trusted instead of the system's.
    /// - Throws: where libcurl cannot be loaded.
    public init(authorities: String? = nil) throws(TransportError) {
        guard let curl = Library.shared.functions else { throw TransportError(.impossible, Library.shared.problem) }
        guard let handle = curl.pointee.easy_init() else { throw TransportError(.impossible, "no memory for an HTTP client") }
        self.curl = curl
        self.handle = handle
        self.authorities = authorities
    }

    deinit { curl.pointee.easy_cleanup(handle) }

    /// Sends a request and waits for its answer; an answer of any status is one.
    ///
    /// - Parameters:
    ///   - isCancelled: asked at least once a second while nothing comes.
    ///   - sink: takes the body of an answer of 200–299 piece by piece, with status and headers beside it; the answer's own then stays empty; false: no more is wanted. Bodies of other answers
    ///     are always kept.
    public func send(
        _ request: ClientRequest, limits: ClientLimits = ClientLimits(), isCancelled: (() -> Bool)? = nil,
        into sink: ((Answer, UnsafeRawBufferPointer) -> Bool)? = nil
    ) throws(TransportError) -> Answer {
        try Self.check(request)
        curl.pointee.easy_reset(handle)
        let lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        // What libcurl would add by itself.
        var list: UnsafeMutablePointer<curl_slist>?
        defer { curl.pointee.slist_free_all(list) }
        for line in lines + ["Expect:", "Accept:"] + (request.headers.contains { $0.name.lowercased() == "content-type" } ? [] : ["Content-Type:"]) {
            guard let longer = curl.pointee.slist_append(list, line) else { throw TransportError(.impossible, "no memory for a request") }
            list = longer
        }
        let transfer = Transfer(limits, isCancelled, sink)
        return try withExtendedLifetime(transfer) { () throws(TransportError) in
            set(request, limits, list, Unmanaged.passUnretained(transfer).toOpaque())
            let code = perform(request)
            if code != CURLE_OK { throw error(code, transfer, request.url) }
            return transfer.answer
        }
    }

    private func perform(_ request: ClientRequest) -> CURLcode {
        let hasBody = !["GET", "HEAD"].contains(request.method) || !request.body.isEmpty
        return request.body.withUnsafeBytes { body in
            if hasBody {
                weir_curl_set_long(curl, handle, CURLOPT_POST, 1)
                weir_curl_set_size(curl, handle, CURLOPT_POSTFIELDSIZE_LARGE, body.count)
                weir_curl_set_pointer(curl, handle, CURLOPT_POSTFIELDS, body.baseAddress ?? UnsafeRawPointer(bitPattern: 1))
            }
            if request.method == "HEAD" {
                weir_curl_set_long(curl, handle, CURLOPT_NOBODY, 1)
            } else if request.method != (hasBody ? "POST" : "GET") {
                _ = weir_curl_set_text(curl, handle, CURLOPT_CUSTOMREQUEST, request.method)
            }
            return curl.pointee.easy_perform(handle)
        }
    }

    private func set(_ request: ClientRequest, _ limits: ClientLimits, _ list: UnsafeMutablePointer<curl_slist>?, _ context: UnsafeMutableRawPointer) {
        _ = weir_curl_set_text(curl, handle, CURLOPT_URL, request.url.text)
        _ = weir_curl_set_text(curl, handle, CURLOPT_PROTOCOLS_STR, "http,https")
        _ = weir_curl_set_text(curl, handle, CURLOPT_PROXY, "")
        if let authorities { _ = weir_curl_set_text(curl, handle, CURLOPT_CAINFO, authorities) }
        weir_curl_set_long(curl, handle, CURLOPT_PATH_AS_IS, 1)
        weir_curl_set_long(curl, handle, CURLOPT_NOSIGNAL, 1)
        weir_curl_set_long(curl, handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        weir_curl_set_long(curl, handle, CURLOPT_TCP_KEEPALIVE, 1)
        weir_curl_set_long(curl, handle, CURLOPT_CONNECTTIMEOUT_MS, limits.connectMillis)
        weir_curl_set_long(curl, handle, CURLOPT_TIMEOUT_MS, limits.totalMillis ?? 0)
        weir_curl_set_list(curl, handle, CURLOPT_HTTPHEADER, list)
        weir_curl_set_take(curl, handle, CURLOPT_HEADERFUNCTION, takeHeader)
        weir_curl_set_pointer(curl, handle, CURLOPT_HEADERDATA, context)
        weir_curl_set_take(curl, handle, CURLOPT_WRITEFUNCTION, takeBody)
        weir_curl_set_pointer(curl, handle, CURLOPT_WRITEDATA, context)
        weir_curl_set_long(curl, handle, CURLOPT_NOPROGRESS, 0)
        weir_curl_set_progress(curl, handle, watch)
        weir_curl_set_pointer(curl, handle, CURLOPT_XFERINFODATA, context)
    }

    private static func check(_ request: ClientRequest) throws(TransportError) {
        guard request.url.isLegal else { throw TransportError(.impossible, "the URL cannot be sent as it is") }
        func isToken(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: ";") } }
        for header in request.headers {
            guard isToken(header.name), header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw TransportError(.impossible, "a header field cannot be sent as it is")
            }
        }
        guard isToken(request.method) else { throw TransportError(.impossible, "the method cannot be sent as it is") }
    }

    private func error(_ code: CURLcode, _ transfer: Transfer, _ url: URLParts) -> TransportError {
        let kind: TransportError.Kind
        switch code {
        case CURLE_OPERATION_TIMEDOUT: kind = .timeout
        case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE:
            kind = .unreachable
        case CURLE_URL_MALFORMAT, CURLE_OUT_OF_MEMORY: kind = .impossible
        default: kind = .broken
        }
        let reason = transfer.failure ?? kind
        let text: String
        switch transfer.failure {
        case .tooLarge: text = "the answer is larger than allowed"
        case .cancelled: text = "given up"
        case .timeout: text = "it took too long"
        default: text = curl.pointee.easy_strerror(code).map { String(cString: $0) } ?? "libcurl says \(code.rawValue)"
        }
        return TransportError(reason, "no answer from \(url.authority): \(text)")
    }
}

/// One request under way: what has come of its answer.
private final class Transfer {
    private let limits: ClientLimits
    private let isCancelled: (() -> Bool)?
    private let sink: ((Answer, UnsafeRawBufferPointer) -> Bool)?
    private var status = 0
    private var headers: [Header] = []
    private var headerBytes = 0
    private var body: [UInt8] = []
    private var bodyBytes = 0
    private let begun = monotonicNanos()
    private var lastByte: Int64?
    /// Why we ended it ourselves.
    private(set) var failure: TransportError.Kind?

    init(_ limits: ClientLimits, _ isCancelled: (() -> Bool)?, _ sink: ((Answer, UnsafeRawBufferPointer) -> Bool)?) {
        self.limits = limits
        self.isCancelled = isCancelled
        self.sink = sink
    }

    var answer: Answer { Answer(status: status, headers: headers, body: body) }

    /// One line with its end.
    func header(_ line: UnsafeRawBufferPointer) -> Bool {
        lastByte = monotonicNanos()
        headerBytes += line.count
        guard headerBytes <= limits.maxHeaderBytes else { return fail(.tooLarge) }
        if line.starts(with: "HTTP/".utf8) {
            // The last one counts: interim answers (100) come before it.
            let words = line.split(separator: UInt8(ascii: " "))
            status = words.count > 1 ? Int(String(decoding: words[1], as: UTF8.self).prefix(3)) ?? 0 : 0
            headers = []
        } else if bodyBytes == 0, let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            headers.append(Header(Self.trimmed(line[..<colon]), Self.trimmed(line[(colon + 1)...])))
        }
        return true
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        let blank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 || $0 == 13 || $0 == 10 }
        return String(decoding: bytes.drop(while: blank).reversed().drop(while: blank).reversed(), as: UTF8.self)
    }

    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        lastByte = monotonicNanos()
        bodyBytes += bytes.count
        guard bodyBytes <= limits.maxBodyBytes else { return fail(.tooLarge) }
        guard let sink, 200...299 ~= status else {
            body += bytes
            return true
        }
        return sink(answer, bytes) || fail(.cancelled)
    }

    /// False when it is to end.
    func mayGoOn() -> Bool {
        if isCancelled?() == true { return fail(.cancelled) }
        let now = monotonicNanos()
        if let lastByte { return now - lastByte <= Int64(limits.stallMillis) * 1_000_000 || fail(.timeout) }
        guard let wait = limits.waitMillis else { return true }
        return now - begun <= Int64(wait) * 1_000_000 || fail(.timeout)
    }

    private func fail(_ kind: TransportError.Kind) -> Bool {
        failure = kind
        return false
    }
}

private func takeHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ one: Int, _ count: Int, _ context: UnsafeMutableRawPointer?) -> Int {
    let transfer = Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
    return transfer.header(UnsafeRawBufferPointer(start: bytes, count: one * count)) ? one * count : -1
}

private func takeBody(_ bytes: UnsafeMutablePointer<CChar>?, _ one: Int, _ count: Int, _ context: UnsafeMutableRawPointer?) -> Int {
    let transfer = Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
    return transfer.take(UnsafeRawBufferPointer(start: bytes, count: one * count)) ? one * count : -1
}

private func watch(_ context: UnsafeMutableRawPointer?, _: Int, _: Int, _: Int, _: Int) -> Int32 {
    Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue().mayGoOn() ? 0 : 1
}

/// libcurl, loaded once.
///
/// `@unchecked Sendable`: what it holds is written before anyone has it. "libcurl is thread safe", handles are not shared (libcurl-thread(3)).
private final class Library: @unchecked Sendable {
    static let shared = Library()
    let functions: UnsafePointer<weir_curl>?
    let problem: String

    private init() {
        let curl = UnsafeMutablePointer<weir_curl>.allocate(capacity: 1)
        memset(curl, 0, MemoryLayout<weir_curl>.size)
        if weir_curl_load(curl) {
            functions = UnsafePointer(curl)
            problem = ""
        } else {
            functions = nil
            problem = "libcurl cannot be loaded: \(dlerror().map { String(cString: $0) } ?? "it does not start")"
        }
    }
}
