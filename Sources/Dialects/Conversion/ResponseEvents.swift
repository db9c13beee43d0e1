import Basics

/// The inside of a JSON string as the upstream wrote it, escapes and all. It is valid inside any other JSON string, so text goes
/// from one format to another without being decoded. Lives only as long as the call that shows it.
typealias RawText = UnsafeRawBufferPointer

extension UnsafeRawBufferPointer {
    /// A copy of escaped text whose UTF-8 is well-formed and whose surrogates come in pairs.
    var repaired: [UInt8] {
        var joiner = TextJoiner()
        guard joiner.needsWork(self) else { return Array(self) }
        var out = joiner.join(self)
        if joiner.isHolding { out += joiner.release() }
        return out
    }
}

/// Why a response ended, in no vendor's words.
enum StopReason: Sendable, Hashable {
    case endTurn, stopSequence, maxTokens, toolUse, pauseTurn, refusal
    /// The upstream gave a reason that is not known.
    case other
}

/// The kinds of blocks a response is made of. One is open at a time.
enum ResponseBlock: Sendable, Hashable {
    case text, thinking, redacted, tool, customTool, refusal
    /// A call of the search for tools that a Responses client runs itself.
    case toolSearch
    /// A summary of the conversation, sealed.
    case compaction

    var isCall: Bool { self == .tool || self == .customTool || self == .toolSearch }
}

/// How a response ended.
struct ResponseEnding {
    var reason: StopReason
    /// The stop sequence that matched.
    var stopSequence: [UInt8]?
    /// The vendor's words for a refusal.
    var explanation: [UInt8]?
    /// The vendor's word for the end where nothing is known of it, escaped.
    var unknownWord: [UInt8]?

    init(reason: StopReason, stopSequence: [UInt8]? = nil, explanation: [UInt8]? = nil) {
        self.reason = reason
        self.stopSequence = stopSequence
        self.explanation = explanation
    }

    /// What a vendor's word says; nil for one by which the response failed.
    init?(word: RawText) {
        switch FinishWords.meaning(of: word) {
        case .failure: return nil
        case .ending(let reason): self.init(reason: reason)
        case nil:
            self.init(reason: .other)
            unknownWord = Array(word.slice(0..<64))
        }
    }
}

/// What an upstream's response says, in order, whatever its format and whether it came as a stream or whole: the one list of
/// events that every client format is written from.
protocol ResponseEvents {
    /// Whether the client shows an image that is in its text as Markdown.
    var showsMarkdownImages: Bool { get }
    /// Whether the client's format has a place for log probabilities.
    var takesLogprobs: Bool { get }
    /// Whether the client is told where in its text a citation is.
    var countsCharacters: Bool { get }
    /// Where the upstream's text may have thoughts between marks.
    var thinkTags: ThinkTags.Mode { get }
    /// Whether the upstream's text may begin within a thought that the prompt opened.
    var opensThoughts: Bool { get }
    mutating func start(id: RawText, model: RawText)
    mutating func text(_ text: RawText)
    mutating func thinking(_ text: RawText)
    /// A vendor's signature: on the thoughts so far, or on the call that comes next.
    mutating func sign(_ signature: RawText, _ kind: SignatureEnvelope.Kind)
    mutating func redacted(_ data: RawText)
    /// A piece of `reasoning_details`: an array as JSON.
    mutating func details(_ json: UnsafeRawBufferPointer)
    mutating func refusal(_ text: RawText)
    mutating func toolStart(id: RawText, name: RawText)
    /// A piece of the arguments' JSON text, itself inside a JSON string.
    mutating func toolArguments(_ text: RawText)
    mutating func toolEnd()
    /// Log probabilities of the text that comes next, as elements of OpenAI's list with commas between.
    mutating func note(logprobs: [UInt8])
    mutating func note(_ usage: TokenUsage)
    /// The tier that really served, in OpenAI's words.
    mutating func note(serviceTier: RawText)
    /// A web search that the upstream ran; empty where its words are not known.
    mutating func searched(_ query: String)
    /// A page that a search found.
    mutating func found(_ url: String, title: String)
    /// What is cited next is counted from here.
    mutating func passage()
    /// The text that comes next is a message of its own, and another came before it.
    mutating func nextMessage()
    /// Where the text before it is from.
    mutating func cite(_ citation: WebCitation)
    /// A part of a type that is not known, which is left out.
    /// - Parameter place: where it stands in the upstream's answer.
    mutating func unknown(_ place: StaticString, _ type: RawText)
    mutating func end(_ ending: ResponseEnding)
    mutating func fail(_ error: UpstreamError)
}

