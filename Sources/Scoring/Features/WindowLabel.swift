/// A window as it is called: the spelling of the settings, which feature names and verdicts use, and its length.
public struct WindowLabel: Sendable, Equatable {
    /// As configured, for example `24h`.
    public let name: String
    /// Length in milliseconds.
    public let millis: Int64

    /// - Precondition: the name is a number and one of `s m h d`.
    public init(name: String, millis: Int64) {
        precondition(
            !name.isEmpty && name.utf8.count <= 20 && name.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) },
            "a window is called by a number and a unit")
        self.name = name
        self.millis = millis
    }

    /// The usual spelling of a length: the largest unit that divides it, days from two on.
    public init(millis: Int64) {
        let day: Int64 = 86_400_000
        let hour: Int64 = 3_600_000
        let minute: Int64 = 60_000
        let name =
            if millis >= 2 * day, millis % day == 0 {
                "\(millis / day)d"
            } else if millis % hour == 0 {
                "\(millis / hour)h"
            } else if millis % minute == 0 {
                "\(millis / minute)m"
            } else {
                "\(millis / 1000)s"
            }
        self.init(name: name, millis: millis)
    }

    /// In words, for reasons: `hour`, `24 hours`.
    var words: String {
        let units: [Character: String] = ["s": "second", "m": "minute", "h": "hour", "d": "day"]
        guard let last = name.last, let unit = units[last], let number = Int64(name.dropLast()) else { return name }
        return number == 1 ? unit : "\(number) \(unit)s"
    }
}
