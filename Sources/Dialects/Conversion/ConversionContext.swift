import Basics

/// What the way back of an exchange must know of its way there.
public struct ConversionContext: Sendable {
    public var client: ClientDialect
    public var upstream: UpstreamDialect
    /// The client wants a stream.
    public var isStreaming = false
    /// What the upstream was asked for: the response's model where the upstream names none.
    public var model: String
    /// Seconds since 1970.
    public var now: Int
    /// Ids are derived from it where the upstream gives none.
    public var requestID: String

    /// A chat client wants a usage chunk at the end of its stream.
    var includesUsage = false
    /// The client asked to see thoughts; without, they are counted and left out (Anthropic and Gemini clients).
    var showsThinking = true
    /// A Gemini client's stream is one JSON array instead of events.
    public internal(set) var streamsAsArray = false
    /// Thoughts and signatures that lead to calls are to be remembered: the client's format has no field for them.
    var keepsThoughts = false
    /// Thoughts without a signature are remembered as well: the upstream wants them back.
    var keepsUnsigned = false
    /// So are `reasoning_details`.
    var keepsDetails = false
    /// Thoughts come as `<think>…</think>` in the text; nil: not known.
    var readsThinkTags: Bool?
    /// The text may begin within a thought that the prompt opened.
    var opensThoughts = false
    /// From a tool's name as sent to the client's own, where they differ.
    var toolNames: [String: String] = [:]
    /// The client's tools that take free text.
    var customTools: Set<String> = []
    /// A Responses client's tools that live in a namespace, by the flat name they were declared with.
    var namespaces: [String: ToolNamespace] = [:]
    /// Stop sequences that proxyd itself looks for.
    var emulatedStops: [String] = []
    /// What a Responses response repeats of its request.
    var echo: JSONObject = [:]
    /// The function that stands for the search for tools that a Responses client runs itself.
    var toolSearch: String?
    /// The response is a summary of the conversation, to be sealed as one item.
    var compacts = false
    var sealing: ItemSealing?
    /// The items of the conversation that this response is to be kept with; nil where it is not kept.
    var history: [UInt8]?
    /// The kept response that this one goes on from.
    var previousResponse: String?

    /// Where the upstream's text may have thoughts between marks: where nothing is known of it, at its first words.
    var thinkTags: ThinkTags.Mode { readsThinkTags.map { $0 ? .always : .never } ?? .atStart }

    public init(client: ClientDialect, upstream: UpstreamDialect, model: String = "", now: Int = 0, requestID: String = "") {
        self.client = client
        self.upstream = upstream
        self.model = model
        self.now = now
        self.requestID = requestID
    }

    /// The way from a format to itself: for a response in the right format that has the wrong form, whole for a stream or the other
    /// way round.
    public static func mirror(
        _ dialect: ClientDialect, model: String, now: Int, requestID: String, form: ResponseForm
    ) -> ConversionContext {
        var context = ConversionContext(
            client: dialect, upstream: UpstreamDialect(dialect), model: model, now: now, requestID: requestID)
        switch form {
        case .whole: break
        case .stream(let includesUsage):
            context.isStreaming = true
            context.includesUsage = includesUsage
        case .array:
            context.isStreaming = true
            context.streamsAsArray = true
        }
        return context
    }
}

/// The forms in which a client may want its response.
public enum ResponseForm: Sendable, Hashable {
    case whole
    /// A stream of events; a chat client may want its usage in one of them.
    case stream(includesUsage: Bool)
    /// Gemini's stream without `alt=sse`.
    case array
}

/// Where a Responses client's tool lives.
struct ToolNamespace: Sendable, Hashable {
    var namespace: String
    var name: String

    /// The name it is declared with where there are no namespaces: at most 64 bytes, as the narrowest format has it.
    var flatName: String {
        let flat = namespace + "__" + name
        return flat.utf8.count > 64 ? String(decoding: flat.utf8.prefix(55), as: UTF8.self) + "_" + SHA256.hex(flat, 8) : flat
    }
}
