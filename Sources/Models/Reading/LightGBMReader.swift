/// Reads LightGBM's text model, versions 2 to 4 (src/boosting/gbdt_model_text.cpp, src/io/tree.cpp), to the letter.
///
/// Binary classification (`binary`, `cross_entropy`) alone: anything else gives no probability of fraud.
struct LightGBMReader {
    /// `key=value` lines of one section.
    private typealias Section = [String: Slice<UnsafeRawBufferPointer>]

    private let bytes: UnsafeRawBufferPointer
    private var at = 0
    private var version = ""

    /// - Throws: `ModelRefusal`.
    /// - Complexity: O(bytes).
    static func read(_ bytes: UnsafeRawBufferPointer) throws(ModelRefusal) -> Ensemble {
        var reader = LightGBMReader(bytes: bytes)
        return try reader.ensemble()
    }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    // MARK: Lines

    /// The next line without its end, LF or CR LF; nil at the end of the file.
    private mutating func line() -> Slice<UnsafeRawBufferPointer>? {
        guard at < bytes.count else { return nil }
        var end = at
        while end < bytes.count, bytes[end] != 0x0A { end += 1 }
        var line = bytes[at..<end]
        at = end + 1
        if line.last == 0x0D { line = line.dropLast() }
        return line
    }

    /// Lines up to a blank one, `Tree=…` or the end of the trees, whichever comes first; that line is not consumed.
    private mutating func section() throws(ModelRefusal) -> Section {
        var section: Section = [:]
        while true {
            let begin = at
            guard let line = line() else { return section }
            if line.starts(with: "Tree=".utf8) || line.starts(with: "end of trees".utf8) || line.starts(with: "feature".utf8) && isImportances(line) {
                at = begin
                return section
            }
            if line.isEmpty { continue }
            let equals = line.firstIndex(of: UInt8(ascii: "="))
            guard let key = String(validating: line[..<(equals ?? line.endIndex)], as: UTF8.self) else {
                throw .malformed("a line that is not text")
            }
            let value = equals.map { line[($0 + 1)...] } ?? line[line.endIndex...]
            guard section.updateValue(value, forKey: key) == nil else { throw .malformed("\(key.prefix(32)) said twice") }
        }
    }

    /// Files of version 2 may go on so without `end of trees`.
    private func isImportances(_ line: Slice<UnsafeRawBufferPointer>) -> Bool {
        version == "v2" && (line.elementsEqual("feature importances:".utf8) || line.elementsEqual("feature_importances:".utf8))
    }

    private func words(_ value: Slice<UnsafeRawBufferPointer>) -> [Slice<UnsafeRawBufferPointer>] {
        value.split(separator: UInt8(ascii: " "))
    }

    private func integer(_ section: Section, _ key: String) -> Int64? {
        section[key].flatMap { words($0).count == 1 ? Numbers.integer(words($0)[0]) : nil }
    }

    // MARK: The file

    private mutating func ensemble() throws(ModelRefusal) -> Ensemble {
        guard let first = line(), first.elementsEqual("tree".utf8) else {
            throw .malformed("not a LightGBM text model: it begins with the line \"tree\"")
        }
        let header = try section()
        version = String(decoding: header["version"]?.prefix(16) ?? bytes[0..<0], as: UTF8.self)
        guard ["v2", "v3", "v4"].contains(version) else {
            throw .unsupported("LightGBM's format \"\(version)\"", instead: "v2, v3 and v4 are read: save it with LightGBM 2 to 4")
        }
        guard integer(header, "num_class") == 1, integer(header, "num_tree_per_iteration") == 1 else {
            throw .unsupported("a model of several classes", instead: "train with objective=binary")
        }
        guard let last = integer(header, "max_feature_idx"), (0..<65_535).contains(last) else { throw .malformed("max_feature_idx is not said") }
        var ensemble = Ensemble(library: .lightgbm, fileVersion: version, featureCount: Int(last) + 1, featureNames: [], trees: [])
        ensemble.slope = try slope(header)
        if let names = header["feature_names"] {
            ensemble.featureNames = words(names).map { String(decoding: $0, as: UTF8.self) }
            guard ensemble.featureNames.count == ensemble.featureCount else {
                throw .malformed("\(ensemble.featureNames.count) names for \(ensemble.featureCount) features")
            }
        }
        while try readTree(into: &ensemble) {}
        if let sizes = header["tree_sizes"], words(sizes).count != ensemble.trees.count {
            throw .malformed("\(ensemble.trees.count) trees of \(words(sizes).count)")
        }
        guard !ensemble.trees.isEmpty else { throw .malformed("no tree") }
        if header["average_output"] != nil { ensemble.divisor = Double(ensemble.trees.count) }
        try checkCategories()
        return ensemble
    }

    /// Behind the trees, `pandas_categorical:` says the categories of a data frame's columns, as JSON; `null` or an empty list where there were none.
    private mutating func checkCategories() throws(ModelRefusal) {
        let key = "pandas_categorical:".utf8
        while let line = line() {
            guard line.starts(with: key) else { continue }
            let json = try ModelJSON.parse(UnsafeRawBufferPointer(rebasing: line.dropFirst(key.count)))
            if json.isNull { continue }
            guard let columns = json.items else { throw .malformed("pandas_categorical is not a list of lists") }
            for (column, values) in columns.enumerated() { try CategoryDictionary.check(values, "pandas_categorical, list \(column)") }
        }
    }

