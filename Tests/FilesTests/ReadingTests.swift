import Foundation
import Scoring
import Testing

@testable import Files

/// A folder of its own for each test, gone afterwards.
final class Folder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("weir-files-\(UUID().uuidString)").path
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// Packs a file with the system's gzip.
    func gzip(_ file: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-kf", file]
        try process.run()
        process.waitUntilExit()
        return Array(try Data(contentsOf: URL(fileURLWithPath: file + ".gz")))
    }
}

/// All rows of a CSV text as the reader gives them: (line, cells or the fault).
private func rows(_ text: String, limit: Int = 1 << 20) throws -> [(Int, [String])] {
    let folder = try Folder()
    let reader = CSVReader(LineBuffer(try ByteSource(path: try folder.write("t.csv", text)), limit: limit))
    var rows: [(Int, [String])] = []
    while let row = try reader.next() {
        switch row {
        case .cells: rows.append((reader.line, reader.cells.map { String(decoding: $0, as: UTF8.self) }))
        case .malformed(let message): rows.append((reader.line, ["!" + message]))
        case .tooLong: rows.append((reader.line, ["!too long"]))
        }
    }
    return rows
}

@Suite("Reading CSV")
struct CSVTests {
    @Test("RFC 4180, line by line", arguments: [
        ("a,b\n1,2\n", ["1:a|b", "2:1|2"]), ("a,b\r\n1,2\r\n", ["1:a|b", "2:1|2"]), ("a,b\n1,2", ["1:a|b", "2:1|2"]), ("a,b\r\n1,2\r", ["1:a|b", "2:1|2"]),
        ("\n\na\n\n\nb\n", ["3:a", "6:b"]), ("a,,\n,\n", ["1:a||", "2:|"]), ("\"a\",\"b\"\n", ["1:a|b"]), ("\"a,b\",c\n", ["1:a,b|c"]), ("\"a\"\"b\"\n", ["1:a\"b"]),
        ("\"\"\n", ["1:"]), ("\"\",\"\"\n", ["1:|"]), ("\"\"\"\"\n", ["1:\""]), ("\"a\nb\",c\nd\n", ["1:a\nb|c", "3:d"]), ("\"a\r\nb\"\r\nd\r\n", ["1:a\r\nb", "3:d"]),
        ("x,\"y\"\r\nz\n", ["1:x|y", "2:z"]), ("é,€\n", ["1:é|€"]), (" a , b \n", ["1: a | b "]), ("a,\"b\"", ["1:a|b"]), ("\"a\"\"\",\"\"\"b\"\n", ["1:a\"|\"b"]),
        // Refused, and the next line goes on.
        ("a\"b\nc\n", ["1:!a quote stands within a cell", "2:c"]), ("\"a\"b,c\nd\n", ["1:!text stands behind a closing quote", "2:d"]),
        ("a,\"b\nc\nd\n", ["1:!a quote is not closed", "2:c", "3:d"]), ("\"\nx\n", ["1:!a quote is not closed", "2:x"]), ("a \"b\"\nc\n", ["1:!a quote stands within a cell", "2:c"]),
    ] as [(String, [String])])
    func table(text: String, expected: [String]) throws {
        #expect(try rows(text).map { "\($0.0):\($0.1.joined(separator: "|"))" } == expected)
    }

    @Test("rows that are not UTF-8 are refused, and the next one is read")
    func notUTF8() throws {
        let folder = try Folder()
        for bytes in [[UInt8]]([[0xE9], [0xC3], [0x22, 0x80, 0x22]]) {
            let reader = CSVReader(LineBuffer(try ByteSource(path: try folder.write("t.csv", bytes + Array("\nok\n".utf8))), limit: 100))
            guard case .malformed = try reader.next() else { Issue.record("\(bytes) was taken"); continue }
            guard case .cells = try reader.next() else { Issue.record("the row behind \(bytes) was not"); continue }
        }
    }

