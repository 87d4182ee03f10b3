import Kafka
import Service

/// `weir broker`: the embedded development broker alone.
enum Broker: Command {
    static let spec = Spec(
        "broker", "runs the embedded development broker alone; nothing is kept, and one instance only can work with it",
        options: [.value("partitions", "p", "N", "of all topics but the journal, 4 by default")],
        examples: [.init("weir broker", "prints its address, for KAFKA_BOOTSTRAP_SERVERS, and runs until Ctrl-C")])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        Signals.block()
        var settings = try Settings(environment: ProcessFacts.environment)
        let broker = try EmbeddedBroker()
        try settings.use(broker, partitions: Int32(try arguments.integer("partitions", in: 1...256) ?? 4))
        printOut("\(broker.bootstrapServers)\n")
        Signals.waitForEnd()
        withExtendedLifetime(broker) {}
        return .done
    }
}
