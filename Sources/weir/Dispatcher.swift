// Adding a command takes three steps:
//
// 1. a file `Commands/<Name>.swift` with a small type that conforms to `Command`:
//
//        enum Hello: Command {
//            static let spec = Spec(
//                "hello", "greets somebody",
//                options: [.value("name", "n", "NAME", "whom to greet"), .flag("loud", "in capitals")],
//                examples: [.init("weir hello --name Ann", "says: hello Ann")])
//
//            static func run(_ arguments: Arguments) throws -> ExitCode {
//                printOut("hello \(arguments.text("name") ?? "you")\n")
//                return .done
//            }
//        }
//
// 2. its name in the list below, where `weir --help` shall show it;
// 3. a test of what it does in `Tests/weirTests`.
//
// A command of two words ("model list") is named so; `weir model` alone then lists all that begin so.

import Service

enum Dispatcher {
    static let commands: [any Command.Type] = [
        Serve.self, Demo.self, Produce.self, Replay.self, Features.self, Investigate.self, Simulate.self, AuditVerdicts.self, Explain.self,
        ModelList.self, ModelInspect.self, ModelVerify.self, ModelScore.self, Broker.self, Config.self, Healthcheck.self, LambdaCommand.self,
    ]

    /// Runs what the words say and tells what went wrong, in one line.
    ///
    /// - Parameter words: without the program's own name.
    static func run(_ words: [String], commands: [any Command.Type] = commands) -> ExitCode {
        guard let first = words.first else {
            printError(Help.overview(commands.map { $0.spec }))
            return .usage
        }
        switch first {
        case "--version", "-V":
            printOut("weir \(Build.version) (\(Build.commit))\n")
            return .done
        case "--help", "-h", "help":
            return help(Array(words.dropFirst()), commands)
        default: break
        }
        guard let (command, rest) = find(words, commands) else { return unknown(words, commands) }
        do {
            let arguments = try Arguments(rest, command.spec)
            if arguments.wantsHelp {
                printOut(Help.of(command.spec))
                return .done
            }
            return try command.run(arguments)
        } catch let error as UsageError {
            printError("weir \(command.spec.name): \(error) (weir \(command.spec.name) --help)\n")
            return .usage
        } catch let error as SettingError {
            printError("weir: \(error)\n")
            return .usage
        } catch {
            printError("weir \(command.spec.name): \(error)\n")
            return .failed
        }
    }

    private static func find(_ words: [String], _ commands: [any Command.Type]) -> ((any Command.Type), [String])? {
        for count in [2, 1] where words.count >= count {
            let name = words.prefix(count).joined(separator: " ")
            if let command = commands.first(where: { $0.spec.name == name }) { return (command, Array(words.dropFirst(count))) }
        }
        return nil
    }

    private static func help(_ words: [String], _ commands: [any Command.Type]) -> ExitCode {
        if words.isEmpty {
            printOut(Help.overview(commands.map { $0.spec }))
            return .done
        }
        guard let (command, _) = find(words, commands) else { return unknown(words, commands) }
        printOut(Help.of(command.spec))
        return .done
    }

    private static func unknown(_ words: [String], _ commands: [any Command.Type]) -> ExitCode {
        let group = commands.filter { $0.spec.name.hasPrefix(words[0] + " ") }
        if !group.isEmpty, words.count == 1 || words[1] == "--help" || words[1] == "-h" {
            let text = Help.overview(group.map { $0.spec })
            if words.count == 1 { printError(text) } else { printOut(text) }
            return words.count == 1 ? .usage : .done
        }
        let name = group.isEmpty ? words[0] : words.prefix(2).joined(separator: " ")
        let near = NearestName.suggestion(for: name, among: (group.isEmpty ? commands : group).map { $0.spec.name })
        if name.hasPrefix("-") {
            printError("weir: unknown option \(name) before a command (weir --help)\n")
        } else {
            printError("weir: unknown command '\(name)'" + (near.map { ", did you mean '\($0)'?" } ?? "") + " (weir --help)\n")
        }
        return .usage
    }
}
