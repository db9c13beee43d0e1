/// What becomes of another system's keys beside those that are there: which of them are new, and what they are called from now on.
struct ImportPlan {
    private(set) var result = ImportResult()
    /// What is to be stored, with what was used under each.
    private(set) var fresh: [(key: StoredKey, usage: ImportedKey)] = []
    /// Names and ids of keys.
    private var taken: Set<String>
    /// The number that a name's next namesake tries.
    private var numbers: [String: Int] = [:]

    /// - Parameters:
    ///   - stored: all that the store has, deleted ones too.
    ///   - configured: the configuration's, whose names and texts are taken; nil where nobody knows them.
    init(_ keys: [ImportedKey], stored: [StoredKey], declared configured: [DeclaredKey]?) {
        let declared = configured ?? []
        let there = stored.filter { $0.deleted == nil }
        taken = Set(there.filter { $0.source == .admin }.map(\.name)).union(there.map(\.id))
        for key in declared { taken.formUnion([key.name, key.id]) }
        let ids = configured.map { Set($0.map(\.id)) }
        func opens(_ key: StoredKey) -> Bool {
            key.deleted == nil && (key.source == .admin || ids?.contains(key.id) ?? true)
        }
        // What was used under a text that was rotated away is booked: it is its key's as long as it is remembered.
        let open = stored.filter(opens)
        var digests = Set(open.compactMap(\.digest)).union(open.flatMap { $0.retired.map(\.digest) })
        // So it is where the key was deleted, or is in the file no more: nothing of it is booked for another declared one.
        let traces = Set(stored.filter { $0.deleted != nil }.flatMap { $0.retired.map(\.digest) })
        let undeclared = Set(there.filter { !opens($0) }.flatMap { $0.retired.map(\.digest) })
        var owners: [KeyDigest: DeclaredKey] = [:]
        for key in declared where !digests.contains(key.digest) && !undeclared.contains(key.digest) {
            guard !traces.contains(key.digest.trace) else { continue }
            owners[key.digest] = owners[key.digest] ?? key
        }
        digests.formUnion(declared.map(\.digest))
        let texts = digests.union(keys.map(\.digest))
        let rows = Dictionary(stored.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for key in keys {
            if key.hasUsage, let owner = owners.removeValue(forKey: key.digest) {
                result.booked.append(owner.name)
                fresh.append((Self.booked(owner, rows[owner.id], key), key))
                continue
            }
            // The text of a key is no name, and is told to nobody.
            let told = texts.contains(KeyDigest(hashing: key.name)) ? "…" : key.name
            guard digests.insert(key.digest).inserted else {
                result.known.append(told)
                continue
            }
            let name = free(Self.readable(told, texts))
            taken.insert(name)
            if name != key.name { result.renamed.append(ImportResult.Renaming(from: told, to: name)) }
            result.imported.append(name)
            fresh.append((Self.stored(key, name), undeclared.contains(key.digest) ? key.withoutUsage : key))
        }
    }

    private static func stored(_ key: ImportedKey, _ name: String) -> StoredKey {
        StoredKey(
            id: KeyText.generateID(), name: name, digest: key.digest, masked: key.masked, policy: "default", tags: [:],
            enabled: key.enabled, created: key.created, expires: nil, source: .admin, deleted: nil,
            createdMicroseconds: key.createdMicroseconds)
    }

    /// A declared key stays what the file says. That what was used under its text is booked is remembered as of a text that it had.
    private static func booked(_ owner: DeclaredKey, _ row: StoredKey?, _ key: ImportedKey) -> StoredKey {
        var stored =
            row
            ?? StoredKey(
                id: owner.id, name: owner.name, digest: nil, masked: owner.masked, policy: owner.policy, tags: owner.tags,
                enabled: true, created: key.created, expires: nil, source: .declared, deleted: nil)
        (stored.policy, stored.tags) = (owner.policy, owner.tags)
        stored.retired.append(RetiredSecret(digest: owner.digest, until: 0))
        return stored
    }

    /// `alice`, `alice (2)`, `alice (3)`.
    private mutating func free(_ name: String) -> String {
        guard taken.contains(name) else { return name }
        var number = numbers[name] ?? 2
        while taken.contains("\(name) (\(number))") { number += 1 }
        numbers[name] = number + 1
        return "\(name) (\(number))"
    }

    /// A name as this system has them: what would not be seen goes, and the end of what is too long.
    private static func readable(_ name: String, _ texts: Set<KeyDigest>) -> String {
        let visible = String(String.UnicodeScalarView(name.unicodeScalars.filter { KeyName.isVisible(String($0)) }))
        // Room for a number behind it.
        var short = visible
        while short.utf8.count > KeyName.maximumLength - 12 { short.removeLast() }
        guard name != "…", let valid = try? KeyName.validated(short), !texts.contains(KeyDigest(hashing: valid)) else {
            return "imported"
        }
        return valid
    }
}

/// What became of the keys of an import.
public struct ImportResult: Sendable, Hashable {
    /// Names under which keys are there now.
    public var imported: [String] = []
    /// Names of declared keys for which was booked what was used under their text.
    public var booked: [String] = []
    /// Names of keys that were there already, with the same text.
    public var known: [String] = []
    /// Keys whose name was taken, or can be none.
    public var renamed: [Renaming] = []

    public struct Renaming: Sendable, Hashable {
        public var from: String
        public var to: String

        public init(from: String, to: String) {
            self.from = from
            self.to = to
        }
    }

    public init() {}
}
