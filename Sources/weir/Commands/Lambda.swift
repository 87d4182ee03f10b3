import CPlatform
import Glibc
import HTTP
import Lambda
import Service
import Stream
import Synchronization

/// `weir lambda`: a custom runtime of AWS Lambda.
enum LambdaCommand: Command {
    static let spec = Spec(
        "lambda", "runs as a custom runtime of AWS Lambda: API Gateway's requests and batches of Kafka's records",
        files: .optional("HANDLER"),
        examples: [
            .init("exec weir lambda", "as the bootstrap of a function whose handler is fraudDetection or amlCheck"),
            .init("weir lambda amlCheck", "as a container image's command: the handler by its name"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        Signals.block()
        weir_set_up_memory(2)
        var environment = ProcessFacts.environment
        if let handler = arguments.files.first { environment["_HANDLER"] = handler }
        guard let address = environment["AWS_LAMBDA_RUNTIME_API"], !address.isEmpty else {
            throw UsageError("AWS_LAMBDA_RUNTIME_API is not set: Lambda sets it, or its runtime interface emulator")
        }
        let isStopping = StopFlag()
        Thread("signals") {
            Signals.waitForEnd()
            isStopping.set()
        }
        var log = Log()
        let runtime = Runtime(
            address, client: try HTTPClient(), isStopping: { isStopping.isSet }, pause: { usleep(UInt32($0) * 1000) },
            told: { event, fields in log.log(.warning, event, fields.map { ($0.0, $0.1) }) })
        guard let runtime else { throw UsageError("AWS_LAMBDA_RUNTIME_API is not a host and a port") }
        let function: LambdaFunction
        do {
            function = try LambdaFunction(environment)
        } catch {
            runtime.initFailed(InvocationError(type: error is SettingError ? "Weir.BadSetting" : "Weir.InitFailed", message: "\(error)"))
            throw error
        }
        log = function.log
        switch runtime.run(function.answer) {
        case .stopped: return .done
        case .failed(let why):
            function.log.error("the runtime API fails", ["why": why])
            return .failed
        }
    }

    /// Set by the thread that waits for signals.
    private final class StopFlag: Sendable {
        private let flag = Atomic(false)
        var isSet: Bool { flag.load(ordering: .relaxed) }
        func set() { flag.store(true, ordering: .relaxed) }
    }
}
