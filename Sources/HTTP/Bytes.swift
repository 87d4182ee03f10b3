import CBeast
import Glibc

extension UnsafeRawBufferPointer {
    init(_ text: weir_beast_text) {
        self.init(start: text.data, count: text.length)
    }

    func equals(_ text: String) -> Bool {
        count == text.utf8.count && elementsEqual(text.utf8)
    }

    func equalsIgnoringCase(_ text: String) -> Bool {
        count == text.utf8.count && zip(self, text.utf8).allSatisfy { lowercased($0) == lowercased($1) }
    }
}

/// ASCII alone, as field names are (RFC 9110, 5.1).
private func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 65 < 26 ? byte | 32 : byte
}

func monotonicNanos() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Whether two secrets are equal, in a time that depends on `presented.count` alone, so that an answer's delay tells nothing of `secret` but, to a patient peer, its length.
///
/// - Complexity: O(`presented.count`)
public func constantTimeEquals(_ presented: UnsafeRawBufferPointer, _ secret: UnsafeRawBufferPointer) -> Bool {
    guard !secret.isEmpty else { return presented.isEmpty }
    var difference = UInt64(truncatingIfNeeded: presented.count ^ secret.count)
    var at = 0
    for byte in presented {
        difference |= UInt64(byte ^ secret[at])
        at = at &+ 1 == secret.count ? 0 : at &+ 1
    }
    return difference == 0
}
