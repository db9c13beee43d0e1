import Basics

/// What servers of OpenAI's formats take or say otherwise than OpenAI does. All of it is data: presets and the file's
/// `capabilities` set it by name (docs/conversion.md), and what is known of well-known models is in `KnownQuirks`.
public struct ChatQuirks: Sendable, Hashable {
    /// Request fields that it refuses.
    public var drops: [FieldPath] = []
    /// Its own names of fields: the first becomes the second.
    public var renames: [FieldValue] = []
    /// Members that every request has.
    public var additions: [FieldValue] = []
    /// The only values that it takes of some fields; nil: it takes none.
    public var fixed: [FieldValue] = []
    /// Every message that calls must carry the thoughts that led to the call; where none are known, something stands in for them.
    public var echoAlways = false
    /// Whether `reasoning_details` go back to where they came from.
    public var echoesDetails = true
    /// Where the effort is written; nil: nowhere. Unset: `reasoning_effort`, to models that are known to take one.
    public var effortField: EffortField = .known
    /// Its own words for levels.
    public var effortWords: [String: String] = [:]
    public var effortWithTools = EffortWithTools.taken
    /// It answers at `/responses` as well.
    public var hasResponses = false
    public var thinkingOff = ThinkingWords.unknown
    public var thinkingOn = ThinkingWords.unknown
    public var callIDs: CallIDs?
    /// Its word for "some tool".
    public var anyToolWord = "required"
    public var jsonSchema = SchemaSupport.schema
    public var verbosity: Bool?
    public var cacheKey: Bool?
    public var serviceTier: Bool?
    public var user = true
    public var parallelCalls = true
    public var strictTools = true
    public var images = true
    public var files = true
    public var audio = true
    /// Thoughts come as `<think>…</think>` in the text; nil: not known.
    public var thinkTags: Bool?
    /// The chat template opens the thought: the text may begin within one.
    public var opensThoughts = false
    /// Its calls carry a signature of Google's, which it demands back.
    public var callSignatures = false
    /// Takes Anthropic's `cache_control` on parts.
    public var cacheMarks = false

    public init() {}

    public enum EffortField: Sendable, Hashable {
        case known, none
        case at(FieldPath)
    }

    /// What becomes of an effort beside function tools.
    public enum EffortWithTools: String, Sendable, Hashable {
        case taken = "true"
        /// It is refused there: none is said.
        case none
        /// It is taken at `/responses` only.
        case responses
    }

    public enum ThinkingWords: Sendable, Hashable {
        case unknown
        /// It cannot be switched.
        case never
        case words([FieldValue])
    }

    public enum SchemaSupport: String, Sendable, Hashable { case schema, object, none }

    /// The ids of calls that it takes.
    public struct CallIDs: Sendable, Hashable {
        /// Letters and digits only, exactly as many as `length`; else at most as many of the format's own.
        let isExact: Bool
        let length: Int
    }

    /// Its word for a level, or for the nearest of `efforts`; nil where it takes none.
    func word(for level: ReasoningLevel, of efforts: [ReasoningLevel]) -> String? {
        effortWords[level.label] ?? level.degraded(to: efforts).map { effortWords[$0.label] ?? $0.label }
    }

    /// Whether a field is among those that it refuses.
    func refuses(_ field: String) -> Bool { drops.contains { $0.member == field } }
}

/// The same for servers of Anthropic's format.
public struct MessagesQuirkSet: Sendable, Hashable {
    public var drops: [FieldPath] = []
    public var fixed: [FieldValue] = []
    /// Its thoughts have no signature, and must go back all the same.
    public var unsignedThinking = false
    /// Takes `output_config.effort`, whatever its kind of thinking.
    public var takesEffort = false
    /// Thinking cannot be switched off.
    public var thinksAlways = false

    public init() {}
}

extension ChatQuirks.CallIDs {
    /// `alnum:9`, `text:64`.
    init?(_ text: String) {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let length = Int(parts[1]), (8...64).contains(length) else { return nil }
        switch parts[0] {
        case "alnum": isExact = true
        case "text": isExact = false
        default: return nil
        }
        self.length = length
    }

    /// The client's id as it is taken; `attempt` tells those apart that would become one.
    func legal(_ id: String, attempt: Int = 0) -> String {
        let isFine =
            isExact
            ? id.utf8.count == length && id.utf8.allSatisfy { $0 != 0x5F && $0 != 0x2D && ToolIDs.isWord($0) }
            : !id.isEmpty && id.utf8.count <= length && id.utf8.allSatisfy(ToolIDs.isWord)
        if isFine, attempt == 0 { return id }
        return SHA256.hex(attempt == 0 ? id : "\(id)#\(attempt)", length)
    }
}
