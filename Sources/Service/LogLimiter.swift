/// Which log lines are written: of one event `burst` in a window. The others are counted.
struct LogLimiter {
    static let burst = 10
    static let windowMillis: Int64 = 10_000
    /// Events that are counted; with more than that, all are begun anew.
    static let maxEvents = 256

    private struct Event {
        var windowBegan: Int64
        var written: Int
        var level: LogLevel
    }

    private var events: [String: Event] = [:]
    /// Lines left out, by event, that were not told yet.
    var suppressed: [String: Int] = [:]

    /// Counts a line, and says whether it is written.
    mutating func admits(_ event: String, _ level: LogLevel, _ time: Int64) -> Bool {
        var current = events[event] ?? Event(windowBegan: time, written: 0, level: level)
        if time - current.windowBegan >= Self.windowMillis || time < current.windowBegan {
            current = Event(windowBegan: time, written: 0, level: level)
        }
        let isAdmitted = current.written < Self.burst
        if isAdmitted { current.written += 1 } else { suppressed[event, default: 0] += 1 }
        if events.count >= Self.maxEvents, events[event] == nil { events.removeAll() }
        events[event] = current
        return isAdmitted
    }

    /// What was left out of events that did not come again.
    mutating func closeWindows(_ time: Int64, _ tell: (String, LogLevel, Int) -> Void) {
        guard !suppressed.isEmpty else { return }
        for (event, left) in suppressed {
            let known = events[event]
            if let known, time - known.windowBegan < Self.windowMillis { continue }
            suppressed[event] = nil
            tell(event, known?.level ?? .warning, left)
        }
    }
}
