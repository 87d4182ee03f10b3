import Kafka
import TestSupport
import Testing

@Suite struct Murmur2Tests {
    /// Apache Kafka's `UtilsTest.testMurmur2`, and librdkafka's `rdmurmur2.c`.
    @Test(arguments: [
        ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829), ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107), ("kafka", Int(Int32(bitPattern: 0xd067_cf64))), ("", Int(Int32(bitPattern: 0x106e_08d9))),
    ] as [(String, Int)])
    func `Hashes are those that Kafka's own tests expect`(key: String, hash: Int) {
        #expect(withBytes(of: key) { Int(Int32(bitPattern: Murmur2.hash($0))) } == hash)
    }

    @Test func `A hash does not depend on where the key lies`() {
        let bytes = Array("xxxxthe same key".utf8)
        let hashes = (0..<4).map { shift in
            var moved = [UInt8](repeating: 0, count: shift)
            moved += bytes.dropFirst(4)
            return moved.withUnsafeBytes { Murmur2.hash(.init(rebasing: $0[shift...])) }
        }
        #expect(Set(hashes).count == 1)
    }

    @Test func `A negative hash loses its sign before the modulo`() {
        // "21" hashes to -973932308; its lower 31 bits are 1173551340.
        #expect(withBytes(of: "21") { Murmur2.partition($0, 1_000_000) } == 551_340)
    }
}
