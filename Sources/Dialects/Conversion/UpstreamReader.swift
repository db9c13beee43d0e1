/// The reader of one upstream format.
struct UpstreamReader: Sendable {
    private let upstream: Dialect
    private var messages = MessagesAnswerReader()
    private var chat = ChatAnswerReader()
    private var responses = ResponsesAnswerReader()
    private var gemini = GeminiAnswerReader()

    init(_ upstream: Dialect) { self.upstream = upstream }

    mutating func read(_ data: UnsafeRawBufferPointer, to events: inout some AnswerEvents) {
        switch upstream {
        case .anthropic: messages.read(data, to: &events)
        case .openai, .azure: chat.read(data, to: &events)
        case .responses: responses.read(data, to: &events)
        case .gemini: gemini.read(data, to: &events)
        }
    }

    mutating func close(to events: inout some AnswerEvents) {
        switch upstream {
        case .anthropic: messages.close(to: &events)
        case .openai, .azure: chat.close(to: &events)
        case .responses: responses.close(to: &events)
        case .gemini: gemini.close(to: &events)
        }
    }

    mutating func readWhole(_ body: UnsafeRawBufferPointer, to events: inout some AnswerEvents) {
        switch upstream {
        case .anthropic: messages.readWhole(body, to: &events)
        case .openai, .azure: chat.readWhole(body, to: &events)
        case .responses: responses.readWhole(body, to: &events)
        case .gemini: gemini.readWhole(body, to: &events)
        }
    }

    /// What the answer cost so far.
    var usage: TokenUsage? {
        switch upstream {
        case .anthropic: messages.usage
        case .openai, .azure: chat.usage
        case .responses: responses.usage
        case .gemini: gemini.usage
        }
    }
}

/// The stream writer of one client format.
struct ClientWriter: AnswerWriter, Sendable {
    private let client: Dialect
    private var messages = MessagesStreamWriter()
    private var chat = ChatStreamWriter()
    private var responses = ResponsesStreamWriter()
    private var gemini = GeminiStreamWriter()

    init(_ client: Dialect) { self.client = client }

    mutating func begin(_ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.begin(&state)
        case .openai, .azure: chat.begin(&state)
        case .responses: responses.begin(&state)
        case .gemini: gemini.begin(&state)
        }
    }

    mutating func open(_ block: AnswerBlock, id: RawText, name: RawText, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.open(block, id: id, name: name, &state)
        case .openai, .azure: chat.open(block, id: id, name: name, &state)
        case .responses: responses.open(block, id: id, name: name, &state)
        case .gemini: gemini.open(block, id: id, name: name, &state)
        }
    }

    mutating func delta(_ block: AnswerBlock, _ text: RawText, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.delta(block, text, &state)
        case .openai, .azure: chat.delta(block, text, &state)
        case .responses: responses.delta(block, text, &state)
        case .gemini: gemini.delta(block, text, &state)
        }
    }

    mutating func seal(_ signature: SealedText, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.seal(signature, &state)
        case .openai, .azure: chat.seal(signature, &state)
        case .responses: responses.seal(signature, &state)
        case .gemini: gemini.seal(signature, &state)
        }
    }

    mutating func close(_ block: AnswerBlock, isCut: Bool, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.close(block, isCut: isCut, &state)
        case .openai, .azure: chat.close(block, isCut: isCut, &state)
        case .responses: responses.close(block, isCut: isCut, &state)
        case .gemini: gemini.close(block, isCut: isCut, &state)
        }
    }

    mutating func end(_ ending: AnswerEnding, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.end(ending, &state)
        case .openai, .azure: chat.end(ending, &state)
        case .responses: responses.end(ending, &state)
        case .gemini: gemini.end(ending, &state)
        }
    }

    mutating func fail(_ error: UpstreamError, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.fail(error, &state)
        case .openai, .azure: chat.fail(error, &state)
        case .responses: responses.fail(error, &state)
        case .gemini: gemini.fail(error, &state)
        }
    }
}
