import Glibc

// Runs seeds of the fault simulation: `faults FROM TO`, or `faults --trace SEED`.

nonisolated(unsafe) var current: UInt64 = 0

/// A trap of the code under test ends the process: say at least which seed it was.
nonisolated func trapped(_ number: Int32) {
    print("seed \(current): trapped by signal \(number)")
    fflush(nil)
    _exit(3)
}
for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGBUS] { signal(number, trapped) }

let arguments = CommandLine.arguments.dropFirst()
if arguments.first == "--trace", let seed = arguments.last.flatMap({ UInt64($0) }) {
    current = seed
    let simulation = FaultSimulation(seed: seed) { print($0); fflush(nil) }
    print(simulation.plan)
    let failures = simulation.run()
    for failure in failures { print("seed \(seed): \(failure)") }
    exit(failures.isEmpty ? 0 : 1)
}
guard arguments.count >= 2, let from = UInt64(arguments[1]), let to = UInt64(arguments[2]) else {
    print("usage: faults FROM TO [FAILURES] | faults --trace SEED")
    exit(2)
}
let mostFailures = arguments.count > 2 ? Int(arguments[3]) ?? 1 : 1
var failed = 0
var ends: [String: Int] = [:]
var fromSnapshots = 0
for seed in from...to {
    current = seed
    let simulation = FaultSimulation(seed: seed)
    let failures = simulation.run()
    for failure in failures { print("seed \(seed): \(failure.prefix(500))") }
    ends.merge(simulation.ends) { $0 + $1 }
    fromSnapshots += simulation.snapshotsUsed
    if !failures.isEmpty { failed += 1 }
    if failed >= mostFailures { break }
}
let endings = ends.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
print("seeds \(from) to \(current): \(failed) failed; processes ended: \(endings); \(fromSnapshots) began from a snapshot")
exit(failed == 0 ? 0 : 1)
