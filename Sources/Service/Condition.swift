import Glibc

/// A mutex with a condition, of pthread's own.
///
/// `@unchecked Sendable`: POSIX lets any thread call `pthread_mutex_lock` and `pthread_cond_wait` on the same objects.
final class Condition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func locked<T>(_ body: () -> T) -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Waits, inside `locked`, until signalled or for `millis`. May wake without a cause.
    func wait(millis: Int64) {
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let nanos = Int64(until.tv_nsec) + millis * 1_000_000
        until.tv_sec += Int(nanos / 1_000_000_000)
        until.tv_nsec = Int(nanos % 1_000_000_000)
        pthread_cond_timedwait(condition, mutex, &until)
    }

    func signal() { pthread_cond_broadcast(condition) }
}