extension ResponseEvents {
    var takesLogprobs: Bool { false }

    /// Notes a list of log probabilities in OpenAI's form; most are empty.
    mutating func note(logprobs data: UnsafeRawBufferPointer, in list: JSONMember?) {
        guard let list, list.kind == .array, list.value.count > 2,
            let tokens = (try? JSONValue(parsing: data.slice(list.value)))?.array
        else { return }
        var out: [UInt8] = []
        for token in tokens {
            if !out.isEmpty { out.append(0x2C) }
            token.write(to: &out)
        }
        note(logprobs: out)
    }

    mutating func searched(_ query: String) {}
    mutating func found(_ url: String, title: String) {}
    mutating func passage() {}
    mutating func nextMessage() {}
    mutating func cite(_ citation: WebCitation) {}
    mutating func unknown(_ place: StaticString, _ type: RawText) {}
}

/// What all writers of one response share.
struct ResponseState: Sendable {
    let context: ConversionContext
    /// What goes to the client.
    var out: [UInt8] = []
    /// The response's id in the client's form, and the hash source that other ids of the response follow from.
    var id = ""
    var seed = ""
    /// The model that really answered, escaped.
    var model: [UInt8] = []
    /// Log probabilities that no client has been told yet.
    var logprobs: [UInt8] = []
    var usage: TokenUsage?
    /// The tier that really served, in OpenAI's words.
    var serviceTier: String?
    /// What the upstream searched the web for, and found.
    var searches = WebSearches()
    /// What is to be kept of a complete response.
    var remembered: RememberedResponse?

    init(_ context: ConversionContext) {
        self.context = context
        JSONText.append(escaping: context.model, to: &model)
    }

    /// Takes the upstream's identity over.
    mutating func identify(id upstreamID: RawText, model answered: RawText) {
        seed = upstreamID.isEmpty ? context.requestID : String(decoding: upstreamID, as: UTF8.self)
        // What is kept under an id must be alone under it, and some servers' ids are few.
        if context.history != nil { seed = context.requestID + "/" + seed }
        switch context.client {
        case .anthropic: id = "msg_" + SHA256.base62(seed, 24)
        case .openai: id = "chatcmpl-" + SHA256.base62(seed, 24)
        case .responses: id = "resp_" + SHA256.hex(seed, 32)
        case .gemini: id = SHA256.base62(seed, 22)
        }
        if !answered.isEmpty { model = answered.repaired }
    }
}

/// Writes one client format, block by block.
protocol ResponseEventWriter {
    mutating func begin(_ state: inout ResponseState)
    /// A block begins. Tools have an id and a name; both are escaped text.
    mutating func open(_ block: ResponseBlock, id: RawText, name: RawText, _ state: inout ResponseState)
    mutating func delta(_ block: ResponseBlock, _ text: RawText, _ state: inout ResponseState)
    /// The signature on the open thinking block, or, with none open, on the tool block that comes next. Already in its envelope
    /// where the client's field wants one.
    mutating func sign(_ signature: WrappedSignature, _ state: inout ResponseState)
    /// The block ends; `isCut` when the response ended before the block did.
    mutating func close(_ block: ResponseBlock, isCut: Bool, _ state: inout ResponseState)
    /// Where the text in hand is from.
    mutating func annotate(_ citation: WebCitation, _ state: inout ResponseState)
    /// What the upstream searched for and found; all blocks are closed.
    mutating func search(_ state: inout ResponseState)
    mutating func end(_ ending: ResponseEnding, _ state: inout ResponseState)
    mutating func fail(_ error: UpstreamError, _ state: inout ResponseState)
}

extension ResponseEventWriter {
    mutating func annotate(_ citation: WebCitation, _ state: inout ResponseState) {}
    mutating func search(_ state: inout ResponseState) {}
}

/// A vendor's signature, plain and in its envelope.
struct WrappedSignature: Sendable {
    var plain: String
    var envelope: String
    var kind: SignatureEnvelope.Kind
}
