/// A client's request in no vendor's words: every reader makes one, every writer is made from one (conversion.md 1).
struct HubRequest {
    var client: ClientDialect
    /// System text that is before the first turn.
    var system: [HubText] = []
    /// The client gave the system text as a list of parts, be it of one; a list stays one where the target has both.
    var isSystemList = false
    var turns: [HubTurn] = []
    var tools: [HubTool] = []
    var toolChoice: HubToolChoice?
    /// False: at most one tool call a turn.
    var allowsParallelTools: Bool?
    var maxTokens: Int?
    var temperature: Double?
    var topP: JSONValue?
    var topK: JSONValue?
    var stops: [String] = []
    var stream = false
    /// A chat client wants a usage chunk.
    var includesUsage = false
    var reasoning = HubReasoning()
    var format: HubFormat?
    /// Who the end user is, in the client's words.
    var user: String?
    var serviceTier: String?
    /// What the client called the field that `serviceTier` is from.
    var serviceTierParam = "service_tier"
    var verbosity: JSONValue?
    /// What OpenAI's formats route by to where a prefix is cached.
    var cacheKey: JSONValue?
    /// What a chat client wants back, beside text.
    var modalities: [String] = []
    /// Members that some other format has under a name of its own: `seed`, penalties, log probabilities.
    var sampling: [String: JSONValue] = [:]
    /// What a Responses response repeats of its request.
    var echo: JSONObject = [:]
    /// A summary of the conversation is asked for, and nothing else.
    var compacts = false
    /// The items that a Responses response is to be kept with, comma between them; nil where it is not kept.
    var history: [UInt8]?
    /// The kept response that a Responses request goes on from.
    var previousResponse: String?
}

/// A piece of text and whether the client marked it as the end of a cached prefix.
struct HubText {
    var text: JSONValue
    var cache: HubCacheMark?

    /// A later system text as a user's, for formats that have no place for it (conversion.md 3.2.2).
    static func reminder(_ text: String) -> String { "<system-reminder>\(text)</system-reminder>" }
}

/// How long the vendor is to keep what is before a mark in its cache: five minutes, or an hour.
enum HubCacheMark: Equatable { case short, long }

/// One message of the history.
struct HubTurn {
    enum Role {
        case user, assistant, system

        var label: String {
            switch self {
            case .user: "user"
            case .assistant: "assistant"
            case .system: "system"
            }
        }
    }

    var role: Role
    var blocks: [HubBlock]
    /// Where the message is in the client's list, for errors and derived ids.
    var position: Int
    /// The client gave a list of parts, be it of one; a list stays one where the target has both.
    var isList = false

    /// Nothing is left of it that says anything; what was left out is in it as a thought without words.
    var isEmpty: Bool { blocks.allSatisfy { if case .thinking = $0 { true } else { false } } }
}

/// A part of a message.
enum HubBlock {
    case text(HubText)
    case image(HubMedia)
    case document(HubDocument)
    case audio(HubAudio)
    case toolUse(HubToolUse)
    case toolResult(HubToolResult)
    case thinking(HubThinking)
}

/// An image by data or by address.
struct HubMedia {
    enum Source {
        case base64(type: String, data: String)
        case url(String, type: String?)
    }

    var source: Source
    var detail: String?
    var cache: HubCacheMark?
    /// Where the client has it, for errors.
    var place: String?
}

/// A recording, as base64.
struct HubAudio {
    var format: String
    var data: String
    /// Where the client has it, for errors.
    var place: String?
}

/// A file that the model is to read.
struct HubDocument {
    enum Source {
        case base64(type: String, data: String)
        case url(String)
        case text(String)
        case blocks([HubBlock])
    }

    var source: Source
    var title: String?
    var context: String?
    var cache: HubCacheMark?
    /// Where the client has it, for errors.
    var place: String?
}

/// A model's call of a tool.
struct HubToolUse {
    var id: String
    var name: String
    var arguments: HubArguments
    /// A thought signature that came with the call.
    var signature: String?
    var cache: HubCacheMark?
}

/// A call's arguments: a value where the format has one, the text as it was where the format has that.
enum HubArguments {
    case value(JSONValue)
    case text(String)

    /// What stands where OpenAI has a text; some clients put the object itself there.
    init(_ value: JSONValue?) {
        switch value {
        case .string(let text): self = .text(text)
        case .unpaired: self = .text(value?.string ?? "")
        case .null, nil: self = .text("")
        case .bool, .number, .array, .object: self = .value(value ?? [:])
        }
    }

    /// The arguments as the object that Anthropic and Gemini need (conversion.md 3.2.3).
    var object: JSONValue {
        switch self {
        case .value(let value): return Self.wrapped(value)
        case .text(let text):
            let trimmed = text.trimmingSpace
            if trimmed.isEmpty { return [:] }
            guard let value = try? JSONValue(parsing: trimmed) else { return ["_invalid_arguments": .string(text)] }
            return Self.wrapped(value)
        }
    }

