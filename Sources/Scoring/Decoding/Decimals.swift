/// Exact decimal arithmetic for money: text in, minor units out, rounded once, half-even, with no double in between.
enum Decimals {
    enum Failure: Error { case malformed, negative, tooLarge, tooLargeConverted }

    enum Form {
        /// A number that follows JSON's grammar already: any digits, any exponent.
        case number
        /// Plain digits with at most 9 fractional ones.
        case plain
        /// A cell of a file: either of both.
        case cell
    }

    /// A rate as a decimal: `mantissa` · 10^−`scale`, 0 < mantissa < 10^18.
    struct Rate: Hashable, Sendable {
        var mantissa: UInt64
        var scale: Int
    }

    /// Amounts lie below 10 to this power, in major units.
    static let maximumExponent = 11

    static let powers: [UInt128] = (0...37).map { exponent in (0..<exponent).reduce(UInt128(1)) { power, _ in power * 10 } }
    /// 10^0 ... 10^19.
    static let powers64: InlineArray<20, UInt64> = InlineArray { exponent in (0..<exponent).reduce(UInt64(1)) { power, _ in power * 10 } }

    /// The amount in minor units of the base currency (`minorDigits` of them), after conversion by `rate` if there is one.
    ///
    /// Linear in the text; allocates only for more than 19 significant digits.
    static func minorUnits(_ p: UnsafePointer<UInt8>, _ count: Int, _ form: Form, minorDigits: Int, rate: Rate?) throws(Failure) -> Int64 {
        var i = 0
        guard count > 0 else { throw .malformed }
        if p[0] == UInt8(ascii: "-") { throw .negative }
        var mantissa: UInt64 = 0
        var significant = 0
        var fraction = 0
        var isExact = true
        let start = i
        while i < count {
            let d = p[i] &- 48
            if d > 9 { break }
            if significant < 19 {
                mantissa = mantissa &* 10 &+ UInt64(d)
                if mantissa != 0 { significant += 1 }
            } else {
                isExact = false
            }
            i += 1
        }
        guard i > start else { throw .malformed }
        if i < count, p[i] == UInt8(ascii: ".") {
            i += 1
            let point = i
            while i < count {
                let d = p[i] &- 48
                if d > 9 { break }
                if significant < 19 {
                    mantissa = mantissa &* 10 &+ UInt64(d)
                    if mantissa != 0 { significant += 1 }
                } else {
                    isExact = false
                }
                i += 1
            }
            fraction = i - point
            guard fraction > 0, form != .plain || fraction <= 9 else { throw .malformed }
        }
        let digitsEnd = i
        var exponent = 0
        if i < count, form != .plain, p[i] | 0x20 == UInt8(ascii: "e") {
            i += 1
            var isNegative = false
            if i < count, p[i] == UInt8(ascii: "-") || p[i] == UInt8(ascii: "+") {
                isNegative = p[i] == UInt8(ascii: "-")
                i += 1
            }
            let first = i
            while i < count, p[i] &- 48 <= 9 {
                // Beyond any length that a text can have: what is larger says the same.
                exponent = min(exponent * 10 + Int(p[i] &- 48), 1 << 40)
                i += 1
            }
            guard i > first else { throw .malformed }
            if isNegative { exponent = -exponent }
        }
        guard i == count else { throw .malformed }
        guard isExact else {
            return try long(p, digitsEnd, exponent - fraction, minorDigits: minorDigits, rate: rate)
        }
        if mantissa == 0 { return 0 }
        exponent -= fraction
        // m · 10^e with k digits lies in 10^(k+e−1) ..< 10^(k+e).
        guard significant + exponent <= maximumExponent else { throw .tooLarge }
        if let rate { return try converted(mantissa, exponent, rate, minorDigits: minorDigits) }
        let shift = exponent + minorDigits
        if shift >= 0 { return Int64(mantissa * powers64[shift]) }
        if -shift > significant { return 0 }
        let divisor = powers64[-shift]
        let (quotient, remainder) = mantissa.quotientAndRemainder(dividingBy: divisor)
        let rest = divisor - remainder
        return Int64(quotient) + (remainder > rest || (remainder == rest && quotient & 1 == 1) ? 1 : 0)
    }

    private static func converted(_ mantissa: UInt64, _ exponent: Int, _ rate: Rate, minorDigits: Int) throws(Failure) -> Int64 {
        // Below 10^19 · 10^18.
        let product = UInt128(mantissa) * UInt128(rate.mantissa)
        var digits = 1
        while digits < 38, product >= powers[digits] { digits += 1 }
        let exponent = exponent - rate.scale
        guard digits + exponent <= maximumExponent else { throw .tooLargeConverted }
        let shift = exponent + minorDigits
        if shift >= 0 { return Int64(product * powers[shift]) }
        if -shift > digits { return 0 }
        let divisor = powers[-shift]
        let (quotient, remainder) = product.quotientAndRemainder(dividingBy: divisor)
        let rest = divisor - remainder
        return Int64(quotient) + (remainder > rest || (remainder == rest && quotient & 1 == 1) ? 1 : 0)
    }

    /// The same by schoolbook arithmetic on the digits, for any number of them.
    static func long(_ p: UnsafePointer<UInt8>, _ digitsEnd: Int, _ exponent: Int, minorDigits: Int, rate: Rate?) throws(Failure) -> Int64 {
        var digits: [UInt8] = []
        digits.reserveCapacity(digitsEnd + 20)
        for i in 0..<digitsEnd where p[i] != UInt8(ascii: ".") {
            if !digits.isEmpty || p[i] != 48 { digits.append(p[i] - 48) }
        }
        if digits.isEmpty { return 0 }
        guard digits.count + exponent <= maximumExponent else { throw .tooLarge }
        var exponent = exponent
        if let rate {
            var carry: UInt64 = 0
            for i in digits.indices.reversed() {
                let value = UInt64(digits[i]) * rate.mantissa + carry
                digits[i] = UInt8(value % 10)
                carry = value / 10
            }
            var high: [UInt8] = []
            while carry > 0 {
                high.append(UInt8(carry % 10))
                carry /= 10
            }
            digits.insert(contentsOf: high.reversed(), at: 0)
            exponent -= rate.scale
            guard digits.count + exponent <= maximumExponent else { throw .tooLargeConverted }
        }
        // The first `whole` digits are minor units, the others are rounded away.
        let whole = digits.count + exponent + minorDigits
        if whole < 0 { return 0 }
        var units: Int64 = 0
        for i in 0..<whole { units = units * 10 + (i < digits.count ? Int64(digits[i]) : 0) }
        guard whole < digits.count else { return units }
        let next = digits[whole]
        let isAboveHalf = next > 5 || (next == 5 && digits[(whole + 1)...].contains { $0 != 0 })
        return units + (isAboveHalf || (next == 5 && units & 1 == 1) ? 1 : 0)
    }
}
