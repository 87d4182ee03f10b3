import CCrypto

/// Digests by libcrypto.
public enum DigestKind: Sendable {
    case sha256, sha1

    fileprivate var algorithm: OpaquePointer? { self == .sha256 ? EVP_sha256() : EVP_sha1() }
    fileprivate var byteCount: Int { self == .sha256 ? 32 : 20 }
}

/// A digest over bytes that come piece by piece. The one owner of an `EVP_MD_CTX`.
public final class MessageDigest {
    private let context: OpaquePointer
    private let kind: DigestKind

    public init(_ kind: DigestKind = .sha256) {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("memory for a digest") }
        self.context = context
        self.kind = kind
        precondition(EVP_DigestInit_ex(context, kind.algorithm, nil) == 1, "libcrypto knows its digests")
    }

    deinit { EVP_MD_CTX_free(context) }

    public func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "a digest takes any bytes")
    }

    /// Once, at the end.
    public func finish() -> [UInt8] {
        var result = [UInt8](repeating: 0, count: kind.byteCount)
        precondition(EVP_DigestFinal_ex(context, &result, nil) == 1, "a digest ends once")
        return result
    }

    public static func sha256(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        let digest = MessageDigest()
        Array(bytes).withUnsafeBytes { digest.update($0) }
        return digest.finish()
    }
}

/// HMAC-SHA256 (RFC 2104), 32 bytes.
func hmac(_ key: [UInt8], _ text: some Sequence<UInt8>) -> [UInt8] {
    let text = Array(text)
    var result = [UInt8](repeating: 0, count: 32)
    let done = HMAC(EVP_sha256(), key, Int32(key.count), text, text.count, &result, nil)
    precondition(done != nil, "HMAC takes any key and text")
    return result
}

/// Lower case, two digits a byte.
public func hexText(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
