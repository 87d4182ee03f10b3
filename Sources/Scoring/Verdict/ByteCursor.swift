import Glibc

/// Writes JSON's pieces into memory that somebody reserved, one after the other. It checks no bounds: the reservation does.
///
/// Some writes go up to `slack` bytes beyond what they write, so that they can be whole vectors.
struct ByteCursor: ~Copyable {
    var p: UnsafeMutablePointer<UInt8>
    /// "00" to "99", two bytes each.
    private let digits: UnsafePointer<UInt8>

    static var slack: Int { 64 }

    @inline(__always)
    init(_ p: UnsafeMutablePointer<UInt8>, digits: UnsafePointer<UInt8>) {
        self.p = p
        self.digits = digits
    }

    /// The table of two digits that a cursor needs: made once by whoever owns cursors, since a global would be checked at each use.
    static func makeDigits() -> UnsafeMutablePointer<UInt8> {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 200)
        for i in 0..<100 {
            table[2 * i] = UInt8(48 + i / 10)
            table[2 * i + 1] = UInt8(48 + i % 10)
        }
        return table
    }

    @inline(__always)
    mutating func byte(_ value: UInt8) {
        p[0] = value
        p += 1
    }

    /// A literal becomes a few stores of constants.
    @inline(__always)
    mutating func literal(_ text: StaticString) {
        memcpy(p, text.utf8Start, text.utf8CodeUnitCount)
        p += text.utf8CodeUnitCount
    }

    /// Bytes that are followed by at least 15 more that may be read.
    @inline(__always)
    mutating func padded(_ source: UnsafePointer<UInt8>, _ count: Int) {
        let from = UnsafeRawPointer(source)
        let to = UnsafeMutableRawPointer(p)
        var i = 0
        while i < count {
            to.storeBytes(of: from.loadUnaligned(fromByteOffset: i, as: SIMD16<UInt8>.self), toByteOffset: i, as: SIMD16<UInt8>.self)
            i += 16
        }
        p += count
    }

    // MARK: Numbers

    @inline(__always)
    mutating func integer(_ value: Int64) {
        if value < 0 { byte(45) }
        unsigned(value.magnitude)
    }

    @inline(__always)
    mutating func unsigned(_ value: UInt64) {
        if value < 10 {
            byte(48 + UInt8(truncatingIfNeeded: value))
        } else if value < 100 {
            pair(Int(truncatingIfNeeded: value))
        } else {
            long(value)
        }
    }

    @inline(__always)
    private mutating func pair(_ value: Int) {
        p[0] = digits[2 * value]
        p[1] = digits[2 * value + 1]
        p += 2
    }

    private mutating func long(_ value: UInt64) {
        if value < 10_000 {
            upTo4(Int(truncatingIfNeeded: value))
        } else if value < 100_000_000 {
            let high = Int(truncatingIfNeeded: value) / 10_000
            upTo4(high)
            four(Int(truncatingIfNeeded: value) - high * 10_000)
        } else {
            let high = value / 100_000_000
            unsigned(high)
            let low = Int(truncatingIfNeeded: value - high * 100_000_000)
            four(low / 10_000)
            four(low % 10_000)
        }
    }

    /// One to four digits.
    @inline(__always)
    private mutating func upTo4(_ value: Int) {
        let high = value / 100
        if high >= 10 { pair(high) } else if high > 0 { byte(48 + UInt8(truncatingIfNeeded: high)) }
        if high > 0 { pair(value - high * 100) } else { unsigned(UInt64(value)) }
    }

    @inline(__always)
    private mutating func four(_ value: Int) {
        let high = value / 100
        pair(high)
        pair(value - high * 100)
    }

    /// Any magnitude, in pieces of 18 digits.
    mutating func wide(_ value: UInt128) {
        let piece: UInt128 = 1_000_000_000_000_000_000
        guard value >= piece else { return unsigned(UInt64(truncatingIfNeeded: value)) }
        wide(value / piece)
        fixed(UInt64(truncatingIfNeeded: value % piece), digits: 18)
    }

    /// Exactly so many digits, with leading zeros.
    @inline(__always)
    mutating func fixed(_ value: UInt64, digits count: Int) {
        var rest = value
        var i = count
        while i > 0 {
            i -= 1
            p[i] = 48 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        p += count
    }

    /// Money in major units: at most as many decimals as the minor unit has, and no trailing zeros.
    @inline(__always)
    mutating func money(_ minor: Int128, decimals: Int) {
        let low = UInt64(truncatingIfNeeded: minor)
        guard Int128(low) == minor else {
            if minor < 0 { byte(45) }
            let magnitude = minor.magnitude
            let unit: UInt128 = decimals == 2 ? 100 : 1_000
            wide(magnitude / unit)
            return fraction(UInt64(truncatingIfNeeded: magnitude % unit), decimals: decimals)
        }
        if decimals == 2 {
            unsigned(low / 100)
            let cents = Int(truncatingIfNeeded: low % 100)
            if cents == 0 { return }
            byte(46)
            pair(cents)
            if p[-1] == 48 { p -= 1 }
        } else {
            unsigned(low / 1_000)
            fraction(low % 1_000, decimals: 3)
        }
    }

    /// A point and the decimals, without trailing zeros; nothing when there are none.
    @inline(__always)
    private mutating func fraction(_ value: UInt64, decimals: Int) {
        if value == 0 { return }
        byte(46)
        fixed(value, digits: decimals)
        while p[-1] == 48 { p -= 1 }
    }

    /// A number of millionths as a decimal: 812300 is 0.8123.
    @inline(__always)
    mutating func millionths(_ value: Int64) {
        if value < 0 { byte(45) }
        let magnitude = value.magnitude
        let whole = magnitude / 1_000_000
        unsigned(whole)
        let rest = Int(truncatingIfNeeded: magnitude - whole * 1_000_000)
        if rest == 0 { return }
        byte(46)
        let high = rest / 10_000
        pair(high)
        let low = rest - high * 10_000
        if low != 0 { four(low) }
        while p[-1] == 48 { p -= 1 }
    }

    /// A finite double, rounded half away from zero to at most six decimals; without decimals from 9·10^12 on.
    mutating func decimal(_ value: Double) {
        if value.magnitude < 9e12 {
            millionths(Int64(value * 1_000_000 + (value < 0 ? -0.5 : 0.5)))
        } else {
            if value < 0 { byte(45) }
            wide(UInt128(min(value.magnitude, 1e38)))
        }
    }

    /// The same with at most two decimals, for sentences.
    mutating func hundredths(_ value: Double) {
        guard value.magnitude < 9e12 else { return decimal(value) }
        let scaled = Int64(value * 100 + (value < 0 ? -0.5 : 0.5))
        millionths(scaled * 10_000)
    }

    // MARK: Text

    /// A JSON string of valid UTF-8, with its quotes.
    @inline(__always)
    mutating func string(_ text: Text) {
        byte(34)
        let count = text.count
        guard count > 0, let base = text.base else { return byte(34) }
        let from = UnsafeRawPointer(base)
        let to = UnsafeMutableRawPointer(p)
        var special: UInt64 = 0
        if count >= 8 {
            var i = 0
            while i <= count - 8 {
                let word = from.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                to.storeBytes(of: word, toByteOffset: i, as: UInt64.self)
                special |= Self.specials(word)
                i += 8
            }
            let word = from.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
            to.storeBytes(of: word, toByteOffset: count - 8, as: UInt64.self)
            special |= Self.specials(word)
        } else {
            for i in 0..<count {
                p[i] = base[i]
                if base[i] < 32 || base[i] == 34 || base[i] == 92 { special = 1 }
            }
        }
        if special == 0 { p += count } else { escaped(base, count) }
        byte(34)
    }

    /// High bits where a byte is a quote, a backslash or below 32. May also mark a byte after such a one, which does not matter here.
    @inline(__always)
    static func specials(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        let quote = word ^ (ones &* 34)
        let backslash = word ^ (ones &* 92)
        return (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 32) & ~word)) & high
    }

    private mutating func escaped(_ base: UnsafePointer<UInt8>, _ count: Int) {
        for i in 0..<count {
            let c = base[i]
            switch c {
            case 34: literal("\\\"")
            case 92: literal("\\\\")
            case 10: literal("\\n")
            case 13: literal("\\r")
            case 9: literal("\\t")
            case 0..<32:
                literal("\\u00")
                byte(48 + c >> 4)
                byte(c & 15 < 10 ? 48 + c & 15 : 87 + c & 15)
            default: byte(c)
            }
        }
    }
}
