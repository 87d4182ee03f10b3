import Glibc

/// Tells metrics on stdout at fixed intervals, where `METRICS_FORMAT` says so.
///
/// It never waits for who reads: what the reader does not take in time is left out, and counted.
///
/// `@unchecked Sendable`: what changes is only touched by `report`, which the ticker alone calls between `start` and `end`, and one other thread before and after.
final class MetricsLines: @unchecked Sendable {
    static let intervalMillis: Int64 = 60_000
    /// How long one line may wait for its reader.
    static let patienceMillis: Int32 = 500
    /// What POSIX promises that a pipe takes without blocking when it says that it takes something.
    private static let pieceBytes = 4096

    private let metrics: Metrics
    private let log: Log
    private let descriptor: Int32
    private var format: EmbeddedMetrics
    private var isTorn = false
    private var ticker: Ticker?

    /// - Parameter descriptor: where lines go.
    init(_ settings: Settings, metrics: Metrics, log: Log, descriptor: Int32 = 1) {
        self.metrics = metrics
        self.log = log
        self.descriptor = descriptor
        format = EmbeddedMetrics(group: settings.kafka.group, instance: settings.stream.instance)
    }

    func start() { ticker = Ticker(millis: Self.intervalMillis) { [self] in report() } }

    /// It tells nothing more by itself, and is not just doing so.
    func end() {
        ticker?.stop()
        ticker = nil
    }

    /// Tells what there is since the last time. Not between `start` and `end`.
    func report() {
        let lines = format.lines(metrics, at: Clock.wallMillis)
        for (at, line) in lines.enumerated() where !write(isTorn ? [UInt8(ascii: "\n")] + line : line) {
            log.warning("metrics were not taken", ["lines": lines.count - at])
            return
        }
    }

    /// - Returns: false when the reader takes nothing; then the line may be torn, and the next one begins with a new line.
    private func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                let polled = poll(&ready, 1, Self.patienceMillis)
                if polled < 0, errno == EINTR { continue }
                guard polled == 1, ready.revents & Int16(POLLOUT) != 0 else { break }
                let count = Glibc.write(descriptor, rest.baseAddress, min(rest.count, Self.pieceBytes))
                if count < 0, errno == EINTR || errno == EAGAIN { continue }
                guard count > 0 else { break }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            isTorn = !rest.isEmpty && (isTorn || rest.count < bytes.count)
            return rest.isEmpty
        }
    }
}
