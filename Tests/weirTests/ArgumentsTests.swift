import Testing

@testable import weir

@Suite struct ArgumentsTests {
    private static let spec = Spec(
        "replay", "scores a file",
        options: [
            .value("rate", "r", "N", "how many a second"), .list("map", "m", "COLUMN=FIELD", "foreign header"), .flag("quiet", "q", "no talk"),
            .flag("bars", "b", "bars"),
        ], files: .many("FILE"), examples: [.init("weir replay a.csv", "scores a.csv")])

    private static func parse(_ words: String...) throws -> Arguments { try Arguments(words, spec) }

    @Test func `takes options and files in any order and spelling`() throws {
        let cases: [(words: [String], rate: String?, map: [String], flags: [Bool], files: [String])] = [
            (["a"], nil, [], [false, false], ["a"]),
            (["a", "--rate", "5", "b"], "5", [], [false, false], ["a", "b"]),
            (["--rate=5", "a"], "5", [], [false, false], ["a"]),
            (["-r5", "a"], "5", [], [false, false], ["a"]),
            (["-r=5", "a"], "5", [], [false, false], ["a"]),
            (["-r", "5", "a"], "5", [], [false, false], ["a"]),
            (["-qbr5", "a"], "5", [], [true, true], ["a"]),
            (["-q", "-b", "a"], nil, [], [true, true], ["a"]),
            (["--rate=1", "--rate=2", "a"], "2", [], [false, false], ["a"]),
            (["-m", "a=b", "--map=c=d", "--map", "e=f", "a"], nil, ["a=b", "c=d", "e=f"], [false, false], ["a"]),
            (["--rate", "-5", "a"], "-5", [], [false, false], ["a"]),
            (["--rate=--5", "a"], "--5", [], [false, false], ["a"]),
            (["-"], nil, [], [false, false], ["-"]),
            (["--rate", "-", "-"], "-", [], [false, false], ["-"]),
            (["--", "--rate", "-q", "--"], nil, [], [false, false], ["--rate", "-q", "--"]),
        ]
        for expected in cases {
            let arguments = try Arguments(expected.words, Self.spec)
            #expect(arguments.text("rate") == expected.rate, "\(expected)")
            #expect(arguments.texts("map") == expected.map, "\(expected)")
            #expect([arguments.has("quiet"), arguments.has("bars")] == expected.flags, "\(expected)")
            #expect(arguments.files == expected.files, "\(expected)")
        }
    }

    @Test func `refuses wrong usage in one line`() {
        let cases: [([String], String)] = [
            ([], "needs FILE"),
            (["--rat", "5", "a"], "unknown option --rat, did you mean --rate?"),
            (["--quite", "a"], "unknown option --quite, did you mean --quiet?"),
            (["--zzz", "a"], "unknown option --zzz"),
            (["-z", "a"], "unknown option -z"),
            (["-qz", "a"], "unknown option -z"),
            (["--quiet=1", "a"], "--quiet takes no value"),
            (["a", "--rate"], "--rate needs a value: --rate N"),
            (["a", "--rate="], "--rate needs a value: --rate N"),
            (["a", "--rate", "--quiet"], "--rate needs a value: --rate N"),
            (["a", "-r"], "--rate needs a value: --rate N"),
        ]
        for (words, message) in cases {
            #expect(throws: UsageError.self) { try Arguments(words, Self.spec) }
            do { _ = try Arguments(words, Self.spec) } catch { #expect(error.description == message, "\(words)") }
        }
    }

    @Test func `counts files as the command says`() {
        let cases: [(Spec.Files, [String], String?)] = [
            (.none, [], nil), (.none, ["a"], "takes no argument, but was given 'a'"), (.one("FILE"), ["a"], nil),
            (.one("FILE"), [], "needs FILE"), (.one("FILE"), ["a", "b"], "takes one FILE, but was given 'b' too"), (.optional("FILE"), [], nil),
            (.optional("FILE"), ["a"], nil), (.optional("FILE"), ["a", "b"], "takes one FILE, but was given 'b' too"),
            (.many("FILE"), ["a", "b"], nil),
        ]
        for (files, words, message) in cases {
            let spec = Spec("x", "x", files: files, examples: [])
            do {
                _ = try Arguments(words, spec)
                #expect(message == nil, "\(files) \(words)")
            } catch {
                #expect(error.description == message, "\(files) \(words)")
            }
        }
    }

    @Test func `asks for help before anything is checked, but not for a file of that name`() throws {
        for words in [["--help"], ["-h"], ["--zzz", "--help"], ["a", "-h"]] { #expect(try Arguments(words, Self.spec).wantsHelp) }
        #expect(try Self.parse("--", "--help").wantsHelp == false)
    }

    @Test func `takes numbers and durations within their bounds`() throws {
        #expect(try Self.parse("--rate=5", "a").integer("rate", in: 1...9) == 5)
        #expect(try Self.parse("a").integer("rate", in: 1...9) == nil)
        #expect(try Self.parse("--rate=0.5", "a").number("rate", in: 0...1) == 0.5)
        #expect(try Self.parse("--rate=90s", "a").duration("rate") == 90_000)
        #expect(try Self.parse("--rate=b", "a").choice("rate", of: ["a", "b"]) == "b")
        for word in ["0", "10", "x", "1.5", ""] where !word.isEmpty {
            #expect(throws: UsageError.self) { try Self.parse("--rate=\(word)", "a").integer("rate", in: 1...9) }
        }
        for word in ["1.1", "-0.1", "nan", "inf", "x"] {
            #expect(throws: UsageError.self) { try Self.parse("--rate=\(word)", "a").number("rate", in: 0...1) }
        }
        for word in ["90", "1.5s", "s", "1w", "-1s"] {
            #expect(throws: UsageError.self) { try Self.parse("--rate=\(word)", "a").duration("rate") }
        }
        #expect(throws: UsageError.self) { try Self.parse("--rate=c", "a").choice("rate", of: ["a", "b"]) }
    }
}
