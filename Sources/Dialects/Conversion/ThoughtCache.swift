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
    /// The thoughts before the call, in order.
    let thoughts: [Thought]
    /// So many of them came before any words: the others stand behind the words, right before the call.
    let early: Int
    /// The vendor's own signature on the call.
    let signature: String?

    init(
        id: String, family: SignatureEnvelope.Family, model: String, thoughts: [Thought], early: Int? = nil, signature: String?
    ) {
        self.id = id
        self.family = family
        self.model = model
        self.thoughts = thoughts
        self.early = early ?? thoughts.count
        self.signature = signature
    }

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

extension Sequence<ToolThoughts> {
    /// What of them goes back to a server that signs nothing: its words, and what it said of them in a form of its own.
    var unsigned: (texts: [String], details: [JSONValue]) {
        var (texts, details) = ([String](), [JSONValue]())
        for thought in lazy.flatMap(\.thoughts) {
            switch thought {
            case .plain(let text): texts.append(text)
            case .details(let json): details += (try? JSONValue(parsing: json))?.array ?? []
            case .signed, .redacted: continue
            }
        }
        return (texts, details)
    }
}

/// Keeps `ToolThoughts` by the client's tool id, as `BoundedMemory` does.
public struct ThoughtCache: Sendable {
    private var memory: BoundedMemory<ToolThoughts>

    /// - Parameters:
    ///   - maxBytes: of all entries; one that takes more than a quarter is not kept.
    ///   - lifetime: in seconds.
    public init(maxEntries: Int = 10_000, maxBytes: Int = 64 << 20, lifetime: Int = 86_400) {
        memory = BoundedMemory(maxEntries: maxEntries, maxBytes: maxBytes, lifetime: lifetime)
    }

    public var count: Int { memory.count }

    /// Keeps what a response left behind.
    /// - Parameters:
    ///   - scope: whose it is: nobody else gets it back.
    ///   - now: seconds since 1970.
    public mutating func keep(_ thoughts: [ToolThoughts], scope: String, now: Int) {
        for each in thoughts { memory.keep(each, size: each.size, id: each.id, scope: scope, now: now) }
    }

    /// What was kept of a call; nil when it is not known (any more).
    public mutating func recall(_ id: String, scope: String, now: Int) -> ToolThoughts? {
        memory.recall(id, scope: scope, now: now)
    }
}
