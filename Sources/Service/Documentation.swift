/// The reference pages' tables, made from the tables in code; a test keeps the two equal.
enum Documentation {
    /// All settings, a table for each section.
    static var settings: String {
        SettingDefinition.Section.allCases.map { section in
            let rows = SettingsTable.all.filter { $0.section == section }.map { setting in
                let isDefaultText = setting.defaultNote == nil && !setting.defaultValue.isEmpty
                let shown = isDefaultText ? "`\(setting.shownDefault)`" : setting.shownDefault
                return row([
                    "`\(setting.name)`", shown, setting.values,
                    setting.help + (setting.isSecret ? "; never shown" : ""),
                ])
            }
            return "## \(section.rawValue)\n\n" + header(["setting", "default", "values", ""]) + rows.joined()
        }.joined(separator: "\n")
    }

    /// All metrics in one table, and the buckets of histograms in another.
    static var metrics: String {
        let rows = MetricsTable.all.map { metric in
            row(["`\(metric.name)`", metric.kind.rawValue, metric.labels.isEmpty ? "" : labels(metric), metric.help])
        }
        let buckets = MetricsTable.all.filter { $0.kind == .histogram }.map { metric in
            row(["`\(metric.name)`", metric.buckets.map { MetricsText.number($0) }.joined(separator: " ")])
        }
        return "## Series\n\n" + header(["name", "type", "labels", ""]) + rows.joined() + "\n## Buckets\n\n" + header(["histogram", "upper bounds"])
            + buckets.joined()
    }

    private static func labels(_ metric: MetricDefinition) -> String {
        zip(metric.labels, metric.values).map { label, values in
            "`\(label)`" + (values.isEmpty ? "" : ": " + values.map { "`\($0)`" }.joined(separator: " "))
        }.joined(separator: "; ")
    }

    private static func header(_ cells: [String]) -> String { row(cells) + row(cells.map { _ in "---" }) }
    private static func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
}
