import Foundation
import TestSupport

/// A TCP connection to 127.0.0.1 that sends whatever it is told, and takes its time.
final class RawConnection {
    struct Failure: Error { let what: String, number: Int32 }

    /// What came back: whole answers, and whether the peer ended the connection.
    struct Received: Equatable {
        var statuses: [Int] = []
        var bodies: [String] = []
        var isClosed = false
        /// The last answer's header.
        var head = ""
    }

    let descriptor: Int32
    private(set) var bytes: [UInt8] = []
    private(set) var isClosed = false
    private(set) var sendError: Int32 = 0
    private(set) var receiveError: Int32 = 0

    /// - Parameter receiveBufferBytes: a small one makes a slow reader felt soon.
    init(_ port: UInt16, receiveBufferBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(what: "socket", number: errno) }
        if var size = receiveBufferBytes { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else { throw Failure(what: "connect", number: errno) } // and `deinit` closes
    }

    deinit { close(descriptor) }

    /// - Returns: false if the peer no longer takes it, or nothing for 10 s.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool { send(bytes[...]) }

    @discardableResult
    func send(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let sent = push(rest)
            if sent > 0 {
                rest = rest.dropFirst(sent)
            } else if sent == 0 {
                // Full: the peer may be waiting for us to read.
                let ready = wait(for: POLLIN | POLLOUT, within: 10_000)
                if ready == 0 { return false }
                if ready & Int16(POLLIN) != 0 { receive(within: 0) }
            } else {
                return false
            }
        }
        return true
    }

    /// - Returns: false once the peer no longer takes any, or has not for `millis`. Reads nothing.
    func sendUnread(_ bytes: [UInt8], within millis: Int) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = push(rest)
            if sent > 0 {
                rest = rest.dropFirst(sent)
            } else {
                guard sent == 0, wait(for: POLLOUT, within: millis) != 0 else { return false }
            }
        }
        return true
    }

    /// - Returns: how many were taken: 0 when the buffer is full, less when the peer has gone.
    private func push(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.withUnsafeBytes {
            let sent = Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            guard sent < 0 else { return sent }
            sendError = errno
            return sendError == EAGAIN || sendError == EINTR ? 0 : -1
        }
    }

    /// `poll` for one descriptor.
    private func wait(for events: Int32, within millis: Int) -> Int16 {
        let end = nowMillis() + millis
        while true {
            var ready = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = poll(&ready, 1, Int32(max(end - nowMillis(), 0)))
            if count >= 0 { return ready.revents }
            precondition(errno == EINTR)
        }
    }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes with a reset instead of an end.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        // `deinit` closes.
    }

    /// Waits for bytes, at most `millis`, and takes those that are there.
    ///
    /// - Returns: false if the time passed first.
    @discardableResult
    func receive(within millis: Int) -> Bool {
        guard !isClosed, wait(for: POLLIN, within: millis) != 0 else { return false }
        let part = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            let taken = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if taken < 0 { receiveError = errno }
            count = max(taken, 0)
            isClosed = count == 0
        }
        bytes += part
        return true
    }

    /// Lets go of what came so far.
    func forget() { bytes.removeAll(keepingCapacity: true) }

    /// All that came so far, taken apart.
    func parsed(headOnly: Bool = false) -> Received {
        var received = Received(isClosed: isClosed)
        var rest = bytes[...]
        while let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) {
            let head = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
            guard head.hasPrefix("HTTP/1.1 "), let status = Int(head.dropFirst(9).prefix(3)) else { break }
            let length = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
            let body = headOnly || status < 200 ? 0 : length
            guard rest.endIndex - end.upperBound >= body else { break }
            received.statuses.append(status)
            received.bodies.append(String(decoding: rest[end.upperBound..<(end.upperBound + body)], as: UTF8.self))
            received.head = head
            rest = rest[(end.upperBound + body)...]
        }
        return received
    }

    /// Reads until `count` answers are there, or the peer ends.
    func answers(_ count: Int, within millis: Int = 10_000) -> Received {
        let end = nowMillis() + millis
        while !isClosed, nowMillis() < end, parsed().statuses.count < count { receive(within: max(end - nowMillis(), 0)) }
        return parsed()
    }

    /// Reads until the peer ends.
    func untilClosed(within millis: Int = 10_000) -> Received {
        let end = nowMillis() + millis
        while !isClosed, nowMillis() < end { receive(within: max(end - nowMillis(), 0)) }
        return parsed()
    }
}
