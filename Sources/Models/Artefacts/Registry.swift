/// The artefacts of a folder, `<name>/<version>/manifest.json`: which version of each name is to be used, and whether it still is what it was.
///
/// For each name the wanted version (a pin, or the newest) is taken if it is whole, else the newest good older one, else none. A version is read when its files
/// change by size or time; one that is in use and breaks yields, and is taken up again when it is whole. One thread at a time.
public final class Registry {
    /// What a name stands at.
    public struct Standing: Sendable {
        /// In use; nil: none.
        public var artefact: Artefact?
        /// Why the wanted version, or one better than that in use, is not used; nil: it is, or there is none at all.
        public var error: String?
        public var breaker = CircuitBreaker.State.closed
    }

    /// A change that a look brought.
    public struct Change: Sendable {
        public var name: String
        public var standing: Standing
        /// The version in use, or none, is another than before.
        public var isOther: Bool
        /// It is worse than before, or than what was wanted, which was refused.
        public var isFallback: Bool
    }

    /// A version as it was last read.
    private struct Known {
        var stamps: [String: FileStamp]
        var result: Result<Artefact, ModelRefusal>
    }

    public let folder: String
    /// Wanted version by name; `latest` for the newest.
    public let wanted: [String: String]
    private let check: (Artefact) -> String?
    private var known: [String: Known] = [:]
    private var standings: [String: Standing] = [:]
    private var breakers: [String: CircuitBreaker] = [:]
    /// Of names whose folders cannot be read.
    private var folderBreakers: [String: CircuitBreaker] = [:]

    /// - Parameters:
    ///   - wanted: version by name; `latest` for the newest.
    ///   - check: says why an artefact that is whole cannot be used here; nil: it can.
    public init(_ folder: String, wanted: [String: String], check: @escaping (Artefact) -> String? = { _ in nil }) {
        self.folder = folder
        self.wanted = wanted
        self.check = check
    }

    public func standing(_ name: String) -> Standing { standings[name] ?? Standing() }

    /// Looks at every name again, and says what changed, names in order. At the first look every name has changed.
    ///
    /// - Parameter now: milliseconds of any clock, for the circuit breakers.
    /// - Complexity: O(versions) where nothing changed; O(bytes) of what did.
    public func look(now: Int64) -> [Change] {
        wanted.keys.sorted().compactMap { look($0, wanted[$0]!, now) }
    }

    private func look(_ name: String, _ wanted: String, _ now: Int64) -> Change? {
        let before = standings[name]
        var folderBreaker = folderBreakers[name] ?? CircuitBreaker()
        guard folderBreaker.allows(now: now) else { return nil }
        defer { folderBreakers[name] = folderBreaker }
        var breaker = breakers[name] ?? CircuitBreaker()
        defer { breakers[name] = breaker }
        var standing = Standing()
        var wantedVersion: String?
        var isRefused = false
        do throws(ModelRefusal) {
            let versions = try self.versions(name)
            folderBreaker.succeeded()
            var candidates = versions
            if wanted != "latest" {
                let pin = Version(wanted)
                candidates = versions.filter { $0 <= pin }
                wantedVersion = wanted
                if !versions.contains(pin) { standing.error = "\(wanted): there is no such version" }
            }
            for version in candidates.reversed() {
                wantedVersion = wantedVersion ?? version.description
                switch read(name, version.description, &breaker, now) {
                case .success(let artefact): standing.artefact = artefact
                case .failure(let refusal):
                    standing.error = standing.error ?? "\(version): \(refusal)"
                    isRefused = true
                }
                if standing.artefact != nil { break }
            }
        } catch {
            if error.reason == .missing, FolderReading.isFolder(folder) {
                // A name without a folder has no artefact.
                if wanted != "latest" { standing.error = error.description }
            } else {
                // Where there is no folder at all, or one that cannot be read, what is in use stays.
                standing.error = error.reason == .missing ? "there is no folder \(folder)" : error.description
                standing.artefact = before?.artefact
                if error.reason != .missing { folderBreaker.failed(now: now) }
            }
        }
        if standing.artefact == nil, standing.error == nil, let old = before?.artefact {
            standing.artefact = old
            standing.error = "\(old.manifest.version): it is no longer there; what was read of it stays in use"
        }
        standing.breaker = folderBreaker.state(now: now) == .closed ? breaker.state(now: now) : folderBreaker.state(now: now)
        standings[name] = standing
        let isOther = before == nil || before?.artefact?.identity != standing.artefact?.identity
        guard isOther || before?.error != standing.error else { return nil }
        let old = before.map { $0.artefact?.manifest.version } ?? (standing.error != nil ? wantedVersion ?? wanted : nil)
        let new = standing.artefact?.manifest.version
        let isWorse = old != nil && (new == nil || Version(new!) < Version(old!))
        let isFallback = standing.error != nil && (isOther && isWorse || isRefused && before?.error != standing.error)
        return Change(name: name, standing: standing, isOther: isOther, isFallback: isFallback)
    }

    /// Versions that have a manifest, ascending.
    private func versions(_ name: String) throws(ModelRefusal) -> [Version] {
        let path = folder + "/" + name
        return try FolderReading.names(in: path).filter { FolderReading.stamp("\(path)/\($0)/manifest.json") != nil }.map { Version($0) }.sorted()
    }

    /// A version as it is now; what did not change is not read again.
    private func read(_ name: String, _ version: String, _ breaker: inout CircuitBreaker, _ now: Int64) -> Result<Artefact, ModelRefusal> {
        let path = "\(folder)/\(name)/\(version)"
        // Before reading: what changes meanwhile is read again at the next look.
        let stamps = stamps(path)
        if let known = known[path], known.stamps == stamps {
            // A failure to read may pass without a change of the file; a fault in it does not.
            guard case .failure(let refusal) = known.result, refusal.reason == .unreadable, breaker.allows(now: now) else { return known.result }
        }
        let result = Result { () throws(ModelRefusal) in
            let artefact = try Artefact.load(path, name: name, version: version)
            if let why = check(artefact) { throw ModelRefusal(.features, why) }
            return artefact
        }
        if case .failure = result { breaker.failed(now: now) } else { breaker.succeeded() }
        known[path] = Known(stamps: stamps, result: result)
        return result
    }

    private func stamps(_ path: String) -> [String: FileStamp] {
        var stamps: [String: FileStamp] = [:]
        for name in (try? FolderReading.names(in: path)) ?? [] { stamps[name] = FolderReading.stamp(path + "/" + name) }
        return stamps
    }
}
