import Glibc

/// A mutex of pthread's own, which ThreadSanitizer understands (it reports `Synchronization.Mutex` falsely on Linux).
///
/// `@unchecked Sendable`: POSIX lets any thread call `pthread_mutex_lock` on the same object.
final class Lock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init() { pthread_mutex_init(mutex, nil) }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @inline(__always)
    func locked<T, Failure: Error>(_ body: () throws(Failure) -> T) throws(Failure) -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}

/// A value that only one thread at a time can reach.
///
/// `@unchecked Sendable`: the value is only touched inside `locked`.
final class Locked<Value>: @unchecked Sendable {
    private let lock = Lock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    @inline(__always)
    func locked<T, Failure: Error>(_ body: (inout Value) throws(Failure) -> T) throws(Failure) -> T {
        try lock.locked { () throws(Failure) -> T in try body(&value) }
    }
}
