/// A score in millionths: verdicts carry six decimals, and decisions are made on what they carry.
@inline(__always)
func millionths(_ probability: Double) -> Int64 { Int64(max(0, min(1, probability)) * 1_000_000 + 0.5) }
