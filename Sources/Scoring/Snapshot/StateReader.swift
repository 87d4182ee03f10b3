public import Velocity

/// Why a state cannot be read from a snapshot. None of it is fatal: the log is the truth.
public enum StateError: Error, Equatable, Sendable, CustomStringConvertible {
    case notASnapshot
    case version(UInt32)
    /// A chunk's checksum or length is not what it must be.
    case corrupt(at: Int)
    case truncated
    /// The windows' part is not usable.
    case windows(SnapshotError)
    /// All is whole, and the state is not the one that was written.
    case otherState

    public var description: String {
        switch self {
        case .notASnapshot: "it is no snapshot"
        case .version(let version): "it is of version \(version) of the format"
        case .corrupt(let at): "what stands at byte \(at) is corrupt"
        case .truncated: "it is cut off"
        case .windows(.otherSettings): "it was made under other settings"
        case .windows(let error): "its windows cannot be read: \(error)"
        case .otherState: "the state in it has another digest than the one that was written"
        }
    }
}

/// What an engine holds of the past: its own, or one read from a snapshot, to be adopted.
public struct State {
    let store: VelocityStore
    let graph: PaymentGraph

    /// Sums over what is retained: windows, payments and labels; accounts and pairs.
    public func digest() -> (windows: UInt64, memory: UInt64) {
        let (windows, memory) = store.digest()
        return (windows &+ graph.digest(), memory)
    }
}

/// Reads what a `StateWriter` wrote.
public enum StateReader {
    private struct Chunk {
        var kind: StateChunk
        var payload: UnsafeRawBufferPointer
    }

    /// The seal of a whole snapshot: what its writer added. Every chunk's checksum is looked at.
    ///
    /// - Complexity: O(bytes), at the speed of memory.
    public static func seal(of bytes: UnsafeRawBufferPointer) throws(StateError) -> [UInt8] {
        var seal: [UInt8]?
        var index = 0
        try forEach(bytes) { chunk throws(StateError) in
            if seal != nil { throw .notASnapshot }
            if (index == 0) != (chunk.kind == .head) { throw .notASnapshot }
            if chunk.kind == .head {
                guard chunk.payload.count == 32 else { throw .notASnapshot }
                let version = UInt32(truncatingIfNeeded: word(chunk.payload, 0))
                if version != StateChunk.version { throw .version(version) }
            }
            if chunk.kind == .seal { seal = Array(chunk.payload) }
            index += 1
        }
        guard let seal else { throw .truncated }
        return seal
    }

    /// The state, brought on to the moment at which its last piece was written. `bytes` must have a seal.
    ///
    /// - Complexity: O(bytes), and what following costs for each record that was applied while it was written.
    public static func state(in bytes: UnsafeRawBufferPointer, _ configuration: VelocityConfiguration) throws(StateError) -> State {
        let reader = SnapshotReader(configuration)
        let graph = PaymentGraph(configuration)
        var logs: [UnsafeRawBufferPointer] = []
        try forEach(bytes) { chunk throws(StateError) in
            switch chunk.kind {
            case .head:
                let values = (1...3).map { Int64(bitPattern: word(chunk.payload, $0)) }
                graph.adopt(.init(watermark: values[0], horizon: values[1], beginning: values[2]))
            case .windows:
                do throws(SnapshotError) { try reader.read(chunk.payload) } catch { throw .windows(error) }
            case .movements:
                var at = 0
                while at + StateChunk.bytesOfMovement <= chunk.payload.count {
                    func word(_ i: Int) -> UInt64 { UInt64(littleEndian: chunk.payload.loadUnaligned(fromByteOffset: at + 1 + 8 * i, as: UInt64.self)) }
                    let place = word(4)
                    let movement = Movement(
                        time: Int64(bitPattern: word(0)), amount: Int64(bitPattern: word(1)), from: word(2), to: word(3),
                        isCashOrTransfer: chunk.payload[at] != 0, partition: Int32(place >> 48), offset: Int64(place & 0xffff_ffff_ffff))
                    graph.apply(time: movement.time, movement)
                    at += StateChunk.bytesOfMovement
                }
            case .log: logs.append(chunk.payload)
            case .seal: break
            }
        }
        let store: VelocityStore
        do throws(SnapshotError) { store = try reader.finish() } catch { throw .windows(error) }
        for log in logs {
            let pieces = log.count >= 8 ? Int(clamping: word(log, 0)) : 0
            guard pieces <= reader.boundaries.count else { throw .notASnapshot }
            let boundary = pieces == 0 ? SnapshotBoundary(kind: 0, position: 0) : reader.boundaries[pieces - 1]
            let isWhole = StateLog.forEach(UnsafeRawBufferPointer(rebasing: log.dropFirst(8))) { item in
                switch item {
                case .event(let event, let movement):
                    store.bringOn(event, before: boundary)
                    graph.apply(time: event.time, movement)
                case .label(let label): store.bringOn(label, before: boundary)
                case .horizons(let event, let memory):
                    store.raise(eventHorizon: event, memoryHorizon: memory)
                    graph.raise(horizon: event)
                }
            }
            if !isWhole { throw .notASnapshot }
        }
        store.endBringingOn()
        return State(store: store, graph: graph)
    }

    private static func word(_ payload: UnsafeRawBufferPointer, _ i: Int) -> UInt64 {
        UInt64(littleEndian: payload.loadUnaligned(fromByteOffset: 8 * i, as: UInt64.self))
    }

    private static func forEach(_ bytes: UnsafeRawBufferPointer, _ body: (Chunk) throws(StateError) -> Void) throws(StateError) {
        var at = 0
        while at < bytes.count {
            guard bytes.count - at >= StateChunk.headBytes else { throw at == 0 ? .notASnapshot : .truncated }
            let head = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            let count = Int(head & 0xffff_ffff)
            guard let kind = StateChunk(rawValue: UInt32(head >> 32)), count <= StateChunk.largest else { throw at == 0 ? .notASnapshot : .corrupt(at: at) }
            guard bytes.count - at - StateChunk.headBytes >= count else { throw .truncated }
            let payload = UnsafeRawBufferPointer(rebasing: bytes[at + StateChunk.headBytes..<at + StateChunk.headBytes + count])
            let sum = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self))
            if Checksum.of(payload, seed: UInt64(kind.rawValue)) != sum { throw .corrupt(at: at) }
            try body(Chunk(kind: kind, payload: payload))
            at += StateChunk.headBytes + count
        }
    }
}
