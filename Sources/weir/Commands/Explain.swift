import Files
import Service
import Stream

/// `weir explain`: a verdict in words.
enum Explain: Command {
    static let spec = Spec(
        "explain", "says in words what a verdict says, for a customer's question or a regulator's",
        files: .many("VERDICT"),
        examples: [
            .init("weir explain verdict.json", "a file of verdicts, one a line; - for stdin"),
            .init("weir explain '{\"transaction_id\":\"tx-1\",…}'", "the verdict itself"),
            .init("weir simulate -n 3000 | weir replay - | grep decline | weir explain -", "all that were declined"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let output = try OutputFile(path: "-")
        var isFirst = true
        func say(_ verdict: UnsafeRawBufferPointer, _ place: String) throws {
            guard let json = JSON.parse(verdict), let text = Explanation.text(json) else { throw FileError(place, "is no verdict") }
            try output.append { $0 += Array(((isFirst ? "" : "\n") + text).utf8) }
            isFirst = false
        }
        for argument in arguments.files {
            if argument.first == "{" {
                var argument = argument
                try argument.withUTF8 { try say(UnsafeRawBufferPointer($0), "the argument") }
                continue
            }
            let reader = try RecordReader(argument, format: .json)
            while let record = try reader.next() {
                let place = "\(argument): line \(record.line)"
                guard case .json(let bytes) = record.content else { throw FileError(place, "cannot be read") }
                try say(bytes, place)
            }
        }
        try output.flush()
        return .done
    }
}
