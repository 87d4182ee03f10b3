import CBeast

/// An answer as a client has it.
public struct Answer: Sendable {
    public let status: Int
    public let headers: [Header]
    public let body: [UInt8]

    public init(status: Int, headers: [Header], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The body as text, bad UTF-8 repaired.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The first field of that name, whatever its case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

extension Header {
    init(_ field: weir_beast_field) {
        self.init(
            String(decoding: UnsafeRawBufferPointer(field.name), as: UTF8.self),
            String(decoding: UnsafeRawBufferPointer(field.value), as: UTF8.self))
    }
}
