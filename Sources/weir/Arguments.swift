import Service

/// Wrong usage, in one line.
struct UsageError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// A command's arguments, as its `Spec` reads them.
///
/// `--name`, `--name value`, `--name=value`, `-n value`, `-nvalue`, flags' letters together (`-ab`), options and files in any order. After `--` all are files; `-` is a file: stdin or stdout.
struct Arguments {
    let spec: Spec
    /// Positional arguments, in order.
    private(set) var files: [String] = []
    /// `--help` or `-h` was among them: nothing else is checked then.
    private(set) var wantsHelp = false
    private var values: [String: [String]] = [:]

    init(_ words: [String], _ spec: Spec) throws(UsageError) {
        self.spec = spec
        wantsHelp = words.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
        if wantsHelp { return }
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                files += rest
                break
            } else if word.hasPrefix("--") {
                try long(word.dropFirst(2), &rest)
            } else if word.hasPrefix("-"), word != "-" {
                try letters(word.dropFirst(), &rest)
            } else {
                files.append(word)
            }
        }
        try checkFiles()
    }

    // MARK: - Asking

    /// Whether the flag was given.
    func has(_ name: String) -> Bool {
        precondition(option(name)?.kind == .flag, "--\(name) is no flag of \(spec.name)")
        return values[name] != nil
    }

    /// The option's value, the last one where it was repeated; nil when it was not given.
    func text(_ name: String) -> String? { texts(name).last }

    /// All values of the option, in order.
    func texts(_ name: String) -> [String] {
        precondition(option(name) != nil && option(name)?.kind != .flag, "--\(name) is no option of \(spec.name) with a value")
        return values[name] ?? []
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let bounds = range.upperBound == .max ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            throw wrong(name, "a whole number \(bounds)")
        }
        return number
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws(UsageError) -> Double? {
        guard let text = text(name) else { return nil }
        guard let number = Double(text), range.contains(number) else {
            let bounds =
                range.upperBound >= .greatestFiniteMagnitude ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            throw wrong(name, "a number \(bounds)")
        }
        return number
    }

    /// Milliseconds.
    func duration(_ name: String) throws(UsageError) -> Int64? {
        guard let text = text(name) else { return nil }
        guard let millis = Durations.millis(text) else { throw wrong(name, "a whole number and one of ms s m h d") }
        return millis
    }

    func choice(_ name: String, of choices: [String]) throws(UsageError) -> String? {
        guard let text = text(name) else { return nil }
        guard choices.contains(text) else { throw wrong(name, "one of \(choices.joined(separator: ", "))") }
        return text
    }

    /// For a value that a command cannot use.
    func wrong(_ name: String, _ expected: String) -> UsageError { UsageError("--\(name) takes \(expected)") }

    // MARK: - Reading

    private func option(_ name: some StringProtocol) -> Option? { spec.options.first { $0.name == name } }

    private mutating func long(_ word: Substring, _ rest: inout ArraySlice<String>) throws(UsageError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0]
        guard let option = option(name) else {
            let near = NearestName.suggestion(for: String(name), among: spec.options.map(\.name) + ["help"])
            throw UsageError("unknown option --\(name)" + (near.map { ", did you mean --\($0)?" } ?? ""))
        }
        try take(option, parts.count == 2 ? String(parts[1]) : nil, &rest)
    }

    private mutating func letters(_ word: Substring, _ rest: inout ArraySlice<String>) throws(UsageError) {
        var letters = word
        while let letter = letters.popFirst() {
            guard let option = spec.options.first(where: { $0.letter == letter }) else { throw UsageError("unknown option -\(letter)") }
            if option.kind == .flag {
                values[option.name, default: []].append("")
                continue
            }
            if letters.first == "=" { letters = letters.dropFirst() }
            return try take(option, letters.isEmpty ? nil : String(letters), &rest)
        }
    }

    private mutating func take(_ option: Option, _ attached: String?, _ rest: inout ArraySlice<String>) throws(UsageError) {
        switch option.kind {
        case .flag:
            guard attached == nil else { throw UsageError("--\(option.name) takes no value") }
            values[option.name, default: []].append("")
        case .value(let label), .list(let label):
            // A forgotten value would else swallow the next option; one that begins with a dash can be attached.
            let isNext = rest.first.map { $0 == "-" || !$0.hasPrefix("-") || Double($0) != nil } ?? false
            guard let value = attached ?? (isNext ? rest.removeFirst() : nil) else {
                throw UsageError("--\(option.name) needs a value: \(option.usage)")
            }
            guard !value.isEmpty else { throw UsageError("--\(option.name) needs a value: --\(option.name) \(label)") }
            values[option.name, default: []].append(value)
        }
    }

    private func checkFiles() throws(UsageError) {
        switch spec.files {
        case .none:
            if let extra = files.first { throw UsageError("takes no argument, but was given '\(extra)'") }
        case .one(let label), .optional(let label):
            if files.count > 1 { throw UsageError("takes one \(label), but was given '\(files[1])' too") }
        case .many: break
        }
        switch spec.files {
        case .one(let label), .many(let label): if files.isEmpty { throw UsageError("needs \(label)") }
        default: break
        }
    }
}
