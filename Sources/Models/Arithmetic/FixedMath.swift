/// e^x from the four operations alone, so that it has the same bits on every processor and C library.
///
/// The argument is split into k·ln 2 + r with |r| ≤ ln 2 / 2, e^r is its Taylor polynomial up to r^13; the error is below 2 units in the last place.
/// Arguments beyond ±700 are taken as ±700.
package func fixedExp(_ x: Double) -> Double {
    let x = max(-700, min(700, x))
    let shift = 0x1.8p52  // adding and subtracting it rounds to an integer
    let k = (x * 1.4426950408889634 + shift) - shift
    let r = (x - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33  // ln 2 in two parts: the first product is exact
    var p = 1.0 / 6_227_020_800
    p = p * r + 1.0 / 479_001_600
    p = p * r + 1.0 / 39_916_800
    p = p * r + 1.0 / 3_628_800
    p = p * r + 1.0 / 362_880
    p = p * r + 1.0 / 40_320
    p = p * r + 1.0 / 5_040
    p = p * r + 1.0 / 720
    p = p * r + 1.0 / 120
    p = p * r + 1.0 / 24
    p = p * r + 1.0 / 6
    p = p * r + 0.5
    p = p * r + 1
    p = p * r + 1
    return p * Double(bitPattern: UInt64(Int64(k) + 1023) << 52)
}

/// 1 / (1 + e^−x): the probability that log-odds say.
package func logistic(_ x: Double) -> Double {
    if x >= 0 { return 1 / (1 + fixedExp(-x)) }
    let e = fixedExp(x)
    return e / (1 + e)
}

/// The natural logarithm from the four operations alone: for a positive, normal x within 2 units in the last place.
///
/// x = 2^k · m with m near 1; ln m = 2 · artanh((m − 1) / (m + 1)) by its series.
package func naturalLogarithm(_ x: Double) -> Double {
    precondition(x > 0 && x.isFinite, "the logarithm of a positive number")
    var k = Double(x.exponent)
    var m = x.significand
    if m > 1.4142135623730951 {
        m /= 2
        k += 1
    }
    let s = (m - 1) / (m + 1)
    let square = s * s
    var sum = 0.0
    var n = 39.0
    while n >= 3 {
        sum = (sum + 1 / n) * square
        n -= 2
    }
    return k * 0x1.a39ef35793c76p-33 + (2 * s * sum + 2 * s) + k * 0x1.62e42fee00000p-1
}
