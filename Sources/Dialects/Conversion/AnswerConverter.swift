/// A whole answer in the client's format.
public struct WholeAnswer: Sendable {
    public var body: [UInt8]
    public var usage: TokenUsage?
    /// The model that really answered.
    public var model: String?
    public var stopReason: String?
    /// What `ThoughtCache` is to keep.
    public var thoughts: [ToolThoughts]
}

/// Whole upstream answers → whole client answers, through the same events as a stream.
public enum AnswerConverter {
    /// Converts a JSON body.
    /// - Throws: the error that the body holds, or that it is no answer at all (empty, no JSON, no evidence of completion).
    public static func convertWhole(
        _ body: UnsafeRawBufferPointer, from upstream: Dialect, to client: Dialect, context: ConversionContext
    ) throws(UpstreamError) -> WholeAnswer {
        var reader = UpstreamReader(upstream)
        var assembler = AnswerAssembler(FoldedAnswer(), context)
        reader.readWhole(body, to: &assembler)
        // A list of nothing is no answer, though it can be read as one.
        if assembler.error == nil, assembler.writer.blocks.isEmpty,
            !BodyMeter(body, dialect: upstream, promise: .answer).keepsPromise
        {
            throw AnswerFault.read(body, dialect: upstream)
        }
        return try finish(&assembler, reader.usage, client)
    }

    /// Converts an event stream that came where a whole answer was asked for.
    public static func fold(
        stream: UnsafeRawBufferPointer, from upstream: Dialect, to client: Dialect, context: ConversionContext
    ) throws(UpstreamError) -> WholeAnswer {
        try folded(stream, from: upstream, to: client, context: context, reader: SSEReader())
    }

    static func folded(
        _ stream: UnsafeRawBufferPointer, from upstream: Dialect, to client: Dialect, context: ConversionContext,
        reader: SSEReader
    ) throws(UpstreamError) -> WholeAnswer {
        var sink = FoldSink(reader: UpstreamReader(upstream), assembler: AnswerAssembler(FoldedAnswer(), context))
        var events = reader
        events.consume(stream, to: &sink)
        events.finish(to: &sink)
        sink.reader.close(to: &sink.assembler)
        return try finish(&sink.assembler, sink.reader.usage, client)
    }

    private struct FoldSink: SSEEventSink {
        var reader: UpstreamReader
        var assembler: AnswerAssembler<FoldedAnswer>

        mutating func take(_ event: SSEEvent) { reader.read(event.data, to: &assembler) }

        mutating func missed() { assembler.fail(.oversized) }
    }

    private static func finish(
        _ assembler: inout AnswerAssembler<FoldedAnswer>, _ usage: TokenUsage?, _ client: Dialect
    ) throws(UpstreamError) -> WholeAnswer {
        if let error = assembler.error { throw error }
        guard assembler.isOver else { throw UpstreamError.truncated }
        let state = assembler.state
        let body: [UInt8]
        switch client {
        case .anthropic: body = MessagesBody.bytes(assembler.writer, state)
        case .openai, .azure: body = ChatBody.bytes(assembler.writer, state)
        case .responses: body = ResponsesBody.bytes(assembler.writer, state)
        case .gemini: body = GeminiBody.bytes(assembler.writer, state)
        }
        return WholeAnswer(
            body: body, usage: usage, model: state.model.withUnsafeBytes { JSONText.decode($0) },
            stopReason: assembler.reason.map { "\($0)" }, thoughts: assembler.thoughts)
    }
}
