import Scoring

/// The journal's entries as JSON. Words of 64 bits (process, digests) are hexadecimal texts, since JSON readers round them.
struct EntryCoding {
    let topics: TopicNames

    enum Failure: Error, Equatable {
        case malformed
        /// Written by another group or about other input topics.
        case foreign(group: String, topics: [String])
    }

    func encode(_ entry: Entry) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("n"); json.integer(entry.n)
            json.key("epoch"); json.integer(entry.epoch)
            json.key("process"); json.string(Self.hex(entry.process))
            json.key("instance"); json.string(entry.instance)
            json.key("group"); json.string(entry.group)
            json.key("topics"); json.array { json in for name in entry.topics { json.string(name) } }
            json.key("silence"); json.integer(entry.silence)
            json.key("runs"); json.array { json in for run in entry.runs { write(run, &json) } }
            if !entry.outcomes.isEmpty {
                json.key("outcomes")
                json.array { json in
                    for range in entry.outcomes {
                        json.array { json in
                            write(range.partition, range.first, &json)
                            json.integer(range.last)
                            json.string(range.outcome.code)
                        }
                    }
                }
            }
            if !entry.changes.isEmpty {
                json.key("changes"); json.array { json in for change in entry.changes { write(change, &json) } }
            }
            if entry.handover { json.key("handover"); json.bool(true) }
            if let full = entry.full { write(full, &json) }
            if let head = entry.head { write(head, &json) }
        }
        return json.bytes
    }

    private func write(_ partition: InputPartition, _ offset: Int64, _ json: inout JSONWriter) {
        json.string(topics.name(partition.topic) ?? "")
        json.integer(partition.number)
        json.integer(offset)
    }

    private func write(_ run: Run, _ json: inout JSONWriter) {
        json.array { json in
            write(run.partition, run.first, &json)
            json.integer(run.last)
        }
    }

    private func write(_ change: Change, _ json: inout JSONWriter) {
        json.array { json in
            write(change.partition, change.offset, &json)
            switch change.kind {
            case .since(let time): json.string("since"); json.integer(time)
            case .lagging(let value): json.string("lagging"); json.bool(value)
            case .eventHorizon(let time): json.string("event_horizon"); json.integer(time)
            case .memoryHorizon(let time): json.string("memory_horizon"); json.integer(time)
            case .models(let models): json.string("models"); write(models, &json)
            }
        }
    }

    private func write(_ full: FullEntry, _ json: inout JSONWriter) {
        json.key("offsets")
        json.array { json in
            for (partition, place) in full.places.sorted(by: { $0.key < $1.key }) {
                json.array { json in
                    write(partition, place.offset, &json)
                    json.integer(place.checksum)
                }
            }
        }
        json.key("horizons")
        json.array { json in
            json.integer(full.eventHorizon)
            json.integer(full.memoryHorizon)
        }
        json.key("since"); json.integer(full.since)
        json.key("form"); json.string(full.form)
        if let base = full.base {
            json.key("base")
            json.object { json in
                json.key("n"); json.integer(base.n)
                json.key("process"); json.string(Self.hex(base.process))
                json.key("digest"); json.string(Self.hex(base.digest.windows))
                json.key("memory"); json.string(Self.hex(base.digest.memory))
                json.key("age"); json.integer(base.age)
                json.key("lost"); json.array { json in for run in base.lost { write(run, &json) } }
            }
        }
        if let digest = full.digest {
            json.key("digest"); json.string(Self.hex(digest.windows))
            json.key("memory"); json.string(Self.hex(digest.memory))
        }
    }

    private func write(_ head: EpochHead, _ json: inout JSONWriter) {
        json.key("version"); json.string(head.version)
        json.key("settings"); write(head.settings, &json)
        json.key("rates"); json.string(head.rates)
        json.key("models"); write(head.models, &json)
    }

    private func write(_ texts: [String: String], _ json: inout JSONWriter) {
        json.object { json in
            for (name, value) in texts.sorted(by: { $0.key < $1.key }) {
                json.key(name)
                json.string(value)
            }
        }
    }

    /// Reads an entry of this group and of these input topics.
    ///
    /// - Throws: `Failure`.
    func decode(_ bytes: UnsafeRawBufferPointer, group: String) throws(Failure) -> Entry {
        guard let json = JSON.parse(bytes), let writer = json["group"]?.string,
            let names = json["topics"]?.array?.map({ $0.string ?? "" }), !names.isEmpty
        else { throw .malformed }
        guard writer == group, names[0] == topics.transactions, names.count < 2 || topics.feedback == nil || names[1] == topics.feedback
        else { throw .foreign(group: writer, topics: names) }
        guard let entry = entry(json, names) else { throw .malformed }
        return entry
    }

    private func entry(_ json: JSON, _ names: [String]) -> Entry? {
        guard let n = json["n"]?.integer, let epoch = json["epoch"]?.integer, let process = json["process"]?.string.flatMap(Self.word),
            let silence = json["silence"]?.integer, let runs = json["runs"]?.array
        else { return nil }
        var entry = Entry()
        entry.n = n
        entry.epoch = epoch
        entry.process = process
        entry.instance = json["instance"]?.string ?? ""
        entry.group = json["group"]?.string ?? ""
        entry.topics = names
        entry.silence = silence
        entry.handover = json["handover"]?.bool ?? false
        for value in runs {
            guard let run = run(value, names) else { return nil }
            entry.runs.append(run)
        }
        for value in json["outcomes"]?.array ?? [] {
            guard let run = run(value, names), let items = value.array, items.count == 5, let code = items[4].string,
                let outcome = Outcome(code: code)
            else { return nil }
            entry.outcomes.append(.init(partition: run.partition, first: run.first, last: run.last, outcome: outcome))
        }
        for value in json["changes"]?.array ?? [] {
            guard let change = change(value, names) else { return nil }
            entry.changes.append(change)
        }
        if json["offsets"] != nil {
            guard let full = full(json, names) else { return nil }
            entry.full = full
        }
        if let settings = json["settings"]?.object {
            entry.head = EpochHead(
                version: json["version"]?.string ?? "", settings: settings.compactMapValues(\.string), rates: json["rates"]?.string ?? "",
                models: json["models"]?.object?.compactMapValues(\.string) ?? [:])
        }
        return entry
    }

    private func partition(_ items: [JSON], _ names: [String]) -> InputPartition? {
        guard items.count >= 3, let name = items[0].string, let number = items[1].integer.flatMap(Int32.init(exactly:)), number >= 0,
            let index = names.firstIndex(of: name)
        else { return nil }
        return InputPartition(index == 0 ? .transactions : .feedback, number)
    }

    private func run(_ value: JSON, _ names: [String]) -> Run? {
        guard let items = value.array, items.count >= 4, let partition = partition(items, names), let first = items[2].integer,
            let last = items[3].integer, first <= last
        else { return nil }
        return Run(partition: partition, first: first, last: last)
    }

    private func change(_ value: JSON, _ names: [String]) -> Change? {
        guard let items = value.array, items.count == 5, let partition = partition(items, names), let offset = items[2].integer,
            let name = items[3].string
        else { return nil }
        let kind: Change.Kind
        switch (name, items[4]) {
        case ("since", .integer(let time)): kind = .since(time)
        case ("lagging", .bool(let value)): kind = .lagging(value)
        case ("event_horizon", .integer(let time)): kind = .eventHorizon(time)
        case ("memory_horizon", .integer(let time)): kind = .memoryHorizon(time)
        case ("models", .object(let members)): kind = .models(members.compactMapValues(\.string))
        default: return nil
        }
        return Change(partition: partition, offset: offset, kind: kind)
    }

    private func full(_ json: JSON, _ names: [String]) -> FullEntry? {
        guard let offsets = json["offsets"]?.array, let horizons = json["horizons"]?.array, horizons.count == 2,
            let event = horizons[0].integer, let memory = horizons[1].integer, let since = json["since"]?.integer,
            let form = json["form"]?.string
        else { return nil }
        var places: [InputPartition: Place] = [:]
        for value in offsets {
            guard let items = value.array, items.count == 4, let partition = partition(items, names), let offset = items[2].integer,
                let checksum = items[3].integer.flatMap(UInt32.init(exactly:))
            else { return nil }
            places[partition] = Place(offset: offset, checksum: checksum)
        }
        var base: Base?
        if let value = json["base"] {
            guard let n = value["n"]?.integer, let process = value["process"]?.string.flatMap(Self.word), let digest = digest(value),
                let age = value["age"]?.integer
            else { return nil }
            let lost = value["lost"]?.array?.compactMap { run($0, names) } ?? []
            base = Base(n: n, process: process, digest: digest, age: age, lost: lost)
        }
        return FullEntry(
            places: places, base: base, eventHorizon: event, memoryHorizon: memory, since: since, digest: digest(json), form: form)
    }

    private func digest(_ json: JSON) -> Digest? {
        guard let windows = json["digest"]?.string.flatMap(Self.word), let memory = json["memory"]?.string.flatMap(Self.word) else {
            return nil
        }
        return Digest(windows: windows, memory: memory)
    }

    private static func hex(_ word: UInt64) -> String { String(word, radix: 16) }
    private static func word(_ text: String) -> UInt64? { UInt64(text, radix: 16) }
}
