// The windows alone, one thread: events in, readings out.
//
//     swift run -c release --package-path Benchmarks VelocityBenchmark [fill] [measured] [perWeek] [late share] [kinds: 3 or 6] [feedback: 0 or 1] [file]
//
// With a file, a snapshot is written to it and read from it. Prints nanoseconds a transaction (median of blocks of 100,000), resident memory, and where the bytes are.
import CAllocations
import Glibc
import Velocity

func nanos() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Nanoseconds that this thread ran: what other processes take does not count.
func processorNanos() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, 128, file) != nil else { return 0 }
    let fields = String(cString: line).split(separator: " ")
    return (Int(fields[1]) ?? 0) * 4096
}

@main enum VelocityBenchmark {
    static func main() {
        func argument(_ i: Int, _ usual: Double) -> Double {
            CommandLine.arguments.count > i ? Double(CommandLine.arguments[i]) ?? usual : usual
        }
        let fill = Int(argument(1, 5_000_000))
        let measured = Int(argument(2, 1_000_000))
        let perWeek = Int(argument(3, 5_000_000))
        let late = argument(4, 0)
        let kinds = Int(argument(5, 6))
        let hasFeedback = argument(6, 0) != 0

        if CommandLine.arguments.count > 1, CommandLine.arguments[1] == "deques" {
            deques(fill: Int(argument(2, 500_000)), measured: Int(argument(3, 100_000)))
            return
        }
        var payments = Payments(perWeek: perWeek, late: late, hasAllKinds: kinds == 6)
        let before = residentBytes()
        let store = VelocityStore(VelocityConfiguration(feedbackEnabled: hasFeedback))
        let reading = Reading(windowCount: 3)
        let size = 100_000
        let events = UnsafeMutableBufferPointer<Event>.allocate(capacity: size)

        func apply(_ count: Int) {
            var begin = 0
            while begin < count {
                let batch = UnsafeBufferPointer(rebasing: events[begin..<min(begin + 16, count)])
                store.prepare(batch)
                for event in batch where store.decide(event) == .new { store.apply(event, into: reading) }
                store.expire(budget: 32)
                begin += 16
            }
        }

        var left = fill
        while left > 0 {
            let n = min(size, left)
            for i in 0..<n { events.initializeElement(at: i, to: payments.next()) }
            apply(n)
            left -= n
        }
        let filled = residentBytes()
        var times: [Double] = []
        let allocations = allocations_count()
        var wall: UInt64 = 0
        left = measured
        while left > 0 {
            for i in 0..<size { events.initializeElement(at: i, to: payments.next()) }
            let (start, begin) = (processorNanos(), nanos())
            apply(size)
            times.append(Double(processorNanos() - start) / Double(size))
            wall += nanos() - begin
            left -= size
        }
        let allocated = Double(allocations_count() - allocations) / Double(max(1, times.count * size))
        times.sort()
        if !times.isEmpty {
            print(
                "kinds \(kinds), late \(late), feedback \(hasFeedback): median \(Int(times[times.count / 2])) ns, lowest \(Int(times[0])), highest "
                    + "\(Int(times[times.count - 1])) ns of processor time a transaction; \(allocated) allocations")
        }
        let state = store.stateBytes
        print(
            "resident: \(before >> 20) MB before, \(filled >> 20) filled, \(residentBytes() >> 20) now; state \(state >> 20) MB; "
                + "\(store.eventCount) transactions, \(store.entityCount(.account)) accounts, \(store.pairCount) pairs")
        if CommandLine.arguments.count > 7 { snapshot(store, CommandLine.arguments[7]) }
        for part in store.parts { print("  \(part.name): \(part.bytes >> 20) MB, \(part.count) x \(part.count == 0 ? 0 : Double(part.bytes * 10 / part.count) / 10) bytes") }
    }

    /// Writes a snapshot by steps of a megabyte, and reads it.
    private static func snapshot(_ store: VelocityStore, _ path: String) {
        guard let file = fopen(path, "wb") else { return print("\(path) cannot be written") }
        var bytes = 0
        var longest: UInt64 = 0
        let writer = SnapshotWriter(of: store)
        let start = nanos()
        var isMore = true
        while isMore {
            let begin = nanos()
            isMore = writer.step(budget: 1 << 20) { bytes += fwrite($0.baseAddress, 1, $0.count, file) }
            longest = max(longest, nanos() - begin)
        }
        fclose(file)
        let written = nanos() - start

        guard let input = fopen(path, "rb") else { return print("\(path) cannot be read") }
        let reader = SnapshotReader(store.configuration)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        let begin = nanos()
        do {
            while true {
                let count = fread(buffer.baseAddress, 1, buffer.count, input)
                if count == 0 { break }
                try reader.read(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            let restored = try reader.finish()
            restored.endBringingOn()
            let read = nanos() - begin
            print(
                "snapshot: \(bytes >> 20) MB, written at \(UInt64(bytes) * 1000 / written) MB/s, longest step \(longest / 1000) us; "
                    + "read at \(UInt64(bytes) * 1000 / read) MB/s; \(restored.digest() == store.digest() ? "the same digest" : "ANOTHER DIGEST")")
        } catch {
            print("the snapshot is refused: \(error)")
        }
        fclose(input)
        buffer.deallocate()
    }

    /// The peer in plain Swift.
    private static func deques(fill: Int, measured: Int) {
        var payments = Payments(perWeek: 5_000_000, late: 0, hasAllKinds: true)
        let before = residentBytes()
        let peer = PlainDeques()
        for _ in 0..<fill { peer.apply(payments.next()) }
        let events = (0..<measured).map { _ in payments.next() }
        let allocations = allocations_count()
        let start = processorNanos()
        for event in events { peer.apply(event) }
        let each = (processorNanos() - start) / UInt64(max(1, measured))
        print(
            "deques in plain Swift: \(each) ns of processor time a transaction, \(Double(allocations_count() - allocations) / Double(max(1, measured))) allocations; "
                + "\((residentBytes() - before) / max(1, fill + measured)) bytes of resident memory a transaction (\(peer.checksum & 1))")
    }
}
