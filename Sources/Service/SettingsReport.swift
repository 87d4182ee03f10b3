import Scoring

extension Settings {
    /// Every setting, its value, where that came from, and its default, in columns.
    public var table: String {
        let rows = [["SETTING", "VALUE", "ORIGIN", "DEFAULT"]] + entries.map { [$0.name, $0.value ?? "none", $0.origin.rawValue, $0.defaultValue] }
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max()! }
        return rows.map { row in
            (0..<3).map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }.joined(separator: "  ") + "  " + row[3] + "\n"
        }.joined()
    }

    /// The same as a JSON array of objects; a value that there is none of is null.
    public var json: String {
        var json = JSONWriter()
        json.beginArray()
        for entry in entries {
            json.beginObject()
            json.add("name", entry.name)
            if let value = entry.value { json.add("value", value) } else { json.addNull("value") }
            json.add("origin", entry.origin.rawValue)
            json.add("default", entry.defaultValue)
            json.endObject()
        }
        json.endArray()
        return json.text
    }
}
