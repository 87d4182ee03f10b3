import AWS
public import HTTP
import Stream

/// An HTTP request that came as an event: of API Gateway's REST APIs (payload 1.0), its HTTP APIs and function URLs (2.0), or a load balancer.
public struct ProxyEvent: Sendable {
    public let method: String
    /// What the path may be, the likeliest first: as it came, without the stage, and as the route is named. Gateways put stages and base paths before it.
    public let paths: [String]
    public let headers: [Header]
    public let body: [UInt8]

    /// nil where it is no such event.
    init?(_ event: JSON) {
        if let http = event["requestContext"]?["http"], let method = http["method"]?.string, let path = event["rawPath"]?.string ?? http["path"]?.string {
            self.method = method
            paths = Self.paths(path, stage: event["requestContext"]?["stage"]?.string, route: event["routeKey"]?.string.map { Self.afterSpace($0) })
        } else if let method = event["httpMethod"]?.string, let path = event["path"]?.string {
            self.method = method
            paths = Self.paths(path, stage: event["requestContext"]?["stage"]?.string, route: event["resource"]?.string)
        } else {
            return nil
        }
        headers = Self.headers(event)
        let text = event["body"]?.string ?? ""
        // What is not what it says it is stays as it came: the endpoint refuses it with its reason.
        body = event["isBase64Encoded"]?.bool == true ? Base64.decode(text.utf8) ?? Array(text.utf8) : Array(text.utf8)
    }

    /// `POST /predict` without its method; `$default` has none.
    private static func afterSpace(_ route: String) -> String { route.split(separator: " ").last.map(String.init) ?? route }

    private static func paths(_ path: String, stage: String?, route: String?) -> [String] {
        var paths = [path]
        if let stage, !stage.isEmpty, stage != "$default", path.hasPrefix("/\(stage)/") { paths.append(String(path.dropFirst(stage.count + 1))) }
        if let route, route.hasPrefix("/"), !route.contains("{") { paths.append(route) }
        return paths
    }

    /// Fields of one name are one; of several values the last one counts, as with API Gateway's own `headers`.
    private static func headers(_ event: JSON) -> [Header] {
        var fields: [String: String] = [:]
        for (name, values) in event["multiValueHeaders"]?.object ?? [:] { fields[name.lowercased()] = values.array?.last?.string }
        for (name, value) in event["headers"]?.object ?? [:] { fields[name.lowercased()] = value.string ?? fields[name.lowercased()] }
        return fields.sorted { $0.key < $1.key }.map { Header($0.key, $0.value) }
    }

    /// The answer as gateways take it; what is said in both payload versions.
    public static func encode(_ answer: Answer) -> [UInt8] {
        var out = Array(#"{"statusCode":\#(answer.status),"headers":{"#.utf8)
        for (index, header) in answer.headers.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            appendJSON(header.name.lowercased(), to: &out)
            out.append(UInt8(ascii: ":"))
            appendJSON(header.value, to: &out)
        }
        out += #"},"isBase64Encoded":false,"body":"#.utf8
        appendJSON(answer.body, to: &out)
        out.append(UInt8(ascii: "}"))
        return out
    }
}
