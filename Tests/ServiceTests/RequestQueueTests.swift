import Foundation
import Scoring
import Stream
import Testing

@testable import Service

@Suite struct RequestQueueTests {
    private static func item(_ number: UInt8) -> RequestQueue.Item {
        .init(kind: .fraud, body: [number], arrival: 0, arrivalNanos: 0, complete: { _ in })
    }

    @Test func `hands out in order, and refuses at its bound`() {
        let queue = RequestQueue(limit: 3)
        for round in 0..<5 as Range<UInt8> {
            #expect((0..<3).allSatisfy { queue.submit(Self.item(round * 10 + $0)) })
            #expect(!queue.submit(Self.item(99)))
            #expect(queue.count == 3)
            var taken: [UInt8] = []
            #expect(queue.drain(max: 2) { taken += $0.body } == 1)
            #expect(queue.submit(Self.item(round * 10 + 3)))
            #expect(queue.drain(max: 10) { taken += $0.body } == 0)
            #expect(taken == (0..<4).map { round * 10 + $0 })
        }
        #expect(queue.drain(max: 1) { _ in Issue.record("nothing waits") } == 0)
    }

    @Test func `wakes for each request that it takes, and for no other`() {
        let queue = RequestQueue(limit: 1)
        let woken = Counter()
        queue.onSubmit { woken.add() }
        _ = queue.submit(Self.item(0))
        _ = queue.submit(Self.item(1))
        #expect(woken.value == 1)
    }

    @Test func `lets a request go once it is handed out`() {
        final class Token: Sendable {}
        let queue = RequestQueue(limit: 4)
        weak var weakToken: Token?
        do {
            let token = Token()
            weakToken = token
            _ = queue.submit(.init(kind: .aml, body: [], arrival: 0, arrivalNanos: 0, complete: { _ in _ = token }))
        }
        #expect(weakToken != nil)
        _ = queue.drain(max: 1) { _ in }
        #expect(weakToken == nil)
    }

    @Test func `loses and doubles nothing between threads`() {
        let queue = RequestQueue(limit: 64)
        let refused = Counter()
        let seen = Locked<[UInt8: Int]>([:])
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for _ in 0..<5_000 {
                if thread == 0 {
                    _ = queue.drain(max: 8) { item in seen.locked { $0[item.body[0], default: 0] += 1 } }
                } else if !queue.submit(Self.item(UInt8(thread))) {
                    refused.add()
                }
            }
        }
        while queue.drain(max: 64, { item in seen.locked { $0[item.body[0], default: 0] += 1 } }) > 0 {}
        #expect(seen.locked { $0.values.reduce(0, +) } + refused.value == 15_000)
    }
}
