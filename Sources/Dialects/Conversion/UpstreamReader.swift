/// The reader of one upstream format.
struct UpstreamReader: Sendable {
    private let upstream: Dialect
    private var messages = MessagesAnswerReader()
    private var chat = ChatAnswerReader()

    init(_ upstream: Dialect) { self.upstream = upstream }

    mutating func read(_ data: UnsafeRawBufferPointer, to events: inout some AnswerEvents) {
        switch upstream {
        case .anthropic: messages.read(data, to: &events)
        case .openai, .azure: chat.read(data, to: &events)
        case .responses, .gemini: events.fail(.broken("this upstream's answers cannot be converted"))
        }
    }

    mutating func close(to events: inout some AnswerEvents) {
        switch upstream {
        case .anthropic: messages.close(to: &events)
        case .openai, .azure: chat.close(to: &events)
        case .responses, .gemini: events.fail(.truncated)
        }
    }

    mutating func readWhole(_ body: UnsafeRawBufferPointer, to events: inout some AnswerEvents) {
        switch upstream {
        case .anthropic: messages.readWhole(body, to: &events)
        case .openai, .azure: chat.readWhole(body, to: &events)
        case .responses, .gemini: events.fail(.broken("this upstream's answers cannot be converted"))
        }
    }

    /// What the answer cost so far.
    var usage: TokenUsage? {
        switch upstream {
        case .anthropic: messages.usage
        case .openai, .azure: chat.usage
        case .responses, .gemini: nil
        }
    }
}

/// The stream writer of one client format.
struct ClientWriter: AnswerWriter, Sendable {
    private let client: Dialect
    private var messages = MessagesStreamWriter()
    private var chat = ChatStreamWriter()

    init(_ client: Dialect) { self.client = client }

    mutating func begin(_ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.begin(&state)
        case .openai, .azure, .responses, .gemini: chat.begin(&state)
        }
    }

    mutating func open(_ block: AnswerBlock, id: RawText, name: RawText, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.open(block, id: id, name: name, &state)
        case .openai, .azure, .responses, .gemini: chat.open(block, id: id, name: name, &state)
        }
    }

    mutating func delta(_ block: AnswerBlock, _ text: RawText, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.delta(block, text, &state)
        case .openai, .azure, .responses, .gemini: chat.delta(block, text, &state)
        }
    }

    mutating func seal(_ signature: SealedText, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.seal(signature, &state)
        case .openai, .azure, .responses, .gemini: chat.seal(signature, &state)
        }
    }

    mutating func close(_ block: AnswerBlock, isCut: Bool, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.close(block, isCut: isCut, &state)
        case .openai, .azure, .responses, .gemini: chat.close(block, isCut: isCut, &state)
        }
    }

    mutating func end(_ ending: AnswerEnding, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.end(ending, &state)
        case .openai, .azure, .responses, .gemini: chat.end(ending, &state)
        }
    }

    mutating func fail(_ error: UpstreamError, _ state: inout AnswerState) {
        switch client {
        case .anthropic: messages.fail(error, &state)
        case .openai, .azure, .responses, .gemini: chat.fail(error, &state)
        }
    }
}
