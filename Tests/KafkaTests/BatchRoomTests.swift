import Kafka
import Testing

@Suite struct BatchRoomTests {
    /// Sizes and partitions that are asked for in turn, and whether there is room.
    private func answers(_ room: inout BatchRoom, _ asked: [(size: Int, topic: Int, partition: Int32)]) -> [Bool] {
        asked.map { room.take($0.size, topic: $0.topic, partition: $0.partition) }
    }

    @Test func `a partition has room for one batch of bytes, whatever the others hold`() {
        var room = BatchRoom(topics: 2, ["batch.size": "1000"])
        // 64 bytes more for each: 928 are taken after the first two, and what is refused takes nothing.
        let first = answers(&room, [(400, 0, 3), (400, 0, 3), (100, 0, 3), (8, 0, 3), (0, 0, 3)])
        #expect(first == [true, true, false, true, false])
        let others = answers(&room, [(900, 0, 2), (900, 1, 3)])
        #expect(others == [true, true])
        room.clear()
        let again = answers(&room, [(900, 0, 3)])
        #expect(again == [true])
    }

    @Test func `a partition has room for one batch of records`() {
        var room = BatchRoom(topics: 1, ["batch.num.messages": "3"])
        let taken = answers(&room, Array(repeating: (10, 0, 0), count: 4))
        #expect(taken == [true, true, true, false])
    }

    @Test func `a record that is larger than a batch goes alone`() {
        var room = BatchRoom(topics: 1, [:])
        let taken = answers(&room, [(5_000_000, 0, 0), (1, 0, 0)])
        #expect(taken == [true, false])
    }
}
