/// The little of XML 1.0 that S3's answers use: elements with text. No attributes are kept; comments, processing instructions and declarations are skipped, a document type is refused (with it entities
/// of its own).
struct XMLElement: Equatable {
    var name: String
    var text = ""
    var children: [XMLElement] = []

    func child(_ name: String) -> XMLElement? { children.first { $0.name == name } }
    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// nil where it is not well-formed, or nests deeper than 16.
    static func parse(_ bytes: [UInt8]) -> XMLElement? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var parser = Parser(bytes: bytes)
        guard parser.skipBetween(), let root = parser.element(depth: 0), parser.skipBetween(), parser.at == bytes.count else { return nil }
        return root
    }

    private struct Parser {
        let bytes: [UInt8]
        var at = 0

        private func begins(_ text: String) -> Bool { bytes[at...].starts(with: text.utf8) }

        /// Moves behind the next occurrence of `text`.
        private mutating func pass(_ text: String) -> Bool {
            let wanted = Array(text.utf8)
            while at + wanted.count <= bytes.count {
                if bytes[at] == wanted[0], begins(text) {
                    at += wanted.count
                    return true
                }
                at += 1
            }
            return false
        }

        private mutating func skipSpace() { while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 } }

        /// White space, comments and processing instructions. False where one of them has no end.
        mutating func skipBetween() -> Bool {
            while true {
                skipSpace()
                if begins("<?") { if !pass("?>") { return false } } else if begins("<!--") { if !pass("-->") { return false } } else { return true }
            }
        }

        mutating func element(depth: Int) -> XMLElement? {
            guard depth < 16, at < bytes.count, bytes[at] == UInt8(ascii: "<") else { return nil }
            at += 1
            guard let name = name() else { return nil }
            var element = XMLElement(name: name)
            guard let isEmpty = endOfTag() else { return nil }
            if isEmpty { return element }
            var text: [UInt8] = []
            while at < bytes.count {
                if begins("</") {
                    at += 2
                    guard self.name() == name else { return nil }
                    skipSpace()
                    guard at < bytes.count, bytes[at] == UInt8(ascii: ">") else { return nil }
                    at += 1
                    element.text = String(decoding: text, as: UTF8.self)
                    return element
                } else if begins("<!--") {
                    guard pass("-->") else { return nil }
                } else if bytes[at] == UInt8(ascii: "<") {
                    guard let child = self.element(depth: depth + 1) else { return nil }
                    element.children.append(child)
                } else if bytes[at] == UInt8(ascii: "&") {
                    guard let letters = reference() else { return nil }
                    text += letters
                } else {
                    text.append(bytes[at])
                    at += 1
                }
            }
            return nil
        }

        private mutating func name() -> String? {
            let start = at
            while at < bytes.count, !" \t\r\n/>=<&\"'".utf8.contains(bytes[at]) { at += 1 }
            return at > start ? String(decoding: bytes[start..<at], as: UTF8.self) : nil
        }

        /// Over the attributes. - Returns: whether the element ends with its tag; nil where the tag does not end.
        private mutating func endOfTag() -> Bool? {
            while true {
                skipSpace()
                guard at < bytes.count else { return nil }
                if bytes[at] == UInt8(ascii: ">") {
                    at += 1
                    return false
                }
                if begins("/>") {
                    at += 2
                    return true
                }
                guard name() != nil else { return nil }
                skipSpace()
                guard at < bytes.count, bytes[at] == UInt8(ascii: "=") else { return nil }
                at += 1
                skipSpace()
                guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") || bytes[at] == UInt8(ascii: "'") else { return nil }
                let quote = bytes[at]
                at += 1
                guard let end = bytes[at...].firstIndex(of: quote) else { return nil }
                at = end + 1
            }
        }

        /// `&amp;` and its like, `&#38;`, `&#x26;`.
        private mutating func reference() -> [UInt8]? {
            guard let end = bytes[at...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else { return nil }
            let text = String(decoding: bytes[(at + 1)..<end], as: UTF8.self)
            at = end + 1
            switch text {
            case "amp": return Array("&".utf8)
            case "lt": return Array("<".utf8)
            case "gt": return Array(">".utf8)
            case "quot": return Array("\"".utf8)
            case "apos": return Array("'".utf8)
            default:
                guard text.hasPrefix("#") else { return nil }
                let isHex = text.hasPrefix("#x")
                guard let value = UInt32(text.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10), let scalar = Unicode.Scalar(value) else { return nil }
                return Array(String(Character(scalar)).utf8)
            }
        }
    }
}
