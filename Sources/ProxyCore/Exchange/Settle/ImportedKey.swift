/// A key of another system, with what was used under it.
public struct ImportedKey: Sendable {
    public var name: String
    public var text: Secret
    public var enabled: Bool
    /// Seconds since 1970.
    public var created: Int
    /// Seconds since 1970; nil where it was never used, or nobody knows when.
    public var lastUsed: Int?
    public var totals: Amounts
    public var rows: [Row]

    /// Input with what caches held, as the other system counted it.
    public struct Amounts: Sendable, Hashable {
        public var requests: Int
        public var input: Int
        public var output: Int

        public init(requests: Int = 0, input: Int = 0, output: Int = 0) {
            self.requests = requests
            self.input = input
            self.output = output
        }
    }

    /// What was used of a model at a time, as finely as the other system knows it.
    public struct Row: Sendable, Hashable {
        public var when: When
        /// Empty for what belongs to no model.
        public var model: String
        public var amounts: Amounts

        public init(when: When, model: String, amounts: Amounts) {
            self.when = when
            self.model = model
            self.amounts = amounts
        }
    }

    public enum When: Sendable, Hashable {
        /// 0–23.
        case hour(LocalDate, Int)
        /// An hour of the day that nobody knows.
        case day(LocalDate)
        /// A day that nobody knows.
        case ever

        /// What stands in `usage_hour.hour`: 24 and more is no hour of a day, and what is negative is on no day.
        var number: Int {
            switch self {
            case .hour(let date, let hour): date.number * 100 + min(max(hour, 0), 23)
            case .day(let date): date.number * 100 + 99
            case .ever: -1
            }
        }
    }

    public init(
        name: String, text: Secret, enabled: Bool, created: Int, lastUsed: Int?, totals: Amounts, rows: [Row]
    ) {
        self.name = name
        self.text = text
        self.enabled = enabled
        self.created = created
        self.lastUsed = lastUsed
        self.totals = totals
        self.rows = rows
    }
}

/// What became of the keys of an import.
public struct ImportResult: Sendable, Hashable {
    /// Names under which keys are there now.
    public var imported: [String] = []
    /// Names of keys that were there already, with the same text.
    public var known: [String] = []
    /// Names that were taken: before → now.
    public var renamed: [String: String] = [:]
}

extension StoppedState {
    /// Puts keys and their usage into the directory, all or none. The same keys open what they opened; only their hashes are kept.
    /// A key that is there already, by its text, is left as it is.
    ///
    /// - Parameter declared: the keys of the configuration, whose names and texts are taken.
    /// - Throws: `StateFailure`.
    public func add(_ keys: [ImportedKey], declared: [DeclaredKey], timeZone: Zone, now: Int) throws -> ImportResult {
        let directory = try StateDirectory(path)
        defer { directory.unlock() }
        let store = try SQLiteStore(path: directory.database)
        defer { try? store.close() }
        do {
            var result = ImportResult()
            let there = try store.keys().filter { $0.deleted == nil }
            var names = Set(there.filter { $0.source == .admin }.map(\.name)).union(declared.map(\.name))
            var digests = Set(there.compactMap(\.digest)).union(declared.map(\.digest))
            var fresh: [(key: StoredKey, usage: ImportedKey)] = []
            for key in keys {
                let digest = KeyDigest(hashing: key.text.reveal())
                guard digests.insert(digest).inserted else {
                    result.known.append(key.name)
                    continue
                }
                let name = Self.free(Self.readable(key.name), among: names)
                names.insert(name)
                if name != key.name { result.renamed[key.name] = name }
                result.imported.append(name)
                fresh.append(
                    (
                        StoredKey(
                            id: KeyText.generateID(), name: name, digest: digest, masked: KeyText.masked(key.text.reveal()),
                            policy: "default", tags: [:], enabled: key.enabled, created: key.created, expires: nil,
                            source: .admin,
                            deleted: nil), key
                    ))
            }
            try store.add(fresh)
            try store.checkpoint()
            return result
        } catch let failure as StateFailure {
            throw failure
        } catch {
            throw StateFailure.unusable(path: directory.database, reason: "\(error)")
        }
    }

    /// `alice`, `alice (2)`, `alice (3)`.
    private static func free(_ name: String, among taken: Set<String>) -> String {
        guard taken.contains(name) else { return name }
        var number = 2
        while taken.contains("\(name) (\(number))") { number += 1 }
        return "\(name) (\(number))"
    }

    /// A name as this system has them: what would not be seen goes, and the end of what is too long.
    private static func readable(_ name: String) -> String {
        let visible = String(String.UnicodeScalarView(name.unicodeScalars.filter { KeyName.isVisible(String($0)) }))
        // Room for a number behind it.
        var short = visible
        while short.utf8.count > KeyName.maximumLength - 12 { short.removeLast() }
        return (try? KeyName.validated(short)) ?? "imported"
    }
}
