import Files
import Glibc
import Stream

/// A line on stderr that says how far a file is; on a terminal only.
struct Progress {
    private let command: String
    private let isTerminal = isatty(2) == 1
    private var lastMillis: Int64 = 0
    private let startMillis = monotonicMillis()
    private var isShown = false

    init(_ command: String) { self.command = command }

    /// Called after each record; looks at the clock after every 1,024th.
    mutating func update(_ reader: RecordReader, _ records: Int) {
        guard isTerminal, records & 1023 == 0 else { return }
        let now = monotonicMillis()
        guard now - lastMillis >= 200 else { return }
        lastMillis = now
        let rate = Int64(records) * 1000 / max(1, now - startMillis)
        var line = "\r\u{1B}[Kweir \(command): \(records) records, \(rate)/s"
        if let size = reader.size, size > 0 {
            let tenths = min(20, reader.position * 20 / size)
            line += " [" + String(repeating: "#", count: tenths) + String(repeating: " ", count: 20 - tenths) + "] \(min(100, reader.position * 100 / size)) % of \(reader.path)"
        }
        printError(line)
        isShown = true
    }

    /// Clears the line.
    func end() { if isShown { printError("\r\u{1B}[K") } }
}
