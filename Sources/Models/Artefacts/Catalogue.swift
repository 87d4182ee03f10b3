/// What a folder of artefacts holds, whole or broken.
public enum Catalogue {
    /// Every `<name>/<version>` with a manifest, names and versions ascending.
    ///
    /// - Throws: `ModelRefusal` where the folder cannot be read.
    public static func list(_ folder: String) throws(ModelRefusal) -> [(name: String, version: String)] {
        var found: [(name: String, version: String)] = []
        for name in try FolderReading.names(in: folder) where FolderReading.isFolder("\(folder)/\(name)") {
            let versions = try FolderReading.names(in: "\(folder)/\(name)").filter { FolderReading.stamp("\(folder)/\(name)/\($0)/manifest.json") != nil }
            for version in versions.map({ Version($0) }).sorted() { found.append((name, version.description)) }
        }
        return found
    }
}
