import CBeast

/// A whole, well-formed request. Its bytes are borrowed: they may be read until it is answered (afterwards reading it stops the process, rather than show the next request's bytes); what is needed longer is copied.
public struct Request: Sendable {
    let exchange: Exchange

    private var raw: weir_beast_request {
        exchange.checkReadable()
        return exchange.request
    }

    public var method: Method { Method(UnsafeRawBufferPointer(raw.method)) }

    /// The path without the query, as it was sent: percent signs are not decoded. Of an absolute target (RFC 9112, 3.2.2) what follows the authority.
    ///
    /// - Complexity: O(*n*)
    public var path: UnsafeRawBufferPointer {
        let target = origin
        return UnsafeRawBufferPointer(rebasing: target.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
    }

    /// What follows the first `?`, not decoded; nil without one.
    public var query: UnsafeRawBufferPointer? {
        let target = origin
        guard let mark = target.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        return UnsafeRawBufferPointer(rebasing: target[(mark + 1)...].prefix { $0 != UInt8(ascii: "#") })
    }

    private var origin: UnsafeRawBufferPointer {
        let target = UnsafeRawBufferPointer(raw.target)
        let scheme = "http://"
        guard target.count > scheme.utf8.count, target.first != UInt8(ascii: "/"),
            UnsafeRawBufferPointer(rebasing: target.prefix(scheme.utf8.count)).equalsIgnoringCase(scheme)
        else { return target }
        let rest = target[scheme.utf8.count...]
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return root }
        return UnsafeRawBufferPointer(rebasing: rest[slash...])
    }

    /// The first field of that name, whatever its case; without the white space around it.
    ///
    /// - Complexity: O(number of fields)
    public func header(_ name: String) -> UnsafeRawBufferPointer? {
        let raw = raw
        for field in UnsafeBufferPointer(start: raw.fields, count: raw.field_count)
        where UnsafeRawBufferPointer(field.name).equalsIgnoringCase(name) { return UnsafeRawBufferPointer(field.value) }
        return nil
    }

    /// The body, chunks joined; empty without one.
    public var body: UnsafeRawBufferPointer { UnsafeRawBufferPointer(raw.body) }

    /// The token of `Authorization: Bearer …` (RFC 6750, 2.1). Compare it with `constantTimeEquals`.
    public var bearerToken: UnsafeRawBufferPointer? {
        guard let value = header("Authorization") else { return nil }
        let scheme = "Bearer "
        guard value.count > scheme.utf8.count,
            UnsafeRawBufferPointer(rebasing: value.prefix(scheme.utf8.count)).equalsIgnoringCase(scheme)
        else { return nil }
        return UnsafeRawBufferPointer(rebasing: value[scheme.utf8.count...].drop { $0 == UInt8(ascii: " ") })
    }

    /// Whether the body is said to be JSON: `application/json` or a type that ends in `+json` (RFC 6839), whatever its parameters.
    public var hasJSONContentType: Bool {
        guard let value = header("Content-Type") else { return false }
        let type = UnsafeRawBufferPointer(rebasing: value.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") })
        let suffix = "+json"
        return type.equalsIgnoringCase("application/json")
            || (type.count > suffix.utf8.count && UnsafeRawBufferPointer(rebasing: type.suffix(suffix.utf8.count)).equalsIgnoringCase(suffix))
    }
}

/// The path of an absolute target that names none. Never written to and never freed.
private nonisolated(unsafe) let root: UnsafeRawBufferPointer = {
    let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    byte[0] = UInt8(ascii: "/")
    return UnsafeRawBufferPointer(byte)
}()
