import Models

extension Manifest {
    /// - Throws: where features meant something else when it was made.
    func checkFeatureSet() throws(ModelRefusal) {
        if let featureSet, featureSet != FeatureSet.version {
            throw ModelRefusal(.features, "trained on features of version \(featureSet); these are of version \(FeatureSet.version)")
        }
    }
}

extension FeatureSet {
    /// Whether a name is a feature under any windows: one of these, or `<entity>_<W>_<statistic>` of a window that is not in force.
    ///
    /// - Complexity: O(features of one window).
    func isKnown(_ name: String) -> Bool {
        if index(of: name) != nil { return true }
        let words = name.utf8.split(separator: UInt8(ascii: "_"), maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, let unit = words[1].last, "smhd".utf8.contains(unit) else { return false }
        let digits = words[1].dropLast()
        guard (1...18).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }), digits.first != UInt8(ascii: "0") else { return false }
        let window = WindowLabel(name: String(decoding: words[1], as: UTF8.self), millis: 1)
        return FeatureSet(windows: [window], hasFraudRate: true).index(of: name) != nil
    }
}
