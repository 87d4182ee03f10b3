import CPlatform
import Glibc

/// Named threads of the system: few, each with one job.
public enum Thread {
    /// Starts a detached thread that runs `body`. Its name is cut to 15 bytes, as Linux does.
    public static func start(_ name: String, stackBytes: Int = 2 << 20, _ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackBytes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(name, body))
        let result = pthread_create(&thread, &attributes, threadMain, box.toOpaque())
        precondition(result == 0, "no thread: \(result)")
        pthread_attr_destroy(&attributes)
    }

    fileprivate final class Box: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let box = Unmanaged<Thread.Box>.fromOpaque(context!).takeRetainedValue()
    weir_name_thread(box.name)
    box.body()
    return nil
}
