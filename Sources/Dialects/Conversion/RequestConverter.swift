/// A request in the upstream's format, and what the way back must remember.
public struct ConvertedRequest: Sendable {
    public var body: [UInt8]
    /// The path under the upstream's address, with its query: `/v1/messages`, `/v1/chat/completions`.
    public var pathSuffix: String
    public var lossy: [LossyNote]
    public var context: ConversionContext
}

/// Client request → internal request → upstream request.
public enum RequestConverter {
    /// Converts a request body.
    /// - Parameter model: what the upstream is asked for.
    /// - Throws: what the client did wrong, or what cannot be carried.
    public static func convert(
        body: UnsafeRawBufferPointer, from client: Dialect, to upstream: Dialect, model: String, options: ConversionOptions
    ) throws(ConversionProblem) -> ConvertedRequest {
        throw ConversionProblem(.unsupported, "\(client.rawValue) requests cannot be sent to \(upstream.rawValue) upstreams")
    }
}
