/// Why a verdict's windows may lack transactions. Where several hold, the first one below is named.
public enum IncompleteCause: UInt8, CaseIterable, Sendable {
    /// Later than the allowed lateness behind the watermark.
    case late
    /// Nothing can be claimed of what came before: a compacted input, or a function that keeps no state between its lives.
    case unknown
    /// The state began, or has a gap, less than the longest window ago.
    case start
    /// A window reaches behind the memory horizon: events were given up for memory.
    case horizon
    /// Another partition has a record not yet applied that is older than this one by more than 5 s.
    case lagging

    public var name: StaticString {
        switch self {
        case .late: "late"
        case .unknown: "unknown"
        case .start: "start"
        case .horizon: "horizon"
        case .lagging: "lagging"
        }
    }
}

/// What the state has not seen. It is set by whoever feeds the engine, and journaled there: the engine never derives it.
public struct Incompleteness: Equatable, Sendable {
    /// Event time from which the windows are whole, Unix epoch milliseconds; `Int64.min`: from a known beginning.
    public var since: Int64
    /// A partition is behind by more than 5 s of record time.
    public var isLagging: Bool
    /// No verdict is ever complete.
    public var isUnknown: Bool

    public init(since: Int64 = .min, isLagging: Bool = false, isUnknown: Bool = false) {
        self.since = since
        self.isLagging = isLagging
        self.isUnknown = isUnknown
    }
}
