import Foundation
import Testing

@testable import Service

@Suite struct ProcessFactsTests {
    @Test func `finds the tightest limit of its control groups`() throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID())")
        defer { try? FileManager.default.removeItem(at: root) }
        func write(_ path: String, _ text: String) throws {
            let file = root.appendingPathComponent(path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        try write("v2/memory.max", "max\n")
        try write("v2/a/memory.max", "400\n")
        try write("v2/a/b/memory.max", "500\n")
        try write("v2/c/memory.max", "max\n")
        try write("v1/memory/memory.limit_in_bytes", "9223372036854771712\n")
        try write("v1/memory/a/memory.limit_in_bytes", "300\n")
        let cases: [(proc: String, mount: String, limit: Int?)] = [
            ("0::/a/b\n", "v2", 400), ("0::/a\n", "v2", 400), ("0::/c\n", "v2", nil), ("0::/\n", "v2", nil), ("0::/gone/too\n", "v2", nil),
            ("5:cpu:/x\n4:memory:/a\n", "v1", 300), ("4:memory:/\n", "v1", nil), ("4:cpu,memory:/a\n", "v1", 300), ("nonsense", "v2", nil),
            ("", "v2", nil),
        ]
        for expected in cases {
            try write("proc", expected.proc)
            let limit = ProcessFacts.cgroupLimit(proc: root.path + "/proc", mount: root.path + "/" + expected.mount)
            #expect(limit == expected.limit, "\(expected)")
        }
        #expect(ProcessFacts.cgroupLimit(proc: root.path + "/none", mount: root.path) == nil)
    }

    @Test func `names each instance differently`() {
        #expect(ProcessFacts().instanceName != ProcessFacts().instanceName)
        #expect(ProcessFacts().instanceName.hasPrefix(ProcessFacts.hostName + "-"))
    }

    @Test func `measures what is resident`() {
        #expect(ProcessFacts.rssBytes > 1 << 20)
        #expect(ProcessFacts.cpuCount >= 1)
    }

    @Test func `reads the environment`() {
        #expect(ProcessFacts.environment["PATH"] == ProcessInfo.processInfo.environment["PATH"])
    }
}
