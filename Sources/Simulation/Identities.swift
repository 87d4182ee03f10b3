/// Names of cards, devices and addresses, as numbers that are derived rather than stored. None is ever 0.
enum Identities {
    private enum Domain: UInt64 { case card = 1, phone, computer, line, thief, hotel }

    private static func derive(_ domain: Domain, _ seed: UInt64, _ owner: UInt64, _ serial: UInt64) -> UInt64 {
        Random.mix(Random.mix(seed &+ domain.rawValue << 56) ^ (owner << 20 | serial)) | 1
    }

    static func card(_ seed: UInt64, _ customer: Int, _ serial: UInt16) -> UInt64 { derive(.card, seed, UInt64(customer), UInt64(serial)) }
    static func phone(_ seed: UInt64, _ customer: Int, _ serial: UInt16) -> UInt64 { derive(.phone, seed, UInt64(customer), UInt64(serial)) }
    /// A household shares its computer and its line.
    static func computer(_ seed: UInt64, _ household: UInt32, _ serial: UInt16) -> UInt64 {
        derive(.computer, seed, UInt64(household), UInt64(serial))
    }
    static func homeAddress(_ seed: UInt64, _ household: UInt32, _ serial: UInt16) -> UInt64 {
        ipv6(derive(.line, seed, UInt64(household), UInt64(serial)))
    }
    static func thiefDevice(_ seed: UInt64, _ thief: UInt64) -> UInt64 { derive(.thief, seed, thief, 0) }
    static func thiefAddress(_ seed: UInt64, _ thief: UInt64, _ serial: UInt64) -> UInt64 {
        let drawn = derive(.thief, seed, thief, serial + 1)
        // Thieves' addresses look like anybody's: some are home lines, some a carrier's.
        return drawn & 0x100 == 0 ? ipv6(drawn) : ipv4(UInt32(truncatingIfNeeded: drawn >> 16) & 0x1FFFF)
    }
    static func hotelAddress(_ seed: UInt64, _ number: Int) -> UInt64 { ipv6(derive(.hotel, seed, UInt64(number), 0)) }
    /// Carriers send many phones out through few addresses.
    static func carrierAddress(_ number: Int) -> UInt64 { ipv4(UInt32(number) & 0x1FFFF) }

    /// An address of 198.18.0.0/15, the range that RFC 2544 sets apart for benchmarks.
    private static func ipv4(_ number: UInt32) -> UInt64 { 1 << 62 | UInt64(0xC612_0000 | number) }
    /// An address of 2001:db8::/32, the range that RFC 3849 sets apart for documentation.
    private static func ipv6(_ number: UInt64) -> UInt64 { 1 << 63 | (number & 0xFFFF_FFFF) }
}
