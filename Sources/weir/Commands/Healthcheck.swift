import HTTP
import Service

/// `weir healthcheck`: for a container's health check.
enum Healthcheck: Command {
    static let spec = Spec(
        "healthcheck", "asks the service of this machine whether it lives: exits 0 if so, else 1",
        options: [.value("timeout", "t", "DURATION", "how long to wait for an answer; 2s without")],
        examples: [
            .init("weir healthcheck", "asks /livez on 127.0.0.1, on the port that PORT names"),
            .init("weir healthcheck --timeout 500ms || echo gone", "waits half a second at most"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let timeout = try arguments.duration("timeout") ?? 2_000
        let settings = try Settings(environment: ProcessFacts.environment)
        let answer = try get(host: host(settings.http.host), port: settings.http.port, path: "/livez", timeoutMillis: Int(clamping: timeout))
        guard answer.status == 200 else {
            printError("weir healthcheck: \(answer.status) \(answer.text)\n")
            return .failed
        }
        return .done
    }

    /// A service that listens everywhere is asked by the loopback address.
    private static func host(_ host: String) -> String { ["::", "0.0.0.0"].contains(host) ? "127.0.0.1" : host }
}
