import CPlatform
import Kafka
import Service
import Stream

/// `weir demo`: embedded broker, simulated traffic, the service, and a live view of what it says.
enum Demo: Command {
    static let spec = Spec(
        "demo", "shows the whole of it: embedded broker, simulated traffic, the service, a live view",
        options: [
            .value("rate", "r", "N", "everyday transactions a second, 200 by default"),
            .value("customers", "c", "N", "customers of the simulated bank; 2000 by default"),
            .value("seed", "s", "N", "of the simulated bank; 1 by default"),
            .value("seconds", nil, "N", "ends by itself after so many; Ctrl-C ends it too"),
        ],
        examples: [
            .init("weir demo", "until Ctrl-C, with HTTP on port 8080"),
            .init("PORT=9000 weir demo --rate 2000 --seconds 30", "busier, half a minute, on another port"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        Signals.block()
        weir_set_up_memory(2)
        var environment = ProcessFacts.environment
        // The view is what is to be seen; the service speaks when something is wrong.
        if environment["LOG_LEVEL"] == nil { environment["LOG_LEVEL"] = "error" }
        if environment["LOG_FORMAT"] == nil { environment["LOG_FORMAT"] = "text" }
        var settings = try Settings(environment: environment)
        // Stdout is the view's.
        settings.metricsFormat = .prometheus
        let broker = try EmbeddedBroker()
        try settings.use(broker)
        let traffic = DemoTraffic(
            settings, rate: try arguments.number("rate", in: 1...100_000) ?? 200,
            customers: try arguments.integer("customers", in: 10...1_000_000) ?? 2000,
            seed: UInt64(try arguments.integer("seed", in: 0...Int.max) ?? 1))
        let seconds = try arguments.integer("seconds", in: 1...86_400)
        let view = DemoView(settings, seconds: seconds)
        Thread("traffic") { traffic.run() }
        Thread("view") { view.run() }
        let exit = try withExtendedLifetime(broker) { try Serve.serve(settings, isEmbedded: true) }
        traffic.stop()
        view.stop()
        printOut("\(view.total) verdicts of \(traffic.sent) transactions\n")
        return exit
    }
}
