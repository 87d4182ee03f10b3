import Foundation
import Testing

@testable import Models

/// Damaged files: each is read or refused, and what is read is whole enough to score by every layout alike.
@Suite struct FuzzTests {
    /// How many inputs; `WEIR_FUZZ=1000000` for a long run.
    static let inputs = Int(ProcessInfo.processInfo.environment["WEIR_FUZZ"] ?? "") ?? 20_000

    struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }

    static let tokens: [[UInt8]] = [
        "-1", "0", "999999999999", "1e400", "nan", "inf", "-", "", " ", "=", "\n", "\r\n", "{", "}", "[", "]", "[[[[", ",", ":", "\"", "\\", "\\u0000", "null", "true",
        "Tree=0\n", "end of trees\n", "num_leaves=65536", "num_cat=1", "2147483648", "-2147483649", "\u{0}", "18446744073709551616", "0x10", "leaf_value=",
    ].map { Array($0.utf8) }

    @Test func `damaged files are read or refused, and never stop the process`() throws {
        let seeds = ModelCase.all.filter { $0.path.contains("/small/") }.map(\.bytes)
        #expect(seeds.count >= 30)
        var random = Random(state: 15)
        var (read, refused) = (0, 0)
        for _ in 0..<Self.inputs {
            var bytes = seeds.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...4, using: &random) { damage(&bytes, &random) }
            do throws(ModelRefusal) {
                let ensemble = try ModelFile.read(bytes)
                read += 1
                if read % 8 == 0 { try score(ensemble, &random) }
            } catch {
                refused += 1
                #expect(!error.message.isEmpty)
            }
        }
        // Both happen: else nothing of the readers was tried.
        #expect(read > Self.inputs / 50 && refused > Self.inputs / 50, "\(read) read, \(refused) refused")
    }

    private func damage(_ bytes: inout [UInt8], _ random: inout Random) {
        guard bytes.count > 1 else { return }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<7, using: &random) {
        case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &random)
        case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...40, using: &random)))
        case 3: bytes.insert(contentsOf: Self.tokens.randomElement(using: &random)!, at: at)
        case 4: bytes.removeSubrange(at...)
        case 5:
            let from = Int.random(in: 0..<bytes.count, using: &random)
            let piece = Array(bytes[from..<min(bytes.count, from + Int.random(in: 1...60, using: &random))])
            bytes.replaceSubrange(at..<min(bytes.count, at + piece.count), with: piece)
        default:  // a digit for a digit: files that stay well-formed and say something else
            if let digit = bytes[at...].firstIndex(where: { (48...57).contains($0) }) { bytes[digit] = UInt8.random(in: 48...57, using: &random) }
        }
    }

    private func score(_ ensemble: Ensemble, _ random: inout Random) throws(ModelRefusal) {
        let reference = ReferencePredictor(ensemble)
        var row = [Double](repeating: 0, count: ensemble.featureCount)
        let fast = try FastPredictor(ensemble)
        let walk = try FastPredictor(ensemble, layout: .walk)
        for _ in 0..<3 {
            for i in row.indices { row[i] = [Double.nan, 0, -1, 3, 1e300, Double.random(in: -20...20, using: &random)].randomElement(using: &random)! }
            let margin = reference.margin(row)
            #expect(fast.margin(row).bitPattern == margin.bitPattern)
            #expect(walk.margin(row).bitPattern == margin.bitPattern)
        }
    }
}
