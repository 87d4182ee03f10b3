import Glibc
import Synchronization

/// A server that answers as a test tells it, also as no server should: half an answer, none, nonsense. On 127.0.0.1, a thread a connection. It lives as long as the process: a test may mention it for the last time before it asks it for the last time.
public final class StandIn: Sendable {
    public struct Call: Sendable {
        /// From 0, over all connections.
        public let number: Int
        public let method: String
        public let target: String
        /// Names in lower case.
        public let headers: [String: String]
        public let body: [UInt8]
    }

    public enum Reply: Sendable {
        case answer(Int, headers: [String: String] = [:], body: [UInt8])
        /// These bytes, then the end of the connection.
        case raw([UInt8])
        /// These bytes, then silence until the other side goes.
        case hang([UInt8])

        public static func text(_ status: Int, _ text: String, headers: [String: String] = [:]) -> Reply {
            .answer(status, headers: headers, body: Array(text.utf8))
        }
    }

    private static let all = Mutex<[StandIn]>([])

    public let port: UInt16
    private let shared: Shared

    private final class Shared: Sendable {
        let calls = Mutex<[Call]>([])
        let script: @Sendable (Call) -> Reply

        init(_ script: @escaping @Sendable (Call) -> Reply) { self.script = script }
    }

    public init(_ script: @escaping @Sendable (Call) -> Reply) {
        shared = Shared(script)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isUp = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        precondition(isUp, "a free port on 127.0.0.1")
        port = UInt16(bigEndian: address.sin_port)
        let shared = shared
        start {
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { return }
                start {
                    serve(connection, shared.script) { call in
                        shared.calls.withLock { calls in
                            let numbered = Call(number: calls.count, method: call.method, target: call.target, headers: call.headers, body: call.body)
                            calls.append(numbered)
                            return numbered
                        }
                    }
                    close(connection)
                }
            }
        }
        Self.all.withLock { $0.append(self) }
    }

    /// What it was asked so far.
    public var calls: [Call] { shared.calls.withLock { $0 } }
}

private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func start(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Body(body)).toOpaque()
    pthread_create(&thread, nil, enter, context)
    pthread_detach(thread)
}

private func enter(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
    return nil
}

private func serve(_ connection: Int32, _ script: (StandIn.Call) -> StandIn.Reply, _ note: (StandIn.Call) -> StandIn.Call) {
    var rest: [UInt8] = []
    while let call = read(connection, &rest) {
        switch script(note(call)) {
        case .answer(let status, let headers, let body):
            var head = "HTTP/1.1 \(status) Whatever\r\nContent-Length: \(body.count)\r\n"
            for (name, value) in headers { head += "\(name): \(value)\r\n" }
            guard send(connection, Array((head + "\r\n").utf8) + (call.method == "HEAD" ? [] : body)) else { return }
        case .raw(let bytes):
            _ = send(connection, bytes)
            return
        case .hang(let bytes):
            _ = send(connection, bytes)
            var byte: UInt8 = 0
            while recv(connection, &byte, 1, 0) > 0 {}
            return
        }
    }
}

private func send(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
    var at = 0
    while at < bytes.count {
        let count = bytes[at...].withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count <= 0 { return false }
        at += count
    }
    return true
}

/// One request with its body, by its length alone.
private func read(_ connection: Int32, _ rest: inout [UInt8]) -> StandIn.Call? {
    func more() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(connection, &chunk, chunk.count, 0)
        if count > 0 { rest += chunk[..<count] }
        return count > 0
    }
    let end = Array("\r\n\r\n".utf8)
    var headEnd: Int?
    while headEnd == nil {
        headEnd = rest.indices.dropLast(3).first { rest[$0..<($0 + 4)].elementsEqual(end) }
        if headEnd == nil, !more() { return nil }
    }
    let lines = String(decoding: rest[..<headEnd!], as: UTF8.self).split(separator: "\r\n")
    let words = lines[0].split(separator: " ")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
        guard let colon = line.firstIndex(of: ":") else { continue }
        headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    let length = headers["content-length"].flatMap { Int($0) } ?? 0
    while rest.count < headEnd! + 4 + length { if !more() { return nil } }
    let body = Array(rest[(headEnd! + 4)..<(headEnd! + 4 + length)])
    rest.removeFirst(headEnd! + 4 + length)
    return StandIn.Call(number: 0, method: String(words[0]), target: words.count > 1 ? String(words[1]) : "", headers: headers, body: body)
}
