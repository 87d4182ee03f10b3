/// A header field of an answer. Control characters are left out when it is sent.
public struct Header: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The media types that are answered with.
public enum ContentType {
    public static let json = "application/json"
    public static let text = "text/plain; charset=utf-8"
    /// Prometheus' text format 0.0.4.
    public static let prometheus = "text/plain; version=0.0.4; charset=utf-8"
    /// Server-sent events (WHATWG HTML, 9.2).
    public static let events = "text/event-stream"
}

/// An answer. `Date`, `Content-Length` and `Connection` are the server's to add.
public struct Response: Sendable {
    /// 200–599.
    public var status: Int
    public var contentType: String?
    public var headers: [Header]
    public var body: [UInt8]

    public init(status: Int = 200, contentType: String? = ContentType.json, headers: [Header] = [], body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    public init(status: Int = 200, contentType: String? = ContentType.json, headers: [Header] = [], _ text: String) {
        self.init(status: status, contentType: contentType, headers: headers, body: Array(text.utf8))
    }

    /// The one shape that all errors have: `{"error":{"code":…,"field":…,"message":…}}`, `field` only where one is to blame.
    ///
    /// - Parameters:
    ///   - code: stable, for programs.
    ///   - message: for people; holds nothing of the request's content.
    public static func error(
        _ status: Int, code: String, field: String? = nil, _ message: String, headers: [Header] = []
    ) -> Response {
        var body: [UInt8] = []
        body.reserveCapacity(64 + code.utf8.count + message.utf8.count)
        body += #"{"error":{"code":"#.utf8
        appendJSON(code, to: &body)
        if let field {
            body += #","field":"#.utf8
            appendJSON(field, to: &body)
        }
        body += #","message":"#.utf8
        appendJSON(message, to: &body)
        body += "}}".utf8
        return Response(status: status, headers: headers, body: body)
    }

    /// For requests that were refused before they were whole, with the status that the server has to answer.
    static func refusal(_ status: Int, _ limits: ServerConfiguration) -> Response {
        switch status {
        case 408: error(408, code: "REQUEST_TIMEOUT", "the request did not arrive within \(limits.requestTimeoutMillis) ms")
        case 413: error(413, code: "TOO_LARGE", "the body is over \(limits.maxBodyBytes) bytes")
        case 417: error(417, code: "EXPECTATION_FAILED", "only 100-continue can be expected")
        case 431: error(431, code: "HEADERS_TOO_LARGE", "the header is over \(limits.maxHeaderBytes) bytes")
        case 503:
            error(
                503, code: "TOO_MANY_CONNECTIONS", "\(limits.maxConnections) connections are open",
                headers: [Header("Retry-After", "1")])
        default: error(400, code: "BAD_REQUEST", "the request is not valid HTTP/1.1")
        }
    }
}

/// A JSON string (RFC 8259, 7).
package func appendJSON(_ text: String, to out: inout [UInt8]) { appendJSON(text.utf8, to: &out) }

/// The same of bytes that are valid UTF-8.
package func appendJSON(_ text: some Sequence<UInt8>, to out: inout [UInt8]) {
    let hex = Array("0123456789abcdef".utf8)
    out.append(UInt8(ascii: "\""))
    for byte in text {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
        case 0..<32: out += Array("\\u00".utf8) + [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
        default: out.append(byte)
        }
    }
    out.append(UInt8(ascii: "\""))
}
