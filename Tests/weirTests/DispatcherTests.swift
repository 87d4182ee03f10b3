import Testing

@testable import weir

@Suite struct DispatcherTests {
    @Test func `knows each command once, each with a summary and examples that name it`() {
        let specs = Dispatcher.commands.map { $0.spec }
        #expect(Set(specs.map(\.name)).count == specs.count)
        for spec in specs {
            #expect(!spec.summary.isEmpty && !spec.summary.hasSuffix("."), "\(spec.name)")
            #expect(!spec.examples.isEmpty, "\(spec.name)")
            #expect(spec.examples.allSatisfy { $0.line.contains("weir \(spec.name)") }, "\(spec.name)")
            #expect(Set(spec.options.map(\.name)).count == spec.options.count, "\(spec.name)")
            let letters = spec.options.compactMap(\.letter)
            #expect(Set(letters).count == letters.count && !letters.contains("h"), "\(spec.name)")
        }
    }

    @Test func `shows what a command takes`() {
        let spec = Spec(
            "send", "sends files", options: [.value("rate", "r", "N", "how many a second"), .flag("quiet", nil, "no talk")], files: .many("FILE"),
            examples: [.init("weir send a.csv", "sends a.csv")])
        #expect(
            Help.of(spec) == """
                weir send: sends files

                Usage: weir send [OPTION…] FILE…

                Options:
                  -r, --rate N  how many a second
                      --quiet   no talk
                  -h, --help    show this

                Examples:
                  weir send a.csv
                      sends a.csv

                """)
    }

    private enum Failing: Command {
        struct Broken: Error, CustomStringConvertible { let description = "broken" }
        static let spec = Spec("model list", "fails", examples: [.init("weir model list", "fails")])
        static func run(_ arguments: Arguments) throws -> ExitCode { throw Broken() }
    }

    private enum Done: Command {
        static let spec = Spec("model", "is done", files: .optional("WORD"), examples: [.init("weir model", "is done")])
        static func run(_ arguments: Arguments) throws -> ExitCode { .done }
    }

    @Test func `ends as the contract says`() {
        let cases: [([String], ExitCode)] = [
            ([], .usage), (["--help"], .done), (["help"], .done), (["help", "model"], .done), (["help", "nothing"], .usage), (["--version"], .done),
            (["model"], .done), (["model", "x"], .done), (["model", "list"], .failed), (["model", "list", "--help"], .done),
            (["model", "list", "x"], .usage), (["mode"], .usage), (["--json", "model"], .usage),
        ]
        for (words, code) in cases { #expect(Dispatcher.run(words, commands: [Failing.self, Done.self]) == code, "\(words)") }
        #expect(Dispatcher.run(["model"], commands: [Failing.self]) == .usage)
        #expect(Dispatcher.run(["model", "--help"], commands: [Failing.self]) == .done)
        #expect(Dispatcher.run(["model", "lisp"], commands: [Failing.self]) == .usage)
    }
}
