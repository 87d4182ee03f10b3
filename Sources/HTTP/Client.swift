import CBeast

/// Why there was no answer. Its description is one line.
public struct ClientError: Error, CustomStringConvertible {
    public let isTimeout: Bool
    public let description: String
}

/// Asks once, over a connection of its own, and blocks until the answer is there or `timeoutMillis` has passed. For health checks, demonstrations and tests.
public func get(
    host: String, port: UInt16, path: String, headers: [Header] = [], timeoutMillis: Int = 5_000
) throws(ClientError) -> Answer {
    try fetch("GET", host: host, port: port, target: path, headers: headers, timeoutMillis: timeoutMillis)
}

/// The same with a body, which is JSON unless `headers` say otherwise.
public func post(
    host: String, port: UInt16, path: String, headers: [Header] = [], body: [UInt8], timeoutMillis: Int = 5_000
) throws(ClientError) -> Answer {
    let type = headers.contains { $0.name.lowercased() == "content-type" } ? [] : [Header("Content-Type", ContentType.json)]
    return try fetch("POST", host: host, port: port, target: path, headers: type + headers, body: body, timeoutMillis: timeoutMillis)
}

/// The same with any method.
///
/// - Parameter target: path and query, as they are sent.
/// - Throws: when no whole answer came, whatever the reason; an answer of any status is one.
public func fetch(
    _ method: String, host: String, port: UInt16, target: String, headers: [Header] = [], body: [UInt8] = [],
    timeoutMillis: Int = 5_000, maxBodyBytes: Int = 16 << 20
) throws(ClientError) -> Answer {
    var texts = Array(host.utf8) + [0] + Array(method.utf8) + Array(target.utf8)
    for header in headers { texts += Array(header.name.utf8) + Array(header.value.utf8) }
    texts += body
    let answer = texts.withUnsafeBufferPointer { texts in
        let start = UnsafeRawPointer(texts.baseAddress!).assumingMemoryBound(to: CChar.self)
        var end = host.utf8.count + 1
        func next(_ count: Int) -> weir_beast_text {
            defer { end += count }
            return weir_beast_text(data: start + end, length: count)
        }
        var query = weir_beast_query()
        query.host = start
        query.port = port
        query.method = next(method.utf8.count)
        query.target = next(target.utf8.count)
        let fields = headers.map { weir_beast_field(name: next($0.name.utf8.count), value: next($0.value.utf8.count)) }
        query.body = next(body.count)
        query.timeout_millis = UInt32(clamping: timeoutMillis)
        query.max_body_bytes = UInt32(clamping: maxBodyBytes)
        return fields.withUnsafeBufferPointer { fields in
            query.fields = fields.baseAddress
            query.field_count = fields.count
            return weir_beast_fetch(&query)
        }
    }
    guard let answer else { throw ClientError(isTimeout: false, description: "no memory for a request") }
    defer { weir_beast_answer_free(answer) }
    guard answer.pointee.status != 0 else {
        let reason = String(decoding: UnsafeRawBufferPointer(answer.pointee.error), as: UTF8.self)
        let shown = host.contains(":") ? "[\(host)]" : host
        throw ClientError(isTimeout: answer.pointee.timed_out, description: "no answer from \(shown):\(port): \(reason)")
    }
    return Answer(
        status: Int(answer.pointee.status),
        headers: UnsafeBufferPointer(start: answer.pointee.fields, count: answer.pointee.field_count).map { Header($0) },
        body: Array(UnsafeRawBufferPointer(answer.pointee.body)))
}
