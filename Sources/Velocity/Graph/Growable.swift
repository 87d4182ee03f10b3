import Glibc

/// Memory that grows in place where it can: malloc's, since what `allocate` gives must not go to `realloc`. For trivial types of at most 16 bytes' alignment.
enum Growable {
    static func make<T: BitwiseCopyable>(_ capacity: Int) -> UnsafeMutablePointer<T> { resized(nil, capacity) }

    /// The larger memory with what was there; the pointer given is no longer valid. It is not taken `inout`: an access to a class's property that holds over
    /// a call makes each other access to it be checked when it runs.
    static func grown<T: BitwiseCopyable>(_ pointer: UnsafeMutablePointer<T>, to capacity: Int) -> UnsafeMutablePointer<T> { resized(pointer, capacity) }

    private static func resized<T: BitwiseCopyable>(_ pointer: UnsafeMutablePointer<T>?, _ capacity: Int) -> UnsafeMutablePointer<T> {
        guard let new = realloc(pointer, max(1, capacity) * MemoryLayout<T>.stride) else { preconditionFailure("out of memory") }
        return new.assumingMemoryBound(to: T.self)
    }
}
