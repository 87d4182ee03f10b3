/// What the contract takes as a record, said plainly and slowly: one JSON object (RFC 8259) in valid UTF-8, its keys distinct
/// at the top level, nested at most 64 deep. The fast parser is held against it.
struct StrictJSON {
    enum Fault: Error { case syntax }

    private var scalars: [Unicode.Scalar]
    private var i = 0
    private let maximumDepth: Int

    static func accepts(_ bytes: [UInt8], maximumDepth: Int = 64) -> Bool {
        guard let text = String(validating: bytes, as: UTF8.self) else { return false }
        var parser = StrictJSON(text, maximumDepth)
        do {
            parser.space()
            guard parser.peek == "{" else { return false }
            let keys = try parser.object(depth: 1)
            parser.space()
            return parser.peek == nil && Set(keys).count == keys.count
        } catch {
            return false
        }
    }

    private init(_ text: String, _ maximumDepth: Int) {
        scalars = Array(text.unicodeScalars)
        self.maximumDepth = maximumDepth
    }

    private var peek: Unicode.Scalar? { i < scalars.count ? scalars[i] : nil }

    private mutating func space() { while let c = peek, " \t\n\r".unicodeScalars.contains(c) { i += 1 } }

    private mutating func take(_ c: Unicode.Scalar) throws {
        guard peek == c else { throw Fault.syntax }
        i += 1
    }

    private mutating func value(depth: Int) throws {
        space()
        switch peek {
        case "{": _ = try object(depth: depth)
        case "[": try array(depth: depth)
        case "\"": _ = try string()
        case "t": for c in "true".unicodeScalars { try take(c) }
        case "f": for c in "false".unicodeScalars { try take(c) }
        case "n": for c in "null".unicodeScalars { try take(c) }
        default: try number()
        }
        space()
    }

    private mutating func object(depth: Int) throws -> [[UInt32]] {
        guard depth <= maximumDepth else { throw Fault.syntax }
        var keys: [[UInt32]] = []
        try take("{")
        space()
        if peek == "}" { i += 1; return [] }
        while true {
            space()
            keys.append(try string())
            space()
            try take(":")
            try value(depth: depth + 1)
            if peek == "," { i += 1; continue }
            try take("}")
            return keys
        }
    }

    private mutating func array(depth: Int) throws {
        guard depth <= maximumDepth else { throw Fault.syntax }
        try take("[")
        space()
        if peek == "]" { i += 1; return }
        while true {
            try value(depth: depth + 1)
            if peek == "," { i += 1; continue }
            try take("]")
            return
        }
    }

    private mutating func digits() throws {
        let first = i
        while let c = peek, ("0"..."9").contains(c) { i += 1 }
        if i == first { throw Fault.syntax }
    }

    private mutating func number() throws {
        if peek == "-" { i += 1 }
        if peek == "0" { i += 1 } else { try digits() }
        if peek == "." { i += 1; try digits() }
        if peek == "e" || peek == "E" {
            i += 1
            if peek == "+" || peek == "-" { i += 1 }
            try digits()
        }
    }

    private mutating func hex() throws -> UInt32 {
        var v: UInt32 = 0
        for _ in 0..<4 {
            guard let c = peek, let d = Character(c).isASCII ? Character(c).hexDigitValue : nil else { throw Fault.syntax }
            v = v * 16 + UInt32(d)
            i += 1
        }
        return v
    }

    private mutating func string() throws -> [UInt32] {
        var out: [UInt32] = []
        try take("\"")
        while true {
            guard let c = peek, c.value >= 0x20 else { throw Fault.syntax }
            i += 1
            if c == "\"" { return out }
            if c != "\\" { out.append(c.value); continue }
            guard let e = peek else { throw Fault.syntax }
            i += 1
            switch e {
            case "\"", "\\", "/": out.append(e.value)
            case "b": out.append(8)
            case "f": out.append(12)
            case "n": out.append(10)
            case "r": out.append(13)
            case "t": out.append(9)
            case "u":
                let high = try hex()
                if (0xDC00...0xDFFF).contains(high) { throw Fault.syntax }
                guard (0xD800...0xDBFF).contains(high) else { out.append(high); continue }
                try take("\\")
                try take("u")
                let low = try hex()
                guard (0xDC00...0xDFFF).contains(low) else { throw Fault.syntax }
                out.append(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            default: throw Fault.syntax
            }
        }
    }
}
