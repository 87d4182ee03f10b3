/// `model`, `mode` and `degraded` as text, for each combination of what may be switched off. They change with the models.
struct ModelPieces {
    /// Bytes that one piece may take.
    static let most = 2048

    private let pieces = Fragments()
    private let all: [Fragments.Piece]
    let block: UnsafePointer<UInt8>

    init(_ models: EngineModels) {
        let pieces = self.pieces
        all = VerdictKind.allCases.flatMap { kind in
            [(false, false), (true, false), (false, true), (true, true)].map { isVelocityOff, isSwitchedOff in
                let text = Self.text(models, kind, isVelocityOff: isVelocityOff, isSwitchedOff: isSwitchedOff)
                precondition(text.utf8.count <= Self.most, "a version is at most 128 bytes")
                return pieces.add(text)
            }
        }
        block = pieces.make()
    }

    @inline(__always)
    func piece(_ kind: VerdictKind, isVelocityOff: Bool, isSwitchedOff: Bool) -> Fragments.Piece {
        all[4 * Int(kind.rawValue) + (isVelocityOff ? 1 : 0) + (isSwitchedOff ? 2 : 0)]
    }

    private static func text(_ models: EngineModels, _ kind: VerdictKind, isVelocityOff: Bool, isSwitchedOff: Bool) -> String {
        var missing: [String] = []
        if isSwitchedOff { missing.append("aml_disabled") }
        if kind == .aml, models.isAMLBroken { missing.append("aml_model") }
        if kind == .fraud, models.isFraudBroken { missing.append("fraud_model") }
        if isVelocityOff { missing.append("velocity_disabled") }
        if models.isVelocityBroken { missing.append("velocity_model") }
        let degraded = missing.isEmpty ? "" : "\"degraded\":[\(missing.map { "\"\($0)\"" }.joined(separator: ","))],"
        // Where AML is switched off nothing but the amount rule decides.
        guard let model = kind == .fraud ? models.fraud : isSwitchedOff ? nil : models.aml else {
            return "\"model\":{\"name\":\"rules\",\"version\":\"\(RuleTable.version)\"},\"mode\":\"rules\",\(degraded)"
        }
        return "\"model\":{\"name\":\"\(VerdictWriter.escaped(model.name))\",\"version\":\"\(VerdictWriter.escaped(model.version))\",\"sha256\":\"\(model.sha256)\"},"
            + "\"mode\":\"\(missing.isEmpty ? "full" : "degraded")\",\(degraded)"
    }
}