    /// The arguments as the text that OpenAI needs.
    var text: String {
        switch self {
        // A client wrote it as JSON twice.
        case .value(.string(let text)): HubArguments.text(text).text
        case .value(let value): value.isNull ? "{}" : value.text
        case .text(let text): text.trimmingSpace.isEmpty || text.trimmingSpace == "null" ? "{}" : text
        }
    }

    /// The arguments as a text that holds an object: servers that fill a model's template with them refuse any other.
    var objectText: String {
        var text = self.text
        let kind = text.withUTF8 { try? JSONScan.validate(UnsafeRawBufferPointer($0)) }
        return kind == .object ? text : object.text
    }

    /// What a call of a response says, as text for OpenAI's clients: what is put into one text too many is taken out of it.
    var shownText: String {
        guard case .text(let text) = self, let value = try? JSONValue(parsing: text.trimmingSpace), let inner = value.string,
            let object = Self.object(in: inner)
        else { return self.text }
        return object.text
    }

    private static func wrapped(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object: value
        case .null: [:]
        case .string(let text): text.trimmingSpace.isEmpty ? [:] : object(in: text) ?? ["value": value]
        case .bool, .number, .unpaired, .array: ["value": value]
        }
    }

    /// The object that a text holds where it was written as JSON twice; nil where it is a text of its own.
    private static func object(in text: String) -> JSONValue? {
        guard text.trimmingSpace.first == "{", let inner = try? JSONValue(parsing: text.trimmingSpace) else { return nil }
        return inner.object == nil ? nil : inner
    }
}

/// What a tool answered to a call.
struct HubToolResult {
    var id: String
    /// The tool's name, for formats that answer by name.
    var name: String?
    var content: [HubBlock]
    var isError = false
    /// The history has none: it stands in for one.
    var isMade = false
    /// The client gave a list of parts, be it of one text.
    var isList = false
    var cache: HubCacheMark?
}

/// A piece of past reasoning. Text, signature or both.
struct HubThinking {
    var text: JSONValue = ""
    /// The vendor's signature on the text, as the client sent it back: perhaps in an envelope of ours.
    var signature: String?
    /// Reasoning that only the vendor can read.
    var redacted: String?
}

/// A tool that the model may call.
struct HubTool {
    enum Kind {
        case function
        /// Takes free text instead of JSON.
        case custom
        /// Run by the vendor: its declaration as the client wrote it.
        case hosted(HubHostedTool, JSONValue)
    }

    var kind: Kind = .function
    var name: String
    var description: String?
    var schema: JSONValue?
    var strict: Bool?
    var cache: HubCacheMark?
}

/// A tool that the vendor runs itself.
enum HubHostedTool { case webSearch, webFetch, codeExecution, other }

/// Whether the model may, must or must not call a tool, or which it must.
enum HubToolChoice: Equatable {
    case auto, any, none
    case tool(String)
}

/// How the client wants the model to think (conversion.md 4).
struct HubReasoning {
    enum Mode: Equatable {
        case unset, off, adaptive
        case budget(Int)
    }

    var mode = Mode.unset
    var level: ReasoningLevel?
    /// Whether the client wants to read the thoughts; nil when it did not say.
    var isVisible: Bool?

    /// Whether the client asked for thinking in any way.
    var isRequested: Bool {
        switch mode {
        case .adaptive, .budget: true
        case .off: false
        case .unset: level.map { $0 > .none } ?? false
        }
    }
}

/// The form that the response is to have.
enum HubFormat: Sendable {
    case jsonObject
    case schema(name: String?, schema: JSONValue, strict: Bool?, description: String?)
}

extension String {
    /// The text without white space at either end.
    var trimmingSpace: String {
        var trimmed = Substring(self)
        while let first = trimmed.unicodeScalars.first, first.properties.isWhitespace { trimmed = trimmed.dropFirst() }
        while let last = trimmed.unicodeScalars.last, last.properties.isWhitespace { trimmed = trimmed.dropLast() }
        return String(trimmed)
    }
}

extension HubBlock {
    /// A block that was left out: a thought of nothing, which no writer shows and which keeps the texts beside it apart.
    static var omitted: HubBlock { .thinking(HubThinking()) }

    /// Where the client has a block that an upstream may not take; nil for all that every one takes.
    var place: String? {
        switch self {
        case .image(let image): image.place
        case .document(let document): document.place
        case .audio(let audio): audio.place
        case .text, .toolUse, .toolResult, .thinking: nil
        }
    }

    /// The same block, known to be at `place`.
    func placed(at place: String) -> HubBlock {
        switch self {
        case .image(var image):
            image.place = place
            return .image(image)
        case .document(var document):
            document.place = place
            return .document(document)
        case .audio(var audio):
            audio.place = place
            return .audio(audio)
        case .text, .toolUse, .toolResult, .thinking: return self
        }
    }

    /// The block's plain text, if it is text.
    var text: JSONValue? {
        if case .text(let text) = self { return text.text }
        return nil
    }
}

extension JSONValue {
    /// Whether this is a text with nothing in it.
    var isEmptyText: Bool { self == .string("") }

    /// Whether this is a text with nothing but white space in it.
    var isBlankText: Bool {
        guard case .string(let text) = self else { return false }
        return text.unicodeScalars.allSatisfy(\.properties.isWhitespace)
    }
}
