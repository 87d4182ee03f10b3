// Called by C on the http thread: top-level functions, since a closure literal could be isolated to an actor and would trap there.
import CBeast

/// What the C server holds for us.
final class ServerContext: Sendable {
    let handler: Handler
    let observer: Observer?
    let configuration: ServerConfiguration

    init(_ configuration: ServerConfiguration, _ observer: Observer?, _ handler: @escaping Handler) {
        self.configuration = configuration
        self.observer = observer
        self.handler = handler
    }
}

func onRequest(_ context: UnsafeMutableRawPointer?, _ request: UnsafePointer<weir_beast_request>?, _ call: OpaquePointer?) {
    let context = Unmanaged<ServerContext>.fromOpaque(context!).takeUnretainedValue()
    let exchange = Exchange(request!.pointee, .socket(call!), observer: context.observer)
    if exchange.request.refusal == 0 {
        context.handler(Request(exchange: exchange), Reply(exchange: exchange))
    } else {
        exchange.send(.refusal(Int(exchange.request.refusal), context.configuration))
    }
}
