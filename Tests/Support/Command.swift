import Glibc

/// A program that was started. Not Foundation's `Process`: that takes a program for running as long as anything that it left in the background is.
public final class Command: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private let pid: pid_t

    /// Starts a program with standard input, output and error at these files.
    public init(_ path: String, _ arguments: [String], input: String = "/dev/null", output: String = "/dev/null") throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, path, &actions, nil, &argv, environ)
        if code != 0 { throw Failure(description: "\(path): \(String(cString: strerror(code)))") }
        self.pid = pid
    }

    /// - Returns: its exit status, or 128 and the signal that ended it.
    public func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1 { if errno != EINTR { return -1 } }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    /// Ends it and waits.
    public func terminate() {
        kill(pid, SIGTERM)
        _ = wait()
    }
}
