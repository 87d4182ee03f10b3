/// A currency of ISO 4217, by its three capital letters.
public struct Currency: Hashable, Sendable, CustomStringConvertible {
    /// The letters, the first in the highest byte.
    let code: UInt32

    private init(code: UInt32) { self.code = code }

    public static let usd = Currency("USD")!

    /// The currency of that code; nil when ISO 4217 lists no such code.
    public init?(_ text: String) {
        var text = text
        guard let currency = text.withUTF8({ Currency($0) }) else { return nil }
        self = currency
    }

    /// The currency of that code; nil when ISO 4217 lists no such code.
    public init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let code = Self.pack(bytes), Self.codes.contains(code) else { return nil }
        self.code = code
    }

    /// Whether the bytes are this currency's code.
    @inline(__always)
    func isNamed(by bytes: UnsafeBufferPointer<UInt8>) -> Bool { Self.pack(bytes) == code }

    @inline(__always)
    private static func pack(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32? {
        guard bytes.count == 3 else { return nil }
        return UInt32(bytes[0]) << 16 | UInt32(bytes[1]) << 8 | UInt32(bytes[2])
    }

    public var description: String {
        String(decoding: [UInt8(code >> 16), UInt8(code >> 8 & 0xFF), UInt8(code & 0xFF)], as: UTF8.self)
    }

    /// Fractional digits of the unit in which amounts are held when this is the base currency: 3 where ISO 4217 says 3, else 2.
    public var minorDigits: Int { Self.threeDigits.contains(code) ? 3 : 2 }

    private static func packed(_ list: StaticString) -> Set<UInt32> {
        list.withUTF8Buffer { bytes in
            Set(bytes.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }).map { pack(.init(rebasing: $0))! })
        }
    }

    private static let threeDigits = packed("BHD IQD JOD KWD LYD OMR TND")

    /// ISO 4217:2015, list one as amended to 2026, and what was withdrawn since 2020 (the last line): events from before a
    /// withdrawal are still scored.
    private static let codes = packed(
        """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF
        CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
        MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
        SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS
        VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG
        ANG BGN CUC HRK SLL ZWL
        """)
}
