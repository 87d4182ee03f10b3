/// What is said of the events of a list in one window.
struct Totals {
    var count: Int64 = 0
    /// Marked events: first debits to a counterparty, or frauds.
    var special: Int64 = 0
    var max: Int64 = 0
    var sum: UInt128 = 0
    /// Of the longest window alone.
    var squares: UInt128 = 0
    /// One a value.
    var distinct: (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)

    @inline(__always)
    subscript(_ d: Int) -> Int64 {
        get {
            switch d {
            case 0: distinct.0
            case 1: distinct.1
            case 2: distinct.2
            default: distinct.3
            }
        }
        set {
            switch d {
            case 0: distinct.0 = newValue
            case 1: distinct.1 = newValue
            case 2: distinct.2 = newValue
            default: distinct.3 = newValue
            }
        }
    }
}
