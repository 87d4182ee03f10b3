import Foundation
import Testing
import Velocity

@testable import Scoring

/// The reference pages show tables and lists that the code holds: they are compared, so that neither goes without the other.
@Suite struct ReferenceTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func page(_ name: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent("docs/reference/\(name)"), encoding: .utf8)
    }

    static func number(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }

    private static func expect(_ line: String, in page: String, _ name: String) {
        #expect(page.contains(line + "\n"), "docs/reference/\(name) lacks: \(line)")
    }

    @Test func theRulesAreThoseOfThePage() throws {
        let page = try Self.page("rules.md")
        let windows = [hour: "1h", day: "24h", 7 * day: "7d"]
        func name(_ rule: RuleTable.Rule) -> String {
            switch rule.name {
            case .plain(let name): name
            case .window(let entity, let millis, let statistic): "\(entity)_\(windows[millis]!)_\(statistic)"
            }
        }
        func rows(_ table: RuleTable, unit: String) {
            #expect(table.bias == -4)
            for rule in table.rules {
                let points = rule.points.map { point in
                    "\(Self.number(point.x))\(unit.isEmpty || !rule.isMoney ? "" : unit) → \(Self.number(point.y))"
                }
                Self.expect("| `\(name(rule))` | \(points.joined(separator: ", ")) |", in: page, "rules.md")
            }
        }
        rows(.fraud, unit: "")
        rows(.aml(suspicious: 1), unit: " T")
        #expect(page.contains("version `\(RuleTable.version)`"))
    }

    @Test func theQuantilesAreThoseOfThePage() throws {
        let page = try Self.page("rules.md")
        for row in VelocityQuantiles.rows {
            let cells = row.quantiles.map { "\(Self.number($0.0)) / \(Self.number($0.1)) / \(Self.number($0.2))" }
            Self.expect("| `\(row.entity)_<W>_\(row.statistic)` | \(cells.joined(separator: " | ")) |", in: page, "rules.md")
        }
        let z = VelocityQuantiles.zscore
        Self.expect("| `account_amount_zscore` | \(Self.number(z.0)) / \(Self.number(z.1)) / \(Self.number(z.2)), whatever the windows |||||", in: page, "rules.md")
    }

    @Test func everyFeatureIsOnThePage() throws {
        let page = try Self.page("features.md")
        let set = FeatureSet(windows: [WindowLabel(millis: hour)], hasFraudRate: true)
        for name in set.names.map({ $0.replacingOccurrences(of: "_1h_", with: "_<W>_") }) {
            #expect(page.contains("`\(name)`"), "docs/reference/features.md lacks \(name)")
        }
        #expect(page.contains("version \(FeatureSet.version)"))
    }

    @Test func theTopicsPageKnowsEveryReasonDecisionAndType() throws {
        let page = try Self.page("asyncapi.yaml")
        for reason in Reason.allCases { #expect(page.contains("- \(reason.code)\n")) }
        let decisions = FraudDecision.allCases.map(\.name.description) + AMLDecision.allCases.filter { $0 != .review }.map(\.name.description)
        #expect(page.contains("enum: [\(decisions.joined(separator: ", "))]"))
        #expect(page.contains("enum: [\(TransactionType.allCases.map(\.name.description).joined(separator: ", "))]"))
        for field in TransactionField.allCases { #expect(page.contains("        \(field.name): ") || page.contains("        \(field.name):\n")) }
        for field in FeedbackField.allCases { #expect(page.contains("        \(field.name): ")) }
    }

    @Test func everyVerdictFitsTheSchema() throws {
        let schema = try JSONSchema(Self.page("verdict.schema.json"))
        let policies: [(inout Policy) -> Void] = [
            { _ in }, { $0.isAMLEnabled = false }, { $0.isVelocityEnabled = false }, { ($0.fraudReview, $0.suspiciousAmount) = (0.001, 5) },
            { ($0.amlRolloutPercent, $0.velocityRolloutPercent) = (50, 50) },
        ]
        for (i, policy) in policies.enumerated() {
            let driver = Driver(windows: i == 0 ? [hour, day, 7 * day] : [90 * second, 30 * day], policy)
            for said in try driver.send(Traffic(seed: UInt64(i)).transactions(200)) {
                for verdict in [said.fraud, said.aml] {
                    guard let verdict else { continue }
                    let faults = schema.faults(verdict.json)
                    #expect(faults.isEmpty, "\(verdict.text)")
                }
            }
            let (asked, _) = try driver.ask(.aml, Tx("x", at: noon + 400 * day).json, arrival: .max / 2).get()
            #expect(schema.faults(asked.json).isEmpty)
        }
    }

    @Test func theSchemaRefusesWhatIsNoVerdict() throws {
        let schema = try JSONSchema(Self.page("verdict.schema.json"))
        let good = try #require(try Driver().send(Tx("1")).fraud)
        func broken(_ name: String, _ value: Any?) -> [String: Any] {
            var json = good.json
            json[name] = value
            return json
        }
        #expect(schema.faults(good.json).isEmpty)
        for (name, value) in [
            ("decision", "maybe"), ("decision", "report"), ("score", 1.5), ("score", "0.5"), ("late", 0.5), ("velocity", ["account": 1]), ("complete", nil),
            ("event_time", 5), ("unknown", 1), ("reasons", [["code": "x"]]),
        ] as [(String, Any?)] {
            #expect(!schema.faults(broken(name, value)).isEmpty, "\(name): \(String(describing: value))")
        }
    }
}

extension RuleTable.Rule {
    var isMoney: Bool {
        switch name {
        case .plain(let name): name == "amount"
        case .window(_, _, let statistic): statistic == "sum"
        }
    }
}

/// As much of JSON Schema (2020-12) as the project's schemas use; an unknown keyword is an error, so that none is passed over.
struct JSONSchema {
    let root: [String: Any]

    init(_ text: String) throws {
        root = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    func faults(_ value: Any) -> [String] { check(value, root, "$") }

    private func check(_ value: Any, _ schema: [String: Any], _ path: String) -> [String] {
        var faults: [String] = []
        func fail(_ what: String) { faults.append("\(path): \(what)") }
        let object = value as? [String: Any]
        for (keyword, rule) in schema {
            switch keyword {
            case "$schema", "$id", "$defs", "title", "description", "examples": break
            case "$ref":
                let name = (rule as! String).replacingOccurrences(of: "#/$defs/", with: "")
                faults += check(value, (root["$defs"] as! [String: Any])[name] as! [String: Any], path)
            case "type": if !Self.isType(value, rule as! String) { fail("no \(rule)") }
            case "enum": if !(rule as! [String]).contains(value as? String ?? "\u{0}") { fail("none of \(rule)") }
            case "const":
                if let text = rule as? String { if value as? String != text { fail("not \(text)") } } else if value as? Bool != rule as? Bool { fail("not \(rule)") }
            case "minimum": if let n = value as? NSNumber, n.doubleValue < (rule as! NSNumber).doubleValue { fail("below \(rule)") }
            case "maximum": if let n = value as? NSNumber, n.doubleValue > (rule as! NSNumber).doubleValue { fail("above \(rule)") }
            case "minLength": if let text = value as? String, text.utf8.count < (rule as! NSNumber).intValue { fail("too short") }
            case "maxItems": if let items = value as? [Any], items.count > (rule as! NSNumber).intValue { fail("too many") }
            case "minProperties": if let object, object.count < (rule as! NSNumber).intValue { fail("too few properties") }
            case "pattern": if let text = value as? String, text.range(of: rule as! String, options: .regularExpression) == nil { fail("does not match \(rule)") }
            case "required": for name in rule as! [String] where object?[name] == nil { fail("lacks \(name)") }
            case "properties":
                for (name, inner) in rule as! [String: Any] {
                    if let member = object?[name] { faults += check(member, inner as! [String: Any], "\(path).\(name)") }
                }
            case "additionalProperties":
                let known = Set((schema["properties"] as? [String: Any] ?? [:]).keys)
                for (name, member) in object ?? [:] where !known.contains(name) {
                    if let inner = rule as? [String: Any] { faults += check(member, inner, "\(path).\(name)") } else if rule as? Bool == false { fail("unknown \(name)") }
                }
            case "items": for (i, item) in (value as? [Any] ?? []).enumerated() { faults += check(item, rule as! [String: Any], "\(path)[\(i)]") }
            case "oneOf":
                let fitting = (rule as! [[String: Any]]).filter { check(value, $0, path).isEmpty }.count
                if fitting != 1 { fail("\(fitting) of oneOf") }
            default: fail("keyword \(keyword) is not known to the test")
            }
        }
        return faults
    }

    private static func isType(_ value: Any, _ type: String) -> Bool {
        let isBool = (value as? NSNumber).map { CFGetTypeIDIsBoolean($0) } ?? false
        switch type {
        case "object": return value is [String: Any]
        case "array": return value is [Any]
        case "string": return value is String
        case "boolean": return isBool
        case "number": return value is NSNumber && !isBool
        case "integer": return !isBool && (value as? NSNumber).map { $0.doubleValue == $0.doubleValue.rounded() } == true
        default: return false
        }
    }

    /// JSON's true and false come as numbers of one byte.
    private static func CFGetTypeIDIsBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
}
