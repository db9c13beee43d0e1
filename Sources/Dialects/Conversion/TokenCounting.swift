import Basics

/// Counting tokens across formats: a client's question in the upstream's format, and its answer in the client's
/// (conversion.md 8.1). Chat Completions has neither, so there is no counting by such an upstream.
public enum TokenCounting {
    /// The dialects whose upstreams count.
    public static func isKnown(to upstream: Dialect) -> Bool {
        switch upstream {
        case .anthropic, .responses, .gemini: true
        case .openai, .azure: false
        }
    }

    /// Converts a question. `body` is what the client would send for an answer, or Gemini's `generateContentRequest` around it.
    /// - Throws: what the client did wrong, or what cannot be carried.
    public static func convert(
        body: UnsafeRawBufferPointer, from client: Dialect, to upstream: Dialect, model: String, options: ConversionOptions
    ) throws(ConversionProblem) -> ConvertedRequest {
        var options = options
        options.stream = false
        let inner = body.slice(prompt(of: body, client))
        var converted: ConvertedRequest
        if client == .anthropic {
            // The question has no limit, which a request for an answer must have.
            converted = try withLimit(inner) { bytes throws(ConversionProblem) in
                try RequestConverter.convert(body: bytes, from: client, to: upstream, model: model, options: options)
            }
        } else {
            converted = try RequestConverter.convert(body: inner, from: client, to: upstream, model: model, options: options)
        }
        var object = (try? JSONValue(parsing: converted.body))?.object ?? [:]
        switch upstream {
        case .anthropic, .openai, .azure:
            for name in ["max_tokens", "stream", "metadata", "service_tier", "temperature", "top_p", "top_k", "stop_sequences"] {
                object[name] = nil
            }
            converted.pathSuffix = "/v1/messages/count_tokens"
        case .responses:
            let counted: Set<String> = [
                "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text",
                "truncation",
            ]
            for member in object.members where !counted.contains(member.key) { object[member.key] = nil }
            converted.pathSuffix = "/v1/responses/input_tokens"
        case .gemini:
            object["generationConfig"] = nil
            object["serviceTier"] = nil
            var request: JSONObject = ["model": .string("models/" + model)]
            for member in object.members { request.append(member.key, member.value) }
            object = ["generateContentRequest": .object(request)]
            converted.pathSuffix = try RequestConverter.geminiPath(model, "countTokens")
        }
        converted.body = JSONValue.object(object).bytes
        return converted
    }

    /// The client's answer to `said`, the upstream's; nil when that has no count.
    public static func answer(_ said: UnsafeRawBufferPointer, from upstream: Dialect, to client: Dialect) -> [UInt8]? {
        let count: Int?
        switch upstream {
        case .anthropic, .responses, .openai, .azure:
            count = JSONScan.find("input_tokens", of: said).flatMap { JSONScan.integer(of: said, in: $0.value) }
        case .gemini: count = JSONScan.find("totalTokens", of: said).flatMap { JSONScan.integer(of: said, in: $0.value) }
        }
        return count.flatMap { $0 < 0 ? nil : body(tokens: $0, for: client) }
    }

    /// Whether an answer in a format of its own counts anything: the member that the format has for it, or a usage beside it.
    public static func isAnswer(_ said: UnsafeRawBufferPointer, of dialect: Dialect) -> Bool {
        guard (try? JSONScan.validate(said)) == .object else { return false }
        if answer(said, from: dialect, to: dialect) != nil { return true }
        guard let usage = JSONScan.find("usage", of: said), usage.kind == .object,
            let count = JSONScan.find("input_tokens", of: said, in: usage.value)
        else { return false }
        return count.kind == .number && said[count.value.lowerBound] != 0x2D
    }

    /// The answer's body in a client's format.
    public static func body(tokens: Int, for client: Dialect) -> [UInt8] {
        let object: JSONObject
        switch client {
        case .anthropic, .openai, .azure: object = ["input_tokens": .int(tokens)]
        case .responses: object = ["object": "response.input_tokens", "input_tokens": .int(tokens)]
        case .gemini: object = ["totalTokens": .int(tokens)]
        }
        return JSONValue.object(object).bytes
    }

    /// Where in a question the prompt stands: Gemini's may be a whole request inside it.
    public static func prompt(of body: UnsafeRawBufferPointer, _ client: Dialect) -> Range<Int> {
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
