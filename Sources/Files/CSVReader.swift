internal import Glibc

/// Rows of a CSV file (RFC 4180: commas, cells in quotes with quotes doubled, CRLF or LF), read in bounded memory.
///
/// Stricter than many: a quote within a cell that does not begin with one, and text behind a closing quote, make the row
/// malformed; so do bytes that are not UTF-8. Reading goes on with the next line. Empty lines are passed over.
final class CSVReader {
    enum Row {
        /// `cells` hold the row.
        case cells
        case malformed(String)
        case tooLong
    }

    let buffer: LineBuffer
    /// The row's cells; valid until the next row is read.
    private(set) var cells: [UnsafeBufferPointer<UInt8>] = []
    /// The line on which the row at hand begins, from 1.
    private(set) var line = 0
    private var nextLine = 1
    private var consumed = 0

    init(_ buffer: LineBuffer) { self.buffer = buffer }

    /// The next row; nil at the end.
    func next() throws(FileError) -> Row? {
        buffer.consume(consumed)
        consumed = 0
        while true {
            guard let (text, length, isCut) = try buffer.line() else { return nil }
            line = nextLine
            if isCut {
                nextLine += 1
                consumed = length
                return .tooLong
            }
            if text.isEmpty {
                nextLine += 1
                buffer.consume(length)
                continue
            }
            if memchr(text.baseAddress!, Int32(UInt8(ascii: "\"")), text.count) != nil { return try quoted() }
            nextLine += 1
            consumed = length
            guard isUTF8(text) else { return .malformed("the row is not valid UTF-8") }
            split(text)
            return .cells
        }
    }

    /// Cells of a row without quotes.
    private func split(_ text: UnsafeMutableBufferPointer<UInt8>) {
        cells.removeAll(keepingCapacity: true)
        let base = UnsafePointer(text.baseAddress!)
        var first = 0
        for i in 0..<text.count where base[i] == UInt8(ascii: ",") {
            cells.append(UnsafeBufferPointer(start: base + first, count: i - first))
            first = i + 1
        }
        cells.append(UnsafeBufferPointer(start: base + first, count: text.count - first))
    }

    /// A row with quotes, which may go over several lines.
    private func quoted() throws(FileError) -> Row {
        var lines = 1
        var i = 0
        var isOpen = false
        var isMalformed = false
        var atCellStart = true
        // Where the row ends: a quote opens only at the beginning of a cell.
        while true {
            if i == buffer.bytes.count {
                if try buffer.more() { continue }
                break
            }
            let c = buffer.bytes[i]
            if isOpen {
                if c == UInt8(ascii: "\"") { isOpen = false } else if c == 10 { lines += 1 }
            } else if c == 10 {
                break
            } else if c == UInt8(ascii: "\"") {
                // A doubled quote closes and opens again; `unquote` looks closer.
                if atCellStart || (i > 0 && buffer.bytes[i - 1] == UInt8(ascii: "\"")) { isOpen = true } else { isMalformed = true }
            }
            atCellStart = !isOpen && c == UInt8(ascii: ",")
            i += 1
        }
        if isOpen || isMalformed || (i > buffer.limit && !buffer.isAtEnd) {
            // Only this line is given up: a stray quote must not swallow the file.
            nextLine += 1
            consumed = buffer.newline().map { $0 + 1 } ?? buffer.bytes.count
            return .malformed(isOpen ? "a quote is not closed" : "a quote stands within a cell")
        }
        nextLine += lines
        consumed = i < buffer.bytes.count ? i + 1 : i
        var text = UnsafeMutableBufferPointer(rebasing: buffer.bytes[..<i])
        if text.last == 13 { text = UnsafeMutableBufferPointer(rebasing: text.dropLast()) }
        guard isUTF8(text) else { return .malformed("the row is not valid UTF-8") }
        return unquote(text) ? .cells : .malformed("text stands behind a closing quote")
    }

    /// Cells of a row with quotes; doubled ones are undone in place.
    private func unquote(_ text: UnsafeMutableBufferPointer<UInt8>) -> Bool {
        cells.removeAll(keepingCapacity: true)
        let base = text.baseAddress!
        let quote = UInt8(ascii: "\"")
        var i = 0
        while true {
            var first = i
            var out = i
            if i < text.count, base[i] == quote {
                i += 1
                first = i
                out = i
                while i < text.count {
                    if base[i] == quote {
                        guard i + 1 < text.count, base[i + 1] == quote else { break }
                        i += 1
                    }
                    base[out] = base[i]
                    out += 1
                    i += 1
                }
                i += 1
                if i < text.count, base[i] != UInt8(ascii: ",") { return false }
            } else {
                while i < text.count, base[i] != UInt8(ascii: ",") { i += 1 }
                out = i
            }
            cells.append(UnsafeBufferPointer(start: base + first, count: out - first))
            if i >= text.count { return true }
            i += 1
        }
    }
}

/// Whether the bytes are valid UTF-8. Eight at a time while they are ASCII.
private func isUTF8(_ text: UnsafeMutableBufferPointer<UInt8>) -> Bool {
    let raw = UnsafeRawBufferPointer(text)
    var i = 0
    var high: UInt64 = 0
    while i + 8 <= raw.count {
        high |= raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
        i += 8
    }
    while i < raw.count {
        high |= UInt64(raw[i])
        i += 1
    }
    return high & 0x8080_8080_8080_8080 == 0 || String(validating: text, as: UTF8.self) != nil
}
