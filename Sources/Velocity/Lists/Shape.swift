/// What the events of a kind of list hold. Constants, so that each kind's code is compiled for it alone.
protocol Shape {
    /// Dense ids an event names, three bytes each.
    static var keys: Int { get }
    /// Whether an event names a country, in one byte, as the last of its values.
    static var hasCountry: Bool { get }
    /// Bytes kept of the transaction's key: 0, 4 or 8.
    static var transactionBytes: Int { get }
    /// Whether an event has one more mark: an account's first debit to its counterparty, or a fraud at its merchant.
    static var hasSpecial: Bool { get }
    /// Whether the highest amount is asked for.
    static var hasMax: Bool { get }
    /// Whether the sum of squares is asked for.
    static var hasSquares: Bool { get }
    /// Whether what is asked for lies a delay behind, too.
    static var hasDelayed: Bool { get }
}

extension Shape {
    /// Values whose distinct ones are counted.
    @inline(__always) static var values: Int { keys + (hasCountry ? 1 : 0) }
    /// Rows of marks.
    @inline(__always) static var marks: Int { values + (hasSpecial ? 1 : 0) }
}

/// An account's debits: merchant, counterparty, device, country.
enum Debits: Shape {
    @inline(__always) static var keys: Int { 3 }
    @inline(__always) static var hasCountry: Bool { true }
    @inline(__always) static var transactionBytes: Int { 8 }
    @inline(__always) static var hasSpecial: Bool { true }
    @inline(__always) static var hasMax: Bool { true }
    @inline(__always) static var hasSquares: Bool { true }
    @inline(__always) static var hasDelayed: Bool { false }
}

/// An account's credits, for duplicates alone.
enum Credits: Shape {
    @inline(__always) static var keys: Int { 0 }
    @inline(__always) static var hasCountry: Bool { false }
    @inline(__always) static var transactionBytes: Int { 8 }
    @inline(__always) static var hasSpecial: Bool { false }
    @inline(__always) static var hasMax: Bool { false }
    @inline(__always) static var hasSquares: Bool { false }
    @inline(__always) static var hasDelayed: Bool { false }
}

/// What came in to an account: the sender.
enum Inflow: Shape {
    @inline(__always) static var keys: Int { 1 }
    @inline(__always) static var hasCountry: Bool { false }
    @inline(__always) static var transactionBytes: Int { 0 }
    @inline(__always) static var hasSpecial: Bool { false }
    @inline(__always) static var hasMax: Bool { true }
    @inline(__always) static var hasSquares: Bool { false }
    @inline(__always) static var hasDelayed: Bool { false }
}

/// Transactions with a card, on a device, from an ip: the account.
enum Plain: Shape {
    @inline(__always) static var keys: Int { 1 }
    @inline(__always) static var hasCountry: Bool { false }
    @inline(__always) static var transactionBytes: Int { 0 }
    @inline(__always) static var hasSpecial: Bool { false }
    @inline(__always) static var hasMax: Bool { false }
    @inline(__always) static var hasSquares: Bool { false }
    @inline(__always) static var hasDelayed: Bool { false }
}

/// Transactions at a merchant: the account, and whether a label says fraud.
enum Sales: Shape {
    @inline(__always) static var keys: Int { 1 }
    @inline(__always) static var hasCountry: Bool { false }
    @inline(__always) static var transactionBytes: Int { 4 }
    @inline(__always) static var hasSpecial: Bool { true }
    @inline(__always) static var hasMax: Bool { false }
    @inline(__always) static var hasSquares: Bool { false }
    @inline(__always) static var hasDelayed: Bool { true }
}

/// One event of a list, unpacked.
struct Item {
    var time: Int64 = 0
    var amount: Int64 = 0
    /// Key of the transaction, as far as the list keeps it.
    var transaction: UInt64 = 0
    /// Dense ids: the keys, then the country; 0 is absent.
    var values: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)

    @inline(__always)
    subscript(_ d: Int) -> UInt32 {
        get {
            switch d {
            case 0: values.0
            case 1: values.1
            case 2: values.2
            default: values.3
            }
        }
        set {
            switch d {
            case 0: values.0 = newValue
            case 1: values.1 = newValue
            case 2: values.2 = newValue
            default: values.3 = newValue
            }
        }
    }

    /// What it needs of a block: bit 0 amounts of six bytes, bit 1 ids of four.
    @inline(__always)
    func format<S: Shape>(_: S.Type) -> Int {
        var f = amount >> 24 != 0 ? 1 : 0
        for d in 0..<S.keys where self[d] >> 24 != 0 { f |= 2 }
        if S.hasCountry, self[S.keys] >> 8 != 0 { f |= 2 }
        return f
    }
}
