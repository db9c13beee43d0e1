import Basics

/// A whole response in the client's format.
public struct WholeResponse: Sendable {
    public var body: [UInt8]
    public var usage: TokenUsage?
    /// The model that really answered.
    public var model: String?
    public var stopReason: String?
    /// The upstream's word for the end where nothing is known of it: the client's is the nearest.
    public var unknownEnding: String?
    /// Parts that were left out since nothing is known of them: where they stood, and their type.
    public var unknownParts: [String]
    /// What `ThoughtCache` is to keep.
    public var thoughts: [ToolThoughts]
    /// What `ResponseMemory` is to keep.
    public var remembered: RememberedResponse?

    /// An ending that is known, and that Chat has no word for.
    public static var pause: String { "pause_turn" }
}

/// Whole upstream responses → whole client responses, through the same events as a stream.
public enum ResponseConverter {
    /// Converts a JSON body from the format of the context's upstream to its client's.
    /// - Throws: the error that the body holds, or that it is no response at all (empty, no JSON, no evidence of completion).
    public static func convertWhole(
        _ body: UnsafeRawBufferPointer, _ context: ConversionContext
    ) throws(UpstreamError) -> WholeResponse {
        let body = body.withoutMark
        let format = context.upstream.format
        var assembler = ResponseAssembler(FoldedResponse(), context)
        let usage = format.responseFormat.read(whole: body, to: &assembler)
        // A list of nothing is no response, though it can be read as one.
        if assembler.error == nil, assembler.writer.blocks.isEmpty, !format.isResponse(body) { throw format.fault(in: body) }
        return try finish(&assembler, usage)
    }

    /// Converts an event stream that came where a whole response was asked for.
    public static func fold(
        stream: UnsafeRawBufferPointer, _ context: ConversionContext
    ) throws(UpstreamError) -> WholeResponse {
        try folded(stream, context, maxEventBytes: 32 << 20)
    }

    static func folded(
        _ stream: UnsafeRawBufferPointer, _ context: ConversionContext, maxEventBytes: Int
    ) throws(UpstreamError) -> WholeResponse {
        var assembler = ResponseAssembler(FoldedResponse(), context)
        let usage = context.upstream.format.responseFormat.read(stream: stream, maxEventBytes: maxEventBytes, to: &assembler)
        return try finish(&assembler, usage)
    }

    private static func finish(
        _ assembler: inout ResponseAssembler<FoldedResponse>, _ usage: TokenUsage?
    ) throws(UpstreamError) -> WholeResponse {
        if let error = assembler.error { throw error }
        guard assembler.isOver else { throw UpstreamError.truncated }
        var state = assembler.state
        let body: [UInt8]
        switch state.context.client {
        case .anthropic: body = MessagesBody.bytes(assembler.writer, state)
        case .openai: body = ChatBody.bytes(assembler.writer, state)
        case .responses: body = ResponsesBody.bytes(assembler.writer, &state)
        case .gemini: body = GeminiBody.bytes(assembler.writer, state)
        }
        return WholeResponse(
            body: body, usage: usage, model: state.model.withUnsafeBytes { JSONText.decode($0) },
            stopReason: assembler.reason.map { "\($0)" }, unknownEnding: assembler.unknownEnding,
            unknownParts: assembler.unknownParts, thoughts: assembler.thoughts,
            remembered: state.remembered)
    }
}
