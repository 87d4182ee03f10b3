import Glibc

/// A named thread of the system that can be waited for.
///
/// `@unchecked Sendable`: POSIX lets any thread join another; `isJoined` is locked.
final class ServiceThread: @unchecked Sendable {
    private let thread: pthread_t
    private let isJoined = Locked(false)

    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Runs `body`. Linux shows 15 bytes of the name.
    init(_ name: String, stackBytes: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        pthread_attr_init(attributes)
        defer {
            pthread_attr_destroy(attributes)
            attributes.deallocate()
        }
        pthread_attr_setstacksize(attributes, stackBytes)
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(name, body))
        let result = pthread_create(&thread, attributes, Self.main, start.toOpaque())
        precondition(result == 0, "a thread can be started: \(result)")
        self.thread = thread
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
        let start = Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
        Files.write("/proc/thread-self/comm", Array(start.name.utf8.prefix(15)))
        start.body()
        return nil
    }

    /// Waits for its end. Later calls do nothing.
    func join() {
        let wasJoined = isJoined.locked { joined in
            defer { joined = true }
            return joined
        }
        if !wasJoined { pthread_join(thread, nil) }
    }
}
