import CPlatform
import Glibc

/// What is found out about the process and the machine it runs on.
public struct ProcessFacts: Sendable {
    /// The tightest memory limit of the process's control groups (v2, else v1); nil without one.
    public var cgroupLimitBytes: Int?
    /// The host's name and four random bytes.
    public var instanceName: String

    public init() {
        cgroupLimitBytes = Self.cgroupLimit()
        instanceName = "\(Self.hostName)-\(Self.randomHex(bytes: 4))"
    }

    public init(cgroupLimitBytes: Int?, instanceName: String) {
        self.cgroupLimitBytes = cgroupLimitBytes
        self.instanceName = instanceName
    }

    /// The environment as the process was given it; of a name that is there twice, the first.
    public static var environment: [String: String] {
        var environment: [String: String] = [:]
        guard var next = weir_environment() else { return [:] }
        while let text = next.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2, environment[String(pair[0])] == nil { environment[String(pair[0])] = String(pair[1]) }
            next += 1
        }
        return environment
    }

    /// Resident memory of this process in bytes; 0 where the kernel does not say.
    public static var rssBytes: Int {
        guard let text = read("/proc/self/statm") else { return 0 }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// Processors that this process may run on.
    public static var cpuCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    public static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func randomHex(bytes count: Int) -> String {
        (0..<count).map { _ in
            let text = String(UInt8.random(in: 0...255), radix: 16)
            return text.count == 2 ? text : "0" + text
        }.joined()
    }

    // MARK: - Control groups

    /// Looks at the process's group and those above it: each of them limits.
    ///
    /// - Parameters: where procfs and the groups are mounted; tests have their own.
    static func cgroupLimit(proc: String = "/proc/self/cgroup", mount: String = "/sys/fs/cgroup") -> Int? {
        guard let text = read(proc) else { return nil }
        var limits: [Int] = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[0] == "0", parts[1].isEmpty {
                limits += groups(parts[2]).compactMap { limit("\(mount)\($0)/memory.max") }
            } else if parts[1].split(separator: ",").contains("memory") {
                limits += groups(parts[2]).compactMap { limit("\(mount)/memory\($0)/memory.limit_in_bytes") }
            }
        }
        return limits.min()
    }

    /// The group's path and those above it, up to the root, which is empty. In a container the root is the container's own group.
    private static func groups(_ path: Substring) -> [String] {
        let parts = path.split(separator: "/")
        return (0...parts.count).reversed().map { parts[..<$0].map { "/" + $0 }.joined() }
    }

    /// nil for `max`, and for what version 1 calls unlimited (the largest whole page below 2^63).
    private static func limit(_ path: String) -> Int? {
        guard let text = read(path), let bytes = Int(text.prefix { $0 != "\n" }), bytes < 1 << 60 else { return nil }
        return bytes
    }

    private static func read(_ path: String) -> String? { Files.read(path, maxBytes: 1 << 16).map { String(decoding: $0, as: UTF8.self) } }
}
