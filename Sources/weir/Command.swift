/// One command of `weir`. See the top of `Dispatcher.swift` for how to add one.
protocol Command: SendableMetatype {
    static var spec: Spec { get }

    /// Data goes to stdout, talk to stderr.
    ///
    /// - Throws: `UsageError` for wrong usage (exit code 2); anything else is told in one line (exit code 1).
    static func run(_ arguments: Arguments) throws -> ExitCode
}

/// How a command ends, for scripts.
enum ExitCode: Int32 {
    /// Done, rejected rows of a file included.
    case done = 0
    case failed = 1
    /// Wrong usage, or a bad setting.
    case usage = 2
    /// A state that only a restart builds anew (`EX_TEMPFAIL` of sysexits.h).
    case startAgain = 75
}

/// What a command is called and takes: parsing and help both read it.
struct Spec {
    var name: String
    /// A sentence without a full stop.
    var summary: String
    var options: [Option]
    var files: Files
    var examples: [Example]

    struct Example {
        var line: String
        var does: String

        init(_ line: String, _ does: String) {
            self.line = line
            self.does = does
        }
    }

    /// Positional arguments.
    enum Files: Equatable {
        case none
        /// `label` as in `FILE`.
        case one(String)
        case optional(String)
        /// One or more.
        case many(String)

        var usage: String {
            switch self {
            case .none: ""
            case .one(let label): " \(label)"
            case .optional(let label): " [\(label)]"
            case .many(let label): " \(label)…"
            }
        }
    }

    init(_ name: String, _ summary: String, options: [Option] = [], files: Files = .none, examples: [Example]) {
        self.name = name
        self.summary = summary
        self.options = options
        self.files = files
        self.examples = examples
    }
}

/// An option of a command: `--name`, and `-n` where it has a letter.
struct Option {
    enum Kind: Equatable {
        case flag
        /// The last one counts. `label` as in `--rate N`.
        case value(String)
        /// May be repeated: all count, in order.
        case list(String)
    }

    var name: String
    var letter: Character?
    var kind: Kind
    var help: String

    static func flag(_ name: String, _ letter: Character? = nil, _ help: String) -> Option {
        Option(name: name, letter: letter, kind: .flag, help: help)
    }

    static func value(_ name: String, _ letter: Character? = nil, _ label: String, _ help: String) -> Option {
        Option(name: name, letter: letter, kind: .value(label), help: help)
    }

    static func list(_ name: String, _ letter: Character? = nil, _ label: String, _ help: String) -> Option {
        Option(name: name, letter: letter, kind: .list(label), help: help)
    }

    /// `--rate N`
    var usage: String {
        switch kind {
        case .flag: "--\(name)"
        case .value(let label), .list(let label): "--\(name) \(label)"
        }
    }
}
