/// Where a request goes: scheme, host and port, and the target as it is sent. No user names, no fragments.
public struct URLParts: Sendable, Equatable, CustomStringConvertible {
    public var isSecure: Bool
    /// A name or an address; IPv6 without brackets.
    public var host: String
    public var port: UInt16
    /// Path and query, percent-encoded, beginning with `/`.
    public var target: String

    public init(isSecure: Bool, host: String, port: UInt16? = nil, target: String = "/") {
        self.isSecure = isSecure
        self.host = host
        self.port = port ?? (isSecure ? 443 : 80)
        self.target = target
    }

    /// Reads `http://…` or `https://…`; nil for anything else, and for what can be no host, port or target.
    public init?(_ text: String) {
        let isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst(isSecure ? 8 : 7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        var target = String(rest.dropFirst(authority.count))
        if !target.hasPrefix("/") { target = "/" + target }
        var host = authority
        var port: UInt16?
        let afterBracket = authority.lastIndex(of: "]") ?? authority.startIndex
        if let colon = authority[afterBracket...].lastIndex(of: ":") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else { return nil }
            port = number
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() } else if host.contains(":") { return nil }
        self.init(isSecure: isSecure, host: String(host), port: port, target: target)
        guard isLegal else { return nil }
    }

    /// As the `Host` field has it: with the port unless it is the scheme's own.
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Without the query, which may hold a signature.
    public var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target.prefix { $0 != "?" })" }

    var text: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }

    /// Whether it can be sent as it is: nothing in it can end a line, name a user or begin a fragment.
    var isLegal: Bool {
        let isHost =
            !host.isEmpty && host.utf8.count <= 255
            && host.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || [45, 46, 58, 95].contains(byte)
            }
        return isHost && target.hasPrefix("/") && target.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
    }
}