    @Test("a line over the limit is one refused row, whatever its length", arguments: [101, 150, 262_143, 262_144, 262_145, 300_000, 1_000_000])
    func tooLong(length: Int) throws {
        for (end, last) in [("\nz,1\n", ["z", "1"]), ("", nil)] {
            let found = try rows("a,b\n" + String(repeating: "x", count: length) + end, limit: 100)
            // What was read together with its end is given whole; the caller knows its own limits.
            #expect(found.count == (last == nil ? 2 : 3) && (found[1].1 == ["!too long"] || found[1].1 == [String(repeating: "x", count: length)]))
            if length > 262_145 { #expect(found[1].1 == ["!too long"]) }
            if let last { #expect(found[2].0 == 3 && found[2].1 == last) }
        }
    }

    @Test("an open quote gives up one line, not the file")
    func openQuote() throws {
        let found = try rows("a\n\"" + String(repeating: "x\n", count: 200_000), limit: 1_000)
        #expect(found.count == 200_001)
        #expect(found[1].1[0].hasPrefix("!") && found[2].1 == ["x"] && found[200_000].0 == 200_001)
    }

    @Test("rows across every border of the buffer are read alike")
    func borders() throws {
        let cells = (0..<60_000).map { i in i % 7 == 0 ? "\"q\(i)\"\"\n\"" : "plain\(i)" }
        let found = try rows(cells.map { "\($0),\(String(repeating: "y", count: $0.count % 13))\n" }.joined())
        #expect(found.count == cells.count)
        for (i, row) in found.enumerated() where row.1.first != (i % 7 == 0 ? "q\(i)\"\n" : "plain\(i)") { Issue.record("row \(i): \(row)"); return }
    }
}

@Suite("Reading gzip")
struct GzipTests {
    private func all(_ path: String) throws -> [UInt8] {
        let source = try ByteSource(path: path)
        var out: [UInt8] = []
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_000, alignment: 16)
        defer { piece.deallocate() }
        while case let count = try source.read(into: piece), count > 0 { out += piece[..<count] }
        return out
    }

    @Test("packed, doubled and padded files give their bytes")
    func good() throws {
        let folder = try Folder()
        let text = (0..<50_000).map { "line \($0)\n" }.joined()
        let plain = try folder.write("a.txt", text)
        let packed = try folder.gzip(plain)
        #expect(try all(plain) == Array(text.utf8))
        #expect(try all(plain + ".gz") == Array(text.utf8))
        #expect(try all(try folder.write("named-otherwise", packed)) == Array(text.utf8))
        #expect(try all(try folder.write("twice.gz", packed + packed)) == Array((text + text).utf8))
        #expect(try all(try folder.write("padded.gz", packed + Array(repeating: 0, count: 512))) == Array(text.utf8))
        #expect(try all(try folder.write("empty", "")).isEmpty)
        #expect(try all(try folder.write("empty.gz", "")).isEmpty)
        let empty = try folder.write("nothing", "")
        #expect(try all(try folder.write("nothing.gz", try folder.gzip(empty))).isEmpty)
    }

    @Test("broken ones are refused")
    func broken() throws {
        let folder = try Folder()
        let packed = try folder.gzip(try folder.write("a.txt", (0..<50_000).map { "line \($0)\n" }.joined()))
        var flipped = packed
        flipped[packed.count / 2] ^= 0x55
        for (name, bytes) in [
            ("cut", Array(packed.dropLast(100))), ("checksum cut", Array(packed.dropLast(4))), ("flipped", flipped), ("garbage behind", packed + [1, 2, 3]),
            ("garbage behind zeros", packed + [0, 0, 0x1F, 0x8B]), ("no gzip", Array("plain text".utf8)),
        ] {
            let file = try folder.write(name + ".gz", bytes)
            #expect(throws: FileError.self, "\(name)") { try all(file) }
        }
        #expect(throws: FileError("/nowhere/at-all", "cannot be opened: No such file or directory")) { try all("/nowhere/at-all") }
        #expect(throws: FileError(folder.path, "is a folder")) { try all(folder.path) }
    }
}
