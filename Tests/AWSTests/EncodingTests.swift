import Foundation
import HTTP
import Testing

@testable import AWS

@Suite struct EncodingTests {
    @Test func `digests are those of the standards`() {
        #expect(hexText(MessageDigest.sha256(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(hexText(MessageDigest.sha256([])) == Signer.emptyPayload)
        // RFC 4231, case 2.
        #expect(hexText(hmac(Array("Jefe".utf8), "what do ya want for nothing?".utf8)) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(hexText(hmac([], [])) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test func `base64 goes there and back, and takes nothing else`() {
        for count in 0...70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 151 + count) }
            let text = Base64.encode(bytes)
            #expect(text == Data(bytes).base64EncodedString() && Base64.decode(text.utf8) == bytes)
            #expect(!Base64.encodeForURL(bytes).contains { "+/=".contains($0) })
        }
        for text in ["A", "AA", "AAA", "====", "A===", "AB==", "AAB=", "AA=A", "AA==AAAA", "AA A", "AAA\n", "AAA-", "AAA_", "é==="] {
            #expect(Base64.decode(text.utf8) == nil, "\(text)")
        }
    }

    @Test func `times are AWS's, across leap years and centuries`() throws {
        for (seconds, compact) in [
            (0, "19700101T000000Z"), (951_782_399, "20000228T235959Z"), (951_782_400, "20000229T000000Z"), (1_440_938_160, "20150830T123600Z"),
            (4_107_542_399, "21000228T235959Z"), (4_107_542_400, "21000301T000000Z"), (-1, "19691231T235959Z"),
        ] as [(Int64, String)] { #expect(Instant(seconds: seconds).compact == compact) }
        #expect(Instant(iso: "2015-08-30T12:36:00Z")?.seconds == 1_440_938_160 && Instant(iso: "2015-08-30T12:36:00.123456Z")?.seconds == 1_440_938_160)
        #expect(Instant(http: "Sun, 30 Aug 2015 12:36:00 GMT")?.seconds == 1_440_938_160)
        for text in ["", "2015-08-30", "2015-08-30T12:36:00", "2015-08-30T12:36:00.Z", "2015-13-30T12:36:00Z",
            "2015-08-30T24:36:00Z", "2015-08-30 12:36:00Z", "x015-08-30T12:36:00Z", "2015-08-30T12:36:00+01:00"] {
            #expect(Instant(iso: text) == nil, "\(text)")
        }
        for text in ["", "Sunday, 30-Aug-15 12:36:00 GMT", "Sun, 30 Aug 2015 12:36:00 UTC", "Sun, 30 Ago 2015 12:36:00 GMT", "Sun, 3x Aug 2015 12:36:00 GMT"] {
            #expect(Instant(http: text) == nil, "\(text)")
        }
    }

    /// Check values of the catalogue of parametrised CRC algorithms.
    @Test func `checksums are S3's`() {
        for (polynomial, check) in [(CRC.Polynomial.ieee, "cbf43926"), (.castagnoli, "e3069283"), (.nvme64, "ae8b14860a799888")] {
            var crc = CRC(polynomial)
            Array("123456789".utf8).withUnsafeBytes { crc.update($0) }
            #expect(hexText(crc.bytes) == check)
        }
        func problem(_ headers: [String: String]) -> String? {
            var checksum = Checksum(Answer(status: 200, headers: headers.map { Header($0.key, $0.value) }, body: []))
            Array("123456789".utf8).withUnsafeBytes { checksum?.update($0) }
            return checksum?.problem()
        }
        for (name, value) in [
            ("crc32", "y/Q5Jg=="), ("crc32c", "4waSgw=="), ("crc64nvme", "rosUhgp5mIg="), ("sha1", "98O8HYCOBHMq1/tQT/dwKBvXb3U="),
            ("sha256", "FeKw0zAh09s6HpGeqe+Ez3hJSZgHdUuzcGkKNrMY1Ik="),
        ] {
            let header = "x-amz-checksum-\(name)"
            if name != "sha1" && name != "sha256" { #expect(problem([header: value]) == nil) }
            #expect(problem([header: "AAAA"]) == header)
            #expect(problem([header: "AAAA-3"]) == nil)
        }
        #expect(problem(["x-amz-checksum-sha256": Base64.encode(MessageDigest.sha256(Array("123456789".utf8)))]) == nil)
    }

    @Test func `XML is read where it is well-formed, and refused where not`() throws {
        let root = try #require(
            XMLElement.parse(Array("<?xml version=\"1.0\"?>\n<!-- c --><a x='1' y=\"<\"><b>1 &lt; 2 &amp;&#x41;&#66;</b><b/><c:d>é</c:d></a>\n".utf8)))
        #expect(root.name == "a" && root.all("b").map(\.text) == ["1 < 2 &AB", ""] && root.child("c:d")?.text == "é")
        let deep = String(repeating: "<a>", count: 5000) + String(repeating: "</a>", count: 5000)
        for text in ["", "x", "<a>", "<a></b>", "<a/><b/>", "<a>&nope;</a>", "<a>&#xD800;</a>", "<a>&", "<!DOCTYPE a><a/>", "<a b></a>", "<a b=c/>", "<a b='", "<a><!-- </a>", "< a/>", "<a></a", deep] {
            #expect(XMLElement.parse(Array(text.utf8)) == nil, "\(text.prefix(40))")
        }
        #expect(XMLElement.parse([0x3C, 0x61, 0x3E, 0xFF, 0x3C, 0x2F, 0x61, 0x3E]) == nil)
    }

    @Test func `flat JSON gives its texts`() {
        #expect(FlatJSON.texts(Array(#" {"a" : "x\n\"\u0041\/", "n": 12.5e3, "t": true, "z": null} "#.utf8)) == ["a": "x\n\"A/"])
        #expect(FlatJSON.texts(Array("{}".utf8)) == [:])
        for text in ["", "[]", "{", #"{"a"}"#, #"{"a":"x"#, #"{"a":{}}"#, #"{"a":"x",}"#, #"{"a":"\ud800"}"#, #"{"a":"\x"}"#, #"{"a":}"#, "{\"a\":\"\u{1}\"}"] {
            #expect(FlatJSON.texts(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func `credentials do not show themselves`() {
        let credentials = Credentials(accessKeyID: "AKIAsecret", secretAccessKey: "secret-secret", sessionToken: "secret-token")
        var dumped = ""
        dump(credentials, to: &dumped)
        #expect(!"\(credentials) \(String(reflecting: credentials)) \(dumped)".contains("secret"))
    }
}
