import Service

/// `weir config`: what the service would be told here.
enum Config: Command {
    static let spec = Spec(
        "config", "prints every setting, its value, its default and where it came from",
        options: [.flag("json", nil, "as one JSON array")],
        examples: [
            .init("weir config", "what `weir serve` would go by in this environment"),
            .init("COMMIT_INTERVAL=20ms weir config | grep COMMIT", "how one setting is taken"),
            .init("weir config --json | jq -r '.[] | select(.origin == \"environment\") | .name'", "which ones are set here"),
        ])

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let settings = try Settings(environment: ProcessFacts.environment)
        for warning in settings.warnings { printError("weir: \(warning)\n") }
        printOut(arguments.has("json") ? settings.json + "\n" : settings.table)
        return .done
    }
}
