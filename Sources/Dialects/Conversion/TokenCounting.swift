import Basics

/// Counting tokens across formats: a client's question in the upstream's format, and its response in the client's
/// (conversion.md 8.1). Chat Completions has neither, so there is no counting by such an upstream.
public enum TokenCounting {
    /// Whether upstreams of a format count.
    public static func isKnown(to upstream: UpstreamDialect) -> Bool { upstream.format.countsTokens }

    /// Converts a question. `body` is what the client would send for a response, or Gemini's `generateContentRequest` around it.
    /// - Throws: what the client did wrong, or what cannot be carried.
    public static func convert(
        body: UnsafeRawBufferPointer, from client: ClientDialect, to upstream: UpstreamDialect, model: String,
        options: ConversionOptions
    ) throws(ConversionProblem) -> ConvertedRequest {
        var options = options
        options.stream = false
        let inner = body.slice(prompt(of: body, client))
        var converted: ConvertedRequest
        if client == .anthropic {
            // The question has no limit, which a request for a response must have.
            converted = try withLimit(inner) { bytes throws(ConversionProblem) in
                try RequestConverter.convert(body: bytes, from: client, to: upstream, model: model, options: options)
            }
        } else {
            converted = try RequestConverter.convert(body: inner, from: client, to: upstream, model: model, options: options)
        }
        let object = (try? JSONValue(parsing: converted.body))?.object ?? [:]
        let question = try upstream.format.question(object, model: model)
        converted.pathSuffix = question.path
        converted.body = JSONValue.object(question.body).bytes
        return converted
    }

    /// The client's response for `said`, the upstream's; nil when that has no count.
    public static func response(_ said: UnsafeRawBufferPointer, from upstream: UpstreamDialect, to client: ClientDialect)
        -> [UInt8]?
    {
        upstream.format.count(in: said.withoutMark).flatMap { $0 < 0 ? nil : body(tokens: $0, for: client) }
    }

    /// The number that a member of a response is.
    static func integer(_ member: StaticString, in said: UnsafeRawBufferPointer) -> Int? {
        JSONScan.find(member, of: said).flatMap { JSONScan.integer(of: said, in: $0.value) }
    }

    /// Whether a response in a format of its own counts anything: the member that the format has for it, or a usage beside it.
    public static func isResponse(_ said: UnsafeRawBufferPointer, of dialect: ClientDialect) -> Bool {
        let said = said.withoutMark
        guard (try? JSONScan.validate(said)) == .object else { return false }
        if response(said, from: UpstreamDialect(dialect), to: dialect) != nil { return true }
        guard let usage = JSONScan.find("usage", of: said), usage.kind == .object,
            let count = JSONScan.find("input_tokens", of: said, in: usage.value)
        else { return false }
        return count.kind == .number && said[count.value.lowerBound] != 0x2D
    }

    /// The response's body in a client's format.
    public static func body(tokens: Int, for client: ClientDialect) -> [UInt8] {
        let object: JSONObject
        switch client {
        case .anthropic, .openai: object = ["input_tokens": .int(tokens)]
        case .responses: object = ["object": "response.input_tokens", "input_tokens": .int(tokens)]
        case .gemini: object = ["totalTokens": .int(tokens)]
        }
        return JSONValue.object(object).bytes
    }

    /// Where in a question the prompt is: Gemini's may be a whole request inside it.
    public static func prompt(of body: UnsafeRawBufferPointer, _ client: ClientDialect) -> Range<Int> {
        guard client == .gemini else { return 0..<body.count }
        let inner = JSONScan.find("generateContentRequest", of: body) ?? JSONScan.find("generate_content_request", of: body)
        guard let inner, inner.kind == .object else { return 0..<body.count }
        return inner.value
    }

    private static func withLimit<Result>(
        _ body: UnsafeRawBufferPointer, _ use: (UnsafeRawBufferPointer) throws(ConversionProblem) -> Result
    ) throws(ConversionProblem) -> Result {
        guard var object = (try? JSONValue(parsing: body))?.object, object["max_tokens"] == nil else { return try use(body) }
        object["max_tokens"] = 1_024
        let bytes = JSONValue.object(object).bytes
        var result: Swift.Result<Result, ConversionProblem>?
        bytes.withUnsafeBytes { raw in
            do throws(ConversionProblem) { result = .success(try use(raw)) } catch { result = .failure(error) }
        }
        guard let result else { throw ConversionProblem(.internalError, "the request could not be converted") }
        return try result.get()
    }
}
