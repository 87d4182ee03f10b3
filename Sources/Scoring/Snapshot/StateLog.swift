import Velocity

/// What is applied to a state, in order, as bytes: a snapshot's pieces are brought on by it.
struct StateLog {
    /// What one item says.
    enum Item {
        case event(Event, Movement?)
        case label(Label)
        case horizons(event: Int64, memory: Int64)
    }

    private enum Kind: UInt8 { case event = 1, label, horizons }

    /// The items, one behind the other.
    private(set) var bytes: [UInt8] = []

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    mutating func append(_ event: Event, _ movement: Movement?) {
        begin(.event)
        // Debit; a movement; of cash or a transfer; which end is the account.
        var flags: UInt8 = event.isDebit ? 1 : 0
        if let movement { flags |= 2 | (movement.isCashOrTransfer ? 4 : 0) | (movement.from == event.account ? 8 : 0) }
        bytes.append(flags)
        for word in [
            event.account, event.transaction, event.counterparty, event.merchant, event.card, event.device, event.ip, event.country,
            UInt64(bitPattern: event.time), UInt64(bitPattern: event.amount), UInt64(bitPattern: event.offset),
            UInt64(UInt32(bitPattern: event.partition)),
        ] { add(word) }
    }

    mutating func append(_ label: Label) {
        begin(.label)
        bytes.append(label.isFraud ? 1 : 0)
        for word in [label.account, label.transaction, label.merchant, UInt64(bitPattern: label.transactionTime), UInt64(bitPattern: label.labelTime)] {
            add(word)
        }
    }

    mutating func append(eventHorizon: Int64, memoryHorizon: Int64) {
        begin(.horizons)
        bytes.append(0)
        add(UInt64(bitPattern: eventHorizon))
        add(UInt64(bitPattern: memoryHorizon))
    }

    private mutating func begin(_ kind: Kind) { bytes.append(kind.rawValue) }
    private mutating func add(_ word: UInt64) { withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) } }

    /// Calls with each item; false where the bytes are none.
    static func forEach(_ bytes: UnsafeRawBufferPointer, _ body: (Item) -> Void) -> Bool {
        var at = 0
        func word(_ i: Int) -> UInt64 { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at + 2 + 8 * i, as: UInt64.self)) }
        func signed(_ i: Int) -> Int64 { Int64(bitPattern: word(i)) }
        while at < bytes.count {
            guard bytes.count - at >= 2, let kind = Kind(rawValue: bytes[at]) else { return false }
            let words = kind == .event ? 12 : kind == .label ? 5 : 2
            guard bytes.count - at >= 2 + 8 * words else { return false }
            let flags = bytes[at + 1]
            switch kind {
            case .event:
                var event = Event()
                (event.account, event.transaction, event.counterparty, event.merchant) = (word(0), word(1), word(2), word(3))
                (event.card, event.device, event.ip, event.country) = (word(4), word(5), word(6), word(7))
                (event.time, event.amount, event.offset) = (signed(8), signed(9), signed(10))
                event.partition = Int32(truncatingIfNeeded: signed(11))
                event.isDebit = flags & 1 != 0
                var movement: Movement?
                if flags & 2 != 0 {
                    let isOut = flags & 8 != 0
                    movement = Movement(
                        time: event.time, amount: event.amount, from: isOut ? event.account : 0, to: isOut ? event.counterparty : event.account,
                        isCashOrTransfer: flags & 4 != 0, partition: event.partition, offset: event.offset)
                }
                body(.event(event, movement))
            case .label:
                var label = Label()
                (label.account, label.transaction, label.merchant) = (word(0), word(1), word(2))
                (label.transactionTime, label.labelTime) = (signed(3), signed(4))
                label.isFraud = flags != 0
                body(.label(label))
            case .horizons: body(.horizons(event: signed(0), memory: signed(1)))
            }
            at += 2 + 8 * words
        }
        return true
    }
}
