import Foundation
import Kafka
import TestSupport
import Testing

@Suite struct WakeupTests {
    @Test func `A signal ends a wait, once, and whenever it came`() {
        let wakeup = Wakeup()
        #expect(!wakeup.wait(timeoutMillis: 0))
        wakeup.signal()
        wakeup.signal()
        #expect(wakeup.wait(timeoutMillis: 10_000))
        #expect(!wakeup.wait(timeoutMillis: 0))
    }

    @Test func `A wait is ended from another thread`() {
        let wakeup = Wakeup()
        let started = nowMillis()
        let thread = Thread { wakeup.signal() }
        thread.start()
        #expect(wakeup.wait(timeoutMillis: 30_000))
        #expect(nowMillis() - started < 10_000)
    }

    @Test func `Without a signal a wait takes its time`() {
        let started = nowMillis()
        #expect(!Wakeup().wait(timeoutMillis: 30))
        #expect(nowMillis() - started >= 29)
    }

    @Test func `One descriptor serves many queues: nothing is missed with no other timer than it`() throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("in", partitions: 8)
        let wakeup = Wakeup()
        let consumer = try Consumer(["bootstrap.servers": broker.bootstrapServers], group: "g", wakeup: wakeup)
        let queues = try (0..<8).map { try consumer.assign(topic: "in", partition: $0, offset: 0) }
        let batch = MessageBatch()
        let servers = broker.bootstrapServers
        let writer = Thread {
            for round in 0..<40 { try? write(servers, "in", partition: Int32(round % 8), ["a", "b", "c"]) }
        }
        writer.start()
        while batch.count < 120 {
            guard wakeup.wait(timeoutMillis: 20_000) else { Issue.record("no signal with \(batch.count) records"); break }
            for queue in queues { repeat { queue.poll(max: 2, into: batch) } while queue.mayHaveMore }
        }
        #expect(batch.count == 120)
    }
}
