/// The right to answer one request, once, from any thread. It may be copied and kept: the first answer counts, later ones do nothing and return false. When all copies are gone, those of its
/// `Request` too, and none has answered, the client is answered 500.
public struct Reply: Sendable {
    let exchange: Exchange

    /// - Returns: false if it was answered before.
    @discardableResult
    public func send(_ response: Response) -> Bool { exchange.send(response) }

    /// The same with a body that is borrowed for the call.
    ///
    /// - Parameter status: 200–599.
    @discardableResult
    public func send(
        status: Int, contentType: String? = ContentType.json, headers: [Header] = [], body: UnsafeRawBufferPointer
    ) -> Bool {
        exchange.send(status: status, contentType: contentType, headers: headers, body: body)
    }

    /// Answers with a body that goes on until it is ended, such as server-sent events.
    ///
    /// - Returns: nil if it was answered before.
    public func stream(status: Int = 200, contentType: String = ContentType.events, headers: [Header] = []) -> EventStream? {
        exchange.stream(status: status, contentType: contentType, headers: headers)
    }
}
