import Velocity

/// Chunks of a state's snapshot. Each is a head (kind, length, checksum) and a payload.
enum StateChunk: UInt32 {
    /// Version, and what the payment graph begins with.
    case head = 0x7265_6957
    /// Bytes of the windows' snapshot.
    case windows = 1
    /// Movements of the payment graph.
    case movements
    /// The number of the windows' pieces before it, then what was applied behind them.
    case log
    /// What the writer adds: of no meaning here.
    case seal

    static let version: UInt32 = 1
    static let headBytes = 16
    /// A chunk never has more.
    static let largest = 1 << 24
    static let bytesOfMovement = 41
}

/// Writes the engine's state while it goes on: windows and movements in pieces, and between them what was applied meanwhile, so that who reads it stands at one moment.
///
/// Belongs to the engine's thread. What it gives to `emit`, in order, is the snapshot; a seal of the caller's comes behind it.
public final class StateWriter {
    private let engine: Engine
    private let windows: SnapshotWriter
    private var cursor = PaymentGraph.SnapshotCursor()
    private var hasMovements = true
    private var log = StateLog()
    private var pieces: UInt32 = 0
    private var isDone = false
    private let emit: ([UInt8]) -> Void

    /// A log of this size is written though no piece is due.
    private static let logBytes = 1 << 18

    /// Begins with the state as it is now. One at a time may be written.
    ///
    /// - Parameter emit: takes a chunk over; called by `step`, `finish`, and by what the engine applies.
    public init(_ engine: Engine, emit: @escaping ([UInt8]) -> Void) {
        self.engine = engine
        self.emit = emit
        windows = SnapshotWriter(of: engine.store)
        engine.graph.beginSnapshot()
        let moments = engine.graph.moments
        var head: [UInt8] = []
        head.add(UInt64(StateChunk.version))
        for value in [moments.watermark, moments.horizon, moments.beginning] { head.add(UInt64(bitPattern: value)) }
        put(.head, head)
        // The first piece says how the sums of all stood at this moment.
        writeWindows(1)
        engine.recorder = self
    }

    deinit { cancel() }

    /// Writes the next piece, some `budget` bytes, as long as `isLastNext` is false.
    ///
    /// - Complexity: O(budget, or the largest list).
    public func step(budget: Int) {
        precondition(!isDone && !isLastNext, "there is a piece to come")
        flushLog()
        if !windows.isLastNext { return writeWindows(budget) }
        var movements: [UInt8] = []
        hasMovements = engine.graph.forEach(after: &cursor, limit: max(1, budget / StateChunk.bytesOfMovement)) { movement in
            movements.append(movement.isCashOrTransfer ? 1 : 0)
            for word in [
                UInt64(bitPattern: movement.time), UInt64(bitPattern: movement.amount), movement.from, movement.to,
                UInt64(UInt16(truncatingIfNeeded: movement.partition)) << 48 | UInt64(bitPattern: movement.offset) & 0xffff_ffff_ffff,
            ] { movements.add(word) }
        }
        if !movements.isEmpty { put(.movements, movements) }
    }

    /// All is written but the last piece, which is small and makes the state one of the moment at which it is written.
    public var isLastNext: Bool { windows.isLastNext && !hasMovements }

    /// Writes the last piece. The state read back is that of now.
    public func finish() {
        precondition(!isDone && isLastNext, "only the last piece is left")
        flushLog()
        writeWindows(1)
        end()
    }

    /// Ends without the rest: what was written is of no use.
    public func cancel() {
        if isDone { return }
        windows.cancel()
        end()
    }

    private func end() {
        isDone = true
        engine.graph.endSnapshot()
        engine.recorder = nil
    }

    private func writeWindows(_ budget: Int) {
        _ = windows.step(budget: budget) { put(.windows, Array($0)) }
        pieces += 1
    }

    // MARK: What is applied meanwhile

    func note(_ event: Event, _ movement: Movement?) {
        log.append(event, movement)
        if log.bytes.count >= Self.logBytes { flushLog() }
    }

    func note(_ label: Label) { log.append(label) }

    func note(eventHorizon: Int64, memoryHorizon: Int64) { log.append(eventHorizon: eventHorizon, memoryHorizon: memoryHorizon) }

    private func flushLog() {
        if log.bytes.isEmpty { return }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(log.bytes.count + 8)
        bytes.add(UInt64(pieces))
        bytes += log.bytes
        log.removeAll()
        put(.log, bytes)
    }

    private func put(_ kind: StateChunk, _ payload: [UInt8]) { emit(Self.chunk(kind, payload)) }

    static func chunk(_ kind: StateChunk, _ payload: [UInt8]) -> [UInt8] {
        precondition(payload.count <= StateChunk.largest, "a chunk has a bound")
        var chunk: [UInt8] = []
        chunk.reserveCapacity(StateChunk.headBytes + payload.count)
        chunk.add(UInt64(kind.rawValue) << 32 | UInt64(payload.count))
        chunk.add(payload.withUnsafeBytes { Checksum.of($0, seed: UInt64(kind.rawValue)) })
        return chunk + payload
    }

    /// The chunk that closes a snapshot, with what its writer has to say of it.
    public static func seal(_ payload: [UInt8]) -> [UInt8] { chunk(.seal, payload) }
}

extension [UInt8] {
    fileprivate mutating func add(_ word: UInt64) { Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) } }
}
