import Testing

@testable import Velocity

@Suite("Windows against the brute force")
struct OracleTests {
    @Test("Every field of every reading equals the oracle's, and a preview says the same and changes nothing")
    func readings() {
        for seed in Seeds.range(1200) {
            if let failure = Self.run(seed) {
                Issue.record("seed \(seed): \(failure)")
                return
            }
        }
    }

    @Test("The same where lists change their form after a few events, all invariants walked after every step")
    func readingsOfEveryForm() {
        for seed in Seeds.range(600) {
            var random = Random(seed: seed &+ 5)
            let block = random.pick([2, 3, 5, 8, 17])
            let indexed = block + random.below(3 * block + 4)
            let limits = Limits(block: block, indexedFrom: indexed, indexedUntil: max(block, indexed / 2), largeUntil: block / 2)
            if let failure = Self.run(seed, limits, walks: true) {
                Issue.record("seed \(seed), \(limits): \(failure)")
                return
            }
        }
    }

    static func run(_ seed: Int, _ limits: Limits = Limits(), walks: Bool = false) -> String? {
        var stream = RandomStream(seed: seed)
        var oracle = Oracle(stream.configuration)
        let store = VelocityStore(stream.configuration, limits)
        let follower = VelocityStore(stream.configuration, limits)
        let reading = Reading(windowCount: stream.configuration.windows.count)
        var side = Random(seed: seed &+ 77)
        let appliesAll = side.oneIn(10)
        for i in 0..<stream.length {
            switch stream.next() {
            case .raise(let event, let memory):
                store.raise(eventHorizon: event, memoryHorizon: memory)
                follower.raise(eventHorizon: event, memoryHorizon: memory)
                oracle.raise(eventHorizon: event, memoryHorizon: memory)
            case .label(let label):
                let (is_, must) = (store.apply(label), oracle.apply(label))
                if is_ != must { return "step \(i): label is \(is_), must be \(must)" }
                if follower.apply(label) != must { return "step \(i): label on the follower" }
            case .event(let event):
                if side.oneIn(2) {
                    var batch = [event]
                    batch.withUnsafeMutableBufferPointer { store.prepare(UnsafeBufferPointer($0)) }
                }
                let decision = store.decide(event)
                if decision != oracle.decide(event) { return "step \(i): decided \(decision), must be \(oracle.decide(event))" }
                // Two stored events of one id: which one a repeat repeats is not said.
                let isPreviewed = side.oneIn(3) && !(decision == .duplicate && oracle.matches(event).count > 1)
                if isPreviewed {
                    let before = store.digest()
                    let previewed = store.preview(event, into: reading)
                    if previewed != decision { return "step \(i): preview decided \(previewed)" }
                    if let must = oracle.preview(event), Expected(reading) != must {
                        return "step \(i): preview of a \(decision) at \(event.time)\n" + Expected(reading).difference(must)
                    }
                    if store.digest() != before { return "step \(i): a preview changed the state" }
                }
                if side.oneIn(4), oracle.watermark != .min {
                    var past = event
                    past.time = oracle.watermark - side.below(stream.configuration.windows.last! + stream.configuration.allowedLateness)
                    store.look(asOf: past, into: reading)
                    let must = oracle.read(past, earlier: oracle, before: oracle.watermark, itself: nil)
                    if Expected(reading) != must { return "step \(i): as of \(past.time)\n" + Expected(reading).difference(must) }
                }
                if decision == .new || appliesAll && side.oneIn(2) {
                    store.apply(event, into: reading)
                    follower.apply(event)
                    let must = oracle.apply(event)
                    if Expected(reading) != must {
                        return "step \(i): \(event)\n" + Expected(reading).difference(must)
                    }
                    if store.watermark != oracle.watermark { return "step \(i): watermark" }
                }
            }
            if side.oneIn(20) { store.expire(budget: 1 + side.below(50)) }
            if walks, let violation = Invariants(store: store).violation() { return "step \(i): \(violation)" }
        }
        let digest = store.digest()
        if digest != follower.digest() { return "the follower's digest differs" }
        store.sumAnew()
        if store.digest() != digest { return "the digest kept up is not the one made anew" }
        let (width, floor) = (store.eventRing.width, store.eventFloor(store.watermark))
        var (count, sum): (Int64, UInt64) = (0, 0)
        for event in oracle.events where (event.time + Header.bias) / width * width - Header.bias > floor {
            count += 1
            sum &+= Mix.event(event)
        }
        if store.eventRing.total(above: floor) != (count, sum) { return "the events' sum" }
        return nil
    }
}
