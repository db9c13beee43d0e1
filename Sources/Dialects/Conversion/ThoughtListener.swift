/// Reads along with an answer that passes as it is, for what its client has no need to give back and its server wants to see again
/// (conversion.md 4.5).
public struct ThoughtListener: Sendable {
    private var converter: StreamConverter
    private var out: [UInt8] = []

    /// Nil: the server wants nothing back.
    public init?(_ capabilities: Capabilities, model: String) {
        guard capabilities.openAI.wantsThoughtsBack else { return nil }
        converter = StreamConverter(Self.context(capabilities, model))
    }

    private static func context(_ capabilities: Capabilities, _ model: String) -> ConversionContext {
        var context = ConversionContext(client: .openai, upstream: .openai, model: model)
        context.isStreaming = true
        context.remembersThoughts(capabilities)
        // Tags in the text are the client's, and go back with it.
        context.readsThinkTags = false
        return context
    }

    public mutating func consume(_ bytes: UnsafeRawBufferPointer) {
        _ = converter.consume(bytes, into: &out)
        out.removeAll(keepingCapacity: true)
    }

    /// What `ThoughtCache` is to keep once the response is complete.
    public var thoughts: [ToolThoughts] { converter.thoughts }

    /// The same of a whole response.
    public static func thoughts(in body: UnsafeRawBufferPointer, _ capabilities: Capabilities, model: String) -> [ToolThoughts] {
        guard capabilities.openAI.wantsThoughtsBack else { return [] }
        return (try? ResponseConverter.convertWhole(body, context(capabilities, model)))?.thoughts ?? []
    }
}

extension Capabilities.OpenAI {
    /// Whether what it thought on the way to a call goes back to it with the call's result.
    public var wantsThoughtsBack: Bool { (reasoningEcho != nil || quirks.callSignatures) && !isFirstParty }

    /// Whether it is known to refuse a history with thoughts in it.
    var refusesThoughts: Bool { reasoningEcho == nil && !quirks.echoesDetails }
}

extension ConversionContext {
    /// Thoughts that a server of OpenAI's formats wants back are remembered.
    public mutating func remembersThoughts(_ capabilities: Capabilities) {
        guard capabilities.openAI.wantsThoughtsBack else { return }
        keepsThoughts = true
        keepsUnsigned = true
        keepsDetails = capabilities.openAI.quirks.echoesDetails
    }
}
