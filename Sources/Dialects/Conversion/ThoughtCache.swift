/// What a response said on the way to one tool call that the client's format has no field for: signed thoughts, and a signature
/// on the call itself. The vendor wants them back with the call's result (conversion.md 4.5).
public struct ToolThoughts: Sendable, Hashable {
    enum Thought: Sendable, Hashable {
        case signed(text: String, signature: String)
        case redacted(String)
        /// What a server that signs nothing thought.
        case plain(String)
        /// `reasoning_details`, an array as JSON text.
        case details(String)
    }

    /// The client's id of the call.
    public let id: String
    let family: SignatureEnvelope.Family
    /// The model that thought: signatures are no other's.
    let model: String
    /// In order; they stand right before the call.
    let thoughts: [Thought]
    /// The vendor's own signature on the call.
    let signature: String?

    /// About how many bytes it takes.
    var size: Int {
        let texts = thoughts.reduce(0) { sum, thought in
            switch thought {
            case .signed(let text, let signature): sum + text.utf8.count + signature.utf8.count
            case .redacted(let data): sum + data.utf8.count
            case .plain(let text), .details(let text): sum + text.utf8.count
            }
        }
        return 128 + id.utf8.count + model.utf8.count + texts + (signature?.utf8.count ?? 0)
    }

    /// Whether a model may be shown these signatures: its own, or another build of it.
    func isFor(_ vendor: SignatureEnvelope.Family, _ target: String) -> Bool {
        family == vendor && ModelFamily.family(model) == ModelFamily.family(target)
    }
}

/// Keeps `ToolThoughts` by the client's tool id, within bounds of number, size and age.
///
/// Two generations: what is asked for or new is young; when the young ones are half of what may be, they become old and the old
/// ones go. So nothing has to be searched for what was used last.
public struct ThoughtCache: Sendable {
    private struct Entry: Sendable {
        var thoughts: ToolThoughts
        var expires: Int
    }

    private let maxEntries: Int
    private let maxBytes: Int
    private let lifetime: Int
    private var young: [String: Entry] = [:]
    private var old: [String: Entry] = [:]
    private var youngBytes = 0

    /// - Parameters:
    ///   - maxBytes: of all entries; one that takes more than a quarter is not kept.
    ///   - lifetime: in seconds.
    public init(maxEntries: Int = 10_000, maxBytes: Int = 64 << 20, lifetime: Int = 86_400) {
        self.maxEntries = Swift.max(2, maxEntries)
        self.maxBytes = Swift.max(4, maxBytes)
        self.lifetime = Swift.max(0, lifetime)
    }

    public var count: Int { young.count + old.count }

    /// Keeps what a response left behind.
    /// - Parameters:
    ///   - scope: whose it is: nobody else gets it back.
    ///   - now: seconds since 1970.
    public mutating func keep(_ thoughts: [ToolThoughts], scope: String, now: Int) {
        for each in thoughts where each.size <= maxBytes / 4 {
            put(Self.key(each.id, scope), Entry(thoughts: each, expires: now &+ lifetime))
        }
    }

    /// What was kept of a call; nil when it is not known (any more).
    public mutating func recall(_ id: String, scope: String, now: Int) -> ToolThoughts? {
        let key = Self.key(id, scope)
        if let entry = young[key] { return entry.expires > now ? entry.thoughts : nil }
        guard let entry = old.removeValue(forKey: key), entry.expires > now else { return nil }
        put(key, entry)
        return entry.thoughts
    }

    private mutating func put(_ key: String, _ entry: Entry) {
        old[key] = nil
        if young.count >= maxEntries / 2 || youngBytes &+ entry.thoughts.size > maxBytes / 2 {
            old = young
            young = [:]
            youngBytes = 0
        }
        if let before = young.updateValue(entry, forKey: key) { youngBytes &-= before.thoughts.size }
        youngBytes &+= entry.thoughts.size
    }

    private static func key(_ id: String, _ scope: String) -> String { scope + "\n" + id }
}
