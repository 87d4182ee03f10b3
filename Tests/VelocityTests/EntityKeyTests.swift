import Testing

@testable import Velocity

@Suite("Keys of ids")
struct EntityKeyTests {
    private func key(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBufferPointer { EntityKey.hash($0) } }

    @Test("A key never changes: states on disk and digests on other machines rest on it")
    func keysAreFixed() {
        // An independent SipHash-2-4 (checked against the vector in its paper), key "weirweirweirweir".
        #expect(key([]) == 12989890796005029063)
        #expect(key(Array("A-1001".utf8)) == 4608412238072663351)
        #expect(key(Array("12345678".utf8)) == 1636162535130168307)
        #expect(key(Array(0..<128)) == 11749984403151674042)
    }

    @Test("Ids that differ in one byte, or only in length, have different keys, and none is 0")
    func keysDiffer() {
        var seen = Set<UInt64>()
        for length in 0...128 {
            for position in 0..<max(1, length) {
                var bytes = [UInt8](repeating: 0, count: length)
                if length > 0 { bytes[position] = 1 }
                let k = key(bytes)
                #expect(k != 0)
                #expect(seen.insert(k).inserted)
            }
        }
    }
}
