import Scoring
import Velocity

/// Synthetic records in memory: every entity named, amounts and gaps varied, 1.5 s of event time apart; the same for the same arguments.
final class Traffic {
    private let block: UnsafeMutableRawBufferPointer
    private let places: [(key: Range<Int>, value: Range<Int>)]
    let records: [Record]
    /// Of all values together.
    let bytes: Int

    init(count: Int, accounts: Int) {
        var state: UInt64 = 42
        func random(_ n: Int) -> Int {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return Int((z ^ (z >> 31)) % UInt64(n))
        }
        let types = ["purchase", "purchase", "purchase", "transfer", "payment", "cash_out", "cash_in", "refund"]
        let countries = ["US", "US", "US", "GB", "DE", "FR"]
        let channels = ["online", "pos", "mobile", "atm"]
        var text: [UInt8] = []
        var places: [(key: Range<Int>, value: Range<Int>)] = []
        var values = 0
        for i in 0..<count {
            // Half of the traffic comes from a tenth of the accounts.
            let account = random(2) == 0 ? random(max(1, accounts / 10)) : random(accounts)
            let key = Array("A-\(account)".utf8)
            let keyPlace = text.count..<text.count + key.count
            text += key
            let value = Array(
                """
                {"transaction_id":"tx-\(10_000_000 + i)","account_id":"A-\(account)","timestamp":\(1_795_521_600_000 + Int64(i) * 1_500),"amount":\
                \(random(30_000) / 100).\(random(90) + 10),"currency":"USD","type":"\(types[random(8)])","merchant_id":"M-\(random(5_000))",\
                "merchant_category":"5411","card_id":"c_\(account)","device_id":"d-\(account)-\(random(3))","ip":"10.\(random(20)).\(random(250)).\(random(250))",\
                "counterparty_id":"A-\(random(accounts))","counterparty_country":"\(countries[random(6)])","country":"\(countries[random(6)])",\
                "channel":"\(channels[random(4)])"}
                """.utf8)
            places.append((keyPlace, text.count..<text.count + value.count))
            text += value
            values += value.count
        }
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 16)
        block.copyBytes(from: text)
        self.block = block
        self.places = places
        bytes = values
        records = places.enumerated().map { i, place in
            Record(
                partition: Int32(i & 3), offset: Int64(i / 4), time: -1, key: UnsafeRawBufferPointer(rebasing: block[place.key]),
                value: UnsafeRawBufferPointer(rebasing: block[place.value]))
        }
    }

    deinit { block.deallocate() }

    func value(_ i: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: block[places[i].value]) }

    /// As the engine would make it.
    func event(_ i: Int, _ decoder: Decoder) -> Event {
        guard let transaction = try? decoder.transaction(value(i), recordTime: nil, slot: 0) else { fatalError("record \(i) is good") }
        return Engine.event(transaction, partition: Int32(i & 3), offset: Int64(i / 4))
    }
}
