public import Scoring

/// A transaction as the contract's JSON, from a row of CSV: what `weir produce` sends.
///
/// Amount and currency are sent as the row has them (the consumer converts), times in RFC 3339 with `Z`, texts escaped;
/// what is absent is left out.
public enum TransactionJSON {
    /// Appends one JSON object for a row that `decoder` takes.
    public static func append(_ fields: RawFields, _ decoder: Decoder, to out: inout [UInt8]) throws(Rejection) {
        let transaction = try decoder.transaction(fields)
        var separator = UInt8(ascii: "{")
        for field in TransactionField.allCases {
            guard let cell = fields.cell(field) else { continue }
            out.append(separator)
            separator = UInt8(ascii: ",")
            JSONText.append(field.name.utf8, to: &out)
            out.append(UInt8(ascii: ":"))
            switch field {
            case .timestamp: JSONText.append(time: transaction.time, to: &out)
            case .accountOpenedAt: JSONText.append(time: transaction.accountOpenedAt!, to: &out)
            case .amount: out += JSONText.number(cell)
            default: JSONText.append(cell, to: &out)
            }
        }
        out.append(UInt8(ascii: "}"))
    }
}

/// JSON's texts and numbers.
enum JSONText {
    /// A string with its quotes, escaped where JSON wants it.
    static func append(_ text: some Sequence<UInt8>, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for c in text {
            switch c {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(c)
            case 0..<0x20:
                out += Array("\\u00".utf8)
                out.append(hex(c >> 4))
                out.append(hex(c & 15))
            default: out.append(c)
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func hex(_ digit: UInt8) -> UInt8 { digit < 10 ? 48 + digit : 87 + digit }

    /// The digits of a cell that holds an amount, as JSON takes them: without zeros before them.
    static func number(_ cell: UnsafeBufferPointer<UInt8>) -> Slice<UnsafeBufferPointer<UInt8>> {
        var digits = cell[...]
        while digits.count > 1, digits.first == 48, digits[digits.startIndex + 1] &- 48 <= 9 { digits = digits.dropFirst() }
        return digits
    }

    /// A time as RFC 3339 in UTC, with milliseconds where there are any.
    static func append(time: Int64, to out: inout [UInt8]) {
        let text = UTCText.rfc3339(time)
        out.append(UInt8(ascii: "\""))
        out += Array(text.utf8)
        out.append(UInt8(ascii: "\""))
    }
}