    private func slope(_ header: Section) throws(ModelRefusal) -> Double {
        guard let objective = header["objective"], let name = words(objective).first.map({ String(decoding: $0, as: UTF8.self) }) else {
            throw .unsupported("a model without an objective, or with one of its own", instead: "train with objective=binary")
        }
        guard ["binary", "cross_entropy", "xentropy"].contains(name) else {
            throw .unsupported("objective \(name.prefix(32)), which gives no probability", instead: "train with objective=binary")
        }
        var slope = 1.0
        for word in words(objective).dropFirst() where word.starts(with: "sigmoid:".utf8) {
            guard let value = Numbers.double(word.dropFirst(8)), value > 0, value.isFinite else { throw .malformed("a sigmoid that is not above 0") }
            slope = value
        }
        return slope
    }

    /// - Returns: false behind the last tree.
    private mutating func readTree(into ensemble: inout Ensemble) throws(ModelRefusal) -> Bool {
        let number = ensemble.trees.count
        guard let head = line() else { throw .malformed("the file ends before its trees do, behind tree \(number - 1)") }
        if head.starts(with: "end of trees".utf8) || isImportances(head) { return false }
        guard head.starts(with: "Tree=".utf8), Numbers.integer(head.dropFirst(5)) == Int64(number) else {
            throw .malformed("tree \(number) does not follow")
        }
        let section = try section()
        let tree = try tree(section, number)
        try tree.validate(number: number, featureCount: ensemble.featureCount)
        ensemble.trees.append(tree)
        return true
    }

    private func tree(_ section: Section, _ number: Int) throws(ModelRefusal) -> Tree {
        guard let leafCount = integer(section, "num_leaves"), (1...65_536).contains(leafCount) else {
            throw .malformed("tree \(number): num_leaves is not from 1 to 65536")
        }
        if let linear = section["is_linear"], !linear.elementsEqual("0".utf8) {
            throw .unsupported("linear_tree", instead: "train without it")
        }
        let leaves = Int(leafCount)
        let count = leaves - 1
        var tree = Tree()
        tree.leaves = try list(section, "leaf_value", leaves, number, Numbers.double)
        if leaves == 1 {
            tree.leafCovers = [1]
            return tree
        }
        tree.leafCovers = try list(section, "leaf_count", leaves, number, Numbers.double)
        let features = try list(section, "split_feature", count, number, Numbers.integer)
        let thresholds = try list(section, "threshold", count, number, Numbers.double)
        let lefts = try list(section, "left_child", count, number, Numbers.integer)
        let rights = try list(section, "right_child", count, number, Numbers.integer)
        let covers = try list(section, "internal_count", count, number, Numbers.double)
        let types = try list(section, "decision_type", count, number, Numbers.integer)
        var boundaries: [Int64] = []
        if let sets = integer(section, "num_cat"), sets > 0 {
            guard sets <= count else { throw .malformed("tree \(number): more sets of categories than splits") }
            boundaries = try list(section, "cat_boundaries", Int(sets) + 1, number, Numbers.integer)
            guard boundaries[0] == 0, zip(boundaries, boundaries.dropFirst()).allSatisfy({ $0 <= $1 }), boundaries.last! <= Int64(bytes.count) else {
                throw .malformed("tree \(number): sets of categories that do not ascend")
            }
            let words = try list(section, "cat_threshold", Int(boundaries.last!), number, Numbers.integer)
            guard words.allSatisfy({ (0...Int64(UInt32.max)).contains($0) }) else { throw .malformed("tree \(number): a set of categories beyond 32 bits") }
            tree.categories = words.map { UInt32($0) }
        }
        for i in 0..<count {
            guard let feature = Int32(exactly: features[i]), let left = Int32(exactly: lefts[i]), let right = Int32(exactly: rights[i]),
                (0..<16).contains(types[i]), let missing = Node.Missing(rawValue: UInt8(types[i] >> 2 & 3))
            else { throw .malformed("tree \(number): split \(i) is not one of LightGBM's") }
            var node = Node(feature: feature, threshold: thresholds[i], left: left, right: right)
            node.missing = missing
            node.defaultLeft = types[i] & 2 != 0
            node.cover = covers[i]
            if types[i] & 1 != 0 {
                guard let set = Int(exactly: thresholds[i]), set >= 0, set + 1 < boundaries.count else {
                    throw .malformed("tree \(number): split \(i) without its set of categories")
                }
                node.categories = Int32(boundaries[set])..<Int32(boundaries[set + 1])
            }
            tree.nodes.append(node)
        }
        return tree
    }

    private func list<T>(
        _ section: Section, _ key: String, _ count: Int, _ number: Int, _ read: (Slice<UnsafeRawBufferPointer>) -> T?
    ) throws(ModelRefusal) -> [T] {
        guard let value = section[key] else { throw .malformed("tree \(number): \(key) is missing") }
        let words = words(value)
        guard words.count == count else { throw .malformed("tree \(number): \(words.count) of \(count) values in \(key)") }
        let values = words.compactMap(read)
        guard values.count == count else { throw .malformed("tree \(number): \(key) holds what is not a number") }
        return values
    }
}
