/// A request in the upstream's format, and what the way back must remember.
public struct ConvertedRequest: Sendable {
    public var body: [UInt8]
    /// The path under the upstream's address, with its query: `/v1/messages`, `/v1/chat/completions`.
    public var pathSuffix: String
    public var lossy: [LossyNote]
    public var context: ConversionContext
    /// Tokens that the answer may have, where room for thoughts makes them more than the client asked for.
    public var raisedOutput: Int?
}

/// Client request → internal request → upstream request.
public enum RequestConverter {
    /// Converts a request body.
    /// - Parameter model: what the upstream is asked for.
    /// - Throws: what the client did wrong, or what cannot be carried.
    public static func convert(
        body: UnsafeRawBufferPointer, from client: ClientDialect, to upstream: UpstreamDialect, model: String,
        options: ConversionOptions
    ) throws(ConversionProblem) -> ConvertedRequest {
        let object = try parse(body)
        var work = RequestWork(options: options, client: client, upstream: upstream, model: model)
        var request = try read(object, &work)
        if let stream = options.stream { request.stream = stream }
        if !options.set.isEmpty { try options.set.complete(&request, &work) }
        if !work.notes.isEmpty, request.turns.allSatisfy(\.isEmpty) {
            let list = client == .responses ? "input" : client == .gemini ? "contents" : "messages"
            throw RequestWork.unsupported(list, "nothing in it is known to this upstream")
        }
        if needsResponses(request, work) { work.turn(to: .responses) }
        let format = work.upstream.format
        var converted = try format.write(request, &work)
        for (member, value) in work.carried { converted[member] = value }
        try RequestQuirks(options.capabilities, for: format.kin).apply(to: &converted, &work)
        try limitStops(work)
        return ConvertedRequest(
            body: JSONValue.object(converted).bytes,
            pathSuffix: try format.path(model: model, isStreaming: request.stream),
            lossy: options.lossPolicy == .silent ? [] : work.notes, context: context(request, work),
            raisedOutput: work.raisedOutput)
    }

    /// Whether an effort beside tools is taken by the upstream's Responses address only, and it has one.
    private static func needsResponses(_ request: HubRequest, _ work: RequestWork) -> Bool {
        let quirks = work.options.capabilities.openAI.quirks
        guard work.upstream.format.kin == .openai, quirks.effortWithTools == .responses, quirks.hasResponses else { return false }
        return request.reasoning.isRequested
            && request.tools.contains { tool in if case .hosted = tool.kind { false } else { true } }
    }

    /// Stop sequences that proxyd looks for itself are few and short, so that looking for them stays cheap.
    private static func limitStops(_ work: RequestWork) throws(ConversionProblem) {
        guard work.emulatedStops.count > 64 || work.emulatedStops.contains(where: { $0.utf8.count > 256 }) else { return }
        throw RequestWork.unsupported(
            work.param(.stops), "this upstream takes fewer; proxyd looks for 64 more, of 256 bytes each, and no others")
    }

    private static func parse(_ body: UnsafeRawBufferPointer) throws(ConversionProblem) -> JSONObject {
        let value: JSONValue
        do throws(JSONScan.Problem) {
            value = try JSONValue(parsing: body, limits: JSONValue.Limits(duplicates: .refuse))
        } catch {
            throw ConversionProblem(.badRequest, error.description)
        }
        guard let object = value.object else { throw ConversionProblem(.badRequest, "the body is not a JSON object") }
        return object
    }

    private static func read(_ body: JSONObject, _ work: inout RequestWork) throws(ConversionProblem) -> HubRequest {
        switch work.client {
        case .anthropic: return try MessagesRequestReader.read(body, &work)
        case .openai: return try ChatRequestReader.read(body, &work)
        case .responses: return try ResponsesRequestReader.read(body, &work)
        case .gemini: return try GeminiRequestReader.read(body, &work)
        }
    }

    /// What of a response's thoughts is remembered by the ids of its calls.
    private static func keepThoughts(_ work: RequestWork, _ context: inout ConversionContext) {
        let format = work.upstream.format
        let able = work.options.capabilities
        context.keepsThoughts = format.keepsThoughts(for: work.client)
        switch format.kin {
        case .openai:
            context.keepsUnsigned = able.openAI.reasoningEcho != nil
            context.keepsDetails = able.openAI.quirks.echoesDetails
            context.readsThinkTags = able.openAI.quirks.thinkTags
            context.opensThoughts = able.openAI.quirks.opensThoughts
        case .anthropic: context.keepsUnsigned = able.anthropic.quirks.unsignedThinking
        case .responses, .gemini: break
        }
        if context.keepsUnsigned { context.keepsThoughts = true }
    }

    private static func context(_ request: HubRequest, _ work: RequestWork) -> ConversionContext {
        var context = ConversionContext(
            client: work.client, upstream: work.upstream, model: work.model, now: work.options.now,
            requestID: work.options.requestID)
        context.isStreaming = request.stream
        context.includesUsage = request.includesUsage
        context.streamsAsArray = work.client == .gemini && work.options.streamsAsArray
        switch work.client {
        case .anthropic, .gemini: context.showsThinking = request.reasoning.isRequested && request.reasoning.isVisible != false
        case .openai, .responses: context.showsThinking = true
        }
        keepThoughts(work, &context)
        context.toolNames = work.names.back
        context.customTools = work.customTools
        context.namespaces = work.namespaces
        context.toolSearch = work.toolSearch
        context.compacts = request.compacts
        context.sealing = request.compacts ? work.options.sealing : nil
        context.history = request.history
        context.previousResponse = request.previousResponse
        context.emulatedStops = work.emulatedStops
        context.echo = request.echo
        return context
    }
}
