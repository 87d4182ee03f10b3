/// What `--help` shows.
enum Help {
    static func overview(_ specs: [Spec]) -> String {
        let width = specs.map(\.name.count).max() ?? 0
        var lines = [
            "weir scores payments for fraud and money laundering as they stream through Kafka.", "", "Usage: weir COMMAND [OPTION…]", "",
            "Commands:",
        ]
        lines += specs.map { "  \(padded($0.name, width))  \($0.summary)" }
        lines += [
            "", "weir COMMAND --help shows a command's options and examples, weir --version the version.",
            "The service is set up by environment variables: weir config lists them.",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    static func of(_ spec: Spec) -> String {
        var lines = ["weir \(spec.name): \(spec.summary)", ""]
        lines.append("Usage: weir \(spec.name)" + (spec.options.isEmpty ? "" : " [OPTION…]") + spec.files.usage)
        let options = spec.options + [.flag("help", "h", "show this")]
        let width = options.map(\.usage.count).max() ?? 0
        lines += ["", "Options:"]
        lines += options.map { "  " + ($0.letter.map { "-\($0), " } ?? "    ") + padded($0.usage, width) + "  " + $0.help }
        lines += ["", "Examples:"]
        for example in spec.examples {
            lines.append("  \(example.line)")
            lines.append("      \(example.does)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
