import Models

/// ln(p / (1 − p)), p taken within 10^-12 of 0 and 1.
func logOdds(_ p: Double) -> Double {
    let p = max(1e-12, min(1 - 1e-12, p))
    return naturalLogarithm(p / (1 - p))
}
