/// The stream writer of one client format.
struct ClientWriter: ResponseEventWriter, Sendable {
    private let client: ClientDialect
    private var messages = MessagesStreamWriter()
    private var chat = ChatStreamWriter()
    private var responses = ResponsesStreamWriter()
    private var gemini = GeminiStreamWriter()

    init(_ client: ClientDialect) { self.client = client }

    mutating func begin(_ state: inout ResponseState) {
        switch client {
        case .anthropic: messages.begin(&state)
        case .openai: chat.begin(&state)
        case .responses: responses.begin(&state)
        case .gemini: gemini.begin(&state)
        }
    }

    mutating func open(_ block: ResponseBlock, id: RawText, name: RawText, _ state: inout ResponseState) {
        switch client {
        case .anthropic: messages.open(block, id: id, name: name, &state)
        case .openai: chat.open(block, id: id, name: name, &state)
        case .responses: responses.open(block, id: id, name: name, &state)
        case .gemini: gemini.open(block, id: id, name: name, &state)
        }
    }

    mutating func delta(_ block: ResponseBlock, _ text: RawText, _ state: inout ResponseState) {
        switch client {
        case .anthropic: messages.delta(block, text, &state)
        case .openai: chat.delta(block, text, &state)
        case .responses: responses.delta(block, text, &state)
        case .gemini: gemini.delta(block, text, &state)
        }
    }

    mutating func sign(_ signature: WrappedSignature, _ state: inout ResponseState) {
        switch client {
        case .anthropic: messages.sign(signature, &state)
        case .openai: chat.sign(signature, &state)
        case .responses: responses.sign(signature, &state)
        case .gemini: gemini.sign(signature, &state)
        }
    }

    mutating func close(_ block: ResponseBlock, isCut: Bool, _ state: inout ResponseState) {
        switch client {
        case .anthropic: messages.close(block, isCut: isCut, &state)
        case .openai: chat.close(block, isCut: isCut, &state)
        case .responses: responses.close(block, isCut: isCut, &state)
        case .gemini: gemini.close(block, isCut: isCut, &state)
        }
    }

    mutating func annotate(_ citation: WebCitation, _ state: inout ResponseState) {
        switch client {
        case .openai: chat.annotate(citation, &state)
        case .responses: responses.annotate(citation, &state)
        case .anthropic, .gemini: break
        }
    }

    mutating func search(_ state: inout ResponseState) {
        if client == .anthropic { messages.search(&state) }
    }

    mutating func end(_ ending: ResponseEnding, _ state: inout ResponseState) {
        switch client {
        case .anthropic: messages.end(ending, &state)
        case .openai: chat.end(ending, &state)
        case .responses: responses.end(ending, &state)
        case .gemini: gemini.end(ending, &state)
        }
    }

    mutating func fail(_ error: UpstreamError, _ state: inout ResponseState) {
        switch client {
        case .anthropic: messages.fail(error, &state)
        case .openai: chat.fail(error, &state)
        case .responses: responses.fail(error, &state)
        case .gemini: gemini.fail(error, &state)
        }
    }
}
