import CPlatform
import Glibc
import Synchronization

/// A named thread of the system that can be waited for: few, each with one job.
///
/// `@unchecked Sendable`: POSIX lets any thread join another; `isJoined` is atomic.
package final class Thread: @unchecked Sendable {
    private let thread: pthread_t
    private let isJoined = Atomic(false)

    /// Runs `body`. The name is cut to 15 bytes, as Linux does.
    @discardableResult
    package init(_ name: String, stackBytes: Int = 2 << 20, _ body: @escaping @Sendable () -> Void) {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        pthread_attr_init(attributes)
        defer {
            pthread_attr_destroy(attributes)
            attributes.deallocate()
        }
        pthread_attr_setstacksize(attributes, stackBytes)
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(name, body))
        let result = pthread_create(&thread, attributes, threadMain, start.toOpaque())
        precondition(result == 0, "a thread can be started: \(result)")
        self.thread = thread
    }

    /// Waits for its end. Later calls do nothing.
    package func join() {
        if !isJoined.exchange(true, ordering: .acquiringAndReleasing) { pthread_join(thread, nil) }
    }

    fileprivate final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let start = Unmanaged<Thread.Start>.fromOpaque(context!).takeRetainedValue()
    weir_name_thread(start.name)
    start.body()
    return nil
}
